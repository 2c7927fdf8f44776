"""Does a whole backtest of a small world hold: no future, every row counted, a page that stands alone?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import HOUR, start_of_day
from tests.support.small_backtest import SMALL, TOKYO, WEEKS, SmallBacktest, small_backtest, small_log
from training.backtest import Backtest, backtest
from training.backtest.deal_scores import BY_PERIOD_END, EVER, SANCHO
from training.backtest.origins import recorded_until
from training.backtest.report import page
from training.backtest.result import to_json
from training.backtest.run import fewer_periods_warnings, warnings_of
from training.baselines import ALL_LABELS, LABELS


@pytest.fixture(scope="module")
def log() -> EventLog:
    return small_log()


@pytest.fixture(scope="module")
def kept(of_all_workers: Path) -> SmallBacktest:
    return small_backtest(of_all_workers)


@pytest.fixture(scope="module")
def found(kept: SmallBacktest) -> Backtest:
    return kept.found


@pytest.fixture(scope="module")
def panels(kept: SmallBacktest) -> list[int]:
    """How many moments the baselines of each fold learned from."""
    return kept.panels


@pytest.fixture(scope="module")
def result(found: Backtest) -> dict:
    return to_json(found)


def test_each_period_is_trained_at_its_start_and_asked_at_the_weeks(found: Backtest, log: EventLog) -> None:
    assert [fold.period for fold in found.folds] == ["2025-Q2", "2025-Q3"]
    assert found.folds[0].train_until == start_of_day(date(2025, 4, 1), TOKYO)
    assert [note["week"] for note in found.folds[0].origins] == list(WEEKS)
    said = found.folds[0].describe(log)
    assert "train until 2025-04-01T00:00" in said
    assert "validate at weeks 4, 12 until 2025-07-01T00:00" in said


def test_baselines_learn_from_about_as_many_moments_as_the_settings_ask_for(
    found: Backtest, panels: list[int]
) -> None:
    assert len(panels) == len(found.folds)
    assert all(0.5 * SMALL.max_moments < count < 1.1 * SMALL.max_moments for count in panels)


def test_backtest_forecast_ignores_all_records_after_its_origin(found: Backtest, log: EventLog) -> None:
    origin, end = (start_of_day(day, TOKYO) for day in (date(2025, 4, 29), date(2025, 7, 1)))
    # The same weeks: baseline methods are tuned at the horizons that are asked.
    blind = backtest(log.as_of(origin), SMALL, periods=1, weeks=WEEKS, until=end)
    assert [fold.period for fold in blind.folds] == ["2025-Q2"]
    mine = next(rows for rows in found.deals[BY_PERIOD_END] if rows.origin[0] == origin)
    theirs = next(rows for rows in blind.deals[BY_PERIOD_END] if rows.origin[0] == origin)
    assert found.deal_ids[mine.deal].tolist() == blind.deal_ids[theirs.deal].tolist()
    for name in mine.chance:
        np.testing.assert_array_equal(mine.chance[name], theirs.chance[name])
    seen = {line.scope: line for line in found.forecasts if line.period == "2025-Q2" and line.week == 4}
    unseen = {line.scope: line for line in blind.forecasts if line.week == 4}
    assert seen.keys() == unseen.keys()
    for scope, line in seen.items():
        assert (line.closed, line.target) == (unseen[scope].closed, unseen[scope].target)
        for name, judged in line.scores.items():
            np.testing.assert_array_equal(judged.quantiles, unseen[scope].scores[name].quantiles)


def test_every_open_deal_is_judged_in_the_end_unless_its_moment_is_too_recent(found: Backtest) -> None:
    notes = [note for fold in found.folds for note in fold.origins]
    assert sum(note["open_deals"] for note in notes) == len(found.rows(BY_PERIOD_END))
    for note in notes:
        assert note["open_deals"] == note["rows_ever"] + note["left_out_immature"]
        assert note["still_open"] <= note["rows_ever"]
    assert len(found.rows(EVER)) == sum(note["rows_ever"] for note in notes)


def test_all_methods_answer_the_same_rows_with_probabilities(found: Backtest) -> None:
    rows = found.rows(BY_PERIOD_END)
    assert {SANCHO, *LABELS} <= set(rows.chance) <= {SANCHO, *ALL_LABELS}
    assert {"alone_table", "alone_regression"} <= set(rows.chance)
    for chance in rows.chance.values():
        assert len(chance) == len(rows)
        assert ((chance >= 0) & (chance <= 1)).all()


def test_actuals_are_what_the_deals_table_adds_up_to(found: Backtest, log: EventLog) -> None:
    deals = log["deals"]
    start, end = (np.datetime64(text, "us") for text in ("2025-04-01T00:00", "2025-07-01T00:00"))
    closed = deals["closed_at"].dt.tz_convert(TOKYO).dt.tz_localize(None)
    inside = (deals["outcome"] == "won") & (closed >= start) & (closed < end)
    company = next(line for line in found.forecasts if line.scope == "company" and line.period == "2025-Q2")
    assert company.actual == pytest.approx(deals.loc[inside, "amount"].sum())


def test_the_json_is_plain_and_the_same_when_made_again(found: Backtest, result: dict) -> None:
    text = json.dumps(result, allow_nan=False, ensure_ascii=False)
    assert json.loads(text) == json.loads(json.dumps(to_json(found), allow_nan=False, ensure_ascii=False))
    assert result["format"] == 2
    assert set(result["deals"]) == {"ever", "by_period_end"}
    assert set(result["periods"]) == {"company", "team", "person"}
    assert {"stage_weighted", "run_rate", "last_year", SANCHO} == set(
        result["periods"]["company"]["overall"]["methods"]
    )


def test_the_page_stands_alone_and_speaks_both_languages(result: dict) -> None:
    html = page(result, "en")
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert "default-src 'none'" in html
    own = html.split("<script>")[0]
    assert not re.search(r'(?:src|href)\s*=\s*"', own)
    assert "要約" in own
    assert "Summary" in own
    assert own.count("<table>") >= 8


def test_periods_asked_for_and_not_judged_are_told(found: Backtest) -> None:
    assert fewer_periods_warnings(None, found) == fewer_periods_warnings(2, found) == []
    ((code, text),) = fewer_periods_warnings(5, found)
    assert code == "fewer_periods"
    assert text.en.startswith("5 periods were requested; 2 can be backtested")
    skipped = replace(found, settings={**found.settings, "periods": ["2023-Q4", "2025-Q2", "2025-Q3"]})
    told = dict(warnings_of(skipped))
    assert told["skipped_periods"].en.startswith("2023-Q4: not evaluated")
    assert "skipped_periods" not in dict(warnings_of(found))


def test_a_log_tells_what_happened_up_to_the_end_of_its_last_recorded_day(log: EventLog) -> None:
    day = start_of_day(date(2025, 7, 9), TOKYO)
    noon = day - 12 * HOUR
    past = log.as_of(day)
    assert recorded_until(past, start_of_day(date(2026, 7, 1), TOKYO)) == day
    assert recorded_until(log.as_of(noon), noon) == noon


def test_a_history_too_short_says_so(log: EventLog) -> None:
    with pytest.raises(SanchoError, match=r"backtested|too short"):
        backtest(log.as_of(start_of_day(date(2024, 1, 23), TOKYO)), SMALL)
