"""Which rows are on a page of a list? A cursor names the last row, so that pages neither skip nor repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text
from features.arrays import Flags
from service import cursors

_KEY = "deal_id"


def page(
    frame: pd.DataFrame, sort: str, cursor: str | None, limit: int | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows after the cursor in the order of `sort` (-column: descending), and the next cursor."""
    return page_of(in_order(frame, sort), sort, cursor, limit)


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


def page_of(
    ordered: pd.DataFrame, sort: str, cursor: str | None, limit: int | None, of: str = ""
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows after the cursor of rows in the order of `sort`, and the next cursor; `of`: whose they are."""
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    name = f"deals {sort} {of}"
    if cursor is not None:
        ordered = ordered[_is_after(ordered, column, descending, cursor, name)]
    remaining = len(ordered)
    ordered = ordered if limit is None else ordered.iloc[:limit]
    rows = [{str(name): value for name, value in row.items()} for row in ordered.to_dict("records")]
    if limit is None or remaining <= limit or not rows:
        return rows, None
    value, key = rows[-1][column], str(rows[-1][_KEY])
    return rows, cursors.written(name, (key,) if pd.isna(value) else (key, value))


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
