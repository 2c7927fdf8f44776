"""What rows does a file hold, and on which lines? CSV, TSV, XLSX, Parquet and NDJSON, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from crm.i18n import Text
from crm.importing.delimited import delimited, tabbed
from crm.importing.encoding import decode, guess_notice
from crm.importing.limits import refuse_many_columns
from crm.importing.row_errors import RowError, reason
from crm.importing.source import EXACT, Encode, Reading, Source, UnreadableError, cell_text, column_names
from crm.importing.workbook import workbook

FORMATS = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".parquet": "parquet", ".pq": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
}  # fmt: skip

_LARGEST = 2**63


def _gzipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def data_format(path: Path) -> str | None:
    """Which kind of data file this is by its name, None if it is none."""
    suffix = Path(path.stem).suffix if _gzipped(path) else path.suffix
    return FORMATS.get(suffix.lower())


def read(path: Path, name: str, encode: Encode = lambda _: False, how: Reading | None = None) -> list[Source]:
    """The sources in a file: one, or for a workbook one per sheet."""
    kind = data_format(path)
    if kind is None:
        hint = Text(
            "CSV、TSV、XLSX、Parquet、NDJSON で保存してください。",
            "Save it as CSV, TSV, XLSX, Parquet or NDJSON.",
        )
        raise UnreadableError(path.suffix or path.name, hint)
    try:
        data = path.read_bytes()
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        if _gzipped(path):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(error) from error
    return [replace(source, digest=digest) for source in read_bytes(data, kind, name, encode, how)]


def read_bytes(
    data: bytes, kind: str, name: str, encode: Encode = lambda _: False, how: Reading | None = None
) -> list[Source]:
    """The sources in a file's contents, or in the body of a request; `kind` is a value of FORMATS."""
    try:
        sources = _READERS[kind](data, name, encode, how or Reading())
    except UnreadableError:
        raise
    except (OSError, EOFError, pa.ArrowException, csv.Error, KeyError, ValueError) as error:
        raise _unreadable(error) from error
    for source in sources:
        refuse_many_columns(source.columns.num_columns)
    return [_without_blank_rows(source) for source in sources]


def empty_file() -> UnreadableError:
    """That a file holds nothing at all."""
    hint = Text("1行目に列名のあるファイルにしてください。", "Its first line must hold column names.")
    return UnreadableError("empty", hint)


def _unreadable(error: Exception) -> UnreadableError:
    again = Text("書き出し直してください。", "Export it again.")
    return UnreadableError(str(error).split("\n")[0][:200] or type(error).__name__, again)


def _without_blank_rows(source: Source) -> Source:
    columns = source.columns
    if columns.num_rows == 0 or any(column.null_count == 0 for column in columns.columns):
        return source
    filled = np.zeros(columns.num_rows, bool)
    for column in columns.columns:
        filled |= np.asarray(column.is_valid())
    if filled.all():
        return source
    kept = np.flatnonzero(filled)
    lines_of = source.lines_of
    return replace(
        source, columns=columns.filter(pa.array(filled)), lines_of=lambda rows: lines_of(kept[rows])
    )


def _parquet(data: bytes, name: str, _encode: Encode, _how: Reading) -> list[Source]:
    from pyarrow import parquet

    refuse_many_columns(len(parquet.read_schema(pa.BufferReader(data)).names))
    table = parquet.read_table(pa.BufferReader(data))
    columns = [_simple(column) for column in table.columns]
    return [Source(name, pa.table(columns, names=column_names(table.column_names)), lambda rows: rows + 1)]


def _simple(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_dictionary(kind) and kind != pa.dictionary(pa.int32(), pa.string()):
        return _simple(column.cast(kind.value_type))
    return column


def _ndjson(data: bytes, name: str, _encode: Encode, how: Reading) -> list[Source]:
    """One object a line, or one list of objects, whose elements are numbered instead of lines."""
    data, charset, damaged, guessed = decode(data, how.encoding)
    objects: list[tuple[int, Any]] = []
    errors: list[RowError] = []
    for number, line, value in _values(data):
        if isinstance(value, dict):
            objects.append((number, value))
            continue
        detail = str(value)[:100] if isinstance(value, ValueError) else "not an object"
        why = reason("bad_json", detail=detail)
        text = line.decode("utf-8", "replace")[:500]
        errors.append(RowError("", name, number, "", text, "bad_json", why, raw={"json": text}))
    notices = (guess_notice(charset),) if guessed else ()
    return [replace(_objects(objects, name, errors), charset=charset, damaged=damaged, notices=notices)]


def _values(data: bytes) -> Iterator[tuple[int, bytes, Any]]:
    """Each value with its number and text; an error in place of a value that is not JSON."""
    if data.lstrip()[:1] == b"[":
        for number, value in enumerate(orjson.loads(data), 1):
            yield number, b"" if isinstance(value, dict) else orjson.dumps(value), value
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                yield number, line, orjson.loads(line)
            except ValueError as error:
                yield number, line, error


def _objects(numbered: list[tuple[int, Any]], name: str, errors: list[RowError]) -> Source:
    numbers = np.array([number for number, _ in numbered], np.int64)
    refuse_many_columns(len({name for _, value in numbered for name in value}))
    table = table_of([value for _, value in numbered])
    return Source(name, table, lambda rows: numbers[rows], errors)


def table_of(rows: list[Mapping[str, Any]]) -> pa.Table:
    """Objects as columns: typed where all values of a column are of one type, else text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [_column([row.get(name) for row in rows]) for name in names]
    return pa.table(columns, names=[str(name) for name in names])


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value is None or -_LARGEST <= value < _LARGEST for value in values):
        return pa.array(values, pa.int64())
    if kinds <= {int, float} and kinds and all(abs(value or 0) <= EXACT for value in values):
        return pa.array(values, pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    return pa.array([cell_text(value) for value in values], pa.string())


_READERS: dict[str, Callable[[bytes, str, Encode, Reading], list[Source]]] = {
    "csv": delimited,
    "tsv": tabbed,
    "xlsx": workbook,
    "parquet": _parquet,
    "ndjson": _ndjson,
}
