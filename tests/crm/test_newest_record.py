"""Up to when do the data of an answer reach?"""

from __future__ import annotations

import pandas as pd

from crm.eventlog import EventLog
from crm.instants import as_of_instant
from crm.newest_record import RecordTimes
from tests.support.fakes import TOKYO


def test_the_newest_record_is_the_last_before_the_moment_in_any_table():
    log = EventLog.of(
        {
            "deals": pd.DataFrame(
                [{"deal_id": "D", "created_at": "2026-10-01T09:00", "stage": "A",
                  "expected_close_date": "2026-12-31"}]
            ),
            "activities": pd.DataFrame(
                [{"activity_id": "A", "at": "2026-10-20T10:00", "kind": "call", "deal_id": "D"}]
            ),
        },
        TOKYO,
    )  # fmt: skip
    times = RecordTimes.of(log)

    def at(text: str) -> int:
        return as_of_instant(text, TOKYO)

    assert times.newest(at("2026-11-20")) == at("2026-10-20T10:00")
    assert times.newest(at("2026-10-20T10:00")) == at("2026-10-01T09:00")
    assert times.newest(at("2026-10-01T09:00")) is None
