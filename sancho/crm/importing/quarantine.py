"""How do quarantined rows go out to be mended? One CSV per table, which `sancho import` takes back."""

from __future__ import annotations

import csv
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from sancho.crm.importing.columns import NOTES
from sancho.crm.importing.faults import Fault
from sancho.crm.importing.mended import guarded, identity
from sancho.crm.schema import TABLES
from sancho.crm.store import Store


def quarantine_rows(faults: Iterable[Fault], import_id: int) -> Iterator[dict[str, object]]:
    """Faults as rows of the store's quarantine."""
    for fault in faults:
        yield {
            "import_id": import_id,
            "row": fault.row,
            "table_name": fault.table,
            "file": fault.file,
            "line": fault.line,
            "column_name": fault.column,
            "value": fault.value[:2000].replace("\0", "\N{SYMBOL FOR NULL}"),
            "code": fault.code,
            "reason_ja": fault.reason.ja.replace("\0", ""),
            "reason_en": fault.reason.en.replace("\0", ""),
            "identity": identity(fault.table, fault.raw or {}, fault.file),
            "raw": None if fault.raw is None else orjson.dumps(fault.raw).decode().replace("\\u0000", ""),
        }


def export_quarantine(store: Store, folder: str | Path) -> list[Path]:
    """Writes the quarantined rows to `folder`, a CSV (UTF-8 with BOM, for Excel) per table; which files.

    Each row carries what was wrong with it in columns that begin with _ and, in `_quarantine`, its number:
    mended and imported again, it leaves the quarantine. Faults of whole files go to `files.log`.
    """
    kept = store.quarantine()
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    rows = kept[kept["raw"].notna()]
    for table, mine in rows.groupby("table_name", sort=False):
        path = target / f"{str(table) or 'unknown'}.csv"
        _write(path, str(table), list(_one_per_row(mine.to_dict("records"))))
        written.append(path)
    whole = kept[kept["raw"].isna()]
    if len(whole):
        path = target / "files.log"
        lines = [f"{f.file}: {f.reason_ja} / {f.reason_en}" for f in whole.itertuples()]
        path.write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")
        written.append(path)
    return written


def _one_per_row(faults: list[dict[Hashable, Any]]) -> Iterator[dict[str, str]]:
    """Faults of one row told together."""
    rows: dict[str, list[dict[Hashable, Any]]] = {}
    for fault in faults:
        rows.setdefault(f"{fault['import_id']}:{fault['row']}", []).append(fault)
    for number, mine in rows.items():
        values = [str(fault["value"]) for fault in mine]
        yield {
            "_quarantine": number,
            "_file": str(mine[0]["file"]),
            "_line": str(mine[0]["line"]),
            "_column": " | ".join(str(fault["column_name"]) for fault in mine),
            "_value": " | ".join(values),
            "_reason_ja": " | ".join(str(fault["reason_ja"]) for fault in mine),
            "_reason_en": " | ".join(str(fault["reason_en"]) for fault in mine),
            **orjson.loads(str(mine[0]["raw"])),
        }


def _write(path: Path, table: str, rows: list[dict[str, str]]) -> None:
    given = {name for row in rows for name in row}
    fixed = [name for name in TABLES[table].names if name in given] if table in TABLES else []
    names = [*NOTES, *fixed, *sorted(given - set(NOTES) - set(fixed))]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({name: guarded(text) for name, text in row.items()} for row in rows)
