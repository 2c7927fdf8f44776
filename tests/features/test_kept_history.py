"""Is a history that was kept the compiled one, bit for bit, and compiled anew wherever it is not?"""

from __future__ import annotations

import shutil
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crm import kept_folder
from crm.eventlog import EventLog
from features import History, build_features, compile_history, kept_history, open_at
from features.calendar import Calendar
from features.kept_history import history_name, keep_history
from features.kept_history import kept_history as read_history
from tests.support.fakes import TOKYO, small_store

CALENDAR, MOMENT = Calendar(TOKYO), 1_764_000_000_000_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EventLog:
    with small_store(tmp_path_factory.mktemp("store") / "store.db") as store:
        return store.read(TOKYO)


@pytest.fixture(scope="module")
def history(log: EventLog) -> History:
    return compile_history(log, CALENDAR)


def assert_same(found: Any, expected: Any) -> None:
    """Every array, of the same type and layout, so that the same compiled functions take it."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape, found.flags.writeable) == (expected.dtype, expected.shape, True)
        assert found.flags.aligned
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, pd.Index):
        pd.testing.assert_index_equal(found, expected, exact=True)
    elif is_dataclass(expected):
        for field in fields(expected):
            assert_same(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


def test_what_was_kept_is_what_was_compiled(history: History, tmp_path: Path):
    keep_history(tmp_path, "a", history)
    found = read_history(tmp_path, "a", CALENDAR)
    assert found is not None
    assert_same(found, history)
    deals = open_at(found, MOMENT)
    at = np.full(len(deals), MOMENT, np.int64)
    np.testing.assert_array_equal(build_features(found, deals, at), build_features(history, deals, at))


def test_attributes_of_a_company_are_kept(log: EventLog, tmp_path: Path):
    deals = log["deals"].assign(
        **{"席数": np.arange(len(log["deals"]), dtype=float), "確度": pd.Categorical(["A", "B"] * 4)}
    )
    compiled = compile_history(replace(log, tables={**log.tables, "deals": deals}), CALENDAR)
    assert {one.feature for one in compiled.attributes} >= {"deals.席数", "deals.確度"}
    keep_history(tmp_path, "a", compiled)
    assert_same(read_history(tmp_path, "a", CALENDAR), compiled)


def test_arrays_that_two_places_share_are_kept_once(history: History, tmp_path: Path):
    keep_history(tmp_path, "a", history)
    found = read_history(tmp_path, "a", CALENDAR)
    assert found is not None
    assert history.created is history.deals.created
    assert found.created is found.deals.created


def test_who_writes_into_it_changes_no_other_reader(history: History, tmp_path: Path):
    keep_history(tmp_path, "a", history)
    one, other = (read_history(tmp_path, "a", CALENDAR) for _ in range(2))
    assert one is not None
    one.created[:] = 0
    assert_same(other, history)
    assert_same(read_history(tmp_path, "a", CALENDAR), history)


def test_its_name_says_what_it_was_compiled_from(
    log: EventLog, history: History, monkeypatch: pytest.MonkeyPatch
):
    names = [
        history_name(state, log, calendar, levels)
        for state, calendar, levels in (
            ("a", CALENDAR, history.levels),
            ("b", CALENDAR, history.levels),
            ("a", Calendar(TOKYO, 1), history.levels),
            ("a", CALENDAR, {**history.levels, "stage": ["other"]}),
        )
    ]
    names.append(history_name("a", log.with_organisation(currency="USD"), CALENDAR, history.levels))
    monkeypatch.setattr(kept_history, "sources", lambda: "another version's")
    names.append(history_name("a", log, CALENDAR, history.levels))
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("harm", ["cut short", "other bytes", "missing", "no description", "not there"])
def test_a_damaged_one_is_not_read(history: History, tmp_path: Path, harm: str):
    keep_history(tmp_path, "a", history)
    folder = tmp_path / "history-a"
    arrays, description = folder / "arrays.bin", folder / "history.json"
    match harm:
        case "cut short":
            arrays.write_bytes(arrays.read_bytes()[:-8])
        case "other bytes":
            arrays.write_bytes(b"x" * arrays.stat().st_size)
        case "missing":
            arrays.unlink()
        case "no description":
            description.write_bytes(b"{}")
        case _:
            shutil.rmtree(folder)
    assert read_history(tmp_path, "a", CALENDAR) is None


def test_a_folder_that_cannot_be_written_to_keeps_none(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(kept_folder, "write_sealed", denied)
    keep_history(tmp_path, "a", history)
    assert read_history(tmp_path, "a", CALENDAR) is None
