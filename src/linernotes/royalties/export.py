"""A statement as a table, for spreadsheets.

Conventions
-----------
UTF-8 with a byte-order mark, one header row, comma-separated, CRLF (RFC 4180). Amounts have a point.
Text that a spreadsheet would run as a formula is preceded by an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

COLUMNS = (
    "line_id",
    "kind",
    "item_id",
    "title",
    "artist",
    "party",
    "layer",
    "status",
    "amount_minor",
    "amount",
    "currency",
    "interval_low_minor",
    "interval_high_minor",
    "influence_part",
    "presence_part",
    "why",
    "limits",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def statement_csv(statement: Mapping[str, Any]) -> str:
    """Return the lines of a statement as CSV, one row per line and the pool as the last.

    Parameters
    ----------
    statement : mapping
        From `linernotes.royalties.statement.build_statement`.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    currency = statement["pool"]["currency"]
    for line in statement["lines"]:
        row = {name: line[name] for name in COLUMNS if name in line}
        parts = line["parts"]
        row |= {
            "amount": line["amount"].split(" ")[0],
            "currency": currency,
            "interval_low_minor": line["interval_minor"][0],
            "interval_high_minor": line["interval_minor"][1],
            "influence_part": parts.get("influence", ""),
            "presence_part": parts.get("presence", ""),
        }
        writer.writerow({name: _cell(value) for name, value in row.items()})
    pool = statement["pool"]
    writer.writerow(
        {
            "line_id": "(pool)",
            "kind": "total",
            "amount_minor": pool["amount_minor"],
            "amount": pool["amount"].split(" ")[0],
            "currency": currency,
        }
    )
    return "\ufeff" + stream.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return "" if value is None else value
