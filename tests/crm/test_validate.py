"""Can rows be judged without a store, slice by slice, and are their errors counted once?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from crm.importing.checked_rows import Context
from crm.importing.import_log import ImportLog
from crm.importing.result import ImportResult
from crm.importing.row_errors import CellError
from crm.importing.validate import Batch, Validator
from crm.instants import as_of_instant
from crm.schema import DEFAULT_OUTCOMES

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)


def batch(columns: dict[str, list[str | None]], errors: tuple[CellError, ...] = ()) -> Batch:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return Batch("deals", "deals.csv", table, lambda rows: rows + 2, errors=errors)


def context(stored: frozenset[str] = frozenset()) -> Context:
    return Context(
        zone=TOKYO, now=NOW, outcomes=DEFAULT_OUTCOMES, stored_keys=lambda keys: set(keys) & set(stored)
    )


SIX = {
    "deal_id": ["D1", "D2", "D1", "D2", None, "D3"],
    "created_at": ["2026-01-05"] * 5 + ["never"],
    "stage": ["初回訪問", "初回訪問", "提案・見積", "初回訪問", "初回訪問", "初回訪問"],
}


def test_a_duplicate_is_seen_across_slices_and_one_that_is_alike_is_sound_but_not_stored_again():
    given = batch(SIX)
    validator = Validator(given, given.columns)
    first = validator.validate(np.arange(2), given.columns.slice(0, 2), context())
    second = validator.validate(np.arange(2, 6), given.columns.slice(2), context())
    assert first.sound.tolist() == first.stored.tolist() == [True, True]
    assert not first.errors
    # D1 again with other contents, D2 again with the same ones, no ID, no date.
    assert second.sound.tolist() == [False, True, False, False]
    assert second.stored.tolist() == [False, False, False, False]
    assert {(error.row, error.code) for error in second.errors} == {
        (0, "duplicate_id"), (2, "missing"), (3, "bad_moment"),
    }  # fmt: skip
    assert [error.values for error in second.errors if error.code == "duplicate_id"] == [{"first": 2}]


def test_where_a_mapping_and_the_check_judge_one_value_the_mappings_error_stands():
    found_by_mapping = CellError(5, "created_at", "unmapped_value")
    given = batch(SIX, (found_by_mapping,))
    part = Validator(given, given.columns).validate(np.arange(4, 6), given.columns.slice(4), context())
    assert (1, "created_at", "unmapped_value") in [error[:3] for error in part.errors]
    assert "bad_moment" not in {error.code for error in part.errors}


def test_without_a_required_column_a_row_may_change_a_stored_deal_but_not_be_new():
    given = batch({"deal_id": ["D1", "D2"], "stage": ["初回訪問", "初回訪問"]})
    part = Validator(given, given.columns).validate(np.arange(2), given.columns, context(frozenset({"D2"})))
    assert part.sound.tolist() == [False, True]
    assert [error[:3] for error in part.errors] == [(0, "created_at", "new_row_incomplete")]


def test_errors_of_one_row_share_its_number_and_lines_are_those_of_the_file():
    given = batch(SIX)
    log = ImportLog(ImportResult("deals.csv"))
    errors = [
        CellError(2, "stage", "missing"),
        CellError(0, "deal_id", "missing"),
        CellError(0, "stage", "missing"),
    ]
    texts = log.reject_rows(given, given.columns.slice(3), np.arange(3, 6), errors)
    assert [(e.row, e.line, e.column) for e in log.result.errors] == [
        (1, 5, "deal_id"),
        (1, 5, "stage"),
        (2, 7, "stage"),
    ]
    assert [text.get("deal_id") for text in texts] == ["D2", "D3"]
    assert np.all([error.raw is not None for error in log.result.errors])
