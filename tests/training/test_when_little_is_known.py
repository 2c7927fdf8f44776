"""Do trainings on one outcome, on old data and without a proof say so, and answer no more than is known?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import DAY, as_of_instant, end_of_day
from crm.periods import parse_period
from features import build_features, compile_history, open_at
from models.scoring import feature_columns, score_open
from simulator import WorldSettings, crm_tables, simulate
from training.config import TrainConfig
from training.fit import train, with_table_only
from training.log_age import newest_deal_record
from training.metrics import log_losses
from training.model_card import model_card
from training.promote import gate

pytestmark = pytest.mark.slow
TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF = as_of_instant("2026-10-31", TOKYO)
PERIOD = parse_period("2026-Q4")
SMALL = TrainConfig(trees=10, leaves=6, max_moments=2_000, max_questions=3_000, threads=1)


def book(won: int, lost: int, still_open: int = 12, seed: int = 0) -> EventLog:
    """Closed deals of two years, with a stage history, and some open ones."""
    rng = np.random.default_rng(seed)
    count = won + lost
    created = pd.Timestamp("2024-06-01", tz="Asia/Tokyo") + pd.to_timedelta(rng.integers(0, 700, count), "D")
    outcome = rng.permutation(np.repeat(["won", "lost"], [won, lost]))
    deals = pd.DataFrame(
        {
            "deal_id": [f"D{n}" for n in range(count)],
            "created_at": created,
            "stage": np.where(outcome == "won", "受注", "失注"),
            "amount": rng.integers(1, 90, count) * 10_000.0,
            "closed_at": created + pd.to_timedelta(rng.integers(10, 120, count), "D"),
            "outcome": outcome,
        }
    )
    moved = deals.assign(
        at=deals["created_at"] + (deals["closed_at"] - deals["created_at"]) / 2,
        field="stage",
        value="提案・見積",
        old_value="アポイント",
    )[["deal_id", "at", "field", "value", "old_value"]]
    now = pd.DataFrame(
        {
            "deal_id": [f"O{n}" for n in range(still_open)],
            "created_at": pd.Timestamp("2026-10-20", tz="Asia/Tokyo"),
            "stage": ["アポイント", "提案・見積", "クロージング"] * (still_open // 3),
            "amount": 500_000.0,
        }
    )
    return EventLog.of({"deals": pd.concat([deals, now]), "deal_events": moved}, TOKYO)


@pytest.mark.parametrize(("won", "lost"), [(150, 0), (150, 3), (0, 150)])
def test_one_outcome_teaches_no_probability(won: int, lost: int):
    """Won deals alone gave chances of 96 to 100 %, as facts."""
    log = book(won, lost)
    bundle, report = train(log, AS_OF, SMALL)
    assert not report.learned
    scores = score_open(bundle, log, AS_OF, PERIOD)
    assert scores["win_probability"].between(0.15 - 1e-9, 0.5 + 1e-9).all(), "the stated prior by stage"
    warnings = {one.code: one.message for one in bundle.warnings}
    assert "Import won and lost deals" in warnings["one_outcome"].en
    assert "両方を取り込み" in warnings["one_outcome"].ja
    history = compile_history(log.as_of(AS_OF), bundle.calendar, bundle.levels)
    deals = open_at(history, AS_OF)
    x = build_features(history, deals, np.full(len(deals), AS_OF))[:, feature_columns(bundle, history)]
    lo, hi = bundle.win.contributions(x, np.full(len(x), AS_OF), np.full(len(x), np.inf)).interval()
    assert (hi - lo > 0.3).all(), "the interval says how little is known"
    kept, decision = gate(bundle, report, None)
    assert (decision.promote, decision.code) == (True, "prior")
    assert kept is bundle


def test_few_wins_among_many_losses_are_learned_from():
    """A list of wins is an export that lacks the rest; an organisation that loses nearly all is real."""
    bundle, report = train(book(8, 400), AS_OF, SMALL)
    assert report.learned
    scores = score_open(bundle, book(8, 400), AS_OF, PERIOD)
    assert scores["win_probability"].max() < 0.15
    assert "one_outcome" not in {one.code for one in bundle.warnings}


def test_a_model_that_learned_nothing_does_not_replace_one_that_did():
    champion, _ = train(book(90, 90), AS_OF - 30 * DAY, SMALL)
    assert not champion.win.is_table
    bundle, report = train(book(150, 0), AS_OF, SMALL, champion=champion)
    _, decision = gate(bundle, report, champion)
    assert (decision.promote, decision.code) == (False, "not_learned")


def test_the_stage_table_in_service_says_so_in_its_card_and_has_its_own_figures():
    bundle, report = train(book(150, 150), AS_OF, SMALL)
    learned = report.evaluation.overall["model"]["log_loss"]
    table = with_table_only(bundle, report)
    figures = report.evaluation.overall
    assert figures["learned"]["log_loss"] == learned
    rows, weight = report.validation_fold.valid.won, report.validation_fold.valid.question_weight
    said = log_losses(report.table_chance, rows)
    assert figures["model"]["log_loss"] == pytest.approx(np.average(said, weights=weight))
    assert table.win.is_table
    assert table.check() == 0.0
    codes = [one.code for one in table.warnings]
    assert codes.count("model_not_proved") == 1
    card = model_card(table, report, "ja")
    assert "ステージと経過日数ごとの過去の受注率（表）で答えています" in card
    assert "学習したモデル（使っていません）" in card
    assert "nan" not in model_card(table, report, "en")


@pytest.fixture(scope="module")
def ended() -> EventLog:
    """A log whose records end in 2023, while deals were open."""
    world = simulate(WorldSettings(deals=600, seed=6, end=date(2023, 6, 30), days=700))
    return EventLog.of(crm_tables(world), TOKYO)


def test_data_that_end_years_before_are_proved_on_their_own_last_stretches(ended: EventLog):
    newest = newest_deal_record(ended, AS_OF)
    bundle, report = train(ended, AS_OF, SMALL)
    assert report.evaluation is not None
    assert np.isfinite(report.evaluation.overall["model"]["log_loss"])
    assert report.proof is not None
    assert report.validation_fold.valid_until <= newest + 1
    assert bundle.as_of == newest + 1, "nothing is known of the years after"
    then, _ = train(ended, end_of_day(date(2023, 6, 30), TOKYO), SMALL)
    asked = newest + 1
    told = [score_open(one, ended, asked, parse_period("2023-Q2")) for one in (bundle, then)]
    if newest + 1 == then.as_of:
        pd.testing.assert_frame_equal(*told)
    assert abs(told[0]["win_probability"].mean() - told[1]["win_probability"].mean()) < 0.05


def test_a_list_of_ended_deals_is_proved_on_its_last_closings(ended: EventLog):
    deals = ended["deals"]
    closed = ended["deals"][deals["closed_at"].notna()].reset_index(drop=True)
    done = EventLog({**ended.tables, "deals": closed}, TOKYO)
    last = newest_deal_record(
        EventLog({**done.tables, "activities": done["activities"].iloc[:0]}, TOKYO), AS_OF
    )
    _, report = train(done, AS_OF, SMALL)
    assert report.evaluation is not None
    assert report.validation_fold.valid_until <= last + DAY
    assert len(report.validation_fold.valid.row) > 100


def test_a_quiet_week_is_not_the_end_of_the_data(ended: EventLog):
    day = end_of_day(date(2023, 7, 14), TOKYO)
    bundle, _ = train(ended, day, replace(SMALL, trees=2))
    assert bundle.as_of == day
