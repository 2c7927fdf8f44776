"""What does the organisation say about itself, and since when? Its one row in the table `organisation`.

The row is the only truth about fiscal year, time zone, country and currency. The settings fill it when the
store is first written; where there is no row, or a blank in it, they speak in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.i18n import Text
from crm.instants import as_of_instant
from crm.standing_rows import standing_rows
from crm.versions import ALWAYS, Versions

COMPANY = "company"  # the organisation's id: a store holds one
# What of a model rests on a column, so that a change asks for a new training.
LEARNED_FROM = {
    "fiscal_start_month": Text("四半期末・年度末の特徴量", "features of the ends of quarters and years"),
    "time_zone": Text("日の区切り（日付と営業日の特徴量）", "where days begin and end"),
    "country": Text("営業日（祝日）の特徴量", "business days (public holidays)"),
}


class Tables(Protocol):
    """The canonical tables by name: an EventLog, or a mapping of frames."""

    def __getitem__(self, table: str, /) -> pd.DataFrame:
        """The rows of a table."""


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """What holds for all of an organisation's data.

    `fiscal_start_month` 1 to 12; `time_zone` IANA name; `country` whose public holidays count; `currency` ISO
    code of the money in which everything is answered; `rate_kind` the exchange rates that count, `market` or
    `internal` (社内レート); `rank_column` the column of deals with the rep's own call (ヨミ, 確度);
    `deal_word` what a deal is called here (商談, 案件).
    """

    fiscal_start_month: int = 4
    time_zone: str = "Asia/Tokyo"
    country: str = "JP"
    currency: str = "JPY"
    rate_kind: str = "market"
    rank_column: str | None = None
    deal_word: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that gives naive times and plain dates their meaning."""
        return ZoneInfo(self.time_zone)


COLUMNS = tuple(Organisation.__dataclass_fields__)  # of the table, without its key


def organisation_of(tables: Tables, settings: Organisation | None = None) -> Organisation:
    """What the organisation's row says, as the tables stand; a blank, or no row, is what the settings say."""
    default = settings or Organisation()
    rows = tables["organisation"]
    if rows.empty:
        return default
    here = rows[rows["organisation_id"] == COMPANY]
    row = (here if len(here) else rows).iloc[-1]
    return organisation_from({name: row[name] for name in COLUMNS if name in row.index}, default)


def organisation_from(row: Mapping[str, Any], default: Organisation) -> Organisation:
    """What a row says; blanks are what `default` says."""
    said = {
        name: int(value) if name == "fiscal_start_month" else str(value)
        for name, value in row.items()
        if name in COLUMNS and not pd.isna(value)
    }
    return Organisation(**(vars(default) | said))


@dataclass(frozen=True)
class OrganisationHistory:
    """What the organisation said from which moment on: (known from, what), oldest first."""

    known: tuple[tuple[int, Organisation], ...]

    @classmethod
    def of(
        cls, recorded: pd.DataFrame, versions: Versions | None, default: Organisation, until: int
    ) -> OrganisationHistory:
        """From the recorded row and its versions before `until`; `default` where nothing was said yet."""
        if versions is None or not len(versions):
            return cls(((ALWAYS, organisation_of({"organisation": recorded}, default)),))
        since = sorted({ALWAYS, *(at for at in versions.known_from.tolist() if at < until)})
        frames, of_table = {"organisation": recorded}, {"organisation": versions}
        return cls(
            tuple(
                (at, organisation_of(standing_rows(frames, of_table, at + 1, default.zone), default))
                for at in since
            )
        )

    def at(self, moment: int) -> Organisation:
        """What was known strictly before a moment."""
        return next(said for since, said in reversed(self.known) if since < moment or since == ALWAYS)

    def instant(self, as_of: str | date | datetime | int | None) -> int:
        """The as-of moment a user means, by the time zone that was known at that moment."""
        if isinstance(as_of, int | np.integer):
            return int(as_of)
        at = 0
        for _, said in self.known:
            at = as_of_instant(as_of, said.zone)
            if self.at(at).time_zone == said.time_zone:
                break
        return at
