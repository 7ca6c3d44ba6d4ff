"""Parsers that are not fuzzed, each with its reason; a whole file or one function."""

_OWN = "decodes what this program has just made in memory, nothing from outside"
_THIN = "passes what it is given to parsers that are fuzzed, and adds none of its own"
_SHARDS = (
    "reads shards that the same seal wrote into its work folder; the finished snapshot is checked, and fuzzed"
)

NOT_FUZZED = {
    "auditlog/old_form.py:_write_tiles.read": "tiles that the same call has just written",
    "auditlog/scan.py:_scan_elsewhere": "a pipe to a child process of the same program; the scan itself is fuzzed",
    "auditlog/scan.py:scan_for_parent": "the child's end of that pipe",
    "auditlog/sources.py:Source.read": "a protocol without a body",
    "auditlog/sources.py:WebSource.read": "a web host's bytes go where a folder's go, and mirroring one is fuzzed",
    "catalog/integrity.py:split_problems": "no parser: looks for shares that do not add up",
    "catalog/problem.py:Problem.from_json": "reads what the same call returned",
    "corpus/sealing.py:SealParts._gather": _SHARDS,
    "corpus/sealing.py:SealParts.add": _SHARDS,
    "corpus/sealing.py:SealShards.add": _SHARDS,
    "corpus/snapshots.py:write_snapshot": _OWN,
    "disclosure/facts.py:_check_manifest": _OWN,
    "disclosure/redaction.py:reference": _OWN,
    "disclosure/requests.py:Request.salted": "the salt of a request whose form was checked when it was read",
    "disclosure/requests_state.py:Ticket.opened": "no parser: the first step of a story",
    "verifier/linernotes_verify.py:load": "a file of a request's folder, by the reader of JSON that is fuzzed",
    "verifier/linernotes_verify.py:salted": "refuses a salt that is no hexadecimal; what it salts has been read",
    "workflows/seal_facts.py:_assemble": _SHARDS,
    "workflows/seal_facts.py:_root_of": _SHARDS,
    "workflows/seal_facts.py:_seal": _SHARDS,
    "workflows/leads_records.py:_keep": _OWN,
    "workflows/log_home.py:open_workspace": _THIN,
    "workflows/disclose.py:_files": _OWN,
    "workflows/requests.py:open_request": _THIN,
    "workflows/requests_folder.py:open_desk": _THIN,
    "workflows/requests_folder.py:load_request": _THIN,
    "workflows/requests_extract.py:open_owner_facts": _THIN,
    "workflows/rights.py:import_rights": _THIN,
    "workflows/signals.py:import_files": _THIN,
    "workflows/presence.py:open_snapshot": _THIN,
    "workflows/seal.py:read_folder": "audio, which libraries decode, and a rights table, whose reader is fuzzed",
    "workflows/seal.py:seal_corpus": _THIN,
    "workspace/consent_history.py:append": "rows of the history, whose reading is fuzzed with the file they lie in",
    "workspace/snapshots.py:save": "a row of the workspace, whose reading is fuzzed with the file it lies in",
    "workspace/store.py:Workspace.open_or_create": _THIN,
}
