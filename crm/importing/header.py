"""Which row of a file holds the column names? The first, unless titles stand above it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from crm.i18n import Text
from crm.importing.columns import known_headings
from crm.importing.values import folded

ROWS_LOOKED_AT = 30
_LEAST = 3  # names of columns that tell a header from a title
_NOTE = re.compile(r"[（(［\[].*?[）)］\]]")


def header_at(rows: Sequence[Sequence[str | None]], known: frozenset[str] = frozenset()) -> int:
    """Position of the header among a file's first filled rows.

    It is the first row, unless a later one names more columns (`known`, or those of the tables) and is
    longer than all above it, as titles and export dates are short.
    """
    names = {_bare(name) for name in known} or _of_tables()
    found = [len({_bare(cell) for cell in row if cell} & names) for row in rows]
    best = max(range(len(rows)), key=lambda at: (found[at], -at), default=0)
    if best == 0 or found[best] < min(_LEAST, len(names)) or found[best] < found[0] + 2:
        return 0
    size = _filled(rows[best])
    return best if all(_filled(row) < size for row in rows[:best]) else 0


def _filled(row: Sequence[str | None]) -> int:
    return sum(1 for cell in row if cell and cell.strip())


def _bare(text: str) -> str:
    """A heading without its unit or note, as it is compared."""
    return folded(_NOTE.sub("", text)).replace(" ", "").replace("_", "")


@cache
def _of_tables() -> frozenset[str]:
    return frozenset(_bare(name) for name in known_headings())


def set_aside_notice(number: int, above: Sequence[Sequence[str | None]]) -> Text:
    """That rows above the header were set aside, with their first words."""
    words = [" ".join(cell for cell in row if cell) for row in above]
    shown = " / ".join(word for word in words if word)[:80]
    return Text(
        f"{number}行目を見出しとして読み、その上の行（{shown}）は使いませんでした。"
        "違うときはマッピングの skip で指定してください。",
        f"row {number} was read as the header; the rows above it ({shown}) were set aside. "
        "If that is wrong, say skip in a mapping.",
    )
