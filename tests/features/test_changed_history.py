"""Is a history in which the slices of some deals were exchanged the one compiled from the whole log?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from crm.conversion import ForeignMoney
from crm.eventlog import EventLog
from crm.versions import ALWAYS, Versions
from features import History, changed_history, compile_history
from features.calendar import Calendar
from features.changed_history import Change, activity_rows
from features.changed_history import changed_history as history_after
from tests.features.test_kept_history import assert_same
from tests.support.logs import DEALS, START, TOKYO, random_logs, when

CALENDAR = Calendar(TOKYO)
_KEYS = {"deals": "deal_id", "deal_events": "deal_id", "activities": "activity_id", "leads": "lead_id"}
BOOK = [f"D{n:02d}" for n in range(30)]


def changed(frames: Mapping[str, pd.DataFrame], rng: np.random.Generator, deals: list[str]) -> Change:
    """Takes rows of some deals out, in place, and says which."""
    touched: dict[str, set[str]] = {}
    chosen = rng.choice(deals, rng.integers(1, 4), replace=False).tolist()
    for name, key in _KEYS.items():
        frame = frames[name]
        mask = frame["deal_id"].astype(object).isin(chosen).to_numpy(bool) & (rng.random(len(frame)) < 0.4)
        touched[name] = {str(value) for value in frame[key][mask]}
        frames[name] = frame[~mask].reset_index(drop=True)  # type: ignore[index]
    return Change(touched, frozenset(chosen))


def both_ways(log: EventLog, seed: int, deals: list[str]) -> list[bool]:
    """Rows go and come back; whether the history was made from the one before."""
    frames, rng = dict(log.tables), np.random.default_rng(seed)
    change = changed(frames, rng, deals)
    less = EventLog.of(frames, TOKYO)
    levels = compile_history(log, CALENDAR).levels
    made = []
    for old, new in ((log, less), (less, log)):
        before, expected = (compile_history(one, CALENDAR, levels) for one in (old, new))
        found = history_after(before, activity_rows(before, old), old, new, change)
        made.append(found is not None)
        if found is not None:
            assert_same(found[0], expected)
            np.testing.assert_array_equal(found[1], activity_rows(expected, new), strict=True)
    return made


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_logs(), st.integers(0, 2**32))
def test_rows_that_come_or_go_at_random_give_the_arrays_of_the_whole_log(log: EventLog, seed: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changed_history, "MOST", 1.0)
        for made in both_ways(log, seed, DEALS):
            event(f"made from the one before: {made}")


def book() -> EventLog:
    """Thirty deals of three sellers whose names all have rows, with ties in time."""
    rng = np.random.default_rng(3)
    n, events, acts = len(BOOK), 150, 200
    people, accounts = ["P0", "P1", "P2"], ["C0", "C1", "C2"]
    stages = ["リード獲得", "アポイント", "提案・見積", "受注", "失注"]
    values = {"stage": stages, "owner_id": people, "amount": ["100", "250.5"], "product": ["A", "B"]}

    def at(count: int) -> list[pd.Timestamp | None]:
        return [when(3 * int(day)) for day in rng.integers(0, 40, count)]

    def some(names: list[str], count: int) -> list[str]:
        return [str(name) for name in rng.choice(names, count)]

    fields = some(list(values), events)
    tables = {
        "deals": {
            "deal_id": BOOK, "created_at": at(n), "stage": some(stages[:3], n), "owner_id": some(people, n),
            "account_id": some(accounts, n), "product": some(["A", "B"], n), "amount": rng.uniform(1, 9, n),
        },
        "deal_events": {
            "deal_id": some(BOOK, events), "at": at(events), "field": fields,
            "value": [some(values[field], 1)[0] for field in fields],
            "old_value": [some(values[field], 1)[0] for field in fields],
        },
        "activities": {
            "activity_id": [f"A{n:03d}" for n in range(acts)], "at": at(acts), "deal_id": some(BOOK, acts),
            "kind": some(["call", "visit"], acts), "actor_id": some(people, acts),
        },
        "leads": {"lead_id": [f"L{n}" for n in range(9)], "created_at": at(9), "deal_id": some(BOOK, 9)},
        "people": {"person_id": people, "team_id": "T1"},
        "accounts": {"account_id": accounts, "industry": ["製造", "医療", None]},
    }  # fmt: skip
    return EventLog.of({name: pd.DataFrame(columns) for name, columns in tables.items()}, TOKYO)


LOG = book()


@pytest.mark.parametrize("seed", range(12))
def test_a_book_whose_names_all_have_rows_is_never_compiled_whole(seed: int):
    assert both_ways(LOG, seed, BOOK) == [True, True]


def after(log: EventLog, change: Change) -> tuple[History, History | None]:
    before = compile_history(LOG, CALENDAR)
    found = history_after(before, activity_rows(before, LOG), LOG, log, change)
    return before, None if found is None else found[0]


def with_deals(**columns: object) -> EventLog:
    return EventLog.of({**LOG.tables, "deals": LOG["deals"].assign(**columns)}, TOKYO)


def test_where_nothing_of_a_deal_has_changed_the_history_stays_as_it_is():
    before, found = after(LOG, Change({"targets": {"revenue"}}, frozenset()))
    assert found is before


def test_rows_of_a_deal_that_was_merged_are_those_of_the_one_in_its_place():
    gone = [("D29", ALWAYS, False, None, "{}"), ("D29", START, True, "D00", "{}")]
    versions = {"deals": Versions.of(gone)}
    log = EventLog.of(LOG.tables, TOKYO, versions)
    acts = LOG["activities"]
    row = int(np.flatnonzero((acts["deal_id"] == "D29").to_numpy(bool))[0])
    touched = {"activities": {str(acts["activity_id"][row])}}
    less = EventLog.of({**LOG.tables, "activities": acts.drop(row).reset_index(drop=True)}, TOKYO, versions)
    levels = compile_history(log, CALENDAR).levels
    before, expected = (compile_history(one, CALENDAR, levels) for one in (less, log))
    assert "D29" not in before.deal_ids
    found = history_after(before, activity_rows(before, less), less, log, Change(touched, frozenset({"D29"})))
    assert found is not None
    assert_same(found[0], expected)


ONE = Change({"deals": BOOK[:1]}, frozenset(BOOK[:1]))


@pytest.mark.parametrize(
    ("log", "change"),
    [
        pytest.param(with_deals(owner_id=["P8", *LOG["deals"]["owner_id"][1:]]), ONE, id="a new name"),
        pytest.param(with_deals(席数=1.0), ONE, id="a new column"),
        pytest.param(LOG, Change({"people": ["P0"]}, frozenset()), id="a person"),
        pytest.param(LOG, Change({"deals": BOOK[:9]}, frozenset(BOOK[:9])), id="many deals"),
        pytest.param(with_deals(deal_id=["D0x", *BOOK[1:]]), ONE, id="another deal than is named"),
        pytest.param(replace(LOG, money=ForeignMoney(LOG.rates)), ONE, id="money in another currency"),
    ],
)
def test_what_reaches_further_than_some_deals_is_compiled_whole(log: EventLog, change: Change):
    assert after(log, change)[1] is None
