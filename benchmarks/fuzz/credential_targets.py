"""Content credentials inside audio files: damage to file, sound, manifest or signer's files."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.target import Folder, Target, from_file
from linernotes.audio.files import Audio, write_audio
from linernotes.errors import InputError, VerificationError
from linernotes.signals.c2pa_files import can_read, load_signer, read_manifest, write_manifest
from linernotes.signals.trial_signer import make_trial_signer
from linernotes.workflows.credentials_check import read_credentials

MADE_BY_MACHINE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MANIFEST = {
    "claim_generator_info": [{"name": "Fuzz", "version": "1"}],
    "title": "tone",
    "assertions": [
        {
            "label": "c2pa.actions",
            "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": MADE_BY_MACHINE}]},
        },
        {"label": "org.example.figures", "kind": "Json", "data": {"share": 0.1}},
    ],
}


def _make_signer(folder: Path) -> None:
    chain, key, _ = make_trial_signer()
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key)


@functools.cache
def _signed(suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_signer(folder)
        tone = Audio((0.3 * np.sin(np.arange(2000) / 4)).astype(np.float32), 8000)
        write_audio(folder / f"a{suffix}", tone)
        signer = load_signer(folder / "chain.pem", folder / "key.pem")
        write_manifest(folder / f"a{suffix}", folder / f"b{suffix}", MANIFEST, signer)
        return (folder / f"b{suffix}").read_bytes()


def _held(path: Path) -> Any:
    """Return what a file's credentials say where they hold; whatever holds must be what was signed."""
    store = read_manifest(path)
    if store is None:
        raise InputError("no credentials: nothing is claimed")
    if not store.holds:
        raise VerificationError(str(store.faults))
    said = read_credentials(path)
    return said["credentials"]


def _signer(folder: Path) -> Any:
    found = load_signer(folder / "chain.pem", folder / "key.pem")
    return found.algorithm, found.name


SIGNER = Folder(_make_signer, _signer)
CREDENTIAL_TARGETS = {"signer": Target(SIGNER.read, SIGNER.seeds)}
if can_read():
    CREDENTIAL_TARGETS |= {
        f"credentials-{suffix}": Target(
            from_file(_held, f".{suffix}"), lambda suffix=suffix: [_signed(f".{suffix}")], is_proof=True
        )
        for suffix in ("wav", "flac")
    }
