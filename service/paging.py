"""Which rows are on a page of a list? A cursor names the last row, so that pages neither skip nor repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text
from features.arrays import Flags
from service import cursors

_KEY = "deal_id"


@dataclass(frozen=True)
class Page:
    """Rows of a page, the cursors of the pages after and before it, and how many rows come before it.

    Without a cursor there is no such page, or it is the first one, which needs none.
    """

    rows: list[dict[str, Any]]
    next_cursor: str | None
    previous_cursor: str | None
    rows_before: int


def page(
    frame: pd.DataFrame, sort: str, cursor: str | None, limit: int | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows after the cursor in the order of `sort` (-column: descending), and the next cursor."""
    found = page_of(in_order(frame, sort), sort, cursor, limit)
    return found.rows, found.next_cursor


def in_order(frame: pd.DataFrame, sort: str) -> pd.DataFrame:
    """All rows in the order of `sort`, from which pages are taken."""
    column = sort.removeprefix("-")
    if column not in frame.columns:
        raise SanchoError(
            Text(
                "sort には {names} のいずれかを指定してください（先頭に - を付けると降順）。",
                "sort: give one of {names}; with - before it, sorts in descending order.",
            ).format(names=", ".join(frame.columns)),
            "bad_sort",
        )
    return frame.sort_values([column, _KEY], ascending=[not sort.startswith("-"), True], kind="stable")


def page_of(ordered: pd.DataFrame, sort: str, cursor: str | None, limit: int | None, of: str = "") -> Page:
    """Rows after the cursor of rows in the order of `sort`; `of`: whose they are."""
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    name = f"deals {sort} {of}"
    shown = ordered
    if cursor is not None:
        shown = ordered[_is_after(ordered, column, descending, cursor, name)]
    remaining = len(shown)
    before = len(ordered) - remaining
    shown = shown if limit is None else shown.iloc[:limit]
    rows = [{str(name): value for name, value in row.items()} for row in shown.to_dict("records")]
    is_last = limit is None or remaining <= limit or not rows
    following = None if is_last else _cursor_of(rows[-1], column, name)
    previous = None
    if limit is not None and before > limit:  # else the page before is the first one
        [last] = ordered.iloc[[before - limit - 1]].to_dict("records")
        previous = _cursor_of(last, column, name)
    return Page(rows, following, previous, before)


def _cursor_of(row: Mapping[Any, Any], column: str, name: str) -> str:
    """The cursor of the page that begins after a row."""
    value, key = row[column], str(row[_KEY])
    return cursors.written(name, (key,) if pd.isna(value) else (key, value))


def _is_after(ordered: pd.DataFrame, column: str, descending: bool, cursor: str, name: str) -> Flags:
    """Whether each row comes after the one of a cursor; rows without a value come last in either order."""
    values, keys = ordered[column], ordered[_KEY].to_numpy(object)
    missing = values.isna().to_numpy(bool)
    kind = float if pd.api.types.is_numeric_dtype(values.dtype) else str
    if cursors.parts(cursor, name) == 1:
        (key,) = cursors.read(cursor, name, str)
        return np.asarray(missing & (keys > key), bool)
    key, value = cursors.read(cursor, name, str, kind)
    after = missing.copy()
    known = values[~missing].to_numpy(object)
    further = known < value if descending else known > value
    after[~missing] = np.asarray(further | ((known == value) & (keys[~missing] > key)), bool)
    return after
