"""Is a store that is read again, where rows were written to, the store that is read as a whole?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from crm.eventlog import EventLog
from crm.importing import push_rows, remove_rows
from crm.instants import DAY, NEVER, SECOND, as_of_instant
from crm.known_after import known_after
from crm.store import Store, held_tables
from crm.store.held_tables import HeldTables
from crm.store.read import arrow_table, attributes
from crm.store.touched_rows import MOST
from crm.versions import LATEST
from tests.crm.test_kept_tables import assert_same
from tests.support.fakes import TOKYO, small_store

FIRST = as_of_instant("2026-11-20", TOKYO)
DEALS = st.sampled_from(["D0", "D2", "D4", "D5", "D7", "N1", "商談1"])
MOMENTS = st.sampled_from(["2026-10-30T09:00", "2026-11-18T09:00", "2026-11-20T12:00"])
PUSHES = st.one_of(
    st.fixed_dictionaries(
        {"deal_id": DEALS, "created_at": MOMENTS, "stage": st.sampled_from(["アポイント", "最終交渉"]),
         "amount": st.sampled_from([1e6, 3e6]), "確度": st.sampled_from(["A", 3, ""])}
    ).map(lambda row: ("deals", row)),
    st.fixed_dictionaries(
        {"deal_id": DEALS, "stage": st.just("受注"), "closed_at": MOMENTS, "outcome": st.just("won")}
    ).map(lambda row: ("deals", row)),
    st.fixed_dictionaries(
        {"activity_id": st.sampled_from(["A0", "A3", "B1", "Z9"]), "at": MOMENTS, "deal_id": DEALS,
         "kind": st.sampled_from(["call", "見学"])}
    ).map(lambda row: ("activities", row)),
    st.fixed_dictionaries(
        {"deal_id": DEALS, "at": MOMENTS, "field": st.just("stage"), "value": st.just("最終交渉"),
         "old_value": st.just("アポイント"), "deleted_at": st.sampled_from(["", "2026-11-21T00:00"])}
    ).map(lambda row: ("deal_events", row)),
    st.fixed_dictionaries(
        {"metric": st.just("revenue"), "scope": st.sampled_from(["company", "team:T1"]),
         "period": st.just("2026-Q4"), "value": st.sampled_from([2e7, 5e7])}
    ).map(lambda row: ("targets", row)),
    st.fixed_dictionaries({"person_id": st.sampled_from(["P1", "P9"]), "team_id": st.just("T1")}).map(
        lambda row: ("people", row)
    ),
    st.sampled_from([("activities", "A1"), ("deals", "D5"), ("deals", "D4")]),
)  # fmt: skip


@contextmanager
def opened() -> Iterator[tuple[Store, Path]]:
    with tempfile.TemporaryDirectory() as folder, small_store(Path(folder) / "store.db") as store:
        yield store, Path(folder) / "compiled"


def write(store: Store, table: str, row: Any, now: int) -> None:
    """A row pushed, or removed by its key."""
    if isinstance(row, str):
        remove_rows(store, table, [row], TOKYO, now=now)
    else:
        push_rows(store, table, [row], TOKYO, now=now)


def known(log: EventLog, moment: int) -> dict[str, list[dict[str, Any]]]:
    """What a log says as of a moment."""
    then = log.as_of(moment)
    return {
        name: then[name].astype(object).where(then[name].notna(), None).to_dict("records")
        for name in then.tables
    }


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(PUSHES, min_size=1, max_size=3), min_size=1, max_size=4))
def test_rows_read_again_are_those_of_the_whole_store(rounds: list[list[tuple[str, Any]]]):
    with opened() as (store, folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_tables, "_FEW", 0)
        before, _, held = store.read_held(folder, TOKYO)
        now = FIRST
        for pushes in rounds:
            for table, row in pushes:
                now += 3600 * SECOND
                write(store, table, row, now)
            log, renewal = store.read_again(held, TOKYO)
            assert_same(log, store.read(TOKYO))
            assert renewal.held.revision == store.revision()
            if renewal.known_from != NEVER:
                for moment in (renewal.known_from, *(now - days * DAY for days in (1, 3, 21))):
                    if moment <= min(renewal.known_from, now):
                        assert known(log, moment) == known(before, moment)
            before, held = log, renewal.held


CHANGES = st.one_of(
    PUSHES,
    st.fixed_dictionaries(
        {"lead_id": st.sampled_from(["L0", "L9"]), "created_at": MOMENTS, "deal_id": DEALS,
         "owner_id": st.just("P1"), "handed_to": st.just("P2")}
    ).map(lambda row: ("leads", row)),
    st.fixed_dictionaries({"person_id": st.just("P1"), "team_id": st.sampled_from(["T1", "T2"])}).map(
        lambda row: ("people", row)
    ),
    st.fixed_dictionaries(
        {"account_id": st.sampled_from(["C1", "C9"]), "name": st.sampled_from(["甲", "乙"]),
         "規模": st.sampled_from([1, "大", ""])}
    ).map(lambda row: ("accounts", row)),
    st.sampled_from([("deals", "D2"), ("leads", "L0"), ("people", "P9"), ("accounts", "C9")]),
)  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=1, max_size=4), st.booleans())
def test_what_is_known_after_a_push_is_what_the_whole_store_knows(
    rounds: list[list[tuple[str, Any]]], is_past: bool
):
    with opened() as (store, folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_tables, "_FEW", 0)
        log, _, held = store.read_held(folder, TOKYO)
        now = FIRST
        moment = FIRST - 5 * DAY if is_past else FIRST + 30 * DAY
        then = log.as_of(moment)
        for pushes in rounds:
            for table, row in pushes:
                now += 3600 * SECOND
                write(store, table, row, now)
            log, renewal = store.read_again(held, TOKYO)
            held, expected = renewal.held, log.as_of(moment)
            found = None
            if renewal.touched is not None:
                found = known_after(then, log, renewal.touched, renewal.deals)
            event(f"of what was known before: {found is not None}")
            if found is not None:
                assert_same_rows(found, expected)
            then = expected if found is None else found


def assert_same_rows(found: EventLog, expected: EventLog) -> None:
    """The same columns of the same types with the same values; a category may name what no row has."""
    assert (found.moment, found.zone, found.given) == (expected.moment, expected.zone, expected.given)
    for name, frame in expected.tables.items():
        assert list(found[name].columns) == list(frame.columns), name
        for column in frame.columns:
            pair = found[name][column], frame[column]
            kinds = ["category" if isinstance(one.dtype, pd.CategoricalDtype) else one.dtype for one in pair]
            assert kinds[0] == kinds[1], (name, column)
            values = [one.astype(object).where(one.notna(), None).tolist() for one in pair]
            assert values[0] == values[1], (name, column)


def test_another_stage_is_not_told_from_what_was_known_before():
    with opened() as (store, folder):
        log, _, held = store.read_held(folder, TOKYO)
        then = log.as_of(FIRST)
        write(store, "stages", {"stage": "受注", "position": 9, "outcome": "won"}, FIRST)
        log, renewal = store.read_again(held, TOKYO)
        assert renewal.touched is not None
        assert known_after(then, log, renewal.touched, renewal.deals) is None


def reads(patch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def counted(connection: object, name: str) -> Any:
        seen.append(name)
        return arrow_table(connection, name)  # type: ignore[arg-type]

    patch.setattr(held_tables, "arrow_table", counted)
    patch.setattr("crm.store.arrow_table", counted)
    return seen


def test_only_tables_with_rows_that_were_written_to_are_read_again(monkeypatch: pytest.MonkeyPatch):
    with opened() as (store, folder):
        _, _, held = store.read_held(folder, TOKYO)
        seen = reads(monkeypatch)
        _, renewal = store.read_again(held, TOKYO)
        assert (seen, renewal.known_from, renewal.held.revision) == ([], LATEST, held.revision)
        write(store, "activities", {"activity_id": "B1", "at": "2026-11-20T09:00", "kind": "call"}, FIRST)
        log, renewal = store.read_again(renewal.held, TOKYO)
        assert seen == ["activities"]
        assert renewal.known_from == as_of_instant("2026-11-20T09:00", TOKYO)
        assert log["people"] is not None
        assert renewal.held.frames["people"] is held.frames["people"]


def all_again(store: Store, held: HeldTables, patch: pytest.MonkeyPatch) -> bool:
    """Whether everything is read again, and right."""
    seen = reads(patch)
    log, renewal = store.read_again(held, TOKYO)
    assert_same(log, store.read(TOKYO))
    return "organisation" in seen and renewal.known_from == NEVER


def test_everything_is_read_again_after_an_import_of_many_rows(monkeypatch: pytest.MonkeyPatch):
    with opened() as (store, folder):
        _, _, held = store.read_held(folder, TOKYO)
        rows = pd.DataFrame({"activity_id": [f"M{n}" for n in range(MOST + 1)]})
        push_rows(store, "activities", rows.assign(at="2026-11-20", kind="call"), TOKYO, now=FIRST)
        assert all_again(store, held, monkeypatch)


def test_everything_is_read_again_where_nothing_says_what_was_written(monkeypatch: pytest.MonkeyPatch):
    with opened() as (store, folder):
        _, _, held = store.read_held(folder, TOKYO)
        monkeypatch.setattr("crm.store.touched_rows.TouchedRows.save", lambda *_: None)
        write(store, "people", {"person_id": "P9", "team_id": "T1"}, FIRST)
        assert all_again(store, held, monkeypatch)


def test_both_databases_give_the_rows_of_any_name_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(held_tables, "_FEW", 0)
    names = ["D1", "50%", "o'clock", "商談", "a\\b"]
    deals = [{"deal_id": name, "created_at": "2026-09-01", "stage": "アポイント"} for name in names]
    push_rows(store, "deals", deals, TOKYO, now=FIRST)
    _, _, held = store.read_held(tmp_path / "compiled", TOKYO)
    for number, name in enumerate(names):
        now = FIRST + (number + 1) * SECOND
        write(store, "deals", {"deal_id": name, "amount": 5.0, "確度": number, "stage": "最終交渉"}, now)
        row = {
            "activity_id": name,
            "at": "2026-11-20T09:00",
            "kind": "call",
            "effective": True,
            "deal_id": name,
        }
        write(store, "activities", row, now)
        log, renewal = store.read_again(held, TOKYO)
        assert_same(log, store.read(TOKYO))
        assert renewal.known_from != NEVER
        held = renewal.held


def test_attributes_of_rows_that_say_the_same_are_read_once_for_all_of_them():
    said = '{"席数":1,"競合":"X社"}'
    found = attributes(pa.chunked_array([pa.array([said, None, said, '{"競合":"A社"}', ""], pa.string())]))
    assert list(found) == sorted(["席数", "競合"])
    np.testing.assert_array_equal(found["席数"].to_numpy(), [1.0, np.nan, 1.0, np.nan, np.nan])
    assert found["競合"].astype(object).where(found["競合"].notna(), None).tolist() == [
        "X社", None, "X社", "A社", None
    ]  # fmt: skip
    assert list(found["競合"].cat.categories) == ["A社", "X社"]
