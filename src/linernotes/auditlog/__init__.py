"""An append-only, signed Merkle log in a folder, and receipts that anybody can check offline.

Music-free: nothing here knows about recordings. It needs the standard library, `cryptography`
(Ed25519, ML-DSA-44) and `rfc8785` (canonical JSON).
"""

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import Entry
from linernotes.auditlog.fsck import FsckReport, fsck
from linernotes.auditlog.keys import SigningKey, VerifyingKey, generate_keys
from linernotes.auditlog.mirror import MirrorReport, mirror
from linernotes.auditlog.policy import Policy, Witnessed
from linernotes.auditlog.receipt import Receipt, verify_receipt
from linernotes.auditlog.store import AuditLog
from linernotes.auditlog.tlog_proof import TlogProof
from linernotes.auditlog.witness import Witness

__all__ = [
    "AuditLog",
    "Checkpoint",
    "Entry",
    "FsckReport",
    "MirrorReport",
    "Policy",
    "Receipt",
    "SigningKey",
    "TlogProof",
    "VerifyingKey",
    "Witness",
    "Witnessed",
    "fsck",
    "generate_keys",
    "mirror",
    "verify_receipt",
]
