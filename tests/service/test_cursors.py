"""Is a page of a list what comes after the one before, whatever rows have come or gone between them?"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import SanchoError
from service import cursors, paging
from tests.support.served import Served, small_service

KINDS = (float, str)


def order(row: tuple[float, str]) -> tuple[float, str]:
    return row


ROWS = st.lists(
    st.tuples(st.floats(-3, 3).map(lambda x: round(x)), st.text("ab日", min_size=1, max_size=3)), unique=True
)


@given(ROWS, st.integers(1, 4))
def test_pages_hold_each_row_once_in_order(rows: list[tuple[float, str]], limit: int) -> None:
    seen: list[tuple[float, str]] = []
    cursor: str | None = None
    while True:
        shown, cursor = cursors.page(rows, order, "rows", limit=limit, cursor=cursor, kinds=KINDS)
        seen += shown
        if cursor is None:
            break
        assert len(shown) == limit
    assert seen == sorted(rows)


@given(ROWS, ROWS, st.integers(1, 4), st.data())
def test_rows_that_come_or_go_between_pages_move_no_other(
    rows: list[tuple[float, str]], more: list[tuple[float, str]], limit: int, data: st.DataObject
) -> None:
    first, cursor = cursors.page(rows, order, "rows", limit=limit, cursor=None, kinds=KINDS)
    gone = data.draw(st.sets(st.sampled_from(rows))) if rows else set()
    later = [row for row in {*rows, *more} if row not in gone]
    if cursor is None:
        return
    second, _ = cursors.page(later, order, "rows", limit=len(later) + 1, cursor=cursor, kinds=KINDS)
    assert second == sorted(row for row in later if row > first[-1])
    assert not set(first) & set(second)


@pytest.mark.parametrize(
    "held",
    [
        b"", b"null", b"5", b'"rows"', b"[]", b'["rows"]', b'["other",1,"a"]', b'["rows","1","a"]',
        b'["rows",1,2]', b'["rows",true,"a"]', b'["rows",null,"a"]', b'["rows",1,"a",3]', b'{"rows":1}',
        b"\xff",
    ],
)  # fmt: skip
def test_a_made_up_cursor_is_one_sentence(held: bytes) -> None:
    cursor = base64.urlsafe_b64encode(held).decode().rstrip("=")
    with pytest.raises(SanchoError, match="next_cursor of the page before") as refused:
        cursors.page([(1.0, "a")], order, "rows", limit=1, cursor=cursor, kinds=KINDS)
    assert refused.value.code == "bad_cursor"


def test_a_number_that_no_row_has_is_refused() -> None:
    cursor = cursors.written("jobs", [2**63, "a"])
    with pytest.raises(SanchoError, match="cursor"):
        cursors.read(cursor, "jobs", int, str)


def test_deals_without_a_value_come_last_and_each_once() -> None:
    frame = pd.DataFrame(
        {"deal_id": list("abcdef"), "day": ["2026-01-02", None, "2026-01-01", None, "2026-01-03", None]}
    )
    for sort in ("day", "-day"):
        seen: list[str] = []
        cursor = None
        while True:
            rows, cursor = paging.page(frame, sort, cursor, 1)
            seen += [row["deal_id"] for row in rows]
            if cursor is None:
                break
        assert seen == [row["deal_id"] for row in paging.page(frame, sort, None, None)[0]]
        assert sorted(seen) == list("abcdef")
        assert set(seen[3:]) == {"b", "d", "f"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("cursors")) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> TestClient:
    client = TestClient(served.app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {served.key('admin')}"
    return client


def pages(client: TestClient, path: str, rows: str) -> tuple[list[Any], list[str]]:
    """All rows of a list, a row a page, and the cursors between them."""
    seen: list[Any] = []
    met: list[str] = []
    while True:
        asked = f"{path}{'&' if '?' in path else '?'}limit=1" + (f"&cursor={met[-1]}" if met else "")
        answer = client.get(asked)
        assert answer.status_code == 200, answer.text
        seen += answer.json()[rows]
        following = answer.json()["next_cursor"]
        if following is None:
            return seen, met
        met.append(following)


def test_a_timeline_can_be_read_page_by_page(client: TestClient) -> None:
    path = "/v1/deals/D0/timeline?as_of=2026-11-20"
    seen, _ = pages(client, path, "entries")
    assert seen == client.get(path).json()["entries"]
    assert len(seen) > 1


def test_deals_can_be_read_page_by_page(client: TestClient) -> None:
    path = "/v1/deals?as_of=2026-11-20&sort=expected_close_date"
    seen, _ = pages(client, path, "deals")
    assert seen == client.get(path).json()["deals"]
    assert len(seen) == 4


LISTS = [
    "/v1/deals", "/v1/deals/D0/timeline", "/v1/actions", "/v1/bottlenecks", "/v1/recommendations/report",
    "/v1/models", "/v1/jobs",
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_another_list_is_refused(client: TestClient, path: str) -> None:
    _, met = pages(client, "/v1/deals?as_of=2026-11-20&scope=team:T1", "deals")
    for foreign in (met[0], "x", cursors.written("anything", [1])):
        answer = client.get(path, params={"cursor": foreign})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


def test_a_cursor_tells_of_the_row_before_it_and_of_nothing_else(client: TestClient) -> None:
    path = "/v1/deals?as_of=2026-11-20&sort=deal_id"
    seen, met = pages(client, path, "deals")
    held = orjson.loads(base64.urlsafe_b64decode(met[0] + "=" * (-len(met[0]) % 4)))
    assert held == ["deals deal_id company", seen[0]["deal_id"], seen[0]["deal_id"]]
