"""How are quarantined rows exported to be put right? One CSV per table, which `sancho import` takes back."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from crm.importing.columns import NOTES
from crm.importing.resubmitted import guarded, identity
from crm.importing.row_errors import RowError
from crm.schema import TABLES
from crm.store import Store

if TYPE_CHECKING:
    import pandas as pd


def quarantine_rows(errors: Iterable[RowError], import_id: int) -> Iterator[dict[str, object]]:
    """Errors as rows of the store's quarantine."""
    for error in errors:
        yield {
            "import_id": import_id,
            "row": error.row,
            "table_name": error.table,
            "file": error.file,
            "line": error.line,
            "column_name": error.column,
            "value": error.value[:2000].replace("\0", "\N{SYMBOL FOR NULL}"),
            "code": error.code,
            "reason_ja": error.reason.ja.replace("\0", ""),
            "reason_en": error.reason.en.replace("\0", ""),
            "identity": identity(error.table, error.raw or {}, error.file),
            "raw": None if error.raw is None else orjson.dumps(error.raw).decode().replace("\\u0000", ""),
        }


def export_quarantine(store: Store, folder: str | Path) -> list[Path]:
    """Writes the quarantined rows to `folder`, a CSV (UTF-8 with BOM, for Excel) per table; which files.

    Each row carries its errors in columns that begin with _ and, in `_quarantine`, its number: put right and
    imported again, it leaves the quarantine. Errors of whole files go to `files.log`.
    """
    quarantined = store.quarantine()
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    rows = quarantined[quarantined["raw"].notna()]
    for table, errors in rows.groupby("table_name", sort=False):
        path = target / f"{str(table) or 'unknown'}.csv"
        path.write_bytes(quarantine_csv(errors, str(table)))
        written.append(path)
    of_files = quarantined[quarantined["raw"].isna()]
    if len(of_files):
        path = target / "files.log"
        lines = [f"{error.file}: {error.reason_ja} / {error.reason_en}" for error in of_files.itertuples()]
        path.write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _one_per_row(errors: list[dict[Hashable, Any]]) -> Iterator[dict[str, str]]:
    """The errors of each row joined in one line."""
    rows: dict[str, list[dict[Hashable, Any]]] = {}
    for error in errors:
        rows.setdefault(f"{error['import_id']}:{error['row']}", []).append(error)
    for number, of_row in rows.items():
        yield {
            "_quarantine": number,
            "_file": str(of_row[0]["file"]),
            "_line": str(of_row[0]["line"]),
            "_column": " | ".join(str(error["column_name"]) for error in of_row),
            "_value": " | ".join(str(error["value"]) for error in of_row),
            "_reason_ja": " | ".join(str(error["reason_ja"]) for error in of_row),
            "_reason_en": " | ".join(str(error["reason_en"]) for error in of_row),
            **orjson.loads(str(of_row[0]["raw"])),
        }


def quarantine_csv(errors: pd.DataFrame, table: str) -> bytes:
    """The rows of a table that errors are of, as the CSV that an import takes back (UTF-8 with BOM)."""
    kept = errors[errors["raw"].notna()]
    return csv_of(table, list(_one_per_row(kept.to_dict("records"))))


def csv_of(table: str, rows: list[dict[str, str]]) -> bytes:
    """Rows of texts as CSV: what is said of them first, then the table's columns in their order."""
    given = {name for row in rows for name in row}
    fixed = [name for name in TABLES[table].names if name in given] if table in TABLES else []
    names = [*NOTES, *fixed, *sorted(given - set(NOTES) - set(fixed))]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows({name: guarded(text) for name, text in row.items()} for row in rows)
    return file.getvalue().encode("utf-8-sig")
