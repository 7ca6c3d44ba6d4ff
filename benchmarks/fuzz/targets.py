"""What is fuzzed: parsers of bytes that somebody else may have written, with well-formed seeds.

Seeds are made by our own writers where there are any, so they follow every change of format.
"""

from __future__ import annotations

from benchmarks.fuzz.corpus_targets import CORPUS_TARGETS
from benchmarks.fuzz.credential_targets import CREDENTIAL_TARGETS
from benchmarks.fuzz.desk_targets import DESK_TARGETS
from benchmarks.fuzz.disclosure_targets import DISCLOSURE_TARGETS
from benchmarks.fuzz.log_file_targets import LOG_FILE_TARGETS
from benchmarks.fuzz.log_targets import LOG_TARGETS
from benchmarks.fuzz.registry_targets import REGISTRY_TARGETS
from benchmarks.fuzz.seal_targets import SEAL_TARGETS
from benchmarks.fuzz.signal_targets import SIGNAL_TARGETS
from benchmarks.fuzz.target import Target
from benchmarks.fuzz.witness_targets import WITNESS_TARGETS
from benchmarks.fuzz.workspace_targets import WORKSPACE_TARGETS

TARGETS: dict[str, Target] = {
    **LOG_TARGETS,
    **CORPUS_TARGETS,
    **REGISTRY_TARGETS,
    **SIGNAL_TARGETS,
    **DESK_TARGETS,
    **SEAL_TARGETS,
    **LOG_FILE_TARGETS,
    **WITNESS_TARGETS,
    **DISCLOSURE_TARGETS,
    **CREDENTIAL_TARGETS,
    **WORKSPACE_TARGETS,
}
