"""What became of an agreement? Somebody said it, or the recorded activities show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import end_of_day, local_datetime, start_of_day
from crm.store import StoredAgreement
from crm.store.meetings import BROKEN, FULFILLED, OPEN


@dataclass(frozen=True)
class Result:
    """What became of it, since when; `times`: how often the activity was recorded, None where none is named.

    `is_found`: activities show it, nobody said it.
    """

    result: str
    at: int | None = None
    times: int | None = None
    is_found: bool = False


@dataclass(frozen=True)
class Recorded:
    """Activities since the first of some agreements was made, as of a moment."""

    moment: int
    zone: ZoneInfo
    rows: pd.DataFrame
    accounts: Mapping[str, str] = field(default_factory=dict)  # of deals

    @classmethod
    def of(cls, known: EventLog, moment: int, zone: ZoneInfo, agreed: Sequence[StoredAgreement]) -> Recorded:
        """What is needed to tell the results of these."""
        since = min((one.made_at for one in agreed if one.activity is not None), default=moment)
        begin = start_of_day(local_datetime(since, zone).date(), zone)
        rows = known["activities"]
        at = micros(rows["at"])
        wanted = (at >= begin) & (at < moment)
        found = rows[wanted].assign(at=at[wanted])
        deals = known["deals"]
        about = deals["deal_id"].isin(found["deal_id"]).to_numpy(bool)
        of_deals = dict(zip(deals["deal_id"][about], deals["account_id"][about], strict=True))
        return cls(moment, zone, found, of_deals)

    def result(self, agreed: StoredAgreement) -> Result:
        """What became of one as of the moment; what was said of it holds over what is recorded."""
        times, last = self._found(agreed)
        if agreed.result != OPEN and (agreed.result_at or 0) < self.moment:
            return Result(agreed.result, agreed.result_at, times)
        if times is None:
            return Result(OPEN)
        if times >= agreed.times:
            return Result(FULFILLED, last, times, is_found=True)
        ends = end_of_day(date.fromisoformat(agreed.due), self.zone)
        return (
            Result(BROKEN, ends, times, is_found=True) if ends <= self.moment else Result(OPEN, None, times)
        )

    def _found(self, agreed: StoredAgreement) -> tuple[int | None, int | None]:
        """How often the activity was recorded until the due date, and when it was often enough."""
        if agreed.activity is None:
            return None, None
        rows, at = self.rows, self.rows["at"].to_numpy(np.int64)
        begin = start_of_day(local_datetime(agreed.made_at, self.zone).date(), self.zone)
        ends = end_of_day(date.fromisoformat(agreed.due), self.zone)
        same = (rows["kind"] == agreed.activity).to_numpy(bool) & (at >= begin) & (at < ends)
        if agreed.deal_id is not None:
            same &= (rows["deal_id"] == agreed.deal_id).to_numpy(bool)
        elif agreed.account_id is not None:
            of_deal = rows["deal_id"].map(self.accounts)
            own = (rows["account_id"] == agreed.account_id) | (of_deal == agreed.account_id)
            same &= own.to_numpy(bool)
        else:
            same &= (rows["actor_id"] == agreed.person_id).to_numpy(bool)
        moments = np.sort(at[same])
        return len(moments), int(moments[agreed.times - 1]) if len(moments) >= agreed.times else None
