"""An append-only, signed Merkle log in a folder, and receipts that anybody can check offline.

Music-free: nothing here knows about recordings. It needs the standard library, `cryptography`
(Ed25519) and `rfc8785` (canonical JSON).
"""

from linernotes.auditlog.checkpoint import Checkpoint
from linernotes.auditlog.entry import Entry
from linernotes.auditlog.fsck import FsckReport, fsck
from linernotes.auditlog.keys import SigningKey, VerifyingKey, generate_keys
from linernotes.auditlog.receipt import Receipt, verify_receipt
from linernotes.auditlog.store import AuditLog

__all__ = [
    "AuditLog",
    "Checkpoint",
    "Entry",
    "FsckReport",
    "Receipt",
    "SigningKey",
    "VerifyingKey",
    "fsck",
    "generate_keys",
    "verify_receipt",
]
