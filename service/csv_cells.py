"""How is a table written as CSV so that no cell of it is taken for a formula?"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # for Excel and its kin


def write_csv(frame: pd.DataFrame, file: Path) -> None:
    """Writes a frame; a text that begins like a formula gets an apostrophe before it, as Excel writes such.

    Names in a CRM are typed by anybody, and a spreadsheet would carry out what they hold (OWASP, "CSV
    injection"). Numbers stay as they are.
    """
    texts = frame.select_dtypes(include=["object", "str", "category"]).columns
    defused = frame.assign(**{name: frame[name].map(_defused) for name in texts})
    defused.to_csv(file, index=False)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    r"""Rows as CSV, the first of them its headings, with the same care; None is an empty cell.

    >>> csv_text([["deal", "amount"], ["=1+1", -5], [None, 2.5]])
    "deal,amount\r\n'=1+1,-5\r\n,2.5\r\n"
    """
    out = io.StringIO()
    csv.writer(out).writerows([_defused(value) for value in row] for row in rows)
    return out.getvalue()


def begins_a_formula(text: str) -> bool:
    """Whether a spreadsheet could take a text for a formula.

    >>> begins_a_formula("=1+1"), begins_a_formula("-5"), begins_a_formula("D-1")
    (True, False, False)
    """
    return text.startswith(_BEGINS_A_FORMULA) and not _is_number(text)


def _defused(value: object) -> object:
    """One value.

    >>> _defused("=1+1"), _defused("-5"), _defused("D-1"), _defused(-5)
    ("'=1+1", '-5', 'D-1', -5)
    """
    if not isinstance(value, str) or not begins_a_formula(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
