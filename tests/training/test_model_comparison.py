"""Are two models compared only on what is new to both, and is no segment called worse by luck alone?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy.special import expit, logit

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import DAY, end_of_day
from features import Calendar, compile_history
from models.bundle import Bundle, ProofRows
from models.statistics import clustered_means, clustered_spread
from simulator import WorldSettings, crm_tables, simulate
from tests.support.fakes import fake_bundle
from training.comparison import LaterRows, origin_of
from training.comparison_rows import SharedRows, common_proof, shared_rows
from training.comparison_segments import FALSE_SHARE, Segment, segments_of
from training.model_comparison import Contestant, compare_models
from training.registry import Registry
from training.registry_entry import NAME

TOKYO = ZoneInfo("Asia/Tokyo")
END = end_of_day(date(2026, 6, 30), TOKYO)
TRAINED = end_of_day(date(2026, 3, 31), TOKYO)


@cache
def world() -> EventLog:
    """A small simulated organisation."""
    return EventLog.of(
        crm_tables(simulate(WorldSettings(deals=900, seed=4, end=date(2026, 6, 30), days=500))), TOKYO
    )


@cache
def stated() -> Bundle:
    """A model that states the prior; its data end three months before the records do."""
    return replace(fake_bundle(world()), as_of=TRAINED)


@dataclass(frozen=True)
class Wrong:
    """A win model that says less than another, or more (`by` below 0)."""

    inner: Any
    by: float

    def won_by(self, x: Any, moments: Any, days: Any) -> Any:
        return expit(logit(self.inner.won_by(x, moments, days)) - self.by)


def wrong(bundle: Bundle, by: float) -> Bundle:
    return replace(bundle, win=Wrong(bundle.win, by))  # type: ignore[arg-type]


def two(a: Bundle, b: Bundle) -> tuple[Contestant, Contestant]:
    return Contestant.registered(a, "4"), Contestant.registered(b, "3")


def test_the_rows_are_later_than_the_data_of_both_models_and_ripe():
    newer = replace(stated(), as_of=TRAINED + 20 * DAY)
    shared, _ = shared_rows(stated(), newer, world(), END)
    assert shared.at.min() >= newer.as_of
    days = np.where(np.isinf(shared.horizon), 0.0, shared.horizon)
    assert (shared.at + days * DAY <= END).all()
    (part,) = shared.parts
    assert part.basis == "later_rows"
    assert part.fitted_until == (TRAINED, newer.as_of)
    assert part.deals == shared.asked.deals


def test_what_became_known_after_the_moment_changes_no_figure():
    until = TRAINED + 60 * DAY
    whole = compare_models(*two(stated(), wrong(stated(), 0.5)), world(), until)
    cut = compare_models(*two(stated(), wrong(stated(), 0.5)), world().as_of(until), until)
    assert whole.to_json("en", TOKYO) == cut.to_json("en", TOKYO)


def test_a_model_is_not_worse_than_itself():
    found = compare_models(*two(stated(), stated()), world(), END)
    assert found.comparison.verdict == "not_worse"
    assert (found.comparison.difference.mean, found.comparison.difference.hi) == (0.0, 0.0)
    assert {one.verdict for one in found.segments} == {"no_difference"}
    assert found.a.log_loss == found.b.log_loss


def test_a_crippled_candidate_is_worse_and_its_opposite_better():
    crippled = wrong(stated(), -2.0)
    worse = compare_models(*two(crippled, stated()), world(), END)
    better = compare_models(*two(stated(), crippled), world(), END)
    assert (worse.comparison.verdict, better.comparison.verdict) == ("worse", "better")
    assert worse.comparison.difference.mean == pytest.approx(-better.comparison.difference.mean)
    assert worse.brier.mean > 0.0
    assert worse.a.log_loss - worse.b.log_loss == pytest.approx(worse.comparison.difference.mean)
    assert "version 4 is worse than version 3" in worse.text.en
    assert "バージョン4は" in worse.text.ja
    kinds = [one.kind for one in worse.segments]
    assert {"horizon", "age", "stage", "product", "source", "seller_team"} <= set(kinds)
    assert sum(one.verdict == "worse" for one in worse.segments) > len(kinds) / 2
    for one in worse.segments:
        assert one.deals >= 30


def test_where_nothing_is_new_to_both_it_says_how_long_to_wait():
    now = replace(stated(), as_of=END - DAY)
    with pytest.raises(SanchoError, match=r"wait about \d+ weeks, or say with --until") as told:
        compare_models(*two(now, stated()), world(), END)
    assert told.value.code == "nothing_to_compare"
    assert "週間後" in told.value.text.ja
    weeks = int("".join(letter for letter in told.value.text.en if letter.isdigit()))
    # At the pace of this organisation so many weeks later there are rows, and a week earlier there were none.
    then = replace(stated(), as_of=END - (weeks + 1) * 7 * DAY)
    assert compare_models(*two(then, stated()), world(), END).comparison.deals >= 30


def proof(chance: float, first: int = 0, horizon: float = 30.0) -> ProofRows:
    """Forty deals of the world, each asked once; every other was won."""
    deals = compile_history(world().as_of(TRAINED), Calendar(TOKYO)).deal_ids[first : first + 40]
    count = len(deals)
    at = TRAINED - 90 * DAY + np.arange(count) * DAY
    return ProofRows(
        cut=TRAINED - 100 * DAY,
        deal_ids=np.asarray(deals).astype(str),
        deal=np.arange(count),
        at=at,
        horizon=np.full(count, horizon),
        outcome=(np.arange(count) % 2).astype(float),
        weight=np.ones(count),
        chance=np.full(count, chance),
    )


def test_the_proofs_of_both_are_compared_on_the_questions_they_have_in_common():
    a, b = (replace(stated(), proof=one) for one in (proof(0.5), proof(0.2, first=5)))
    history = compile_history(world(), Calendar(TOKYO))
    shared = common_proof(a, b, history)
    assert shared is None, "the moments of the same deals differ by five days"
    moved = replace(b, proof=replace(b.proof, at=b.proof.at + 5 * DAY))
    shared = common_proof(a, moved, history)
    assert shared is not None
    assert len(shared.a) == 35
    assert (set(shared.a), set(shared.b)) == ({0.5}, {0.2})
    assert shared.parts[0].basis == "proofs"
    assert common_proof(a, replace(moved, proof=proof(0.2, horizon=31.0)), history) is None
    assert common_proof(a, replace(b, proof=None), history) is None


def test_just_after_the_training_the_proofs_speak():
    a, b = (replace(stated(), proof=proof(chance)) for chance in (0.5, 0.05))
    found = compare_models(*two(a, b), world(), TRAINED)
    assert found.comparison.verdict == "better"
    assert [part.basis for part in found.parts] == ["proofs"]
    assert found.comparison.difference.mean == pytest.approx(np.log(2) + np.log(0.05 * 0.95) / 2)


def noise(seed: int, segments: int, worse: int = 0) -> list[Segment]:
    """Segments of a stage each; in the first `worse` ones A says far too little."""
    rng = np.random.default_rng(seed)
    deals = 60 * segments
    number = np.arange(deals) % segments
    chance = rng.uniform(0.1, 0.9, deals)
    outcome = (rng.random(deals) < chance).astype(float)
    a = expit(logit(chance) + 0.3 * rng.normal(size=deals))
    b = expit(logit(chance) + 0.3 * rng.normal(size=deals))
    a = np.where(number < worse, 0.02, a)
    asked = LaterRows(outcome, np.ones(deals), np.arange(deals))
    shared = SharedRows(a, b, asked, np.zeros(deals, np.int64), np.full(deals, 30.0), ())
    names = [(str(one), one) for one in range(segments)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "training.comparison_segments.divisions",
            lambda *_: [("stage", None, number, [(name, None) for name, _ in names])],
        )
        patch.setattr("training.comparison_segments.MAX_LEVELS", segments)
        return segments_of(shared, SimpleNamespace())  # type: ignore[arg-type]


def test_of_twenty_segments_one_is_not_called_worse_by_luck():
    """One by one, a twentieth of right segments would be called something; together hardly any sample is."""
    alone, together = 0, 0
    for seed in range(60):
        found = noise(seed, 20)
        assert len(found) == 20
        alone += any(one.p_value <= FALSE_SHARE for one in found)
        together += any(one.verdict != "no_difference" for one in found)
    assert alone > 0.4 * 60
    assert together <= 0.15 * 60


def test_a_segment_that_is_worse_is_called_so_among_twenty():
    found = noise(1, 20, worse=2)
    assert [one.level for one in found if one.verdict == "worse"] == ["0", "1"]


def test_p_values_agree_with_the_interval_on_both_sides_of_its_end():
    rng = np.random.default_rng(3)
    for shift in (0.1, 0.2, 0.3, 0.4):
        values = shift + rng.normal(size=(40, 1))
        deal, origin = np.arange(40), origin_of(np.arange(40) * 9 * DAY)
        (interval,) = clustered_means(values, np.ones(40), deal, origin)
        p = float(clustered_spread(values, np.ones(40), deal, origin).p_values[0])
        assert (p < 0.05) == (interval.lo > 0.0 or interval.hi < 0.0)


def test_a_comparison_is_logged_to_the_run_of_the_model_in_question(tmp_path: Path, monkeypatch: Any):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry = Registry(tmp_path)
    with registry._mlflow.connected() as client, registry._mlflow.run(client) as run_id:
        pass
    found = compare_models(*two(wrong(stated(), 1.0), stated()), world(), END)
    logged = registry.log_comparison(run_id, "3", found.figures(), found.to_json("en", TOKYO))
    own = registry.log_comparison("", "candidate", found.figures(), found.to_json("en", TOKYO))
    with registry._mlflow.connected() as client:
        run = client.get_run(logged)
        assert logged == run_id
        assert run.data.tags["sancho.compared_with"] == "3"
        gap = found.comparison.difference
        for name, value in (("", gap.mean), (".lo", gap.lo), (".hi", gap.hi)):
            assert run.data.metrics[f"compare.log_loss_difference{name}"] == pytest.approx(value)
        (folder,) = client.list_artifacts(run_id)
        (file,) = client.list_artifacts(run_id, folder.path)
        assert file.path == "comparisons/against_3.json"
        assert client.get_run(own).data.tags["sancho.kind"] == "comparison"


def test_the_shadow_is_an_alias_that_can_be_moved_and_taken_away(tmp_path: Path, monkeypatch: Any):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry = Registry(tmp_path)
    assert registry.shadow() is None
    with registry._mlflow.connected() as client:
        client.create_registered_model(NAME)
        for _ in range(2):
            client.create_model_version(NAME, "file:///nowhere")
    registry.promote("1")
    assert registry.set_shadow("2") is not None
    told = {one.version: (one.champion, one.shadow) for one in registry.list()}
    assert told == {"1": (True, False), "2": (False, True)}
    assert registry.set_shadow(None) is None
    assert registry.shadow() is None
    assert registry.set_shadow(None) is None, "sent twice, it changes nothing"
    with pytest.raises(SanchoError, match="no model '9'"):
        registry.set_shadow("9")
