"""What does the organisation say about itself? Its one row in the table `organisation`, else the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pandas as pd

COMPANY = "company"  # the organisation's id: a store holds one


class Tables(Protocol):
    """The canonical tables by name: an EventLog, or a mapping of frames."""

    def __getitem__(self, table: str, /) -> pd.DataFrame:
        """The rows of a table."""


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """What holds for all of an organisation's data.

    `currency`: ISO code of the money in which everything is answered; `rate_kind`: the exchange rates that
    count, `market` or `internal` (社内レート).
    """

    currency: str = "JPY"
    rate_kind: str = "market"


def organisation_of(tables: Tables, settings: Organisation | None = None) -> Organisation:
    """What the organisation's row says, as the tables stand; a blank, or no row, is what the settings say."""
    default = settings or Organisation()
    rows = tables["organisation"]
    if rows.empty:
        return default
    here = rows[rows["organisation_id"] == COMPANY]
    row = (here if len(here) else rows).iloc[-1]

    def said(name: str, otherwise: str) -> str:
        return otherwise if pd.isna(row[name]) else str(row[name])

    return Organisation(
        currency=said("currency", default.currency), rate_kind=said("rate_kind", default.rate_kind)
    )
