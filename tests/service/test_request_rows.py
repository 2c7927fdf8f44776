"""Is every sound row of a pushed body stored, and every bad line named, whatever its character set?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm.errors import SanchoError
from crm.importing import ImportResult, push_rows
from crm.instants import as_of_instant
from crm.store import Store
from service.request_rows import request_rows

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("sqlite://") as opened:
        yield opened


def pushed(store: Store, body: str | bytes, content_type: str, table: str = "teams") -> ImportResult:
    sent = body.encode() if isinstance(body, str) else body
    result = push_rows(store, table, request_rows(table, sent, content_type), TOKYO, now=NOW)
    for counts in (result.total, *result.files.values()):
        assert counts.read == counts.imported + counts.unchanged + counts.quarantined
    return result


def names(store: Store) -> dict[str, Any]:
    teams = store.read(TOKYO)["teams"]
    return dict(zip(teams["team_id"], teams["name"].astype(object), strict=True))


@pytest.mark.parametrize(
    "content_type", ["text/csv", "text/csv; charset=Shift_JIS", "text/csv;charset=cp932"]
)
def test_a_csv_body_in_cp932_is_read(store: Store, content_type: str) -> None:
    result = pushed(store, "team_id,name\nT1,法人営業①\n".encode("cp932"), content_type)
    assert (result.total.imported, result.errors) == (1, [])
    assert names(store) == {"T1": "法人営業①"}


def test_a_malformed_line_of_ndjson_is_quarantined_and_the_others_are_stored(store: Store) -> None:
    body = '{"team_id": "T1"}\n{"team_id": \n\n{"team_id": "T2"}\n'
    result = pushed(store, body, "application/x-ndjson")
    (fault,) = result.errors
    assert (fault.table, fault.file, fault.line, fault.code) == ("teams", "api", 2, "bad_json")
    assert (fault.value, fault.raw) == ('{"team_id": ', {"json": '{"team_id": '})
    assert (result.total.read, result.total.imported, result.quarantined) == (3, 2, 1)
    assert set(names(store)) == {"T1", "T2"}


def test_a_csv_row_with_too_many_fields_is_quarantined(store: Store) -> None:
    result = pushed(store, "team_id,name\nT1,a\nT2,b,c\nT3,d\n", "text/csv")
    assert [(f.line, f.code) for f in result.errors] == [(3, "column_count")]
    assert "3 columns where the header has 2" in result.errors[0].reason.en
    assert set(names(store)) == {"T1", "T3"}


def test_a_bad_value_is_named_by_its_line_in_the_body(store: Store) -> None:
    body = "deal_id,created_at,stage\nD1,someday,初回訪問\n\nD2,2026-11-01,初回訪問\nD3,never,初回訪問\n"
    result = pushed(store, body, "text/csv", "deals")
    assert [(f.line, f.column) for f in result.errors] == [(2, "created_at"), (5, "created_at")]


def test_an_element_of_a_json_list_that_is_no_object_is_quarantined(store: Store) -> None:
    result = pushed(store, '[{"team_id": "T1"}, 5, {"team_id": "T2"}]', "application/json")
    assert [(f.line, f.value, f.code) for f in result.errors] == [(2, "5", "bad_json")]
    assert set(names(store)) == {"T1", "T2"}


def test_bytes_that_fit_no_character_cost_their_own_line_only(store: Store) -> None:
    body = b'{"team_id": "T1", "name": "a"}\n{"team_id": "T2", "name": "\xff\xfe"}\n'
    result = pushed(store, body, "application/x-ndjson")
    assert [(f.line, f.code) for f in result.errors] == [(2, "wrong_encoding")]
    assert names(store) == {"T1": "a"}


def test_the_same_body_sent_twice_changes_nothing(store: Store) -> None:
    body = "team_id,name\nT1,a\n"
    assert pushed(store, body, "text/csv").total.imported == 1
    assert pushed(store, body, "text/csv").total.unchanged == 1


@pytest.mark.parametrize("content_type", ["text/csv", "application/x-ndjson"])
def test_an_empty_body_holds_no_rows(store: Store, content_type: str) -> None:
    assert pushed(store, " \n", content_type).total.read == 0


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/x-ndjson", "bad_json"),
        (b"[1]", "application/x-ndjson", "bad_json"),
        (b'[{"team_id": ', "application/json", "bad_json"),
        (b"\xff\xfe", "text/csv", "bad_csv"),
        (b"a", "image/png", "unsupported_media_type"),
        (b"a", "", "unsupported_media_type"),
        (b"a", "text/csv; charset=klingon", "unsupported_media_type"),
        (b"a", "text/csv; charset=rot13", "unsupported_media_type"),
    ],
)
def test_a_body_that_cannot_be_read_at_all_is_refused(body: bytes, content_type: str, code: str) -> None:
    with pytest.raises(SanchoError) as refused:
        request_rows("teams", body, content_type)
    assert refused.value.code == code
    assert refused.value.text.ja != refused.value.text.en
