"""How is a table written as CSV so that no cell of it is taken for a formula?"""

from __future__ import annotations

from pathlib import Path

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


def _defused(value: object) -> object:
    """One value.

    >>> _defused("=1+1"), _defused("-5"), _defused("D-1"), _defused(-5)
    ("'=1+1", '-5', 'D-1', -5)
    """
    if not isinstance(value, str) or not value.startswith(_BEGINS_A_FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
