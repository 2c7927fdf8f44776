"""Where does the next page of a list begin? After the row that a cursor names by its place in the order.

A cursor holds the sort key of the last row of a page, not how many rows came before: rows that come or go
between two pages are neither repeated nor do they push others out. It also holds a name of the list that it
is of, so that one of another list, or made up, is refused in a sentence.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import orjson

from crm.errors import SanchoError
from crm.i18n import Text

T = TypeVar("T")
Part = str | int | float
_MOST_INTEGER = 2**62  # no instant or number that a database holds is larger
_BAD_CURSOR = Text(
    "cursor が正しくありません。前のページの next_cursor を、ほかの条件を変えずにそのまま送ってください。",
    "cursor: send the next_cursor of the page before, unchanged, with the same other parameters.",
)


def written(of: str, key: Sequence[Part]) -> str:
    """The cursor of a row by its sort key, in the list that `of` names.

    >>> read(written("jobs", [17, "a"]), "jobs", int, str)
    (17, 'a')
    """
    return base64.urlsafe_b64encode(orjson.dumps([of, *key])).decode().rstrip("=")


def read(cursor: str, of: str, *kinds: type) -> tuple[Any, ...]:
    """The sort key that a cursor holds, a value of each kind; raises where it is none of this list."""
    key = _held(cursor, of)
    if len(key) != len(kinds) or not all(_is_of(part, kind) for part, kind in zip(key, kinds, strict=True)):
        raise _bad_cursor()
    return tuple(key)


def parts(cursor: str, of: str) -> int:
    """How many values a cursor holds; 0 where it is none of this list."""
    try:
        return len(_held(cursor, of))
    except SanchoError:
        return 0


def page(
    rows: Iterable[T],
    key: Callable[[T], Sequence[Part]],
    of: str,
    *,
    limit: int,
    cursor: str | None,
    kinds: Sequence[type],
) -> tuple[list[T], str | None]:
    """Up to `limit` rows after the cursor in the order of their keys, which differ, and the next cursor.

    >>> page("cab", lambda letter: [letter], "letters", limit=2, cursor=None, kinds=[str])
    (['a', 'b'], 'WyJsZXR0ZXJzIiwiYiJd')
    >>> page("cab", lambda letter: [letter], "letters", limit=2, cursor="WyJsZXR0ZXJzIiwiYiJd", kinds=[str])
    (['c'], None)
    """
    ordered = sorted(((tuple(key(row)), row) for row in rows), key=lambda pair: pair[0])
    if cursor is not None:
        before = read(cursor, of, *kinds)
        ordered = [pair for pair in ordered if pair[0] > before]
    shown = ordered[:limit]
    following = written(of, shown[-1][0]) if len(ordered) > len(shown) and shown else None
    return [row for _, row in shown], following


def _bad_cursor() -> SanchoError:
    return SanchoError(_BAD_CURSOR, "bad_cursor")


def _held(cursor: str, of: str) -> list[Any]:
    try:
        held: list[Any] = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        list_of, *key = held
    except (binascii.Error, ValueError, TypeError):
        raise _bad_cursor() from None
    if list_of != of:
        raise _bad_cursor()
    return key


def _is_of(part: object, kind: type) -> bool:
    if isinstance(part, bool):
        return False
    if kind is float:
        return isinstance(part, int | float)
    return isinstance(part, kind) and not (isinstance(part, int) and abs(part) >= _MOST_INTEGER)
