"""Is there one calendar? The organisation's row says it, the settings fill it once, and it has a history."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.importing import check_rows, import_path, push_rows
from crm.instants import DAY, as_of_instant
from crm.organisation import COMPANY, Organisation, organisation_of
from crm.store import Store

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
FIRST, CHANGE = as_of_instant("2026-05-01", TOKYO), as_of_instant("2026-08-31", TOKYO)
SETTINGS = Organisation(fiscal_start_month=1, time_zone="Asia/Tokyo", country="DE", currency="EUR")
DEAL = {"deal_id": "D1", "created_at": "2026-04-01 09:00", "stage": "アポイント"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "deals.csv").write_text(
        "deal_id,created_at,stage\nD1,2026-04-01 09:00,アポイント\n", "utf-8"
    )
    return tmp_path / "data"


def opened(tmp_path: Path, settings: Organisation | None = SETTINGS) -> Store:
    return Store.open(str(tmp_path / "store.db"), organisation=settings)


def said(store: Store, row: dict[str, Any], now: int = CHANGE) -> list[str]:
    """Pushes what the organisation says; the notices."""
    result = push_rows(store, "organisation", [{"organisation_id": COMPANY, **row}], TOKYO, now=now)
    assert not result.quarantined, result.errors
    return [notice.en for notice in result.notices]


def test_the_first_import_stores_what_the_settings_say_and_later_settings_do_not_change_it(
    tmp_path: Path, folder: Path
) -> None:
    with opened(tmp_path) as store:
        result = import_path(store, folder, TOKYO, now=FIRST)
        assert set(result.tables) == {"deals"}, "the settings are no row of the user's"
    other = Organisation(fiscal_start_month=10, country="JP", currency="USD")
    with opened(tmp_path, other) as store:
        import_path(store, folder, TOKYO, now=CHANGE)
        log = store.read()
    assert log.organisation == SETTINGS
    assert log.as_of(FIRST - 400 * DAY).organisation == SETTINGS, "it has always said so"


def test_a_store_from_before_gets_what_the_settings_say_though_its_rows_are_unchanged(
    tmp_path: Path, folder: Path
) -> None:
    with opened(tmp_path, settings=None) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        assert store.counts()["organisation"] == 0
    with opened(tmp_path) as store:
        assert import_path(store, folder, TOKYO, now=CHANGE).total.imported == 0
        log = store.read()
    assert log.as_of(FIRST - 400 * DAY).organisation == SETTINGS


def test_a_change_in_a_store_from_before_is_a_change_of_what_the_settings_said(
    tmp_path: Path, folder: Path
) -> None:
    with opened(tmp_path, settings=None) as store:
        import_path(store, folder, TOKYO, now=FIRST)
    with opened(tmp_path) as store:
        assert "Country DE → JP" in said(store, {"country": "JP"})[0]
        log = store.read()
    assert (log.as_of(CHANGE).organisation, log.organisation.country) == (SETTINGS, "JP")


def test_until_something_is_stored_the_settings_speak(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.read().organisation == SETTINGS
        assert store.counts()["organisation"] == 0


def test_a_rehearsed_import_does_not_store_the_settings(tmp_path: Path, folder: Path) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, dry_run=True, now=FIRST)
        assert store.counts()["organisation"] == 0


def test_the_organisations_own_file_goes_before_the_settings_and_says_what_a_naive_time_is(
    tmp_path: Path, folder: Path
) -> None:
    (folder / "organisation.csv").write_text(
        "organisation_id,fiscal_start_month,time_zone\nACME,7,America/New_York\n", "utf-8"
    )
    with opened(tmp_path) as store:
        result = import_path(store, folder, TOKYO, now=FIRST)
        log = store.read()
    assert not result.quarantined, result.errors
    assert log.organisation == Organisation(
        fiscal_start_month=7, time_zone="America/New_York", country="DE", currency="EUR"
    )
    assert log.zone == NEW_YORK
    assert log["deals"]["created_at"].iloc[0] == pd.Timestamp("2026-04-01 09:00", tz=NEW_YORK)
    assert log.as_of(FIRST - 400 * DAY).organisation.fiscal_start_month == 7, "nothing was said before"


def test_a_change_is_known_from_then_on_and_not_before(tmp_path: Path, folder: Path) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        said(store, {"fiscal_start_month": 10, "time_zone": "America/New_York"})
        log = store.read(TOKYO)
    before, after = log.as_of(CHANGE), log.as_of(CHANGE + 1)
    assert (before.organisation.fiscal_start_month, before.zone) == (1, TOKYO)
    assert (after.organisation.fiscal_start_month, after.zone) == (10, NEW_YORK)
    assert after.as_of(CHANGE).zone == TOKYO
    assert [one.fiscal_start_month for _, one in log.organisations.known] == [1, 10]
    assert [one.fiscal_start_month for _, one in before.organisations.known] == [1], "nothing said more then"


def test_a_change_that_says_since_when_is_believed(tmp_path: Path, folder: Path) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        said(store, {"fiscal_start_month": 10, "known_from": "2026-03-01"})
        log = store.read()
    since = as_of_instant("2026-02-28", TOKYO)
    assert log.organisations.at(since).fiscal_start_month == 1
    assert log.organisations.at(since + 1).fiscal_start_month == 10


def test_a_plain_date_ends_in_the_zone_that_was_known_then(tmp_path: Path, folder: Path) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        said(store, {"time_zone": "America/New_York"})
        log = store.read()
    assert log.instant("2026-08-15") == as_of_instant("2026-08-15", TOKYO)
    assert log.instant("2026-09-15") == as_of_instant("2026-09-15", NEW_YORK)
    assert log.instant(date(2026, 9, 15)) == as_of_instant("2026-09-15", NEW_YORK)
    assert log.as_of(CHANGE).instant("2026-08-15") == log.instant("2026-08-15")


def test_another_zone_moves_nothing_that_is_stored_and_reads_what_comes_next(
    tmp_path: Path, folder: Path
) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        before = store.read()["deals"]["created_at"].iloc[0]
        said(store, {"time_zone": "America/New_York"})
        push_rows(store, "deals", [{**DEAL, "deal_id": "D2"}], TOKYO, now=CHANGE + DAY)
        created = store.read()["deals"].set_index("deal_id")["created_at"]
    assert created["D1"] == before == pd.Timestamp("2026-04-01 09:00", tz=TOKYO)
    assert created["D2"] == pd.Timestamp("2026-04-01 09:00", tz=NEW_YORK)


@pytest.mark.parametrize(
    ("column", "value", "because"),
    [
        ("fiscal_start_month", 13, "1 to 12"),
        ("fiscal_start_month", 0, "1 to 12"),
        ("fiscal_start_month", 4.5, "1 to 12"),
        ("time_zone", "Asia/Nowhere", "no such time zone"),
        ("time_zone", "../etc/passwd", "no such time zone"),
        ("country", "XX", "no public holidays"),
        ("country", "Japan", "no public holidays"),
        ("currency", "XYZ", "not a currency"),
        ("currency", "kr", "not a currency"),
        ("rate_kind", "guess", "must be one of"),
        ("rank_column", "amount", "a column of your own"),
        ("deal_word", "x" * 21, "1 to 20 characters"),
    ],
)
def test_what_does_not_exist_is_refused_with_a_sentence(
    tmp_path: Path, column: str, value: object, because: str
) -> None:
    rows = [{"organisation_id": COMPANY, column: value}]
    with opened(tmp_path) as store:
        push_rows(store, "deals", [DEAL], TOKYO, now=FIRST)
        result = push_rows(store, "organisation", rows, TOKYO, now=CHANGE)
        assert store.read().organisation == SETTINGS
    assert [error.column for error in result.errors] == [column]
    assert because in result.errors[0].reason.en
    assert because in check_rows("organisation", rows, TOKYO)[1][0].reason.en


def test_a_store_holds_one_organisation_whatever_it_calls_itself(tmp_path: Path) -> None:
    two = [{"organisation_id": name, "fiscal_start_month": month} for name, month in (("ACME", 7), ("B", 8))]
    with opened(tmp_path) as store:
        push_rows(store, "deals", [DEAL], TOKYO, now=FIRST)
        result = push_rows(store, "organisation", two, TOKYO, now=CHANGE)
        log = store.read()
    assert [error.code for error in result.errors] == ["second_organisation"]
    assert log["organisation"]["organisation_id"].tolist() == [COMPANY]
    assert log.organisation.fiscal_start_month == 7


def test_a_change_says_what_must_be_trained_anew(tmp_path: Path, folder: Path) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        changed, other_days, retrain = said(store, {"fiscal_start_month": 4, "country": "JP"})
        words = said(store, {"deal_word": "案件", "rank_column": "確度"}, CHANGE + DAY)
        again = said(store, {"fiscal_start_month": 4}, CHANGE + 2 * DAY)
    assert "First month of the fiscal year 1 → 4, Country DE → JP" in changed
    assert "ends of quarters and years, business days" in retrain
    assert "sancho train" in retrain
    assert "check the targets" in other_days
    assert len(words) == 1, "no model learned a word"
    assert "Word for a deal – → 案件" in words[0]
    assert again == []


def test_a_log_without_a_row_has_the_zone_it_was_given_and_a_row_goes_before_it() -> None:
    bare = EventLog.of({}, NEW_YORK)
    assert bare.zone == NEW_YORK
    assert bare.organisation == Organisation(time_zone="America/New_York")
    row = pd.DataFrame([{"organisation_id": COMPANY, "time_zone": "Asia/Tokyo", "fiscal_start_month": 7}])
    log = EventLog.of({"organisation": row}, NEW_YORK)
    assert log.zone == log.as_of(CHANGE).zone == TOKYO
    assert log.organisation.fiscal_start_month == 7


def test_a_log_can_be_given_an_organisation_that_has_always_said_the_same(
    tmp_path: Path, folder: Path
) -> None:
    with opened(tmp_path) as store:
        import_path(store, folder, TOKYO, now=FIRST)
        said(store, {"fiscal_start_month": 10})
        log = store.read()
    assert log.with_organisation().as_of(FIRST).organisation.fiscal_start_month == 10
    given = log.with_organisation(time_zone="America/New_York").as_of(FIRST)
    assert (given.zone, given.organisation.currency) == (NEW_YORK, "EUR")


def test_a_blank_is_what_the_settings_say() -> None:
    row = pd.DataFrame([{"organisation_id": "x", "currency": "USD", "fiscal_start_month": None}])
    assert organisation_of({"organisation": row}, SETTINGS) == Organisation(
        fiscal_start_month=1, time_zone="Asia/Tokyo", country="DE", currency="USD"
    )
