"""Is what was foreseen written down once a day, and shown only to those who could have known it?"""

from __future__ import annotations

from datetime import date

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa

from crm.instants import DAY, end_of_day, start_of_day
from crm.periods import parse_period
from crm.store import Store, StoredOutlook
from service.forecast_history import history_rows, missing_days

PERIOD = parse_period("2026-Q4")
NAME = "2026-10-01..2026-12-31"


def kept(day: str, zone, chance: float | None = 0.5, scope: str = "company", late: int = 0) -> StoredOutlook:
    as_of = end_of_day(date.fromisoformat(day), zone)
    target = None if chance is None else 100.0
    return StoredOutlook(
        NAME, scope, day, as_of, as_of + late * DAY, chance, target, 90.0, 70.0, 88.0, 120.0, "3"
    )


def test_a_day_is_written_down_once_and_stays(store: Store, zone):
    store.save_outlooks([kept("2026-11-20", zone, 0.4), kept("2026-11-20", zone, None, "team:T1")])
    store.save_outlooks([kept("2026-11-20", zone, 0.9), kept("2026-11-21", zone, 0.6)])
    found = store.outlooks(NAME, "company", end_of_day(date(2026, 12, 31), zone))
    assert [(row.day, row.probability) for row in found] == [("2026-11-20", 0.4), ("2026-11-21", 0.6)]
    (team,) = store.outlooks(NAME, "team:T1", end_of_day(date(2026, 12, 31), zone))
    assert (team.probability, team.target, team.p90) == (None, None, 120.0)
    assert store.outlook_days(NAME) == {"2026-11-20", "2026-11-21"}
    assert store.outlook_days("2026-11-01..2026-11-30") == set()
    store.save_outlooks([])


def test_forecast_history_shows_no_row_after_the_moment_asked_as_of(store: Store, zone):
    store.save_outlooks([kept("2026-11-20", zone), kept("2026-11-21", zone, late=9)])
    at = start_of_day(date(2026, 11, 21), zone)
    assert [row["as_of"] for row in history_rows(store, PERIOD, "company", at, zone)] == [
        "2026-11-21T00:00:00+09:00"
    ]
    assert history_rows(store, PERIOD, "company", at - 1, zone) == []
    later = history_rows(store, PERIOD, "company", at + 2 * DAY, zone)
    assert [row["computed_later"] for row in later] == [False, True]
    assert later[0]["probability"] == 0.5


@pytest.mark.parametrize(
    ("there", "today", "missing"),
    [
        ([], "2026-09-30", []),
        ([], "2026-10-01", ["2026-10-01"]),
        ([], "2026-10-16", ["2026-10-16", "2026-10-07", "2026-10-14"]),
        (["2026-10-16", "2026-10-09"], "2026-10-16", ["2026-10-07"]),
        (["2026-10-16", "2026-10-01", "2026-10-14"], "2026-10-16", []),
    ],
)
def test_today_is_missing_first_then_each_week_of_which_nothing_is_kept(
    tmp_path, zone, there: list[str], today: str, missing: list[str]
):
    with Store.open(str(tmp_path / "s.db")) as opened:
        opened.save_outlooks([kept(day, zone) for day in there])
        found = missing_days(opened, PERIOD, date.fromisoformat(today))
    assert [day.isoformat() for day in found] == missing


def test_forecast_history_ends_with_the_last_day_of_the_period(tmp_path, zone):
    with Store.open(str(tmp_path / "s.db")) as opened:
        found = missing_days(opened, PERIOD, date(2027, 1, 20))
    assert found[0] == PERIOD.last
    assert max(found) == PERIOD.last
    assert len(found) == 14


def test_a_store_whose_keys_made_their_own_table_is_migrated(tmp_path, zone):
    path = tmp_path / "old.db"
    config = alembic.config.Config()
    config.set_main_option("script_location", "crm:migrations")
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as raw:
        config.attributes["connection"] = raw
        alembic.command.upgrade(config, "0001")
        raw.exec_driver_sql(
            "CREATE TABLE api_keys (key_id TEXT PRIMARY KEY, name TEXT NOT NULL, "
            "secret_sha256 TEXT NOT NULL, created_at BIGINT NOT NULL, revoked_at BIGINT)"
        )
    engine.dispose()
    with Store.open(str(path)) as opened:
        opened.save_outlooks([kept("2026-11-20", zone)])
        assert opened.outlook_days(NAME) == {"2026-11-20"}
