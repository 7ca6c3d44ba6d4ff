"""What is fuzzed: parsers of bytes that somebody else may have written, with well-formed seeds.

Seeds are made by our own writers where there are any, so they follow every change of format.
"""

from __future__ import annotations

from benchmarks.fuzz.corpus_targets import CORPUS_TARGETS
from benchmarks.fuzz.desk_targets import DESK_TARGETS
from benchmarks.fuzz.log_targets import LOG_TARGETS
from benchmarks.fuzz.registry_targets import REGISTRY_TARGETS
from benchmarks.fuzz.signal_targets import SIGNAL_TARGETS
from benchmarks.fuzz.target import Target

TARGETS: dict[str, Target] = {
    **LOG_TARGETS,
    **CORPUS_TARGETS,
    **REGISTRY_TARGETS,
    **SIGNAL_TARGETS,
    **DESK_TARGETS,
}
