"""Which rows are on a page of a list? A cursor names the last row, so that pages neither skip nor repeat."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import orjson
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text

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
    ordered: pd.DataFrame, sort: str, cursor: str | None, limit: int | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows after the cursor of rows in the order of `sort`, and the next cursor."""
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    if cursor is not None:
        value, key = _read(cursor, sort)
        column_values, keys = ordered[column].to_numpy(), ordered[_KEY].to_numpy()
        try:
            after = column_values < value if descending else column_values > value
            same = column_values == value
        except TypeError:
            raise _bad_cursor() from None
        ordered = ordered[np.asarray(after | (same & (keys > key)), bool)]
    remaining = len(ordered)
    ordered = ordered if limit is None else ordered.iloc[:limit]
    rows = [{str(name): value for name, value in row.items()} for row in ordered.to_dict("records")]
    if limit is None or remaining <= limit or not rows:
        return rows, None
    return rows, _write(rows[-1][column], str(rows[-1][_KEY]), sort)


def _write(value: Any, key: str, sort: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([value, key, sort])).decode().rstrip("=")


def _read(cursor: str, sort: str) -> tuple[Any, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        value, key, cursor_sort = orjson.loads(text)
    except (binascii.Error, ValueError, TypeError):
        raise _bad_cursor() from None
    if cursor_sort != sort or not isinstance(key, str) or not isinstance(value, int | float | str):
        raise _bad_cursor()
    return value, key


def _bad_cursor() -> SanchoError:
    return SanchoError(
        Text(
            "cursor が正しくありません。前のページの next_cursor を、同じ sort とともに指定してください。",
            "cursor: give the next_cursor of the previous page, with the same sort.",
        ),
        "bad_cursor",
    )
