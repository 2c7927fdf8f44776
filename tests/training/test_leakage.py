"""Are attributes that are written at closing found, and honest ones left alone?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import as_of_instant
from crm.schema import OBSERVER
from features.catalogue import CATALOGUE
from training.config import TrainConfig
from training.leakage import Leak, screen
from training.selection import select

TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF = as_of_instant("2026-06-30", TOKYO)
COUNT = 800


def make_log(seed: int = 0, events: pd.DataFrame | None = None, **columns: object) -> EventLog:
    """Deals, about half of them closed, with a history of stages; more columns by (open, won, generator)."""
    rng = np.random.default_rng(seed)
    created = pd.Timestamp("2026-01-01", tz="Asia/Tokyo") + pd.to_timedelta(
        rng.uniform(0, 178, COUNT), unit="D"
    )
    days = rng.exponential(60, COUNT)
    closed = created + pd.to_timedelta(days, unit="D")
    is_open = np.asarray(closed >= pd.Timestamp("2026-07-01", tz="Asia/Tokyo"))
    won = rng.random(COUNT) < 0.4
    outcome = np.where(is_open, None, np.where(won, "won", "lost"))
    deals = pd.DataFrame(
        {
            "deal_id": [f"D{i}" for i in range(COUNT)],
            "created_at": created,
            "stage": np.where(is_open, "提案・見積", np.where(won, "受注", "失注")),
            "closed_at": pd.Series(closed).where(~is_open),
            "outcome": outcome,
        }
    )
    for name, make in columns.items():
        deals[name] = make(is_open, won, rng) if callable(make) else make
    staged = pd.DataFrame(
        {"deal_id": deals.deal_id, "at": created, "field": "stage", "value": "提案・見積", "old_value": None}
    )
    ended = deals[~is_open]
    staged = pd.concat(
        [
            staged,
            pd.DataFrame(
                {"deal_id": ended.deal_id, "at": ended.closed_at, "field": "stage", "value": ended.stage}
            ),
        ]
    )
    everything = staged if events is None else pd.concat([staged, events])
    return EventLog.of({"deals": deals, "deal_events": everything}, TOKYO)


def _found(log: EventLog) -> dict[str, str]:
    return {leak.attribute: leak.reason for leak in screen(log.as_of(AS_OF), AS_OF)}


def test_an_attribute_that_is_blank_until_deals_close_is_found():
    def account(is_open, won, rng):
        return np.where(is_open & (rng.random(COUNT) < 0.68), None, "C1")

    assert _found(make_log(account_id=account)) == {"account_id": "fill"}


def test_an_attribute_filled_for_one_outcome_only_is_found():
    def rival(is_open, won, rng):
        return np.where(~is_open & ~won & (rng.random(COUNT) < 0.25), "X社", None)

    assert _found(make_log(競合受注=rival)) == {"競合受注": "one_outcome"}


def test_a_value_that_is_rewritten_at_closing_is_found():
    def sureness(is_open, won, rng):
        return np.where(is_open, "未定", np.where(rng.random(COUNT) < 0.6, "A", "B"))

    assert _found(make_log(確度=sureness)) == {"確度": "value"}


def test_an_attribute_too_good_to_be_true_is_found():
    def after(is_open, won, rng):
        return np.where(won ^ (rng.random(COUNT) < 0.02), "満足", "不満")

    assert _found(make_log(感想=after)) == {"感想": "too_good"}


def test_an_amount_that_is_zero_for_lost_deals_is_found():
    def amount(is_open, won, rng):
        return np.where(won, rng.uniform(1e5, 1e6, COUNT), 0.0)

    assert _found(make_log(amount=amount)) == {"amount": "too_good"}


def test_a_missing_stage_history_is_found():
    log = make_log()
    bare = EventLog.of({"deals": log["deals"]}, TOKYO)
    assert _found(bare) == {"stage": "no_history"}


def test_a_date_rewritten_with_the_day_of_closing_is_found():
    def foreseen(is_open, won, rng, share=0.6):
        log = make_log()
        day = log["deals"]["closed_at"].dt.tz_convert(TOKYO).dt.tz_localize(None).dt.normalize()
        other = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, COUNT), unit="D")
        return day.where(day.notna() & (rng.random(COUNT) < share), other)

    assert _found(make_log(expected_close_date=foreseen)) == {"expected_close_date": "closing_day"}
    honest = make_log(expected_close_date=lambda *given: foreseen(*given, share=0.1))
    assert _found(honest) == {}


def test_columns_of_ones_own_wait_until_enough_deals_have_closed():
    def size(is_open, won, rng):
        return rng.choice(["大", "小"], COUNT)

    log = make_log(規模=size, source=size)
    few = log["deals"].groupby("outcome", dropna=False, observed=True).head(19)
    young = EventLog.of({"deals": few, "deal_events": log["deal_events"]}, TOKYO)
    assert _found(young) == {"規模": "unscreened"}


def test_changes_that_imports_saw_do_not_excuse_deals_that_closed_before():
    def sureness(is_open, won, rng):
        return np.where(is_open, "未定", np.where(rng.random(COUNT) < 0.6, "A", "B"))

    log = make_log(確度=sureness)
    ended = log["deals"][log["deals"]["outcome"].notna()]
    changes = pd.DataFrame(
        {
            "deal_id": ended.deal_id,
            "at": ended.closed_at,
            "field": "確度",
            "value": ended["確度"].astype(object),
            "old_value": "未定",
            "actor_id": OBSERVER,
        }
    )
    assert _found(make_log(events=changes[::3], 確度=sureness)) == {"確度": "value"}
    assert _found(make_log(events=changes, 確度=sureness)) == {}
    # Nor does a history of the company's own that only some of the deals have.
    real = changes.assign(actor_id="P1")
    assert _found(make_log(events=real[::3], 確度=sureness)) == {"確度": "value"}
    assert _found(make_log(events=real, 確度=sureness)) == {}


def test_an_honest_signal_is_left_alone():
    def source(is_open, won, rng):
        return np.where(rng.random(COUNT) < np.where(won, 0.7, 0.3), "紹介", "広告")

    assert _found(make_log(source=source)) == {}


def test_a_column_that_came_into_use_lately_is_left_alone():
    log = make_log()
    late = log["deals"]["created_at"] >= pd.Timestamp("2026-05-01", tz="Asia/Tokyo")
    deals = log["deals"].assign(規模=np.where(late, "大", None))
    assert _found(EventLog.of({"deals": deals, "deal_events": log["deal_events"]}, TOKYO)) == {}


def test_an_attribute_with_a_history_of_changes_is_left_alone():
    def account(is_open, won, rng):
        return np.where(is_open, None, "C1")

    log = make_log(account_id=account)
    ended = log["deals"][log["deals"]["outcome"].notna()]
    changes = pd.DataFrame(
        {
            "deal_id": ended.deal_id,
            "at": ended.closed_at,
            "field": "account_id",
            "value": "C1",
            "old_value": None,
        }
    )
    assert _found(make_log(events=changes, account_id=account)) == {}


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_columns_of_chance_are_hardly_ever_taken_for_leaks(seed):
    def noise(is_open, won, rng):
        return np.where(rng.random(COUNT) < 0.5, None, rng.choice(["a", "b", "c"], COUNT))

    assert _found(make_log(seed, 列=noise, amount=lambda o, w, rng: rng.lognormal(12, 1, COUNT))) == {}


def test_a_leak_takes_out_every_feature_that_reads_it_unless_asked_for():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (500, len(CATALOGUE))).astype(float)
    at = rng.integers(0, 10**15, 500)
    leak = Leak("account_id", "fill", CATALOGUE[0].label)
    chosen = select(CATALOGUE, x, at, [leak], TrainConfig())
    assert {"industry", "account_won", "contracts"} <= set(chosen.left_out)
    assert "source" in chosen.layout.names
    kept = select(CATALOGUE, x, at, [leak], TrainConfig(include=("account_id",)))
    assert "account_won" in kept.layout.names


def test_owner_blind_scores_do_not_look_at_who_sells():
    rng = np.random.default_rng(0)
    x, at = rng.integers(0, 5, (500, len(CATALOGUE))).astype(float), rng.integers(0, 10**15, 500)
    chosen = select(CATALOGUE, x, at, [], TrainConfig(owner_blind=True))
    by_name = {feature.name: feature for feature in CATALOGUE}
    assert not [name for name in chosen.layout.names if "deals.owner_id" in by_name[name].reads]
    assert "seller_win_rate" in chosen.left_out


def test_selection_leaves_out_a_column_that_all_deals_of_a_day_share():
    rng = np.random.default_rng(0)
    day = rng.integers(0, 200, 4_000)
    x = rng.integers(0, 5, (4_000, len(CATALOGUE))).astype(float)
    x[:, 3] = rng.normal(size=200)[day]
    chosen = select(CATALOGUE, x, day * 86_400_000_000, [], TrainConfig())
    assert list(chosen.left_out) == [CATALOGUE[3].name]
    assert "same for all deals of a day" in chosen.left_out[CATALOGUE[3].name].en


def test_selection_leaves_out_a_column_that_only_grows_with_time():
    rng = np.random.default_rng(0)
    at = rng.integers(0, 10**15, 2_000)
    x = rng.integers(0, 5, (2_000, len(CATALOGUE))).astype(float)
    x[:, 3] = at / 10**14 + rng.normal(size=2_000)
    x[:, 5] = at / 10**15 + rng.normal(size=2_000)
    assert list(select(CATALOGUE, x, at, [], TrainConfig()).left_out) == [CATALOGUE[3].name]


def test_an_unknown_training_setting_names_what_is_known():
    with pytest.raises(SanchoError, match="treees") as raised:
        TrainConfig.of({"treees": 5})
    assert "trees" in str(raised.value)


def test_a_training_setting_of_the_wrong_type_says_what_is_expected():
    with pytest.raises(Exception, match="expected: int"):
        TrainConfig.of({"trees": "many"})
