"""What does a cell of a frame say, where it says anything?"""

from __future__ import annotations

from typing import Any

import pandas as pd


def text_or_none(value: Any) -> str | None:
    """A value of a frame as text; None for a blank.

    >>> text_or_none("訪問"), text_or_none(""), text_or_none(float("nan"))
    ('訪問', None, None)
    """
    return None if value is None or pd.isna(value) or value == "" else str(value)
