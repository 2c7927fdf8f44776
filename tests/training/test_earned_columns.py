"""Must own columns with many or changing values predict later deals before they are used?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from crm.i18n import Text
from crm.instants import DAY
from features.arrays import Floats
from features.catalogue import CATALOGUE, Feature
from models.snapshot_rows import SnapshotRows
from training.config import TrainConfig
from training.earned_columns import unproven
from training.selection import select

DEALS, DAYS = 2000, 1000
AS_OF = 20_000 * DAY


@dataclass
class Past:
    """Deals over a thousand days, each with a row at creation; about a third is won."""

    created: Floats
    won: Floats
    rng: np.random.Generator

    @property
    def since(self) -> Floats:
        return self.created - self.created.min()


@pytest.fixture
def past() -> Past:
    rng = np.random.default_rng(5)
    created = np.sort(rng.uniform(20_000 - DAYS, 20_000, DEALS))
    return Past(created, (rng.random(DEALS) < 0.35).astype(float), rng)


def left_out(past: Past, values: Floats, kind: str = "category", spread: bool = True) -> dict[str, Text]:
    life = past.rng.uniform(5, 60, DEALS)
    created = past.created if spread else np.full(DEALS, 19_000.0)
    open_ = created + life >= 20_000
    rows = SnapshotRows(
        x=np.asarray(values, float)[:, None],
        at=(created * DAY).astype(np.int64),
        deal=np.arange(DEALS),
        days=np.where(open_, 20_000 - created, life),
        event=np.where(open_, -1, past.won).astype(np.int64),
        weight=np.ones(DEALS),
        regular=np.ones(DEALS, bool),
        row=np.array([], np.int64),
        horizon=np.array([]),
        won=np.array([]),
        lost=np.array([]),
        matures_after_days=np.array([]),
        longest_days=60.0,
        ever_days=120.0,
    )
    name = Text("列", "column")
    feature = Feature("deals.column", name, Text("", ""), "custom", kind=kind, reads=("deals.column",))  # type: ignore[arg-type]
    return unproven((feature,), rows, AS_OF)


def test_a_category_of_many_values_that_tell_nothing_is_left_out(past: Past):
    (reason,) = left_out(past, past.rng.integers(0, 45, DEALS)).values()
    assert "many different values" in reason.en
    assert "種類が多く" in reason.ja


def test_a_category_of_many_values_that_predict_later_deals_is_used(past: Past):
    sellers = past.rng.integers(0, 20, DEALS) + 20 * past.won * (past.rng.random(DEALS) < 0.6)
    assert left_out(past, sellers) == {}


def test_a_category_of_few_values_need_not_prove_itself(past: Past):
    assert left_out(past, past.rng.integers(0, 6, DEALS)) == {}


def test_codes_that_are_replaced_by_new_ones_are_left_out_unless_they_predict(past: Past):
    campaign = np.floor(past.since / 100)
    (reason,) = left_out(past, campaign).values()
    assert "change with time" in reason.en
    rank = past.won * (past.rng.random(DEALS) < 0.6)
    renewed = (past.since > 600) & (past.rng.random(DEALS) < 0.5)
    assert left_out(past, np.where(renewed, 9, rank)) == {}


def test_a_number_that_grows_with_time_is_left_out_unless_it_predicts(past: Past):
    noise = past.rng.normal(0, 60, DEALS)
    assert list(left_out(past, past.since + noise, "number")) == ["deals.column"]
    assert left_out(past, past.since + noise + 900 * past.won, "number") == {}


def test_with_too_few_later_deals_columns_of_many_values_wait(past: Past, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.earned_columns.MIN_LATER", 5000)
    sellers = past.rng.integers(0, 20, DEALS) + 20 * past.won
    (reason,) = left_out(past, sellers).values()
    assert "too few later deals" in reason.en
    assert left_out(past, past.won) == {}
    assert left_out(past, past.since, "number") == {}


def test_a_list_without_dates_has_no_later_deals_to_ask(past: Past):
    assert left_out(past, past.rng.integers(0, 45, DEALS), spread=False) == {}


def test_a_feature_that_has_not_earned_its_place_is_left_out_unless_it_is_included():
    rng = np.random.default_rng(0)
    features = (
        *CATALOGUE,
        Feature("deals.code", Text("", ""), Text("", ""), "custom", reads=("deals.code",)),
    )
    x = rng.integers(0, 5, (500, len(features))).astype(float)
    at = rng.integers(0, 10**15, 500)
    reason = {"deals.code": Text("理由", "why")}
    assert select(features, x, at, [], TrainConfig(), False, reason).left_out == reason
    kept = select(features, x, at, [], TrainConfig(include=("code",)), False, reason)
    assert "deals.code" in kept.layout.names
