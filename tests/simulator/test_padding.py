"""Is what is planted as padding there, doubled and not followed, and all else as it was?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import as_of_instant
from features.kpis.followed import steps_of
from simulator import WorldSettings, crm_tables, simulate
from simulator.padding import PADDED, Padding, pad

TOKYO = ZoneInfo("Asia/Tokyo")
FIRST, LAST = date(2026, 4, 1), date(2026, 6, 30)
START, END = as_of_instant("2026-03-31", TOKYO), as_of_instant("2026-06-30", TOKYO)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return dict(
        crm_tables(simulate(WorldSettings(deals=700, seed=9, end=date(2026, 8, 31), days=400, bottlenecks=0)))
    )


def rows_of(tables: dict[str, pd.DataFrame], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and empty ones, of each person within the quarter."""
    people = tuple(tables["people"]["person_id"])
    steps = steps_of(EventLog.of(tables, TOKYO), people)[kind]
    within = (steps.at >= START) & (steps.at < END)
    rows = np.bincount(steps.person[within], minlength=len(people))
    return rows, np.bincount(steps.person[within & ~steps.followed], minlength=len(people))


@pytest.mark.parametrize("kind", PADDED)
def test_one_sellers_kpi_is_doubled_by_rows_that_nothing_follows(kind: str, tables: dict[str, pd.DataFrame]):
    before, empty_before = rows_of(tables, kind)
    seller = int(np.argmax(before))
    padding = Padding(kind, tables["people"]["person_id"].iloc[seller], FIRST, LAST)
    padded = pad(tables, padding, np.random.default_rng(1))
    rows, empty = rows_of(dict(padded.tables), kind)
    added = rows[seller] - before[seller]
    # As far as there is room; of deals that are due, also those count that close in the month's last days.
    assert 0.65 * before[seller] <= added <= 1.5 * before[seller]
    assert empty[seller] - empty_before[seller] >= 0.9 * added
    others = np.arange(len(rows)) != seller
    assert np.array_equal(rows[others], before[others])
    assert len(padded.ids) >= added


def test_what_was_there_before_is_still_there(tables: dict[str, pd.DataFrame]):
    for kind in PADDED:
        padded = pad(tables, Padding(kind, "P001", FIRST, LAST), np.random.default_rng(1)).tables
        for name, key in (("activities", "activity_id"), ("deals", "deal_id")):
            kept = padded[name][padded[name][key].isin(tables[name][key])].reset_index(drop=True)
            pd.testing.assert_frame_equal(kept, tables[name], check_dtype=False)
        old = tables["deal_events"].merge(padded["deal_events"], how="left", indicator=True)
        assert (old["_merge"] == "both").all()


def test_a_kind_that_is_not_known_is_refused(tables: dict[str, pd.DataFrame]):
    with pytest.raises(ValueError, match="kind: expected one of calls"):
        pad(tables, Padding("lunches", "P001", FIRST, LAST), np.random.default_rng(1))
