"""How is all that a store holds written to files, and read into an empty one? The same for every database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from crm.store.tables import (
    ALERT_CHANNELS,
    ALERT_MARKS,
    ALERT_MUTES,
    ALERTS,
    JOB_FILES,
    JOB_SCHEDULES,
    JOBS,
    METADATA,
    SIGN_IN_LINKS,
    SIGN_IN_PASSWORDS,
    SIGN_IN_SESSIONS,
    WEBHOOK_EVENTS,
    WEBHOOK_MARKS,
    WEBHOOKS,
)

JOB_TABLES = (
    *(JOBS, JOB_FILES, JOB_SCHEDULES, WEBHOOKS, WEBHOOK_EVENTS, WEBHOOK_MARKS),
    *(ALERT_CHANNELS, ALERTS, ALERT_MUTES, ALERT_MARKS, SIGN_IN_PASSWORDS),
)
# In no backup: who signed out, or used a link, since would be let in again by what is put back.
LEFT_OUT = (SIGN_IN_SESSIONS, SIGN_IN_LINKS)
STORE_TABLES = tuple(table for table in METADATA.sorted_tables if table not in (*JOB_TABLES, *LEFT_OUT))
_STEP = 20_000  # rows in memory at a time


def dump(connection: sa.Connection, tables: Sequence[sa.Table], folder: Path) -> dict[str, int]:
    """Writes each table as a Parquet file, rows by their key; how many rows each has.

    The connection sees one state of the store, whoever writes meanwhile.
    """
    counts = {}
    for table in tables:
        schema = pa.schema([(column.name, _arrow_type(column)) for column in table.columns])
        parsed = [column.name for column in table.columns if _is_json(column, connection)]
        with pq.ParquetWriter(folder / f"{table.name}.parquet", schema, compression="zstd") as writer:
            counts[table.name] = 0
            for rows in _parts(connection, table):
                columns = zip(*rows, strict=True)
                arrays = [
                    pa.array([_plain(value, kind, name in parsed) for value in values], kind)
                    for values, kind, name in zip(columns, schema.types, schema.names, strict=True)
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
                counts[table.name] += len(rows)
    return counts


def load(connection: sa.Connection, tables: Sequence[sa.Table], folder: Path) -> dict[str, int]:
    """Fills empty tables from such files; how many rows each has then. A table without a file stays empty."""
    counts = {}
    for table in tables:
        file = folder / f"{table.name}.parquet"
        if not file.exists():
            continue
        # As text: SQLAlchemy would make JSON's null of what is not there.
        texts = {
            column.name: sa.cast(sa.bindparam(column.name, type_=sa.Text), postgresql.JSONB)
            for column in table.columns
            if _is_json(column, connection)
        }
        counts[table.name] = 0
        for batch in pq.ParquetFile(file).iter_batches(_STEP):
            rows = batch.to_pylist()
            connection.execute(sa.insert(table).values(texts) if texts else sa.insert(table), rows)
            counts[table.name] += len(rows)
        _go_on_numbering(connection, table)
    return counts


def rows_of(connection: sa.Connection, tables: Sequence[sa.Table]) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
        for table in tables
    }


def _parts(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[sa.Row[Any]]]:
    """Rows by their primary key, some at a time; JSON as the text it is stored as."""
    columns = [
        sa.cast(column, sa.Text) if _is_json(column, connection) else column for column in table.columns
    ]
    query = sa.select(*columns).order_by(*table.primary_key.columns)
    yield from connection.execution_options(yield_per=_STEP).execute(query).partitions()


def _is_json(column: sa.Column[Any], connection: sa.Connection) -> bool:
    return isinstance(column.type.dialect_impl(connection.dialect), postgresql.JSONB)


def _arrow_type(column: sa.Column[Any]) -> pa.DataType:
    match column.type:
        case sa.Boolean():
            return pa.bool_()
        case sa.Integer():
            return pa.int64()
        case sa.Double():
            return pa.float64()
        case sa.LargeBinary():
            return pa.binary()
        case _:
            return pa.string()


def _plain(value: Any, kind: pa.DataType, is_json: bool) -> Any:
    """A value as Arrow takes it; JSON without the spaces that PostgreSQL puts between."""
    if value is None:
        return None
    if is_json:
        return orjson.dumps(orjson.loads(value)).decode()
    return bool(value) if pa.types.is_boolean(kind) else value


def _go_on_numbering(connection: sa.Connection, table: sa.Table) -> None:
    """PostgreSQL numbers new rows from a counter of its own, which rows with numbers do not move."""
    numbered = table.autoincrement_column
    if numbered is None or connection.dialect.name != "postgresql":
        return
    counter = sa.func.pg_get_serial_sequence(table.name, numbered.name)
    newest = connection.scalar(sa.select(sa.func.max(numbered)))
    if newest is not None:
        connection.execute(sa.select(sa.func.setval(counter, newest)))
