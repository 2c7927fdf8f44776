"""Which rows can be used, and what is wrong with the others? The one check of files, pushes and requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from crm.importing import values as parse
from crm.importing.checked_rows import CheckedRows, Context
from crm.importing.conventions import PLAIN, Conventions
from crm.importing.custom_attributes import custom_json
from crm.importing.encoding import DAMAGED
from crm.importing.row_checks import check_rows_whole, name_totals
from crm.importing.row_errors import CellError
from crm.importing.source import NO_RESULT, Ints, cell_text
from crm.importing.values import Bools
from crm.schema import TABLES, VERSION_COLUMNS, Table
from crm.store.tables import CUSTOM, keyed_by_all


@dataclass(frozen=True)
class Batch:
    """Rows for one canonical table from one file, columns under canonical names (others: attributes).

    `errors` are those that a mapping found while it made the rows; `damaged`: some cells hold no value;
    `conventions`: how the file writes numbers and days.
    """

    table: str
    file: str
    columns: pa.Table
    lines_of: Callable[[Ints], Ints]
    damaged: bool = False
    zone: ZoneInfo | None = None
    errors: tuple[CellError, ...] = ()
    conventions: Conventions = PLAIN


@dataclass(frozen=True)
class Validated:
    """Columns in the form of storage, which rows are sound, and the errors of the others.

    `stored`: the sound rows without those that repeat an earlier row of the batch.
    """

    columns: dict[str, pa.Array]
    sound: Bools
    errors: list[CellError]
    stored: Bools


class Validator:
    """Checks the rows of one batch slice by slice, duplicates among all of them; it stores nothing."""

    def __init__(self, batch: Batch, columns: pa.Table) -> None:
        self._batch, self._columns = batch, columns
        self._table = TABLES[batch.table]
        self._first_of_clash, self._repeats = find_duplicates(self._table, columns)

    def validate(self, rows: Ints, part: pa.Table, context: Context) -> Validated:
        """Some rows of the batch, at ascending positions; `part` holds them."""
        context = replace(context, conventions=self._batch.conventions)
        checked = validate(self._table, part, context, self._batch.damaged)
        sound = checked.sound
        errors = self._with_mapping_errors(checked, rows)
        for row, first in self._first_of_clash.items():
            at = _position(rows, row)
            if at >= 0 and sound[at]:
                line = int(self._batch.lines_of(np.array([first]))[0])
                errors.append(CellError(at, self._table.key[0], "duplicate_id", {"first": line}))
                sound[at] = False
        errors += incomplete_new_rows(self._table, checked.columns, sound, context)
        stored = sound.copy()
        stored[[at for row in self._repeats if (at := _position(rows, row)) >= 0]] = False
        return Validated(checked.columns, sound, errors, stored)

    def _with_mapping_errors(self, checked: Validated, rows: Ints) -> list[CellError]:
        """The errors of the check and of the mapping; where both judge a value, the mapping's."""
        placed = ((error, _position(rows, error.row)) for error in self._batch.errors)
        mapped = [error._replace(row=at) for error, at in placed if at >= 0]
        judged = {(error.row, error.column) for error in mapped}
        checked.sound[[error.row for error in mapped]] = False
        return [error for error in checked.errors if (error.row, error.column) not in judged] + mapped


def _position(rows: Ints, row: int) -> int:
    """Where a row is among rows in ascending order, -1 = not among them."""
    at = int(np.searchsorted(rows, row))
    return at if at < len(rows) and rows[at] == row else -1


def validate(table: Table, columns: pa.Table, context: Context, damaged: bool = False) -> Validated:
    """Checks rows whose columns have canonical names (further ones are custom attributes), each by itself."""
    rows = CheckedRows(table, columns, context)
    if damaged:
        rows.reject_containing(DAMAGED, "wrong_encoding")
    rows.reject_containing(NO_RESULT, "no_result")
    rows.reject_containing("\0", "control_character")
    rows.legible = rows.sound.copy()
    for name in columns.column_names:
        if name in table.by_name:
            rows.read(table[name])
        elif name in VERSION_COLUMNS:
            rows.read(VERSION_COLUMNS[name])
    for column in table.columns:
        if column.required and column.name in columns.column_names:
            rows.require(column)
    name_totals(rows)
    check_rows_whole(rows)
    own = {*table.by_name, *VERSION_COLUMNS}
    if table.custom and (extra := [name for name in columns.column_names if name not in own]):
        rows.columns[CUSTOM] = custom_json({name: rows.raw[name] for name in extra})
    return Validated(rows.columns, rows.sound, rows.errors, rows.sound)


def incomplete_new_rows(
    table: Table, columns: Mapping[str, pa.Array], sound: Bools, context: Context
) -> list[CellError]:
    """Where a file lacks required columns, its rows may change stored ones: `sound` loses the new."""
    missing = [c.name for c in table.columns if c.required and c.name not in columns]
    if not missing or keyed_by_all(table) or not sound.any() or context.stored_keys is None:
        return []
    keys = columns[table.key[0]].to_pylist()
    stored = context.stored_keys({keys[row] for row in np.flatnonzero(sound)})
    new = [int(row) for row in np.flatnonzero(sound) if keys[row] not in stored]
    sound[new] = False
    return [CellError(row, missing[0], "new_row_incomplete", {"column": missing[0]}) for row in new]


def find_duplicates(table: Table, columns: pa.Table) -> tuple[dict[int, int], set[int]]:
    """Rows whose key came before: with other contents (row -> first row), and with the same ones."""
    if keyed_by_all(table) or not set(table.key) <= set(columns.column_names) or not columns.num_rows:
        return {}, set()
    keys = [parse.as_text(parse.whole(columns[name])) for name in table.key]
    filled = len(keys[0]) - keys[0].null_count
    if len(keys) == 1 and len(keys[0].drop_null().unique()) == filled:
        return {}, set()
    frame = pd.DataFrame({name: key.to_pandas() for name, key in zip(table.key, keys, strict=True)})
    frame = frame[frame.notna().all(axis=1)]
    # Rows that say since when they are known are versions of one row, not repeats of it.
    for name in {"known_from", table.versions_since or "known_from"} & set(columns.column_names):
        frame[name] = parse.as_text(parse.whole(columns[name])).to_pandas().fillna("")
    duplicated = frame[frame.duplicated(keep=False)]
    rows = duplicated.index.to_numpy()
    texts = texts_of(columns, [int(row) for row in rows])
    first_of_clash, repeats, first_with = {}, set(), {}
    for row, key in zip(rows.tolist(), duplicated.itertuples(index=False, name=None), strict=True):
        contents = {name: text.strip() for name, text in texts[row].items() if text.strip()}
        if key not in first_with:
            first_with[key] = (row, contents)
        elif first_with[key][1] == contents:
            repeats.add(row)
        else:
            first_of_clash[row] = first_with[key][0]
    return first_of_clash, repeats


def texts_of(columns: pa.Table, rows: list[int]) -> dict[int, dict[str, str]]:
    """The named rows as texts, blanks left out."""
    selected = columns.take(pa.array(rows, pa.int64())).to_pylist()
    texts = ({name: cell_text(value) for name, value in row.items()} for row in selected)
    return {
        row: {name: text for name, text in cells.items() if text is not None}
        for row, cells in zip(rows, texts, strict=True)
    }
