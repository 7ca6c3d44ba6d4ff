"""Look a recording up in the sealed corpus of a workspace under every key there is.

The same look-up answers an owner's request and decides whether a match is a contradiction lead. Codes are compared
exactly. Sound is compared with every item: landmarks for the whole recording, also with changed pitch and tempo;
Chromaprint, which works from a fingerprint alone; for some seconds in question, segments, too.

Conventions
-----------
Chromaprints and ISCC codes of the corpus are computed once and kept in the workspace's ``passages`` folder.

Known limits
------------
Listening compares with each item: about 10 ms per minute of corpus for the seconds in question, and a look-up of
landmarks for the rest. An item whose audio is gone is compared by its codes only, and the check says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from linernotes.audio.files import Audio
from linernotes.catalog.recording import Recording
from linernotes.corpus.lookup_keys import SKETCH, Key, well_formed
from linernotes.corpus.presence_answer import sketch_threshold
from linernotes.corpus.seal import SealedCorpus
from linernotes.disclosure.leads_keys import KeyCheck, exact_checks
from linernotes.errors import InputError, TooShort
from linernotes.execution.shards import Progress
from linernotes.fingerprint.chromaprint.index import PrintIndex
from linernotes.fingerprint.chromaprint.match import match_print
from linernotes.fingerprint.chromaprint.prints import Chromaprint
from linernotes.fingerprint.match import identify_audio
from linernotes.fingerprint.passages.features import PackedFeatures
from linernotes.workflows.known_audio import listening_to
from linernotes.workflows.known_music import KnownMusic, open_known_music
from linernotes.workflows.leads_prints import corpus_prints, iscc_of, print_of
from linernotes.workflows.passages import PassageConfig, find_passages
from linernotes.workflows.sound_keys import lookup_keys_of_file
from linernotes.workspace import Workspace

HEARD_S = 12.0


@dataclass(frozen=True)
class CorpusLookup:
    """The sealed corpus of a workspace, ready to be asked.

    Parameters
    ----------
    corpus : SealedCorpus
        With its items.
    known : KnownMusic
        The corpus alone, ready to be searched by sound.
    prints : PrintIndex
        Chromaprints of the items by item id.
    unheard : tuple of str
        Items whose audio is not at hand.
    max_false_match_rate : float
        Limit of the listening comparisons.
    """

    corpus: SealedCorpus
    known: KnownMusic
    prints: PrintIndex
    unheard: tuple[str, ...] = ()
    max_false_match_rate: float = 1e-4

    @cached_property
    def codes(self) -> Mapping[str, Mapping[str, Collection[str]]]:
        """Return the items by kind and normalised value."""
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for item in self.corpus.items:
            for kind, key in item.lookup_keys():
                found[kind][key].append(item.item_id)
        for entry in self.prints.entries:  # a corpus may have been sealed without listening
            found["iscc"][iscc_of(self.prints.fingerprint_of(entry))].append(entry.recording.recording_id)
        return found

    def look_up(
        self,
        codes: Mapping[str, Sequence[str]],
        audio: Audio | None = None,
        fingerprint: Chromaprint | None = None,
    ) -> tuple[KeyCheck, ...]:
        """Compare one recording with the corpus.

        Parameters
        ----------
        codes : mapping of str to sequence of str
            Normalised, as from `codes_of` and `codes_of_file`.
        audio : Audio, optional
            The recording.
        fingerprint : Chromaprint, optional
            Its fingerprint, where there is no audio.

        Returns
        -------
        tuple of KeyCheck
            Every key, also those that could not be compared.
        """
        own = {kind: list(values) for kind, values in codes.items()}
        if fingerprint is None and audio is not None:
            fingerprint = print_of(audio)
        if fingerprint is not None:
            own.setdefault("iscc", [iscc_of(fingerprint)])
        return (
            *exact_checks(own, self.codes),
            self._sketch(own.get(SKETCH, ())),
            self._whole(audio),
            self._by_print(fingerprint),
        )

    def _sketch(self, own: Sequence[str]) -> KeyCheck:
        counts = Counter(item for key in own for item in set(self.codes.get(SKETCH, {}).get(key, ())))
        n_items = sum(bool(item.sketch) for item in self.corpus.items)
        if not own or not n_items:
            note = "no corpus item has one" if own else "its sound is not at hand, or too short"
            return KeyCheck(SKETCH, "not-checked", n_items, note=note)
        needed = sketch_threshold(len(self.corpus.items))
        found = tuple(sorted(item for item, n in counts.items() if n >= needed))
        note = f"{max(counts.values(), default=0)} of {len(own)} keys on one item, {needed} are needed"
        return KeyCheck(SKETCH, "present" if found else "absent", n_items, found, note)

    def _whole(self, audio: Audio | None) -> KeyCheck:
        if audio is None:
            return KeyCheck("fingerprint", "not-checked", note="its audio is not at hand")
        found: dict[str, float] = {}
        for index in self.known.indexes:
            try:
                matches = identify_audio(
                    audio,
                    index,
                    max_false_match_rate=self.max_false_match_rate,
                    listen=listening_to(self.known),
                )
            except TooShort as error:
                return KeyCheck("fingerprint", "not-checked", note=str(error))
            for match in matches:
                held = found.get(match.recording_id, 0.0)
                found[match.recording_id] = held + match.query.duration_s
        # a few seconds in common (a shared sample) are not the recording; the seconds in question are asked apart
        least = min(0.25 * audio.duration_s, 30.0)
        whole = sorted(self._item_id(name) for name, seconds in found.items() if seconds >= least)
        parts = sorted(self._item_id(name) for name, seconds in found.items() if seconds < least)
        note = self._heard_words() + (f"; a few seconds are in {', '.join(parts)}" if parts else "")
        return self._heard("fingerprint", whole, note)

    def _by_print(self, fingerprint: Chromaprint | None) -> KeyCheck:
        if fingerprint is None:
            return KeyCheck("chromaprint", "not-checked", note="no fingerprint of it is at hand")
        if not self.prints.entries:
            return KeyCheck("chromaprint", "not-checked", note="no corpus item is long enough for one")
        least = 0.25 * len(fingerprint)
        found = match_print(fingerprint, self.prints, "request", self.max_false_match_rate)
        names = [m.recording_id for m in found if m.query.duration_s / 0.1238 >= least]
        return self._heard("chromaprint", sorted(names), self._heard_words())

    def look_closer(self, audio: Audio | None, spans: Sequence[tuple[float, float]]) -> KeyCheck:
        """Compare some seconds of a recording with the corpus, by landmarks and by segments.

        Parameters
        ----------
        audio : Audio or None
            The recording.
        spans : sequence of (float, float)
            The seconds in question.
        """
        if audio is None:
            return KeyCheck("passage", "not-checked", note="its audio is not at hand")
        found: set[str] = set()
        config = PassageConfig(max_false_rate=self.max_false_match_rate, detectors=("landmarks", "segments"))
        for start, end in spans:
            first, last = _around(start, end, audio.duration_s)
            for one in find_passages(
                audio.excerpt(first, last),
                self.known.indexes,
                self.known.features,
                config=config,
                listen=listening_to(self.known),
            ):
                common = min(one.query.end_s + first, end) - max(one.query.start_s + first, start)
                if common >= 0.5 * (end - start):
                    found.add(self._item_id(one.recording_id))
        return self._heard("passage", sorted(found), self._heard_words())

    def _heard(self, kind: str, names: Sequence[str], note: str) -> KeyCheck:
        n_heard = len(self.corpus.items) - len(self.unheard)
        if not n_heard:
            return KeyCheck(kind, "not-checked", note="the audio of no corpus item is at hand")
        return KeyCheck(kind, "present" if names else "absent", n_heard, tuple(dict.fromkeys(names)), note)

    def _heard_words(self) -> str:
        words = f"false-match rate at most {self.max_false_match_rate:.1g}"
        return words + (f"; {len(self.unheard)} items have no audio at hand" if self.unheard else "")

    def _item_id(self, name: str) -> str:
        return self.known.recordings[name].item_id or name


def open_lookup(
    workspace: Workspace,
    known: KnownMusic | None = None,
    progress: Progress | None = None,
    *,
    listen: bool = True,
) -> CorpusLookup:
    """Return the sealed corpus of a workspace, ready to be asked.

    Parameters
    ----------
    workspace : Workspace
        With a sealed corpus whose audio is at hand.
    known : KnownMusic, optional
        From `linernotes.workflows.known_music.open_known_music`, where it is open already.
    progress : callable, optional
        Called with a name, the number done, and the number in all.
    listen : bool
        Whether sound can be asked for, too; without it nothing is decoded and only codes are compared.

    Raises
    ------
    CorpusError
        If no corpus is sealed.
    InputError
        If a corpus item's audio cannot be read.
    """
    corpus = workspace.corpus()
    if not listen:
        everything = tuple(item.item_id for item in corpus.items)
        return CorpusLookup(
            corpus, KnownMusic({}, (), PackedFeatures({}), {}), PrintIndex.empty(), everything
        )
    try:
        known = known or open_known_music(workspace, progress)
    except InputError as error:
        raise InputError(
            f"{error}; put the corpus audio back, or answer by codes alone ('--no-listen')"
        ) from error
    inside = known.without(name for name, one in known.recordings.items() if one.item_id is None)
    unheard = tuple(
        one.item_id or name
        for name, one in inside.recordings.items()
        if one.path is None or not one.path.is_file()
    )
    prints = corpus_prints(workspace, [one for one in inside.recordings.values()], progress)
    return CorpusLookup(corpus, inside, prints, unheard)


def codes_of(recording: Recording) -> dict[str, list[str]]:
    """Return the normalised codes of a recording; what is malformed is left out, the corpus reports it as a gap.

    Examples
    --------
    >>> codes_of(Recording(recording_id="a", title="A", artist="B", isrc="US-S1Z-99-00001", iswc="nonsense"))
    {'isrc': ['USS1Z9900001']}
    """
    return _by_kind(well_formed((kind, getattr(recording, kind, None)) for kind in ("isrc", "iswc", "mbid")))


def codes_of_file(path: Path | str) -> dict[str, list[str]]:
    """Return every key that an audio file can be looked up under, by kind.

    Raises
    ------
    InputError
        If it is not readable as audio.
    """
    return _by_kind(lookup_keys_of_file(path))


def _by_kind(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, key in keys:
        found.setdefault(kind, []).append(key)
    return found


def _around(start: float, end: float, duration_s: float) -> tuple[float, float]:
    """Return the seconds in question with as much around them as a comparison needs."""
    missing = max(0.0, HEARD_S - (end - start)) / 2
    first = max(0.0, start - missing)
    return first, min(duration_s, max(end + missing, first + HEARD_S))
