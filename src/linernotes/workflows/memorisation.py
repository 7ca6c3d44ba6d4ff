"""What passages say about memorisation: their length, how often clean music shows such, and a set outside.

A long passage of a training recording in an output raises a *finding*. It never stands alone: beside it is (i) the
base rate, how often clean control outputs of the same length are flagged in the same way, and (ii) the contrast, how
many recordings of the disclosed corpus are hit against how many of a *matched set outside it*: catalogue
recordings of the same artists or genres that nobody disclosed. Where one of the two could not be measured, the
finding says which.

Conventions
-----------
A recording is *hit* when an output holds a passage of it of at least `LEAST_S` seconds. The ratio compares hits per
second of music; its interval is exact.

References
----------
Fisher (1935), "The design of experiments"; Clopper and Pearson (1934). The contrast with music that was not trained on:
Carlini et al. (2021), "Extracting training data from large language models", USENIX Security (the reference).

Known limits
------------
Outside means outside what was disclosed: an undisclosed training recording in the catalogue makes the contrast too small.
Control excerpts are played music; a generator's outputs may be flagged a little more or less often by chance.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from linernotes.evaluation.exact_rates import Rate, fisher, rate_ratio
from linernotes.evidence.identification import Passage
from linernotes.execution.shards import Progress
from linernotes.fingerprint.match import identify_audio
from linernotes.workflows.known_audio import excerpt_of, listening_to
from linernotes.workflows.known_music import FOLDER, KnownMusic, KnownRecording, Without
from linernotes.workflows.passages import PassageConfig, find_passages
from linernotes.workspace import Workspace

LEAST_S = 2.0
SEVERITIES = ((10.0, "high"), (5.0, "medium"), (LEAST_S, "low"))
# Clean excerpts of unrelated recordings, by benchmarks/passages/measure.py; docs/methods/passages.md
_SHIPPED_S, _SHIPPED_N, _SHIPPED_MINUTES = 12.0, 200, 45.3
_SHIPPED_FLAGGED_S: tuple[float, ...] = ()
MISSING_BASE = "the base rate for this collection was not measured; give --controls N to measure it"

_N_FOLDS = 4
_SAME_ARTIST, _SAME_TAGS = 3.0, 2.0


def severity_of(duration_s: float) -> str | None:
    """Return how grave a passage of this length is; None below two seconds.

    Examples
    --------
    >>> severity_of(1.5), severity_of(2.0), severity_of(7.0), severity_of(30.0)
    (None, 'low', 'medium', 'high')
    """
    return next((name for least, name in SEVERITIES if duration_s >= least), None)


@dataclass(frozen=True, slots=True)
class Controls:
    """How often clean music is flagged.

    Parameters
    ----------
    longest_s : tuple of float
        For each control excerpt the length of its longest passage, 0 where there was none.
    seconds : float
        Length of the excerpts.
    minutes : float
        Size of the collection that they were searched in.
    measured_on : str
        What the excerpts were.
    """

    longest_s: tuple[float, ...]
    seconds: float
    minutes: float
    measured_on: str

    def flagged(self, least_s: float = 0.0) -> Rate:
        """Return how many controls hold a passage of at least a length.

        Examples
        --------
        >>> controls = Controls((0.0, 3.0), 12.0, 60.0, "excerpts")
        >>> controls.flagged().n_hits, controls.flagged(5.0).n_hits
        (1, 0)
        """
        return Rate.of(sum(one > 0 and one >= least_s for one in self.longest_s), len(self.longest_s))

    def as_json(self, least_s: float = 0.0) -> dict[str, Any]:
        """Return JSON-ready values."""
        return self.flagged(least_s).as_json() | {
            "least_s": least_s,
            "seconds": self.seconds,
            "minutes": round(self.minutes, 1),
            "measured_on": self.measured_on,
        }


def shipped_controls() -> Controls:
    """Return what was measured once, on other music than the user's."""
    return Controls(
        (*_SHIPPED_FLAGGED_S, *(0.0,) * (_SHIPPED_N - len(_SHIPPED_FLAGGED_S))),
        _SHIPPED_S,
        _SHIPPED_MINUTES,
        "excerpts of unrelated recordings, measured once with the program, not on this collection",
    )


def measure_controls(
    known: KnownMusic,
    folder: Path,
    *,
    n_controls: int,
    seconds: float,
    config: PassageConfig,
    seed: int = 0,
    progress: Progress | None = None,
) -> Controls:
    """Search excerpts of known recordings in the collection without their own artist, and count what is flagged.

    Parameters
    ----------
    known : KnownMusic
        The collection.
    folder : Path
        Where each answer is kept: interrupted, it goes on.
    n_controls : int > 0
        Excerpts.
    seconds : float
        Their length: that of the outputs.
    config : PassageConfig
        As for the outputs.
    seed : int
        Of the choice of excerpts.
    """
    usable = [one for one in known.recordings.values() if one.path is not None and one.name in known.features]
    usable = [one for one in usable if known.features.duration_of(one.name) >= seconds]
    if not usable:
        return Controls((), seconds, known.duration_s / 60, "no recording of the collection is long enough")
    random = np.random.default_rng(seed)
    chosen = [
        usable[i] for k in range(-(-n_controls // len(usable))) for i in random.permutation(len(usable))
    ]
    chosen = chosen[:n_controls]
    starts = [float(random.uniform(0, known.features.duration_of(one.name) - seconds)) for one in chosen]
    key = hashlib.sha256(repr((sorted(known.recordings), seconds, config, seed)).encode()).hexdigest()[:16]
    kept = folder / f"controls-{key}.json"
    answers: dict[str, float] = _read_json(kept)
    n_done = 0
    for fold in range(_N_FOLDS):
        mine = [i for i, one in enumerate(chosen) if _fold(one) == fold]
        todo = [i for i in mine if f"{chosen[i].name}@{starts[i]:.3f}" not in answers]
        rest = None
        if todo:
            rest = known.without(
                name for name, one in known.recordings.items() if _fold(one) == fold
            )  # a quarter of the artists at a time
        for i in todo:
            audio = excerpt_of(chosen[i], starts[i], starts[i] + seconds)
            found = _search(audio, rest or known, config)
            longest = max((passage.query.duration_s for passage in found), default=0.0)
            answers[f"{chosen[i].name}@{starts[i]:.3f}"] = longest
            _write_json(kept, answers)
            n_done += 1
            if progress is not None:
                progress("measuring controls", n_done, len(chosen))
    longest_s = tuple(answers[f"{one.name}@{start:.3f}"] for one, start in zip(chosen, starts, strict=True))
    return Controls(
        longest_s,
        seconds,
        known.duration_s / 60 * (1 - 1 / _N_FOLDS),
        "excerpts of this collection, searched without their own artist",
    )


def same_recordings(
    workspace: Workspace, known: KnownMusic, progress: Progress | None = None
) -> dict[str, tuple[str, ...]]:
    """Return for each corpus item the catalogue recordings that are the same recording, other files included."""
    catalogue = [one for one in known.recordings.values() if one.item_id is None]
    items = [one for one in known.recordings.values() if one.item_id is not None]
    if not catalogue or not items:
        return {}
    content = {one.name: one.content_sha256 for one in (*items, *catalogue)}
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    kept = workspace.folder(FOLDER) / f"same-{key}.json"
    answers: dict[str, list[str]] = _read_json(kept)
    names = {one.name for one in catalogue}
    index = Without(known.indexes[0].segments, known.indexes[0].removed | (set(known.recordings) - names))
    for n_done, one in enumerate(items, start=1):
        if one.name not in answers and one.path is not None:
            audio = excerpt_of(one, 0.0, min(60.0, known.features.duration_of(one.name)))
            found = identify_audio(audio, index, query_id=one.name, search_shifts=False)
            answers[one.name] = sorted({match.recording_id for match in found})
            _write_json(kept, answers)
        if progress is not None:
            progress("relating corpus and catalogue", n_done, len(items))
    return {name: tuple(found) for name, found in answers.items()}


def matched_pairs(
    known: KnownMusic, same: Mapping[str, Sequence[str]]
) -> list[tuple[KnownRecording, KnownRecording]]:
    """Pair corpus items with catalogue recordings outside the corpus: same artist first, then shared tags.

    What is neither by the same artist nor shares a tag is not paired; of several, the nearest in length is taken.
    """
    shared = {name for found in same.values() for name in found}
    inside = [one for one in known.recordings.values() if one.item_id and one.name in known.features]
    free = {
        one.name: one
        for one in known.recordings.values()
        if not one.item_id and one.name not in shared and one.name in known.features
    }
    ranked = sorted(
        (
            (-likeness, gap, a.name, b.name)
            for a in inside
            for b in free.values()
            for likeness, gap in [_likeness(a, b, known)]
            if likeness > 0
        ),
    )
    pairs, used = [], set()
    for _, _, a, b in ranked:
        if a not in used and b in free:
            used.add(a)
            pairs.append((known.recordings[a], free.pop(b)))
    return sorted(pairs, key=lambda pair: pair[0].name)


def contrast(
    passages: Sequence[Sequence[Passage]],
    pairs: Sequence[tuple[KnownRecording, KnownRecording]],
    known: KnownMusic,
) -> dict[str, Any]:
    """Compare hits on the disclosed recordings with hits on their matched partners outside.

    Returns
    -------
    dict
        ``told`` is False, and ``words`` says why, where there is no outside set or no hit at all.
    """
    hit = {one.recording_id for found in passages for one in found if one.query.duration_s >= LEAST_S}
    inside, outside = [a for a, _ in pairs], [b for _, b in pairs]
    n_in = sum(one.name in hit for one in inside)
    n_out = sum(one.name in hit for one in outside)
    seconds_in, seconds_out = (
        sum(known.features.duration_of(one.name) for one in side) for side in (inside, outside)
    )
    ratio = rate_ratio(n_in, seconds_in, n_out, seconds_out)
    told = bool(pairs) and n_in + n_out > 0
    p_value = fisher(n_in, len(pairs), n_out, len(pairs)) if told else None
    return {
        "told": told,
        "n_pairs": len(pairs),
        "inside": {"n_hit": n_in, "seconds": round(seconds_in, 1)},
        "outside": {"n_hit": n_out, "seconds": round(seconds_out, 1)},
        "ratio": ratio["ratio"],
        "interval": [ratio["lower"], ratio["upper"]] if told else None,
        "fisher_p": p_value,
        "words": _contrast_words(told, len(pairs), n_in, n_out, ratio, p_value),
    }


def finding_of(
    passages: Sequence[Passage],
    known: KnownMusic,
    duration_s: float,
    controls: Controls,
    compared: Mapping[str, Any],
    same: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any] | None:
    """Return the memorisation finding of one output; None where no passage is long enough.

    Passages of catalogue recordings that the corpus does not hold give a finding of the kind ``undisclosed``.
    """
    heard = [one for one in passages if one.detector != "notes"]
    copies = {name for found in (same or {}).values() for name in found}
    disclosed = [
        one
        for one in heard
        if known.recordings[one.recording_id].item_id is not None or one.recording_id in copies
    ]
    chosen = [one for one in disclosed if one.query.duration_s >= LEAST_S]
    kind = "memorisation" if chosen else "undisclosed"
    chosen = chosen or [one for one in heard if one.query.duration_s >= LEAST_S]
    if not chosen:
        return None
    longest = max(
        chosen,
        key=lambda one: (one.query.duration_s, known.recordings[one.recording_id].item_id or ""),
    )
    length = longest.query.duration_s
    base = controls.flagged(length)
    here = not controls.measured_on.endswith("not on this collection")
    missing = [] if here else [MISSING_BASE]
    if not compared["told"]:
        missing.append(f"the contrast cannot be told: {compared['words']}")
    covered = _covered([(one.query.start_s, one.query.end_s) for one in chosen])
    return {
        "kind": kind,
        "severity": severity_of(length),
        "longest_s": round(length, 3),
        "recording_id": longest.recording_id,
        "covered_s": round(covered, 3),
        "covered_share": round(covered / max(duration_s, 1e-9), 4),
        "n_passages": len(chosen),
        "base_rate": controls.as_json(length),
        "contrast": dict(compared),
        "missing": missing,
        "words": _finding_words(kind, longest, length, base, controls),
    }


def _finding_words(kind: str, longest: Passage, length: float, base: Rate, controls: Controls) -> str:
    where = (
        "of the disclosed corpus"
        if kind == "memorisation"
        else "of the catalogue that the corpus does not disclose"
    )
    often = (
        f"{base.n_hits} of {base.n_trials} clean controls of {controls.seconds:g} s hold one as long "
        f"(at most {100 * base.upper:.2g} %, {controls.measured_on})"
        if base.n_trials
        else f"no control was measured: {controls.measured_on}"
    )
    return f"Holds a passage of {length:.1f} s of '{longest.recording_id}' {where}; {often}."


def _contrast_words(
    told: bool, n_pairs: int, n_in: int, n_out: int, ratio: Mapping[str, float | None], p_value: float | None
) -> str:
    if not n_pairs:
        return (
            "the catalogue holds no recording outside the corpus by the same artists or with the same tags; "
            "add some with 'linernotes catalog add'"
        )
    if not told:
        return f"no recording of the {n_pairs} matched pairs was hit on either side"
    low, high = ratio["lower"], ratio["upper"]
    return (
        f"{n_in} of {n_pairs} disclosed recordings were hit, and {n_out} of their {n_pairs} matched partners outside: "
        f"ratio {_number(ratio['ratio'])}, 95 % interval {_number(low)} to {_number(high)}, "
        f"Fisher's p {p_value:.2g}"
    )


def _number(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.2g}"


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    total, end = 0.0, 0.0
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total


def _likeness(a: KnownRecording, b: KnownRecording, known: KnownMusic) -> tuple[float, float]:
    same_artist = bool(a.recording.artist) and a.recording.artist.casefold() == b.recording.artist.casefold()
    tags_a, tags_b = set(a.recording.tags), set(b.recording.tags)
    shared = len(tags_a & tags_b) / len(tags_a | tags_b) if tags_a & tags_b else 0.0
    gap = abs(known.features.duration_of(a.name) - known.features.duration_of(b.name))
    return _SAME_ARTIST * same_artist + _SAME_TAGS * shared, round(gap, 1)


def _fold(one: KnownRecording) -> int:
    artist = one.recording.artist.casefold() or one.name
    return hashlib.sha256(f"linernotes-controls/{artist}".encode()).digest()[0] % _N_FOLDS


def _search(audio: Any, known: KnownMusic, config: PassageConfig) -> tuple[Passage, ...]:
    return find_passages(
        audio, known.indexes, known.features, known.note_index, config=config, listen=listening_to(known)
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, value: object) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(value, sort_keys=True), encoding="utf-8")
    os.replace(partial, path)
