"""How do rows that a program sends become canonical rows? Checked like those of files, stored or not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pandas as pd
import pyarrow as pa

from sancho.crm.i18n import Text
from sancho.crm.importing.columns import headings
from sancho.crm.importing.load import Batch, texts_of
from sancho.crm.importing.read import table_of
from sancho.crm.importing.result import Counts, ImportResult
from sancho.crm.importing.row_errors import RowError, reason
from sancho.crm.importing.session import session
from sancho.crm.importing.validate import DEFAULT_OUTCOMES, Known, check, custom_values
from sancho.crm.instants import instant
from sancho.crm.schema import TABLES, Kind, Table
from sancho.crm.store import Store
from sancho.crm.store.tables import CUSTOM

Rows = Sequence[Mapping[str, Any]] | pd.DataFrame


def push_rows(
    store: Store, table: str, rows: Rows, zone: ZoneInfo, source: str = "api", now: int | None = None
) -> ImportResult:
    """Upserts rows in one transaction; bad ones go to the quarantine, their line being their place from 1."""
    columns, problem = _named(table, rows)
    with session(store, source, zone, now=now) as run:
        size = columns.num_rows
        if problem is not None:
            run.refuse(source, problem, size)
            return run.result
        run.digests.append(hashlib.blake2b(orjson.dumps(columns.to_pylist(), default=str)).hexdigest())
        counts, _ = run.take(Batch(table, source, columns, lambda places: places + 1))
        run.result.files.setdefault(source, Counts()).add(counts)
    return run.result


def check_rows(
    table: str,
    rows: Rows,
    zone: ZoneInfo,
    now: int | None = None,
    outcomes: Mapping[str, str | None] | None = None,
    where: str = "request",
) -> tuple[pd.DataFrame, list[RowError]]:
    """The sound rows as a frame that `EventLog.of` takes, and the errors of the others by their place from 1.

    Nothing is stored and any deal may be named. `outcomes` tells which stages end deals (stage -> won, lost
    or None); the default pipeline's where not given.
    """
    schema = TABLES[table]
    columns, problem = _named(table, rows)
    if problem is not None:
        return pd.DataFrame(columns=list(schema.names)), [problem]
    moment = instant(datetime.now(zone), zone) if now is None else now
    checked = check(schema, columns, Known(zone, moment, DEFAULT_OUTCOMES if outcomes is None else outcomes))
    texts = texts_of(columns, sorted({row for row, *_ in checked.errors.found}))
    errors = [
        RowError(
            table,
            where,
            row + 1,
            column,
            texts[row].get(column, ""),
            code,
            reason(code, **said),
            row,
            texts[row],
        )
        for row, column, code, said in sorted(checked.errors.found, key=lambda error: error[0])
    ]
    frame = pd.DataFrame(
        {name: _frame_column(name, array, schema) for name, array in checked.columns.items()}
    )
    custom = {name: columns[name].to_pandas() for name in columns.column_names if name not in schema.by_name}
    whole = frame.drop(columns=CUSTOM, errors="ignore").assign(**custom)
    return whole[checked.sound].reset_index(drop=True), errors


def _named(table: str, rows: Rows) -> tuple[pa.Table, RowError | None]:
    """Rows as columns under canonical names; a error where they lack what every row needs."""
    schema = TABLES[table]
    given = (
        pa.Table.from_pandas(rows, preserve_index=False)
        if isinstance(rows, pd.DataFrame)
        else table_of(list(rows))
    )
    found = headings(schema, given.column_names)
    lacking = [c.name for c in schema.columns if c.required and c.name not in found.names.values()]
    if given.num_rows and (found.problem is not None or lacking):
        column, code, said = found.problem or _missing(schema, lacking[0])
        return given, RowError(table, "request", None, column, "", code, said)
    used = [name for name in given.column_names if name in found.names]
    columns = given.select(used).rename_columns([found.names[name] for name in used])
    for place, name in enumerate(columns.column_names):
        if name not in schema.by_name:
            columns = columns.set_column(place, name, pa.chunked_array([custom_values(columns[name])]))
    return columns, None


def _missing(schema: Table, column: str) -> tuple[str, str, Text]:
    said = reason("missing_column", column=column, label=schema[column].label, hint="")
    return column, "missing_column", said


def _frame_column(name: str, array: pa.Array, schema: Table) -> pd.Series:
    if name in schema.by_name and schema[name].kind is Kind.MOMENT:
        array = array.cast(pa.timestamp("us", "UTC"))
        return pd.Series(array.to_pandas()).astype("datetime64[us, UTC]")
    if pa.types.is_dictionary(array.type):
        array = array.cast(pa.string())
    return pd.Series(array.to_pandas())
