"""How do rows that a program sends become canonical rows? Checked like those of files, stored or not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pandas as pd
import pyarrow as pa

from crm.i18n import Text
from crm.importing.checked_rows import Context
from crm.importing.columns import headings
from crm.importing.conventions import Conventions, prepare
from crm.importing.load import Loader, Permit
from crm.importing.money_rows import with_defaults
from crm.importing.read import table_of
from crm.importing.result import ImportResult
from crm.importing.row_errors import RowError, reason
from crm.importing.session import session
from crm.importing.source import Source
from crm.importing.validate import Batch, texts_of, validate
from crm.instants import instant
from crm.schema import DEFAULT_OUTCOMES, TABLES, Kind, Table
from crm.store import Store, repeated
from crm.store.tables import CUSTOM

Rows = Sequence[Mapping[str, Any]] | pd.DataFrame
_HASHED = 20_000  # rows held as JSON at a time


@repeated
def push_rows(
    store: Store,
    table: str,
    rows: Rows | Source,
    zone: ZoneInfo,
    source: str = "api",
    now: int | None = None,
) -> ImportResult:
    """Upserts rows in one transaction; bad ones go to the quarantine by their line.

    The line of a row is that of its source (`read_bytes`), else its position from 1.
    """
    with session(store, source, zone, now=now) as loader:
        _load(loader, table, rows, zone, source, in_part=loader.writer.any_rows(table))
    return loader.log.result


def push_parts(
    store: Store,
    table: str,
    parts: Iterable[Source | Rows],
    zone: ZoneInfo,
    source: str = "api",
    permit: Permit | None = None,
) -> ImportResult:
    """The same of rows that come in parts, each read as a list of its own; kept as a whole, or not at all.

    `permit`: which of them may be written; the others are refused as bad rows are.
    """
    with session(store, source, zone, permit=permit) as loader:
        in_part = loader.writer.any_rows(table)
        for part in parts:
            _load(loader, table, part, zone, source, in_part)
    return loader.log.result


def _load(
    loader: Loader, table: str, rows: Rows | Source, zone: ZoneInfo, source: str, in_part: bool
) -> None:
    """Loads rows; `in_part`: they may change stored ones, and then need no more than their key."""
    body = rows if isinstance(rows, Source) else None
    columns, conventions, notices, error = _canonical_columns(table, rows, zone, in_part)
    if error is not None:
        loader.log.reject_file(source, error, columns.num_rows if body is None else body.rows)
        return
    for notice in notices:
        loader.log.result.note(notice)
    loader.log.digests.append(digest_of(columns))
    lines_of = (lambda positions: positions + 1) if body is None else body.lines_of
    no_rows = [] if body is None else [replace(error, file=source) for error in body.errors]
    damaged = body is not None and body.damaged
    counts, _ = loader.load(Batch(table, source, columns, lines_of, damaged=damaged, conventions=conventions))
    loader.log.reject_lines(table, no_rows)
    counts.read += len(no_rows)
    counts.quarantined += len(no_rows)
    loader.log.count_file(source, counts)


def digest_of(columns: pa.Table) -> str:
    """A name for rows: of all of them as one JSON list, of which a few are held at a time."""
    found = hashlib.blake2b(b"[")
    for start in range(0, columns.num_rows, _HASHED):
        few = orjson.dumps(columns.slice(start, _HASHED).to_pylist(), default=str)[1:-1]
        found.update(b"," + few if start else few)
    found.update(b"]")
    return found.hexdigest()


@repeated
def remove_rows(
    store: Store,
    table: str,
    keys: Sequence[str],
    zone: ZoneInfo,
    source: str = "api",
    now: int | None = None,
    permit: Permit | None = None,
) -> int:
    """Takes rows out of a table from now on, by their keys; how many of them were there, and may be removed.

    Earlier moments still know them. The key of a table with several key columns is their values joined by
    `crm.versions.BETWEEN`.
    """
    with session(store, source, zone, now=now) as loader:
        found = loader.writer.rows_named(table, keys)
        stored = found if permit is None else permit.removable(loader.writer, table, found)
        removed = loader.versions.remove(table, sorted(stored))
        loader.log.digests.append(f"removed from {table}: {sorted(stored)}")
    return removed


def check_rows(
    table: str,
    rows: Rows,
    zone: ZoneInfo,
    now: int | None = None,
    outcomes: Mapping[str, str | None] | None = None,
    where: str = "request",
) -> tuple[pd.DataFrame, list[RowError]]:
    """The sound rows as a frame that `EventLog.of` takes, and the errors of the others.

    The line of an error is the row's position from 1. Nothing is stored and any deal may be named. `outcomes`
    maps stages to how they end deals (won, lost or None); the default pipeline's where not given.
    """
    schema = TABLES[table]
    columns, conventions, _, error = _canonical_columns(table, rows, zone)
    if error is not None:
        return pd.DataFrame(columns=list(schema.names)), [error]
    moment = instant(datetime.now(zone), zone) if now is None else now
    known_outcomes = DEFAULT_OUTCOMES if outcomes is None else outcomes
    context = Context(zone=zone, now=moment, outcomes=known_outcomes, conventions=conventions)
    checked = validate(schema, columns, context)
    texts = texts_of(columns, sorted({error.row for error in checked.errors}))
    errors = [
        RowError(
            table,
            where,
            row + 1,
            column,
            texts[row].get(column, ""),
            code,
            reason(code, **values),
            row,
            texts[row],
        )
        for row, column, code, values in sorted(checked.errors, key=lambda error: error.row)
    ]
    frame = pd.DataFrame(
        {name: _frame_column(name, array, schema) for name, array in checked.columns.items()}
    )
    custom = {name: columns[name].to_pandas() for name in columns.column_names if name not in schema.by_name}
    with_custom = frame.drop(columns=CUSTOM, errors="ignore").assign(**custom)
    return with_custom[checked.sound].reset_index(drop=True), errors


def _canonical_columns(
    table: str, rows: Rows | Source, zone: ZoneInfo, in_part: bool = False
) -> tuple[pa.Table, Conventions, list[Text], RowError | None]:
    """Rows as columns under canonical names, how they are written; an error where they lack what all need.

    `in_part`: rows may change stored ones, and then need no more than their key.
    """
    schema = TABLES[table]
    if isinstance(rows, Source):
        given = rows.columns
    elif isinstance(rows, pd.DataFrame):
        given = pa.Table.from_pandas(rows, preserve_index=False)
    else:
        given = table_of(list(rows))
    meant = headings(schema, given.column_names)
    required = [column.name for column in schema.columns if column.required and column.default is None]
    missing = [name for name in required if name not in meant.names.values()]
    missing = [] if in_part else missing
    if given.num_rows and (meant.problem is not None or missing):
        column, code, why = meant.problem or (
            missing[0],
            "missing_column",
            reason("missing_column", column=missing[0], label=schema[missing[0]].label, hint=""),
        )
        return given, Conventions(), [], RowError(table, "request", None, column, "", code, why)
    used = [name for name in given.column_names if name in meant.names]
    columns = given.select(used).rename_columns([meant.names[name] for name in used])
    body = rows if isinstance(rows, Source) else None
    prepared = prepare(schema, columns, zone, habit=None if body is None else body.habit, units=meant.units)
    told = [*meant.notices, *([] if body is None else body.notices), *prepared.notices]
    return with_defaults(schema, prepared.columns), prepared.conventions, told, None


def _frame_column(name: str, array: pa.Array, schema: Table) -> pd.Series:
    if name in schema.by_name and schema[name].kind is Kind.MOMENT:
        array = array.cast(pa.timestamp("us", "UTC"))
        return pd.Series(array.to_pandas()).astype("datetime64[us, UTC]")
    if pa.types.is_dictionary(array.type):
        array = array.cast(pa.string())
    return pd.Series(array.to_pandas())
