"""Does anything at or after a moment reach a feature? Is there a second way to compute one that drifts?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.eventlog import EventLog
from features import (
    Calendar,
    History,
    build_features,
    change_moments,
    compile_history,
    compile_live_deal,
    deal_states,
    open_at,
)
from simulator import WorldSettings, crm_tables, simulate
from tests.support.logs import DEALS, TICKS, TOKYO, at, loan_log, random_logs

CALENDAR = Calendar(TOKYO)
RELAXED = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
MOMENTS = st.builds(lambda tick, shift: at(tick) + shift, TICKS, st.sampled_from([-1, 0, 1]))


def assert_same(found: np.ndarray, hoped: np.ndarray, history: History, where: str) -> None:
    assert found.shape == hoped.shape
    differs = ~((found == hoped) | (np.isnan(found) & np.isnan(hoped)))
    names = [feature.name for feature in history.features]
    told = [f"{names[k]}: {found[i, k]} != {hoped[i, k]}" for i, k in np.argwhere(differs)]
    assert not told, f"{where}: {told[:5]}"


def assert_future_does_not_matter(log: EventLog, history: History, moment: int) -> int:
    """Everything at and after the moment deleted, no feature of any deal changes by a bit."""
    cut = log.as_of(moment)
    then = compile_history(cut, history.calendar, history.levels)
    assert [f.name for f in then.features] == [f.name for f in history.features]
    deals = history.deal_ids.get_indexer(then.deal_ids)
    moments = np.full(len(deals), moment)
    every = np.arange(len(deals))
    assert_same(
        build_features(history, deals, moments),
        build_features(then, every, moments),
        history,
        f"as of {moment}",
    )
    full, left = deal_states(history, deals, moments), deal_states(then, every, moments)
    np.testing.assert_array_equal(full.stage, left.stage)
    np.testing.assert_array_equal(full.amount, left.amount)
    np.testing.assert_array_equal(full.close_day, left.close_day)
    np.testing.assert_array_equal(full.status, left.status)
    np.testing.assert_array_equal(
        np.append(history.people, None)[full.owner], np.append(then.people, None)[left.owner]
    )
    assert list(history.deal_ids[open_at(history, moment)]) == list(then.deal_ids[open_at(then, moment)])
    assert snapshots(history, moment) == snapshots(then, moment)
    # The as-of view itself says the same of every deal.
    outcome = cut["deals"]["outcome"].astype(object).map({"won": 1, "lost": 0}).fillna(-1).to_numpy(int)
    np.testing.assert_array_equal(full.status, outcome)
    stage = [name if name == name else None for name in cut["deals"]["stage"].astype(object)]
    assert [history.levels["stage"][code] if code >= 0 else None for code in full.stage] == stage
    return len(deals)


def snapshots(history: History, until: int) -> list[tuple[str, int]]:
    deals, moments = change_moments(history, until)
    return list(zip(history.deal_ids[deals], moments.tolist(), strict=True))


@RELAXED
@given(random_logs(), st.lists(MOMENTS, min_size=1, max_size=4))
def test_what_happens_at_or_after_a_moment_changes_no_feature_of_a_random_log(
    log: EventLog, moments: list[int]
) -> None:
    history = compile_history(log, CALENDAR)
    for moment in moments:
        assert_future_does_not_matter(log, history, moment)


def test_what_happens_later_changes_no_feature_of_real_loan_applications(shared_data: Path) -> None:
    log = loan_log(shared_data, cases=2_500)
    history = compile_history(log, Calendar(log.zone))
    # At the very instants of events, where strictly before and not later differ.
    instants = np.sort(history.deals.stage.at)
    chosen = np.random.default_rng(7).choice(instants, 6)
    rows = sum(assert_future_does_not_matter(log, history, int(moment)) for moment in chosen)
    assert rows > 2_500


@pytest.fixture(scope="module")
def world() -> EventLog:
    return EventLog.of(
        crm_tables(simulate(WorldSettings(deals=600, seed=11, end=date(2026, 11, 20), days=500))), TOKYO
    )


def test_what_happens_later_changes_no_feature_of_a_simulated_organisation(world: EventLog) -> None:
    history = compile_history(world, CALENDAR)
    assert {"deals.競合", "accounts.上場区分"} <= {feature.name for feature in history.features}
    instants = np.concatenate(
        [history.deals.stage.at, history.context.seller_acts.at, history.deals.leads.at.ravel()]
    )
    instants = instants[instants > history.created.min()]
    chosen = np.random.default_rng(8).choice(instants, 5)
    assert sum(assert_future_does_not_matter(world, history, int(moment)) for moment in chosen) > 600


def test_one_deal_of_a_simulated_organisation_has_the_features_of_the_batch(world: EventLog) -> None:
    history = compile_history(world, CALENDAR)
    deals, moments = change_moments(history, int(history.created.max()))
    chosen = np.random.default_rng(9).choice(len(deals), 25, replace=False)
    batch = build_features(history, deals[chosen], moments[chosen])
    alone = [
        build_features(
            compile_live_deal(history, *sent(world, history.deal_ids[deal])),
            np.zeros(1, np.int64),
            np.array([moment]),
        )[0]
        for deal, moment in zip(deals[chosen], moments[chosen], strict=True)
    ]
    assert_same(np.array(alone), batch, history, "simulated")


@RELAXED
@given(random_logs(), st.lists(MOMENTS, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_rows_in_any_order_or_alone_give_the_same_features(log, moments, random) -> None:
    history = compile_history(log, CALENDAR)
    rows = [(deal, moment) for deal in range(len(history.created)) for moment in moments]
    shuffled = random.sample(range(len(rows)), len(rows))
    deals, times = np.array(rows, np.int64).T
    whole = build_features(history, deals, times)
    assert_same(
        build_features(history, deals[shuffled], times[shuffled]), whole[shuffled], history, "shuffled"
    )
    alone = np.vstack([build_features(history, deals[i : i + 1], times[i : i + 1]) for i in range(len(rows))])
    assert_same(alone, whole, history, "alone")


def sent(log: EventLog, deal: str) -> tuple[dict, list[dict], list[dict], dict | None]:
    """A deal as a request would bring it: rows of plain values, times as text."""
    rows = log["deals"].set_index("deal_id", drop=False)
    row = plain(rows.loc[deal].to_dict())
    events = log["deal_events"]
    acts = log["activities"]
    account = log["accounts"].set_index("account_id", drop=False)
    return (
        row,
        [plain(each) for each in events[events["deal_id"] == deal].to_dict("records")],
        [plain(each) for each in acts[acts["deal_id"] == deal].to_dict("records")],
        plain(account.loc[row["account_id"]].to_dict()) if row["account_id"] in account.index else None,
    )


def plain(row: dict) -> dict:
    return {
        name: None if pd.isna(value) else value.isoformat() if isinstance(value, pd.Timestamp) else value
        for name, value in row.items()
    }


def without(log: EventLog, deal: str) -> EventLog:
    tables = dict(log.tables)
    for name in ("deals", "deal_events", "activities", "leads"):
        tables[name] = tables[name][tables[name]["deal_id"] != deal].reset_index(drop=True)
    return EventLog(tables, log.zone)


@RELAXED
@given(random_logs(), st.lists(MOMENTS, min_size=1, max_size=4))
def test_one_deal_of_a_request_has_the_features_of_the_batch(log: EventLog, moments: list[int]) -> None:
    history = compile_history(log, CALENDAR)
    deal = len(history.created) - 1
    row, events, acts, account = sent(log, DEALS[deal])
    times = np.array(moments)
    batch = build_features(history, np.full(len(times), deal), times)
    alone = build_features(
        compile_live_deal(history, row, events, acts, account), np.zeros(len(times), np.int64), times
    )
    assert_same(alone, batch, history, "stored deal sent again")


@RELAXED
@given(random_logs(), st.lists(MOMENTS, min_size=1, max_size=4))
def test_a_deal_that_was_never_stored_has_the_features_it_would_have_if_it_were(
    log: EventLog, moments: list[int]
) -> None:
    deal = DEALS[len(log["deals"]) - 1]
    tables = dict(log.tables)
    tables["leads"] = tables["leads"][tables["leads"]["deal_id"] != deal].reset_index(drop=True)
    log = EventLog(tables, log.zone)
    whole = compile_history(log, CALENDAR)
    rest = compile_history(without(log, deal), CALENDAR, whole.levels)
    row, events, acts, account = sent(log, deal)
    times = np.array(moments)
    batch = build_features(whole, np.full(len(times), len(whole.created) - 1), times)
    alone = build_features(
        compile_live_deal(rest, row, events, acts, account), np.zeros(len(times), np.int64), times
    )
    assert_same(alone, batch, whole, "new deal")


def test_rows_of_a_request_may_come_in_any_order(world: EventLog) -> None:
    history = compile_history(world, CALENDAR)
    deal = int(np.argmax(np.diff(history.deals.stage.start)))
    row, events, acts, account = sent(world, history.deal_ids[deal])
    apart = {each["at"]: each for each in events if each["field"] == "stage"}
    moment = history.deals.stage.at[history.deals.stage.start[deal + 1] - 1 :][:1]  # noqa: PD008
    zero = np.zeros(1, np.int64)
    sorted_, turned = (
        build_features(
            compile_live_deal(history, row, order(list(apart.values())), order(acts), account), zero, moment
        )
        for order in (list, lambda rows: rows[::-1])
    )
    assert len(apart) > 2
    assert_same(turned, sorted_, history, "turned round")


def test_a_deal_is_not_known_at_the_instant_of_its_creation_but_just_after() -> None:
    deals = pd.DataFrame({"deal_id": ["D1"], "created_at": ["2026-04-01T09:00"], "stage": ["アポイント"]})
    history = compile_history(EventLog.of({"deals": deals}, TOKYO), CALENDAR)
    created = history.created
    assert np.isnan(build_features(history, np.array([0]), created)).all()
    assert deal_states(history, np.array([0]), created).status == [-2]
    assert deal_states(history, np.array([0]), created + 1).status == [-1]


@pytest.mark.parametrize("deals", [[0, 0], [1], [-1]])
def test_rows_that_cannot_be_are_refused(deals: list[int]) -> None:
    row = pd.DataFrame({"deal_id": ["D1"], "created_at": ["2026-04-01T09:00"], "stage": ["アポイント"]})
    history = compile_history(EventLog.of({"deals": row}, TOKYO), CALENDAR)
    with pytest.raises(ValueError, match="build: "):
        build_features(history, np.array(deals), np.array([at(1)]))
