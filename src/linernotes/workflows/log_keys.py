"""Keys of a workspace's log: the one that comes with the first entry, and a post-quantum one beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from linernotes.auditlog.keys import ML_DSA_44, SigningKey, VerifyingKey, generate_keys
from linernotes.errors import InputError
from linernotes.workflows.log_home import begin_log, open_log

POST_QUANTUM_STEM = "log.ml-dsa-44"
ALGORITHMS = ("ed25519", "ml-dsa-44")


def make_keys(workspace_path: Path | str, algorithm: str = "ed25519") -> dict[str, Any]:
    """Make the workspace's log and its key where there is none; with ``ml-dsa-44``, a second key beside it.

    From then on every head carries both signatures, so that receipts verify under either key; receipts
    made before stay valid.

    Parameters
    ----------
    workspace_path : path
        The workspace.
    algorithm : str
        ``ed25519`` or ``ml-dsa-44``.

    Returns
    -------
    dict
        ``origin``, ``algorithm``, ``key`` (path of the verifying key) and ``key_line``.

    Raises
    ------
    InputError
        If the algorithm is another one, or the second key is there already.
    CorpusError
        If log and keys do not lie together.
    MissingExtra
        If the installed `cryptography` has no ML-DSA-44.
    """
    from linernotes.workspace import Workspace

    if algorithm not in ALGORITHMS:
        raise InputError(f"algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}")
    with Workspace.open(workspace_path) as workspace:
        key_path = begin_log(workspace)
        log = open_log(workspace)
        if algorithm == "ml-dsa-44":
            private, key_path = generate_keys(
                key_path.parent, log.key.name, ML_DSA_44, stem=POST_QUANTUM_STEM
            )
            log.sign_again(SigningKey.load(private))
    key = VerifyingKey.load(key_path)
    return {"origin": key.name, "algorithm": algorithm, "key": str(key_path), "key_line": key.line()}
