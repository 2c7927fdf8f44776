"""Do workers read the log that this process has, in whatever currencies and versions it is?"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.importing import push_rows, remove_rows
from crm.instants import as_of_instant
from crm.store import Store
from training.dask.source import to_parquet

TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> int:
    return as_of_instant(text, TOKYO)


def deals() -> pd.DataFrame:
    rows = [("O", "USD", 1_000.0), ("E", "EUR", 500.0), ("B", "JPY", 700_000.0)]
    frame = pd.DataFrame(rows, columns=["deal_id", "currency", "amount"])
    return frame.assign(created_at="2026-09-01", stage="提案・見積")


def rates() -> pd.DataFrame:
    rows = [("2026-10-01", 150.0), ("2026-11-01", 160.0)]
    return pd.DataFrame(rows, columns=["at", "rate"]).assign(currency="USD", kind="market")


def amounts(log: EventLog) -> dict[str, float]:
    rows = log["deals"]
    return dict(zip(rows["deal_id"], rows["amount"].tolist(), strict=True))


def test_workers_read_the_log_as_it_was_recorded_with_its_rates_and_versions(tmp_path: Path) -> None:
    with Store.open("sqlite://", TOKYO) as store:
        for table, frame in (("deals", deals()), ("rates", rates())):
            push_rows(store, table, frame, TOKYO, now=at("2026-11-05"))
        push_rows(store, "rates", rates().tail(1).assign(rate=170), TOKYO, now=at("2026-11-07"))
        remove_rows(store, "deals", ["B"], TOKYO, now=at("2026-11-08"))
        log = store.read()
    for name, there in (("whole", log), ("view", log.as_of(at("2026-11-06")))):
        read = to_parquet(there, tmp_path / name).read()
        pd.testing.assert_frame_equal(read["deals"], there["deals"], check_categorical=False)
        early = at("2026-11-02")
        assert amounts(read.as_of(early)) == pytest.approx(amounts(there.as_of(early)), nan_ok=True)
    assert amounts(log)["O"] == 170_000
    assert "B" not in amounts(log)
