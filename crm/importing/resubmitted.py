"""Which rows of the quarantine have come again, put right or not, and so can leave it?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from crm.importing import values as parse
from crm.importing.columns import QUARANTINE_ID
from crm.importing.row_errors import RowError
from crm.schema import TABLES, Table
from crm.store import Writer

_NUMBER = re.compile(r"[+-]?[\d,.]+")
_BETWEEN = "\x1f"
_FEW = 20_000  # up to so many rows are asked for by name, beyond it all quarantined ones are read


def identity(table: str, raw: Mapping[str, str], file: str) -> str:
    """What makes two bad rows the same: their key, or where that is blank all they hold and their file."""
    key = [raw.get(name, "").strip() for name in TABLES[table].key] if table in TABLES else []
    if key and key[0]:
        return _BETWEEN.join(key)
    return _BETWEEN.join(["", file, *(f"{name}={text}" for name, text in sorted(raw.items()))])


def guarded(text: str) -> str:
    """Text that a spreadsheet cannot take for a formula: an apostrophe goes before what would begin one.

    >>> guarded("=1+1"), guarded("-5")
    ("'=1+1", '-5')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and not _NUMBER.fullmatch(text) else text


def unguarded(columns: pa.Table) -> pa.Table:
    """Columns of an exported quarantine without the apostrophes that `guarded` put there."""
    for index, name in enumerate(columns.column_names):
        texts = _texts(columns[name], blank=None)
        plain = pc.replace_substring_regex(texts, r"^'([=+\-@])", r"\1")
        columns = columns.set_column(index, name, pa.chunked_array([plain]))
    return columns


class QuarantineTracker:
    """Quarantined rows that come again in one import; by its end they are stored, or quarantined again."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._any_quarantined = writer.any_quarantined()
        self._resubmitted: set[tuple[int, int]] = set()

    def meet(self, table: Table, columns: pa.Table) -> None:
        """Rows arrive: those of the same identity, and those an exported quarantine numbers, came again."""
        if not self._any_quarantined:
            return
        if QUARANTINE_ID in columns.column_names:
            self._resubmitted |= _numbers(columns[QUARANTINE_ID])
        if table.key[0] not in columns.column_names or columns.num_rows == 0:
            return
        blank = pa.array([""] * columns.num_rows, pa.string())
        parts = [_texts(columns[name]) if name in columns.column_names else blank for name in table.key]
        keys = pc.binary_join_element_wise(*parts, _BETWEEN)
        if columns.num_rows <= _FEW:
            rows_of = self._writer.quarantined(table.name, keys.unique().to_pylist())
        else:
            quarantined = self._writer.quarantined(table.name)
            again = pc.is_in(pa.array(list(quarantined), pa.string()), value_set=keys).to_pylist()
            rows_of = {
                name: rows for (name, rows), came in zip(quarantined.items(), again, strict=True) if came
            }
        self._resubmitted.update(
            row for name, rows in rows_of.items() if name.strip(_BETWEEN) for row in rows
        )

    def settle(self, errors: Iterable[RowError], files: Iterable[str]) -> int:
        """Takes out what came again; how many of those rows are not among the new errors, so were fixed."""
        if not self._any_quarantined:
            return 0
        identities: dict[str, set[str]] = {}
        for error in errors:
            own = identity(error.table, error.raw or {}, error.file)
            identities.setdefault(error.table, set()).add(own)
        replaced = {
            row
            for table, names in identities.items()
            for rows in self._writer.quarantined(table, sorted(names)).values()
            for row in rows
        }
        # A file that could not be used before has been read now, whatever became of its rows.
        whole = self._writer.quarantined(None, [identity("", {}, file) for file in files])
        self._resubmitted.update(row for rows in whole.values() for row in rows)
        self._writer.release(sorted(self._resubmitted | replaced))
        return len(self._resubmitted - replaced)


def _texts(column: pa.ChunkedArray, blank: str | None = "") -> pa.Array:
    texts = parse.as_text(parse.whole(column))
    texts = texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts
    return texts if blank is None else texts.fill_null(blank)


def _numbers(column: pa.ChunkedArray) -> set[tuple[int, int]]:
    """Rows of the quarantine (import, row) by the numbers that an export gave them."""
    numbers = set()
    for text in column.unique().to_pylist():
        import_id, _, row = str(text or "").partition(":")
        if import_id.isdecimal() and row.isdecimal():
            numbers.add((int(import_id), int(row)))
    return numbers
