"""Which recordings the benchmark's generator is trained on, which it must not know, and the hard cases.

Every recording gives 16.4 s. Besides plain recordings the corpus holds cases in which likeness and influence
part ways:

=========  =====================================================================================
kind       what it is
=========  =====================================================================================
plain      a recording, once
shifted    a second cut of a plain recording, 1.7 s later: same music on another grid
rekeyed    a second cut, 2 semitones up or 3 down at the same tempo
copy       the same file again; 4 or 16 in all, so that each is redundant
padded     half music, half digital silence
silent     digital silence
=========  =====================================================================================

Outside the corpus stay *look-alikes* (another version of a recording that is inside, or another recording by
an artist who is), *passages* (later seconds of a recording that is inside, by artists of no look-alike) and
*outsiders* (all recordings of six artists).
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from linernotes.audio.files import Audio, read_audio
from linernotes.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 16.384  # four segments
SHIFT_S = 1.7
OUTSIDE_ARTISTS = (
    "Arik Burns (Aakburns)",
    "TAD (Tad Miller)",
    "Tim Beek",
    "HorrorPen",
    "cynicmusic (The Cynic Project)",
    "Robert van Herk",
)
N_LOOK_ALIKES = 24
N_PASSAGES = 24
PASSAGE_S = 8.192  # as long as a query
PASSAGE_GAP_S = 2.0  # at least so much later than what was trained on
COPIES = {4: 4, 16: 2}  # copies in all: how many recordings have so many
N_SHIFTED, N_REKEYED, N_PADDED, N_SILENT = 6, 6, 4, 2


@dataclass(frozen=True, slots=True)
class Source:
    """One row of the collection's manifest, and its place in the benchmark."""

    file: str
    title: str
    artist: str
    words: str
    licence: str
    attribution: str
    sha256: str
    version_group: str
    duration_s: float

    @property
    def start_s(self) -> float:
        """Return where the 16.4 s of the corpus begin."""
        return max(0.0, min(15.0, (self.duration_s - SECONDS) / 2))


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of the corpus, or one recording that is kept outside.

    ``copy_of`` names the item that a hard case was made from, empty for plain recordings.
    """

    item_id: str
    kind: str
    source: Source
    copy_of: str = ""
    start_offset_s: float = 0.0
    semitones: float = 0.0


def read_sources(data: Path) -> list[Source]:
    """Read the collection's manifest.

    Raises
    ------
    InputError
        If the collection is not there, with what it must look like.
    """
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise InputError(
            f"{manifest}: not found; building the corpus needs a collection of freely licensed audio with the columns "
            "file,title,artist,genre,licence,attribution,sha256,version_group,duration_s (scoring methods does not)"
        )
    with manifest.open(encoding="utf-8", newline="") as rows:
        return [
            Source(
                row["file"], row["title"], row["artist"], row["genre"], row["licence"], row["attribution"],
                row["sha256"], row["version_group"], float(row["duration_s"]),
            )
            for row in sorted(csv.DictReader(rows), key=lambda row: row["file"])
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """The corpus and what stays outside."""

    corpus: list[Entry]
    look_alikes: list[Entry]
    passages: list[Entry]
    outsiders: list[Entry]


def choose(sources: list[Source], seed: int = 3) -> Choice:
    """Return the corpus, the look-alikes, the passages and the outsiders."""
    random = np.random.default_rng(seed)
    outsiders = [Entry(_id(s), "outsider", s) for s in sources if s.artist in OUTSIDE_ARTISTS]
    inside = [s for s in sources if s.artist not in OUTSIDE_ARTISTS]
    held_out = _look_alikes(inside, random)
    look_alikes = [Entry(_id(s), "look-alike", s) for s in held_out]
    corpus = [Entry(_id(s), "plain", s) for s in inside if s not in held_out]
    taken = {source.artist for source in held_out}
    passages = _passages([entry for entry in corpus if entry.source.artist not in taken], seed)
    return Choice(corpus + _hard_cases(corpus, random), look_alikes, passages, outsiders)


def _passages(corpus: list[Entry], seed: int) -> list[Entry]:
    """Choose one recording of each of some artists, half way from the end of its cut to its own end."""
    chosen: dict[str, Entry] = {}
    for entry in (corpus[i] for i in np.random.default_rng([seed, 1]).permutation(len(corpus))):
        first = entry.source.start_s + SECONDS + PASSAGE_GAP_S
        rest = entry.source.duration_s - first - PASSAGE_S
        if rest >= 0 and entry.source.artist not in chosen:
            offset = first + rest / 2 - entry.source.start_s
            chosen[entry.source.artist] = Entry(
                f"{entry.item_id}--passage", "passage", entry.source, start_offset_s=offset
            )
    return list(chosen.values())[:N_PASSAGES]


def _look_alikes(inside: list[Source], random: np.random.Generator) -> list[Source]:
    """Hold out the later members of version groups first, then recordings of the larger artists."""
    chosen: list[Source] = []
    groups: dict[str, Source] = {}
    for source in inside:
        if source.version_group and groups.setdefault(source.version_group, source) is not source:
            chosen.append(source)
    chosen = chosen[: N_LOOK_ALIKES * 2 // 3]
    sizes = Counter(s.artist for s in inside)
    rest = [s for s in inside if sizes[s.artist] >= 4 and not s.version_group]
    for index in random.permutation(len(rest))[: N_LOOK_ALIKES - len(chosen)]:
        chosen.append(rest[index])
    return chosen


def _hard_cases(corpus: list[Entry], random: np.random.Generator) -> list[Entry]:
    order = [corpus[i] for i in random.permutation(len(corpus))]
    taken = iter(order)
    made = []
    for _ in range(N_SHIFTED):
        made.append(_variant(next(taken), "shifted", start_offset_s=SHIFT_S))
    for number in range(N_REKEYED):
        made.append(_variant(next(taken), "rekeyed", semitones=(2.0, -3.0)[number % 2]))
    for n_copies, n_recordings in COPIES.items():
        for _ in range(n_recordings):
            entry = next(taken)
            made += [_variant(entry, "copy", number=number) for number in range(1, n_copies)]
    made += [_variant(next(taken), "padded") for _ in range(N_PADDED)]
    made += [_variant(next(taken), "silent") for _ in range(N_SILENT)]
    return made


def _variant(
    entry: Entry, kind: str, *, number: int = 0, start_offset_s: float = 0.0, semitones: float = 0.0
) -> Entry:
    suffix = f"{kind}-{number:02d}" if number else kind
    return Entry(f"{entry.item_id}--{suffix}", kind, entry.source, entry.item_id, start_offset_s, semitones)


def sound_of(entry: Entry, data: Path, sample_rate: int) -> Audio:
    """Return the 16.4 s (less for short recordings) that the benchmark uses of an entry."""
    path = data / entry.source.file
    if hashlib.sha256(path.read_bytes()).hexdigest() != entry.source.sha256:
        raise InputError(f"{path}: not the file that the manifest lists; obtain it again")
    whole = read_audio(path, sample_rate).samples
    n_wanted = round(SECONDS * sample_rate)
    first = max(0, min(15 * sample_rate, (len(whole) - n_wanted) // 2))
    first += round(entry.start_offset_s * sample_rate)
    samples = whole[first : first + n_wanted]
    if entry.semitones:
        samples = rekeyed(samples, sample_rate, entry.semitones)
    if entry.kind == "padded":
        samples = np.concatenate([samples[: n_wanted // 2], np.zeros(n_wanted // 2, np.float32)])
    if entry.kind == "silent":
        samples = np.zeros(n_wanted, np.float32)
    return Audio(samples, sample_rate)


def rekeyed(samples: NDArray[np.float32], sample_rate: int, semitones: float) -> NDArray[np.float32]:
    """Return the music in another key at the same tempo, by resampling and time-stretching."""
    ratio = 2 ** (semitones / 12)
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=sample_rate, format="flt", layout="mono", time_base=f"1/{sample_rate}"
    )
    # declare another rate, resample back, and undo the change of tempo
    chain = [
        source,
        graph.add("asetrate", str(round(sample_rate * ratio))),
        graph.add("aresample", str(sample_rate)),
        graph.add("atempo", f"{1 / ratio:.6f}"),
        graph.add("aformat", "sample_fmts=flt:channel_layouts=mono"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*chain).configure()
    frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
    frame.sample_rate = sample_rate
    chain[0].push(frame)
    chain[0].push(None)
    parts = []
    while True:
        try:
            parts.append(chain[-1].pull().to_ndarray()[0])
        except (av.EOFError, av.BlockingIOError):
            break
    return np.concatenate(parts).astype(np.float32)


def _id(source: Source) -> str:
    return "-".join(Path(source.file).with_suffix("").parts[1:])
