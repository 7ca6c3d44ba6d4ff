"""How much CPU a large rights registry takes: import, save, check, decide; and how that grows.

Run ``python benchmarks/rights/measure.py [N …]`` from the repository root; the registry is made up, with four
credits, two splits and three consents to a recording.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from linernotes.catalog.consent_engine import ConsentIndex
from linernotes.catalog.consent_record import Authority, ConsentRecord, Layer
from linernotes.catalog.consent_view import explain
from linernotes.catalog.credits import Credit, Split
from linernotes.catalog.entities import Party, Release, Work
from linernotes.catalog.links import Links
from linernotes.catalog.recording import Recording
from linernotes.catalog.registry import Registry
from linernotes.catalog.rights_export import write_rights_file
from linernotes.catalog.rights_files import read_rights_file
from linernotes.workspace import Workspace

N_DECIDED = 2000


SAID: tuple[tuple[Layer, Authority], ...] = (
    ("master", "agent"),
    ("publishing", "publisher"),
    ("performer", "cmo"),
)


def registry(n: int) -> Registry:
    """Return a registry of *n* recordings with everything that belongs to them."""
    recordings, works, credits, splits, consents = [], [], [], [], []
    parties = [
        Party(party_id=f"p{i}", name=f"Party {i}", kind="person", source="made up") for i in range(n // 4 + 9)
    ]
    releases = []
    for i in range(n):
        rid, wid = f"r{i}", f"w{i}"
        body = f"{i:09d}"
        check = (10 - (1 + sum(k * int(d) for k, d in enumerate(body, 1))) % 10) % 10
        recordings.append(
            Recording(
                recording_id=rid,
                title=f"Title {i}",
                artist=f"Artist {i % 999}",
                isrc=f"QZES8{i // 99999 + 10:02d}{i % 99999:05d}",
            )
        )
        works.append(
            Work(
                work_id=wid,
                title=f"Title {i}",
                iswc=f"T{body}{check}",
                writers=("Ada",),
                recordings=(rid,),
                source="made up",
            )
        )
        if i % 12 == 0:
            tracks = tuple(f"r{k}" for k in range(i, min(i + 12, n)))
            releases.append(
                Release(
                    release_id=f"l{i}", title=f"Release {i}", date="2019", recordings=tracks, source="made up"
                )
            )
        for k, role in enumerate(("vocalist", "session-musician", "musician", "background-vocalist")):
            credits.append(
                Credit(
                    subject_kind="recording",
                    subject_id=rid,
                    party_id=f"p{(i * 7 + k) % len(parties)}",
                    role=role,
                    source="made up",
                )
            )
        for k in (0, 1):
            splits.append(
                Split(
                    subject_kind="recording",
                    subject_id=rid,
                    layer="master",
                    party_id=f"p{(i + k) % len(parties)}",
                    share=Fraction(1, 2),
                    source="made up",
                )
            )
        for k, (layer, authority) in enumerate(SAID):
            consents.append(
                ConsentRecord(
                    record_id=f"c{i}-{k}",
                    subject_kind="recording",
                    subject=rid,
                    layer=layer,
                    use="generative-training",
                    value="allow",
                    authority=authority,
                    given_on="2025-01-01",
                    evidence="contract",
                    source="made up",
                )
            )
    return Registry(
        recordings=tuple(recordings), works=tuple(works), releases=tuple(releases), parties=tuple(parties),
        credits=tuple(credits), splits=tuple(splits), consents=tuple(consents),
    )  # fmt: skip


def timed(times: dict[str, float], name: str, call: Callable[[], Any]) -> Any:
    """Run *call* and note its CPU seconds: other programs may run beside it."""
    start = time.process_time()
    found = call()
    times[name] = round(time.process_time() - start, 2)
    return found


def measure(n: int) -> dict[str, Any]:
    """Return the CPU seconds of each step for *n* recordings."""
    made = registry(n)
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        tables, book = Path(folder) / "tables", Path(folder) / "recordings.xlsx"
        timed(times, "export_csv_s", lambda: write_rights_file(made, tables))
        read = timed(times, "import_csv_s", lambda: read_rights_file(tables))
        write_rights_file(Registry(recordings=made.recordings), book)
        timed(times, "import_recordings_xlsx_s", lambda: read_rights_file(book))
        with Workspace.create(Path(folder) / "ws") as workspace:
            timed(times, "save_s", lambda: workspace.save_registry(read.registry))
            loaded = timed(times, "load_s", workspace.registry)
        problems = timed(times, "check_s", loaded.check)
    links, index = Links(loaded), ConsentIndex(loaded.consents)

    def decide() -> int:
        day = dt.date(2026, 1, 1)
        return sum(
            explain(loaded, f"r{i}", use="generative-training", on=day, links=links, index=index).allowed
            for i in range(min(n, N_DECIDED))
        )

    n_allowed = timed(times, "decide_s", decide)
    return {
        "n_recordings": n,
        "n_entries": sum(made.counts().values()),
        "n_problems": len(problems),
        "n_allowed": n_allowed,
        **times,
        "decide_ms_each": round(times["decide_s"] / min(n, N_DECIDED) * 1000, 2),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


if __name__ == "__main__":
    for count in [int(argument) for argument in sys.argv[1:]] or [1000, 10_000, 100_000]:
        print(json.dumps(measure(count)))
