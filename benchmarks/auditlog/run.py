"""What the audit log costs, from a thousand to a million entries, beside a log without a tree.

For each size, into one growing log: adding 10,000 entries at a time (durable, one head per batch), adding
one, proving one, checking a proof, fsck on two processes, and the size of a receipt. Beside it, in the same
run, a *naive twin*: lines appended to a file with an fsync each, and proofs by hashing the whole list again.

Run: ``python benchmarks/auditlog/run.py [--sizes 1000,10000,100000,1000000]``; writes ``results/``. Wall-clock
figures depend on the disk and on what else the machine does; CPU seconds stand beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from linernotes.auditlog import AuditLog, Entry, SigningKey, fsck
from linernotes.auditlog.merkle import leaf_hash, node_hash

RESULTS = Path(__file__).parent / "results"
BATCH = 10_000
REPEATS = 30
NAIVE_APPENDS = 300
NAIVE_PROOFS_UP_TO = 100_000


def make_entries(start: int, end: int) -> list[Entry]:
    return [
        Entry(
            "training-item",
            hashlib.sha256(str(n).encode()).hexdigest(),
            {"item_id": f"recording-{n}", "duration_s": n % 400, "licence": "CC-BY-4.0"},
            "2026-01-02T03:04:05Z",
        )
        for n in range(start, end)
    ]


def timed(action, repeats: int) -> float:
    """Return the median wall-clock seconds of *action*."""
    spent = []
    for n in range(repeats):
        start = time.perf_counter()
        action(n)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def naive_root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


def naive_append_s(folder: Path) -> float:
    lines = [entry.to_bytes() + b"\n" for entry in make_entries(0, NAIVE_APPENDS)]
    with (folder / "naive.jsonl").open("ab") as stream:

        def add(n: int) -> None:
            stream.write(lines[n])
            stream.flush()
            os.fsync(stream.fileno())

        return timed(add, NAIVE_APPENDS)


def measure(log: AuditLog, signer: SigningKey, size: int) -> dict[str, float | int | None]:
    """Grow *log* to *size* entries and measure what it then costs."""
    made_s = cpu_s = wall_s = 0.0
    start = log.checkpoint().size
    for first in range(start, size, BATCH):
        clock = time.process_time()
        entries = make_entries(first, min(first + BATCH, size))
        made_s += time.process_time() - clock
        clock, wall = time.process_time(), time.perf_counter()
        log.append_many(entries, signer)
        cpu_s += time.process_time() - clock
        wall_s += time.perf_counter() - wall
    n_added = size - start
    luck = [(n * 2_654_435_761) % size for n in range(REPEATS)]
    receipts = [log.receipt(index) for index in luck]
    wall = time.perf_counter()
    report = fsck(log.folder, log.key, n_processes=2)
    fsck_s = time.perf_counter() - wall
    if not report.ok:
        raise SystemExit(f"fsck: {report.problem}")
    clock = time.process_time()
    fsck(log.folder, log.key, n_processes=1)
    fsck_cpu_s = time.process_time() - clock
    naive_s = None
    if size <= NAIVE_PROOFS_UP_TO:
        data = list(log.entries())
        naive_s = timed(lambda n: naive_root([leaf_hash(each) for each in data]), 3)
    return {
        "size": size,
        "entries_made_per_cpu_s": n_added / made_s,
        "appended_per_s_wall": n_added / wall_s,
        "appended_per_s_cpu": n_added / cpu_s,
        "append_one_ms": 1e3 * timed(lambda n: log.append(make_entries(n, n + 1)[0], signer), REPEATS),
        "receipt_ms": 1e3 * timed(lambda n: log.receipt(luck[n]), REPEATS),
        "verify_ms": 1e3 * timed(lambda n: receipts[n].verify(log.key), REPEATS),
        "naive_proof_ms": None if naive_s is None else 1e3 * naive_s,
        "receipt_bytes": round(statistics.mean(len(receipt.to_bytes()) for receipt in receipts)),
        "proof_hashes": max(len(receipt.inclusion_proof) for receipt in receipts),
        "fsck_per_s_wall_2_processes": size / fsck_s,
        "fsck_per_cpu_s": size / fsck_cpu_s,
        "folder_mb": sum(path.stat().st_size for path in log.folder.rglob("*") if path.is_file()) / 1e6,
        "n_files": sum(path.is_file() for path in log.folder.rglob("*")),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--folder", help="where the log is built; a fast local disk")
    wanted = parser.parse_args(arguments)
    signer = SigningKey.generate("example.org/log")
    rows = []
    with tempfile.TemporaryDirectory(dir=wanted.folder) as name:
        folder = Path(name)
        naive_one_s = naive_append_s(folder)
        log = AuditLog.create(folder / "log", signer)
        for size in map(int, wanted.sizes.split(",")):
            # The single appends of a size come after its measurements: the next size starts behind them.
            rows.append(measure(log, signer, size))
            print(json.dumps(rows[-1]), flush=True)
    found = {
        "naive_append_ms": 1e3 * naive_one_s,
        "rows": rows,
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "load_average": os.getloadavg()},
        "versions": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{each: version(each) for each in ("linernotes", "cryptography", "rfc8785")},
        },
        "measured_at": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "auditlog.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "auditlog.md").write_text(report_text(found), encoding="utf-8")
    return 0


def cpu_name() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def report_text(found: dict) -> str:
    labels = {
        "appended_per_s_wall": "added per second, 10,000 at a time (wall)",
        "appended_per_s_cpu": "the same per CPU second",
        "entries_made_per_cpu_s": "entries made (canonical JSON) per CPU second",
        "append_one_ms": "add one, durable [ms]",
        "receipt_ms": "make a receipt [ms]",
        "naive_proof_ms": "naive twin: hash the whole list again [ms]",
        "verify_ms": "verify a receipt [ms]",
        "receipt_bytes": "receipt [bytes]",
        "proof_hashes": "hashes in a proof",
        "fsck_per_s_wall_2_processes": "fsck, entries per second on 2 processes (wall)",
        "fsck_per_cpu_s": "fsck, entries per CPU second of one process",
        "folder_mb": "folder [MB]",
        "n_files": "files",
    }
    rows = found["rows"]
    lines = [
        "# The audit log, measured",
        "",
        "Written by `benchmarks/auditlog/run.py`. Medians of 30 for single operations.",
        "",
        "| entries | " + " | ".join(f"{row['size']:,}" for row in rows) + " |",
        "|---|" + "---|" * len(rows),
    ]
    for name, label in labels.items():
        cells = ["-" if row[name] is None else number(row[name]) for row in rows]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    largest = max((row for row in rows if row["naive_proof_ms"]), key=lambda row: row["size"], default=None)
    lines += [
        "",
        f"Naive twin, one line and one fsync per entry: {found['naive_append_ms']:.2f} ms an entry.",
    ]
    if largest is not None:
        ratio = largest["naive_proof_ms"] / largest["receipt_ms"]
        batched = found["naive_append_ms"] * largest["appended_per_s_wall"] / 1e3
        lines.append(
            f"At {largest['size']:,} entries a receipt costs {ratio:,.0f} times less than hashing the list again, "
            f"and a batched entry {batched:,.1f} times less than the twin's."
        )
    hardware = found["hardware"]
    lines += [
        "",
        f"{hardware['cpu']}, {hardware['cores']} cores, load average {hardware['load_average'][0]:.1f} (others "
        "were at work on this machine); "
        + ", ".join(f"{name} {text}" for name, text in found["versions"].items())
        + f"; {found['measured_at']}.",
        "",
    ]
    return "\n".join(lines)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
