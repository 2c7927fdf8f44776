"""Is there an answer, and an honest warning, with few deals, without a history, and blind to who sells?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import NEVER, end_of_day
from crm.periods import parse_period
from models.scoring import score_open
from service.cli import run
from simulator import WorldSettings, crm_tables, simulate
from training import data_quality_costs, validation
from training.config import TrainConfig
from training.data_quality import examine
from training.fit import train

pytestmark = pytest.mark.slow
TOKYO = ZoneInfo("Asia/Tokyo")
DAY = date(2026, 10, 31)
AS_OF = end_of_day(DAY, TOKYO)
PERIOD = parse_period("2026-Q4")
SMALL = TrainConfig(trees=10, leaves=6, max_moments=2_000, max_questions=3_000, threads=1)


@pytest.fixture(scope="module")
def log():
    return EventLog.of(crm_tables(simulate(WorldSettings(deals=500, seed=5, end=DAY, days=600))), TOKYO)


def having(log, closed, still_open=25):
    """The log with only so many of the deals."""
    done = micros(log["deals"]["closed_at"]) != NEVER
    kept = np.concatenate([np.flatnonzero(done)[:closed], np.flatnonzero(~done)[:still_open]])
    ids = set(log["deals"]["deal_id"].iloc[kept])
    tables = dict(log.tables)
    for name in ("deals", "deal_events", "activities"):
        tables[name] = log[name][log[name]["deal_id"].isin(ids)].reset_index(drop=True)
    return EventLog(tables, TOKYO)


@pytest.mark.parametrize("closed", [0, 5, 29, 30, 100])
def test_any_number_of_closed_deals_gives_a_model_that_says_what_it_is(log, closed):
    bundle, report = train(having(log, closed), AS_OF, SMALL)
    scores = score_open(bundle, having(log, closed), AS_OF, PERIOD)
    assert report.counts["closed_deals"] == closed
    assert len(scores) == 25
    assert scores["win_probability"].between(0.0, 1.0, inclusive="neither").all()
    assert (scores["win_by_period_end"] <= scores["win_probability"] + 1e-12).all()
    codes = {warning.code for warning in bundle.warnings}
    assert ("too_few_deals" in codes) == (closed < 30)
    assert ("few_deals" in codes) == (closed >= 30)
    assert (bundle.win.won.linear is None) == (closed < 30)


def test_the_stated_prior_goes_by_the_stage(log):
    few = having(log, 0)
    scores = score_open(train(few, AS_OF, SMALL)[0], few, AS_OF, PERIOD).set_index("deal_id")
    place = few["stages"].set_index("stage")["position"].astype(float).to_dict()
    stage = few["deals"].set_index("deal_id")["stage"].astype(object).reindex(scores.index).map(place)
    by_stage = scores.groupby(stage.to_numpy())["win_probability"].agg(["min", "max"])
    assert len(by_stage) > 2
    assert by_stage["min"].to_numpy() == pytest.approx(by_stage["max"].to_numpy())
    assert by_stage["max"].is_monotonic_increasing
    assert 0.15 - 1e-9 <= by_stage["min"].min() < by_stage["max"].max() <= 0.5 + 1e-9


def test_the_stated_prior_of_a_single_deal_is_that_of_its_stage():
    deal = {"deal_id": ["D1"], "created_at": ["2026-10-30"], "stage": ["提案・見積"]}
    one = EventLog.of({"deals": pd.DataFrame(deal)}, TOKYO)
    scores = score_open(train(one, AS_OF, SMALL)[0], one, AS_OF, PERIOD)
    # The fourth of five stages: three quarters of the way from 15 % to 50 %.
    assert scores["win_probability"].tolist() == pytest.approx([0.15 + 0.35 * 0.75])


def test_five_closed_deals_are_enough_for_every_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    rows = ["deal_id,created_at,stage,amount,closed_at,outcome"]
    rows += [f"D{i},2026-0{i}-01,受注,100,2026-0{i}-20,won" for i in range(1, 6)]
    rows += [f"E{i},2026-06-0{i},初回訪問,100,," for i in range(1, 6)]
    (tmp_path / "deals.csv").write_text("\n".join(rows), "utf-8")
    for command in (["import", "deals.csv"], ["train"], ["score", "--out", "s.csv"], ["forecast", "2026-Q4"]):
        assert run([*command, "--lang", "en"]) == 0
    told = capsys.readouterr()
    assert "There is no history of changes" in told.err
    assert "stated prior" in told.err
    assert len(pd.read_csv(tmp_path / "s.csv")) == 5


@pytest.fixture(scope="module")
def present(log):
    """What a CRM without a history exports: how deals stand."""
    return EventLog({**log.tables, "deal_events": log["deal_events"].iloc[:0]}, TOKYO)


def test_training_without_a_history_gives_a_model_and_the_measured_cost(log, present, monkeypatch):
    monkeypatch.setattr(
        data_quality_costs,
        "_measured",
        lambda: {"no_history": {"mean": 0.1, "lo": 0.05, "hi": 0.2, "samples": 8}},
    )
    bundle, report = train(present, AS_OF, SMALL)
    assert report.counts["closed_deals"] > 100
    assert not {"stage", "days_in_stage"} & set(bundle.win.layout.names)
    assert "age_days" in bundle.win.layout.names
    assert score_open(bundle, present, AS_OF, PERIOD)["win_probability"].nunique() > 10
    found = {warning.code: warning for warning in bundle.warnings}["no_history"]
    assert "変更履歴がない" in found.message.ja
    assert "+10.0%（+5.0%〜+20.0%）" in found.message.ja
    assert "no history of changes" in found.message.en
    assert "+10.0% (+5.0% to +20.0%)" in found.message.en
    assert "no_history" not in {finding.code for finding in examine(log, AS_OF)}


def test_data_quality_findings_are_in_both_languages(log):
    bare = {"activities": log["activities"].iloc[:0]}
    bare["deals"] = log["deals"].assign(
        amount=np.nan, owner_id=log["deals"]["owner_id"].mask(log["deals"]["owner_id"].notna())
    )
    found = {
        finding.code: finding.text for finding in examine(EventLog({**log.tables, **bare}, TOKYO), AS_OF)
    }
    assert {"no_activities", "no_amount", "no_owner_id"} <= set(found)
    for text in found.values():
        assert "{" not in text.ja + text.en
        assert text.ja != text.en


def test_every_measured_cost_is_quoted_as_measured():
    for code, held in data_quality_costs._measured().items():
        cost = data_quality_costs.cost_of(code)
        assert cost is not None
        assert held["lo"] <= held["mean"] <= held["hi"] or held["samples"] < 5
        assert f"{held['mean']:+.1%}" in cost.describe().en
        assert held["command"].startswith("accuracy_")
    assert data_quality_costs.cost_of("size") is None


def test_the_cost_of_few_deals_is_that_of_the_next_smaller_number_measured(monkeypatch):
    held = {f"closed_{n}": {"mean": n / 1000, "lo": 0.0, "hi": 1.0, "samples": 16} for n in (30, 100)}
    monkeypatch.setattr(data_quality_costs, "_measured", lambda: held)
    assert data_quality_costs.cost_of_few(29) is None
    assert [data_quality_costs.cost_of_few(n).mean for n in (30, 99, 100, 250)] == [0.03, 0.03, 0.1, 0.1]


def test_an_owner_blind_score_does_not_change_with_the_owner(log):
    bundle, _ = train(log, AS_OF, replace(SMALL, owner_blind=True))
    people = log["people"]["person_id"].tolist()
    owners = log["deals"]["owner_id"].astype(object)
    other = owners.map(dict(zip(people, people[1:] + people[:1], strict=True)))
    assert (other != owners).all()
    swapped = log["deals"].assign(owner_id=other.astype("category"))
    events = log["deal_events"]
    kept = events[events["field"] != "owner_id"].reset_index(drop=True)
    changed = EventLog({**log.tables, "deals": swapped, "deal_events": kept}, TOKYO)
    pd.testing.assert_frame_equal(
        score_open(bundle, changed, AS_OF, PERIOD), score_open(bundle, log, AS_OF, PERIOD)
    )


def undated(count=150, seed=3):
    """A list of closed deals without dates: all of one time, what tells them apart is the company's own."""
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, 2, (count, 6))
    won = rng.random(count) < 1.0 / (1.0 + np.exp(-1.5 * (answers.sum(axis=1) - 3.0)))
    deals = pd.DataFrame({"deal_id": [f"D{n}" for n in range(count)], "created_at": "2026-01-05"})
    deals["closed_at"], deals["outcome"] = "2026-04-01", np.where(won, "won", "lost")
    deals["stage"] = np.where(won, "受注", "失注")
    for column in range(6):
        deals[f"設問{column}"] = np.where(answers[:, column] == 1, "はい", "いいえ")
    return EventLog.of({"deals": deals}, TOKYO)


def test_where_no_deal_came_later_the_other_deals_teach_the_weights(monkeypatch):
    log = undated()
    learned, _ = train(log, AS_OF, SMALL)
    monkeypatch.setattr(validation, "PARTS_FROM", 10**9)
    default, _ = train(log, AS_OF, SMALL)
    assert default.win.won.stack.weights.tolist() == [0.5, 0.5, 0.0, 0.0]
    # The default is too timid where every answer tells something.
    assert learned.win.won.stack.weights[1] > 0.6
    assert "not_proven" in {warning.code for warning in learned.warnings}


def test_deals_entered_twice_do_not_prove_each_other(monkeypatch):
    log = undated(60)
    twice = log["deals"].assign(deal_id=[f"T{n}" for n in range(60)])
    both = EventLog.of({"deals": pd.concat([log["deals"], twice])}, TOKYO)
    parts = []
    judge = validation._predict

    def seen(fitter, fold, number):
        parts.append((set(fold.train.deal.tolist()), set(fold.valid.deal.tolist())))
        return judge(fitter, fold, number)

    monkeypatch.setattr(validation, "_predict", seen)
    train(both, AS_OF, SMALL)
    assert len(parts) > 1
    for learned, judged in parts:
        assert not {(deal + 60) % 120 for deal in judged} & learned
        assert not judged & learned
    assert set.union(*(judged for _, judged in parts)) == set(range(120))
