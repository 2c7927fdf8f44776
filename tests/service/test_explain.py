"""Are a deal's chances told by reasons that add up, against won deals of its own stage?"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crm.instants import DAY
from features import CATALOGUE, Calendar
from features.reasons import REASONS, reasons_of
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.fitting import WinSettings, fit_win
from models.win.horizons import HorizonWindows
from models.win.model import WinModel
from models.win.reference import MAX_OF_STAGE, MIN_OF_STAGE, Peers, references, won_peers
from models.win.trees import PLAIN_TREES, TreeSettings
from service import explain

NAMES = ("stage", "visits", "calls_30d", "days_since_call", "amount_cuts", "industry")
LAYOUT = FeatureLayout(NAMES, (0, 5), 0, -1, -1)
FEATURES = tuple(next(one for one in CATALOGUE if one.name == name) for name in NAMES)
READER = explain.Reader.of(FEATURES, {"industry": list("abcd"), "stage": ["x", "y"]}, "JPY")
NOW, LEFT = 20_300 * DAY, 40.0


@pytest.fixture(scope="module")
def rows() -> SnapshotRows:
    """Three moments of each of 900 deals: visits help, gaps in contact hurt."""
    rng = np.random.default_rng(5)
    deal = np.repeat(np.arange(900), 3)
    count = len(deal)
    x = np.column_stack(
        [
            np.tile([0.0, 1.0, 1.0], 900), rng.poisson(2, count), rng.poisson(3, count),
            rng.exponential(10, count), rng.integers(0, 2, count), rng.integers(0, 4, count),
        ]
    )  # fmt: skip
    odds = x[:, 0] + 0.6 * x[:, 1] - 0.08 * x[:, 3] - 1.5
    won = np.repeat((rng.random(900) < 1 / (1 + np.exp(-odds[::3]))), 3)
    days = rng.exponential(30, count)
    horizon = np.exp(rng.uniform(0, np.log(120.0), count))
    inside = days < horizon
    return SnapshotRows(
        x=x, at=(20_000 * DAY + rng.uniform(0, 200, count) * DAY).astype(np.int64), deal=deal, days=days,
        event=won.astype(np.int64), weight=np.ones(count), regular=np.arange(count) % 4 != 1,
        row=np.arange(count), horizon=horizon, won=(won & inside).astype(float),
        lost=(~won & inside).astype(float), matures_after_days=horizon, longest_days=120.0, ever_days=240.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(rows: SnapshotRows) -> WinModel:
    windows = HorizonWindows(Calendar(ZoneInfo("Asia/Tokyo")), rows.longest_days)
    settings = WinSettings(TreeSettings(count=20, threads=1), replace(PLAIN_TREES, count=20, threads=1))
    return fit_win(rows, LAYOUT, np.arange(len(NAMES)), windows, settings, np.random.default_rng(0))


@pytest.fixture(scope="module")
def peers(model: WinModel, rows: SnapshotRows) -> Peers:
    return won_peers(model, rows, np.random.default_rng(1))


def test_every_feature_falls_into_one_reason_and_every_reason_has_some():
    known = {feature.name for feature in CATALOGUE}
    named = [name for reason in REASONS for name in reason.features]
    assert set(named) <= known | {"material:", "outcome:"}
    assert len(named) == len(set(named))
    groups = [group for reason in REASONS for group in reason.groups]
    assert len(groups) == len(set(groups))
    used = {REASONS[number].code for number in reasons_of(CATALOGUE)}
    assert used == {reason.code for reason in REASONS} - {"custom"}
    own = replace(CATALOGUE[0], name="deals.競合", group="custom")
    assert REASONS[reasons_of([own])[0]].code == "custom"
    sent = replace(CATALOGUE[0], name="material:導入事例集", group="activity")
    assert REASONS[reasons_of([sent])[0]].code == "offer"


def test_a_reason_is_controllable_where_the_seller_can_change_something_it_is_told_by():
    number = reasons_of(CATALOGUE)
    for at, reason in enumerate(REASONS):
        own = [feature.controllable for feature, of in zip(CATALOGUE, number, strict=True) if of == at]
        if own:
            assert any(own) == reason.controllable, reason.code


def test_peers_are_won_deals_at_regular_moments_one_of_a_deal_and_stage(peers: Peers, rows: SnapshotRows):
    place = {(int(at), *x): number for number, (at, x) in enumerate(zip(rows.at, rows.x, strict=True))}
    found = np.array([place[(int(at), *x)] for at, x in zip(peers.at, peers.x, strict=True)])
    assert len(found) == 2 * MAX_OF_STAGE
    assert (rows.event[found] == 1).all()
    assert rows.regular[found].all()
    assert len({(rows.deal[row], rows.x[row, 0]) for row in found}) == len(found)


def test_won_peers_beside_themselves_differ_by_nothing_on_average(model: WinModel, peers: Peers):
    reference = references(model, peers, NOW, LEFT)
    assert sorted(reference) == [0.0, 1.0]
    mine = peers.x[:, 0] == 1.0
    count = int(mine.sum())
    why = model.contributions(peers.x[mine], np.full(count, NOW), np.full(count, LEFT))
    beside = [explain.compare_with_reference(why, row, reference[1.0]) for row in range(count)]
    assert np.mean([one.values for one in beside], axis=0) == pytest.approx(np.zeros(6), abs=1e-9)
    assert np.mean([one.deal - one.reference for one in beside]) == pytest.approx(0.0, abs=1e-9)


def test_a_stage_with_few_won_deals_is_compared_with_no_one(model: WinModel, peers: Peers):
    few = Peers(peers.x[: MIN_OF_STAGE - 1], peers.at[: MIN_OF_STAGE - 1])
    assert references(model, few, NOW, LEFT) == {}
    assert references(model, Peers(peers.x[:0], peers.at[:0]), NOW, LEFT) == {}


def test_reasons_and_factors_add_up_to_the_difference_from_won_deals(
    model: WinModel, peers: Peers, rows: SnapshotRows
):
    reference = references(model, peers, NOW, LEFT)[1.0]
    moments, days = np.full(30, NOW), np.full(30, LEFT)
    why = model.contributions(rows.x[1:90:3], moments, days)
    chance = model.won_by(rows.x[1:90:3], moments, days)
    of_reference = 1 / (1 + np.exp(-reference.log_odds))
    for row in range(30):
        x, beside = rows.x[1 + 3 * row], explain.compare_with_reference(why, row, reference)
        said = (explain.Written(READER, x, "ja"), beside)
        for parts in (explain.reasons(*said), explain.factors(*said)):
            assert sum(one["contribution"] for one in parts) == pytest.approx(
                beside.deal - reference.log_odds, abs=1e-6
            )
            assert sum(one["effect_pp"] for one in parts) == pytest.approx(
                100 * (chance[row] - of_reference), abs=1e-5
            )
            assert {one["compared_with"] for one in parts} == {explain.WON_DEALS.ja}


def test_related_features_are_one_reason_and_the_largest_is_told_first(model: WinModel):
    x = np.array([[1.0, 9.0, 3.0, 60.0, 0.0, 1.0]])
    why = model.contributions(x, np.array([NOW]), np.array([LEFT]))
    beside = explain.compare_with_reference(why, 0, None)
    found = explain.reasons(explain.Written(READER, x[0], "en"), beside)
    by = {one["reason"]: one for one in found}
    assert by["meetings"]["direction"] == "up"
    assert by["meetings"]["controllable"]
    assert by["silence"]["direction"] == "down"
    assert by["silence"]["features"][0]["value"] == "60 days"
    sizes = [abs(one["contribution"]) for one in found if one["reason"] != "other"]
    assert sizes == sorted(sizes, reverse=True)
    assert {one["compared_with"] for one in found} == {explain.AVERAGE_DEAL.en}
    assert not by.get("account", {"controllable": False})["controllable"]
