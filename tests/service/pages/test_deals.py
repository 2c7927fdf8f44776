"""Does the page 商談 list what REST lists, with filters, orders and pages that are links?"""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from service.pages.deals import page as module
from service.pages.deals.naming import title
from tests.support.pages import japanese_in, rows_of, values_in, words_of
from tests.support.served import small_service
from tests.support.served_teams import Served, opened

ASKED = {"period": "2026-Q4", "as_of": "2026-11-20"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("deals")) as service:
        service.know_an_action()
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read", "recommend")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})


def shown(reader: TestClient, **asked: Any) -> str:
    page = reader.get("/deals", params={**ASKED, **asked})
    assert page.status_code == 200, page.text
    return page.text


def found(reader: TestClient, **asked: Any) -> dict[str, Any]:
    return reader.get("/v1/deals", params={**ASKED, "sort": "-swing_pp", **asked}).json()


def ids(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/deals/(\w+)\?', page)


def address(page: str, words: str) -> dict[str, list[str]]:
    """The query of the link with some words."""
    links = re.findall(r'<a href="(/deals[^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    (link,) = (link for link, html in links if words_of(html).startswith(words))
    return parse_qs(urlsplit(link.replace("&amp;", "&")).query)


def test_each_row_has_the_exact_numbers_of_the_answer(reader) -> None:
    page, deals = shown(reader), found(reader)["deals"]
    rows = rows_of(page, "deals")
    assert len(rows) == len(deals) == 4
    for row, deal in zip(rows, deals, strict=True):
        numbers = [deal["amount"], deal["win_by_period_end"], deal["change_pp"] / 100, deal["swing_pp"] / 100]
        assert values_in(row) == pytest.approx(numbers, rel=1e-12)
        assert deal["stage"] in row
        assert (deal["owner_name"] or deal["owner_id"]) in row
        if deal["next_action"]:
            assert deal["next_action"]["label"] in row


def test_the_answer_is_how_many_need_attention(reader) -> None:
    answer = found(reader)
    assert answer["attention_deals"] > 0
    said = f"進行中{answer['open_deals']}件のうち、{answer['attention_deals']}件は手を打つ必要があります。"
    assert f'<p class="verdict answer">{said}</p>' in shown(reader)


def test_where_the_goal_is_settled_deals_are_sorted_and_told_by_revenue(reader, served) -> None:
    page = shown(reader, scope="person:P1")
    assert "期待受注額が目標の1%以上" in page
    assert address(page, "期待受注額")["sort"] == ["expected_revenue"]
    deals = found(reader, scope="person:P1", sort="-expected_revenue")["deals"]
    assert ids(page) == [deal["deal_id"] for deal in deals]


def test_filters_are_links_with_counts(reader) -> None:
    page, answer = shown(reader), found(reader)
    counts = {one["code"]: one["deals"] for one in answer["flag_counts"]}
    links = dict(re.findall(r'<a href="[^"]*flag=(\w+)[^"]*">.*?<data value="(\d+)">', page))
    expected = {code: str(count) for code, count in counts.items() if count}
    assert links == {**expected, "attention": str(answer["attention_deals"])}


def test_a_filter_shows_its_deals_alone_and_is_marked(reader) -> None:
    asked = {"flag": "no_contact", "as_of": "2026-10-25"}
    page, answer = shown(reader, **asked), found(reader, **asked)
    assert (len(answer["deals"]), answer["open_deals"]) == (3, 5)
    assert ids(page) == [deal["deal_id"] for deal in answer["deals"]]
    assert re.findall(r'aria-current="true">(\w+)', page) == ["連絡なし"]
    assert address(page, "金額")["flag"] == ["no_contact"], "another order keeps the filter"


def test_an_order_is_a_link_and_said_to_programs(reader) -> None:
    page = shown(reader)
    assert re.findall(r'<th [^>]*aria-sort="(\w+)"><a [^>]*>(\w+)', page) == [("descending", "効き")]
    assert address(page, "金額")["sort"] == ["-amount"]
    assert address(page, "受注予定")["sort"] == ["planned_close_date"]
    page = shown(reader, sort="-amount")
    assert re.findall(r'<th [^>]*aria-sort="(\w+)"><a [^>]*>(\w+)', page) == [("descending", "金額")]
    assert address(page, "金額")["sort"] == ["amount"]
    assert ids(page) == ["D7", "D6", "D5", "D4"]


def test_pages_lead_forth_and_back(reader, monkeypatch) -> None:
    monkeypatch.setattr(module, "ROWS", 1)
    first = shown(reader, sort="-amount")
    assert "1〜1件目（全4件）" in first
    assert 'rel="prev"' not in first
    second = shown(reader, sort="-amount", cursor=address(first, "次の")["cursor"][0])
    assert ids(second) == ["D6"]
    assert "cursor" not in address(second, "‹ 前の"), "the first page has the plain address"
    third = shown(reader, sort="-amount", cursor=address(second, "次の")["cursor"][0])
    assert ids(shown(reader, sort="-amount", cursor=address(third, "‹ 前の")["cursor"][0])) == ["D6"]
    last = shown(reader, sort="-amount", cursor=address(third, "次の")["cursor"][0])
    assert (ids(last), 'rel="next"' in last) == (["D4"], False)


def test_words_are_looked_for_and_kept_in_the_form(reader) -> None:
    page = shown(reader, q="基幹")
    assert ids(page) == ["D6"]
    assert 'name="q" type="search" value="基幹"' in page


def test_nothing_found_says_what_to_do(reader) -> None:
    page = shown(reader, q="nowhere")
    assert "条件をゆるめてください" in page
    assert "<table" not in page


def test_what_is_looked_for_is_not_taken_for_markup(reader) -> None:
    page = shown(reader, q='"><script>alert(1)</script>')
    assert "<script" not in page


def test_an_unknown_bottleneck_is_refused_on_a_page(reader) -> None:
    page = reader.get("/deals", params={**ASKED, "bottleneck": "B0"})
    assert page.status_code == 404
    assert "ボトルネック「B0」は現在ありません" in page.text


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    answer = found(reader)
    names = [deal[name] for deal in answer["deals"] for name in ("name", "owner_name", "stage")]
    names += [row["name"] for row in reader.get("/v1/scopes", params=ASKED).json()["scopes"]]
    assert japanese_in(shown(reader, lang="en"), names) == []
    reader.cookies.clear()


def test_a_page_stays_within_its_budget_with_all_of_its_rows(reader) -> None:
    page = shown(reader)
    row = max(len(one.encode()) for one in rows_of(page, "deals"))
    assert len(page.encode()) + (module.ROWS - 4) * (row + 200) <= 60_000


def test_the_file_has_every_deal_with_its_exact_numbers(reader) -> None:
    sent = reader.get("/deals.csv", params={**ASKED, "sort": "-amount"})
    assert sent.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="deals-2026-Q4-2026-11-20.csv"' in sent.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(sent.content.decode("utf-8-sig"))))
    deals = found(reader, sort="-amount")["deals"]
    assert [row["商談ID"] for row in rows] == [deal["deal_id"] for deal in deals]
    for row, deal in zip(rows, deals, strict=True):
        assert float(row["期内受注確率"]) == deal["win_by_period_end"]
        assert float(row["達成確率への効き（pt）"]) == deal["swing_pp"]
        assert row["次の一手"] == (deal["next_action"] or {"label": ""})["label"]
    assert len(rows) == 4


def test_links_of_the_page_lead_to_the_same_numbers(reader) -> None:
    page = shown(reader, flag="new_deal", as_of="2026-10-25")
    assert ids(page) == ["D7"]
    (link,) = re.findall(r'href="(/v1/deals\?[^"]+)"', page)
    answer = reader.get(link.replace("&amp;", "&")).json()
    assert [deal["deal_id"] for deal in answer["deals"]] == ids(page)


@pytest.fixture(scope="module")
def teams(tmp_path_factory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        made: Served = opened(tmp_path_factory.mktemp("teams"), patch)
        yield made
        made.close()


def test_a_seller_sees_his_deals_alone(teams) -> None:
    for path in ("/deals", "/deals.csv"):
        everybody = teams.client.get(path).text
        own = teams.client.get(path, headers={"x-caller": "seller"}).text
        assert "p-baba" in everybody or "馬場" in everybody
        assert "p-baba" not in own
        assert "馬場" not in own
    page = teams.client.get("/deals", headers={"x-caller": "seller"})
    listed = teams.ask("seller", "GET", "/deals").json()
    assert listed["deals"]
    assert page.text.count('<th scope="row">') == len(listed["deals"])
    past = {"as_of": "2026-11-18"}
    page = teams.client.get("/deals", params=past, headers={"x-caller": "seller"})
    assert page.text.count('<th scope="row">') == len(
        teams.ask("seller", "GET", "/deals?as_of=2026-11-18").json()["deals"]
    )


def test_a_seller_is_refused_the_deals_of_others(teams) -> None:
    page = teams.client.get("/deals", params={"scope": "person:p-baba"}, headers={"x-caller": "seller"})
    assert page.status_code == 404


@pytest.mark.parametrize(
    ("name", "account", "expected"),
    [
        ("三栄工業 生産管理の更新", "三栄工業", "生産管理の更新"),
        ("三栄工業", "三栄工業", "三栄工業"),
        (None, "三栄工業", "D1"),
        ("更新", None, "更新"),
    ],
)
def test_a_title_leaves_out_the_account_that_stands_beside_it(name, account, expected) -> None:
    assert title({"deal_id": "D1", "name": name, "account_name": account}) == expected
