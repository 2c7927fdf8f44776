"""What rows does a CSV or TSV file hold, on which lines? Fast where it is sound, line by line where not."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa

from crm.i18n import Text
from crm.importing.encoding import decode, guess_notice
from crm.importing.header import ROWS_LOOKED_AT, header_at, set_aside_notice
from crm.importing.limits import refuse_many_columns
from crm.importing.row_errors import RowError, reason
from crm.importing.source import Encode, Ints, Reading, Source, UnreadableError, column_names

_MARKS = ",\t;|"


def delimited(data: bytes, name: str, encode: Encode, how: Reading) -> list[Source]:
    """The one source in a CSV file; its separator is , ; | or a tab, whichever its header shows most of."""
    data, charset, damaged, guessed = decode(data, how.encoding)
    notices = [guess_notice(charset)] if guessed else []
    skip = how.skip
    if data[:4].lower() == b"sep=":  # Excel's own first line
        skip += 1
        how = replace(how, delimiter=how.delimiter or data[4:5].decode("ascii", "replace"))
    start = 0
    for _ in range(skip):
        start = data.find(b"\n", start) + 1
    top = data[start : start + 65_536].decode("utf-8", "replace")
    delimiter = how.delimiter or _delimiter(top)
    if not how.skip and (above := _lines_above(top, delimiter, how.known, notices)):
        skip += above
        for _ in range(above):
            start = data.find(b"\n", start) + 1
    header, header_lines = _header(data[start : start + 1_000_000].decode("utf-8", "replace"), delimiter)
    if not header:
        hint = Text("1行目に列名のあるファイルにしてください。", "Its first line must hold column names.")
        raise UnreadableError("empty", hint)
    refuse_many_columns(len(header))
    shape = _Shape(name, column_names(header), delimiter, start, skip, header_lines)
    doubtful = damaged or data.count(b'"', start) % 2 == 1  # an open quote, or an inch
    source = None if doubtful else _fast_csv(data, shape, encode)
    source = source or _exact_csv(data[start:].decode("utf-8"), shape)
    return [replace(source, charset=charset, damaged=damaged, delimiter=delimiter, notices=tuple(notices))]


def tabbed(data: bytes, name: str, encode: Encode, how: Reading) -> list[Source]:
    """The one source in a TSV file."""
    return delimited(data, name, encode, replace(how, delimiter=how.delimiter or "\t"))


@dataclass(frozen=True)
class _Shape:
    """How a CSV file is laid out: where its header begins, and what it says."""

    file: str
    names: list[str]
    delimiter: str
    start: int  # byte at which the header begins
    skipped: int  # lines above it
    header_lines: int  # lines from there to its end


def _delimiter(text: str) -> str:
    lines = ["".join(line.split('"')[::2]) for line in text.lstrip("\r\n").split("\n")[:ROWS_LOOKED_AT]]
    first = next((line for line in lines if any(mark in line for mark in _MARKS)), lines[0])
    return max(_MARKS, key=lambda mark: (first.count(mark), mark == ","))


def _lines_above(text: str, delimiter: str, known: frozenset[str], notices: list[Text]) -> int:
    """Lines of a title or an export date above the header."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, begins = [], []
    line = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                begins.append(line)
            line = reader.line_num
            if len(rows) == ROWS_LOOKED_AT:
                break
    except csv.Error:
        return 0
    if not rows or (at := header_at(rows, known)) == 0:
        return 0
    notices.append(set_aside_notice(begins[at] + 1, rows[:at]))
    return begins[at]


def _header(text: str, delimiter: str) -> tuple[list[str], int]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next((row for row in reader if row), [])
    return header, reader.line_num


def _fast_csv(data: bytes, shape: _Shape, encode: Encode) -> Source | None:
    """Arrow's reader; None where it stumbles over a line."""
    from pyarrow import csv as arrow_csv

    few = pa.dictionary(pa.int32(), pa.string())
    try:
        columns = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(shape.start)),
            read_options=arrow_csv.ReadOptions(
                column_names=shape.names, skip_rows_after_names=1, block_size=1 << 24
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=shape.delimiter, newlines_in_values=data.find(b'"', shape.start) >= 0
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={column: few if encode(column) else pa.string() for column in shape.names},
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    lines = data.count(b"\n", shape.start) + (not data.endswith(b"\n"))
    if lines == columns.num_rows + shape.header_lines:
        first = shape.skipped + shape.header_lines + 1
        return Source(shape.file, columns, lambda rows: rows + first)
    if _has_strays(io.StringIO(data[shape.start :].decode("utf-8"), newline=""), shape.delimiter):
        return None
    counted: list[Ints] = []

    def lines_of(rows: Ints) -> Ints:
        if not counted:  # only where a error asks for its line
            records = _records(data[shape.start :].decode("utf-8"), shape.delimiter)
            counted.append(np.array(list(records)[1:], np.int64) + shape.skipped)
        return counted[0][rows]

    return Source(shape.file, columns, lines_of)


def _records(text: str, delimiter: str) -> Iterator[int]:
    """The line on which each record begins."""
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 0
    for record in reader:
        if record:
            yield line + 1
        line = reader.line_num


def _exact_csv(text: str, shape: _Shape) -> Source:
    """Line by line, for files with broken lines: each becomes an error, the rest is read."""
    csv.field_size_limit(sys.maxsize)
    name, names, delimiter, skipped = shape.file, shape.names, shape.delimiter, shape.skipped
    lines = list(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    at: list[int] = []
    errors: list[RowError] = []
    start, header_seen = 0, False
    while start < len(lines):
        reader = csv.reader(islice(lines, start, None), delimiter=delimiter)
        line = start
        restart = None
        for record in reader:
            first, line = line, start + reader.line_num
            if not record:
                continue
            if not header_seen:
                header_seen = True
                continue
            extra = any(cell.strip() for cell in record[len(names) :])
            swallowed = line - first > 1 and (
                (line == len(lines) and _open(lines[first:])) or _has_strays(lines[first:line], delimiter)
            )
            if len(record) >= len(names) and not extra and not swallowed:
                rows.append(record[: len(names)])
                at.append(first + 1 + skipped)
                continue
            raw = lines[first].rstrip("\r\n")
            code = "open_quote" if swallowed else "column_count"
            why = reason(code, **({} if swallowed else {"found": len(record), "expected": len(names)}))
            cells = next(csv.reader([raw], delimiter=delimiter), [])
            kept = dict(zip(names, cells, strict=False))
            errors.append(RowError("", name, first + 1 + skipped, "", raw[:500], code, why, raw=kept))
            if line - first > 1:  # a quote left open swallowed what follows: go on behind the first line
                restart = first + 1
                break
        start = len(lines) if restart is None else restart
    arrays = [pa.array([cell or None for cell in column], pa.string()) for column in zip(*rows, strict=True)]
    table = pa.table(arrays or [pa.array([], pa.string()) for _ in names], names=names)
    numbers = np.array(at, np.int64)
    return Source(name, table, lambda wanted: numbers[wanted], errors)


def _open(lines: list[str]) -> bool:
    """Whether a quote opened in these lines is still open at their end."""
    return sum(line.count('"') for line in lines) % 2 == 1


def _has_strays(lines: Iterable[str], delimiter: str) -> bool:
    """Whether a text in quotes goes on behind its end: the quote that ended it belongs to another row."""
    try:
        for _ in csv.reader(lines, delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" not in str(error)  # one that is still open is seen by itself
    return False
