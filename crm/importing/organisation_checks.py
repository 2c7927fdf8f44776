"""Which rows can say what the organisation is? One organisation, and only values that exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from crm.importing.checked_rows import CheckedRows
from crm.organisation import COMPANY
from crm.organisation_values import is_country, is_month, is_zone
from crm.schema import TABLES

_MAX_WORD = 20


def check_organisation(rows: CheckedRows) -> None:
    """One organisation, whose month, time zone, country and words exist (currency: `check_currencies`)."""
    if "organisation_id" in rows.columns:
        ids = rows.columns["organisation_id"].to_pylist()
        first = next((name for name in ids if name is not None), None)
        other = np.array([name is not None and name != first for name in ids], np.bool_)
        rows.reject_all(other & rows.sound, "organisation_id", "second_organisation", first=first)
        # A store holds one organisation, whatever it calls itself.
        rows.columns["organisation_id"] = pa.array([None if name is None else COMPANY for name in ids])
    for name, (code, is_fine) in _FINE.items():
        if name in rows.columns:
            values = rows.columns[name].to_pylist()
            wrong = np.array([value is not None and not is_fine(value) for value in values], np.bool_)
            rows.reject_all(wrong & rows.sound, name, code)


def _is_word(text: str) -> bool:
    return 0 < len(text.strip()) <= _MAX_WORD and text.isprintable()


def _is_column(name: str) -> bool:
    deals = TABLES["deals"]
    return name not in deals.by_name and bool(name.strip()) and name.isprintable()


_FINE: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "fiscal_start_month": ("bad_month", is_month),
    "time_zone": ("bad_zone", is_zone),
    "country": ("bad_country", is_country),
    "rank_column": ("bad_rank_column", _is_column),
    "deal_word": ("bad_deal_word", _is_word),
}
