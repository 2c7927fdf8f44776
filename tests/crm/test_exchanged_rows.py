"""Is a table in which some rows were exchanged the one that is made of all its rows?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.exchanged_rows import Exchange, exchanged, place_of, rows_named
from crm.versions import Versions

KEYS = [f"K{n}" for n in range(8)]
NAMES = ["Á", "a", "b", "商談", "𠮷"]
ROW = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*NAMES, None]),
        "text": st.sampled_from(["x", "長い", None]),
        "number": st.sampled_from([0.5, -1.0, None]),
        "flag": st.sampled_from([True, False, None]),
        "at": st.sampled_from(["2026-11-01T09:00", "2026-11-02T00:00:00.000001", None]),
        "day": st.sampled_from(["2026-11-01", None]),
    }
)
TABLES = st.dictionaries(st.sampled_from(KEYS), ROW)


def frame(rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Rows in the order of their key, in the types that the store's tables have."""
    keys = sorted(rows)
    of = {name: [rows[key][name] for key in keys] for name in ("name", "text", "number", "flag", "at", "day")}
    return pd.DataFrame(
        {
            "key": pd.Series(keys, dtype="str"),
            "name": pd.Series(of["name"], dtype="str").astype("category"),
            "text": pd.Series(of["text"], dtype="str"),
            "number": pd.Series(of["number"], dtype="float64"),
            "flag": pd.Series(of["flag"], dtype="boolean"),
            "at": pd.to_datetime(pd.Series(of["at"], dtype="str"), format="ISO8601", utc=True).astype(
                "datetime64[us, UTC]"
            ),
            "day": pd.to_datetime(pd.Series(of["day"], dtype="str")).astype("datetime64[us]"),
        }
    )


@given(TABLES, TABLES, st.sets(st.sampled_from(KEYS)))
def test_rows_that_come_go_or_change_give_the_table_of_all_rows(
    before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]], changed: set[str]
):
    fresh = {key: row for key, row in now.items() if key in changed}
    after = {key: row for key, row in before.items() if key not in changed} | fresh
    old = frame(before)
    exchange = Exchange.by_key(old["key"], changed, sorted(fresh))
    found = exchanged(old, frame(fresh), exchange)
    pd.testing.assert_frame_equal(found, frame(after), check_exact=True)
    pd.testing.assert_frame_equal(old, frame(before), check_exact=True)


def test_numbers_beside_texts_become_texts_and_a_column_of_one_side_is_blank_in_the_other():
    old = pd.DataFrame({"key": pd.Series(["A", "B"], dtype="str"), "own": [1.0, 2.5]})
    fresh = pd.DataFrame({"key": pd.Series(["B"], dtype="str"), "own": pd.Categorical(["x"])})
    found = exchanged(old, fresh.assign(new=3.0), Exchange.by_key(old["key"], {"B"}, ["B"]))
    assert found["own"].tolist() == ["1", "x"]
    np.testing.assert_array_equal(found["new"], [np.nan, 3.0])


def test_a_row_is_found_by_its_key_or_by_a_name_of_its_column():
    keys = pd.Series(["A", "C", "商"], dtype="str")
    assert [place_of(keys.array, name) for name in ("B", "C", "鼎")] == [(1, False), (1, True), (3, False)]
    assert rows_named(keys, {"商", "A", "B"}).tolist() == [0, 2]
    assert rows_named(pd.Series(["b", None, "a", "b"], dtype="category"), {"b", "c"}).tolist() == [0, 3]


@given(
    st.sets(st.tuples(st.sampled_from(KEYS), st.integers(0, 3))),
    st.sets(st.tuples(st.sampled_from(KEYS), st.integers(0, 3))),
    st.sets(st.sampled_from(KEYS)),
)
def test_versions_of_some_rows_are_exchanged(
    before: set[tuple[str, int]], now: set[tuple[str, int]], changed: set[str]
):
    def rows(of: set[tuple[str, int]]) -> list[tuple[str, int, bool, str | None, str]]:
        return [(key, at, at == 2, "K0" if at == 3 else None, f"{{{at}}}") for key, at in sorted(of)]

    fresh = {one for one in now if one[0] in changed}
    left = {one for one in before if one[0] not in changed}
    known = Versions.of(rows(before))
    found, expected = known.with_rows(changed, rows(fresh)), Versions.of(rows(left | fresh))
    assert found.as_rows() == expected.as_rows()
    assert (found.keys.dtype, found.gone.dtype) == (expected.keys.dtype, expected.gone.dtype)
    assert known.of_rows(changed).as_rows() == Versions.of(rows(before - left)).as_rows()


@pytest.mark.parametrize("keys", [[], ["A"]])
def test_an_empty_table_takes_rows_in(keys: list[str]):
    old = frame({})
    fresh = frame({key: dict.fromkeys(("name", "text", "number", "flag", "at", "day")) for key in keys})
    found = exchanged(old, fresh, Exchange.by_key(old["key"], set(keys), keys))
    pd.testing.assert_frame_equal(found, fresh, check_exact=True)
