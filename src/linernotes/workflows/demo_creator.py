"""The demo seen by a creator: was my recording used, and what does the provider say it used.

One recording of the corpus and one that was kept out are asked for, by their files. Both proofs are checked
by the single-file verifier, in a process of its own, as a creator would run it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from linernotes.errors import VerificationError
from linernotes.workflows.disclose import disclose
from linernotes.workflows.presence import prove
from linernotes.workflows.verifier import copy_verifier


def ask_as_creator(
    workspace: Path, root: str, out: Path, *, inside: Path, outside: Path, provider: Path
) -> dict[str, Any]:
    """Disclose the corpus, ask for two recordings, and check the answers with what a creator has.

    Parameters
    ----------
    workspace : Path
        With the sealed corpus.
    root : str
        Its root, as published.
    out : Path
        Where documents, proofs and verifier go.
    inside, outside : Path
        Files of a recording of the corpus, and of one that is not.
    provider : Path
        The provider's answers, ``provider.toml``.

    Returns
    -------
    dict
        ``present`` and ``absent`` (names of the files, with the keys that were checked), and ``disclosure``.

    Raises
    ------
    VerificationError
        If a proof does not hold, or says the other thing.
    """
    folder = out / "presence"
    folder.mkdir(parents=True, exist_ok=True)
    verifier = Path(copy_verifier(out / "linernotes_verify.py")["path"])
    answers = {}
    for name, file in (("present", inside), ("absent", outside)):
        proof = folder / f"{name}.proof"
        prove(str(file), workspace, proof)
        found = _checked(verifier, proof, root, file)
        if found["present"] is not (name == "present"):
            raise VerificationError(f"{file}: expected to be {name} in the demo's corpus; run the demo again")
        answers[name] = {"file": file.name, "checked": found["checked"], "proof": str(proof)}
    published = disclose(workspace, provider, out / "disclosure")
    facts = {name: published[name] for name in ("completeness", "traceability", "n_gaps")}
    return answers | {"disclosure": facts | {"page": str(out / "disclosure" / "index.html")}}


def _checked(verifier: Path, proof: Path, root: str, file: Path) -> dict[str, Any]:
    words = ("presence", proof, "--root", root, "--file", file, "--json")
    command = [sys.executable, "-I", str(verifier), *map(str, words)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - as a creator does
    if said.returncode:
        raise VerificationError(f"{proof}: {said.stderr.strip() or said.stdout.strip()}")
    found: dict[str, Any] = json.loads(said.stdout)
    return found
