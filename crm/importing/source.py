"""What is a file once it is read? Rows as columns, the lines they came from, and lines that are no rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from crm.i18n import Text
from crm.importing.row_errors import RowError, reason

Ints = NDArray[np.int64]
# Stands before a cell that holds no value of its own: a formula without its result, an error of the sheet.
NO_RESULT = "\N{OBJECT REPLACEMENT CHARACTER}"
EXACT = 2**53  # whole numbers up to which a float holds every digit
Encode = Callable[[str], bool]  # whether a column has few distinct values, best kept as codes


@dataclass(frozen=True)
class Reading:
    """How a file is read where somebody said so: character set, separator, lines above the header, sheet.

    `known` are names of columns by which the header is found, where they are not those of the tables.
    """

    encoding: str | None = None
    delimiter: str | None = None
    skip: int = 0
    sheet: str | None = None
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grid:
    """A sheet's cells as texts, row by row, with their row numbers; merged ranges are filled down.

    `merged`: (first row, last row, first column, last column) of each merged range, from 0.
    """

    title: str
    rows: list[list[str | None]]
    numbers: list[int]
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Rows of one file or sheet: columns of text (or typed, where the file has types), nulls for blanks.

    `lines_of` gives the file's lines (Excel's rows) of row numbers; `errors` are lines that are no rows.
    """

    file: str
    columns: pa.Table
    lines_of: Callable[[Ints], Ints]
    errors: list[RowError] = field(default_factory=list)
    sheet: str | None = None
    digest: str = ""
    charset: str = "utf-8"
    damaged: bool = False  # some bytes fitted no character, or some cells hold no value
    delimiter: str = ""
    notices: tuple[Text, ...] = ()  # what was decided about the file, to tell
    grid: Grid | None = None  # the sheet as it stands, of a workbook
    book: tuple[Source, ...] = ()  # all sheets of a workbook that is one list

    @property
    def habit(self) -> str | None:
        """The decimal mark that the file's form makes likely: where ; separates, the comma is taken."""
        return "," if self.delimiter == ";" else None

    @property
    def rows(self) -> int:
        """Rows read, those that are no rows included."""
        return int(self.columns.num_rows) + len(self.errors)


class UnreadableError(Exception):
    """A file that cannot be read at all; why, and what to do."""

    def __init__(self, detail: str, hint: Text) -> None:
        super().__init__(detail)
        self.hint = hint
        self.text = reason("unreadable_file", detail=detail, hint=hint)


def column_names(header: list[str]) -> list[str]:
    """Names as written, blank ones numbered; a repeated one gets a NUL and a number and is refused later."""
    names: dict[str, None] = {}
    for number, raw in enumerate(header, 1):
        name = " ".join(raw.split()) or f"column_{number}"
        names[name if name not in names else f"{name}\0{number}"] = None
    return list(names)


def _json(value: Any) -> str:
    """JSON of a value in a cell; what no 64 bits and no UTF-8 hold, in ASCII and in full.

    >>> _json({"a": [2**70]})
    '{"a": [1180591620717411303424]}'
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, default=str)


def cell_text(value: Any) -> str | None:
    """A cell as text: whole numbers without a point, times as ISO 8601, a midnight as its day."""
    match value:
        case None | "":
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) <= EXACT:
            return str(int(value))
        case int() | float():
            return repr(value)
        case dict() | list():
            return _json(value)
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text.removesuffix("T00:00:00")
    return str(value)
