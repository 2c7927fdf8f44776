"""Does the page 営業プロセス price the bottlenecks as REST does, and is it good news where there is none?"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.bottlenecks import Bottleneck, Condition
from tests.support.pages import japanese_in, rows_of, values_in
from tests.support.served import small_service

ASKED = {"period": "2026-Q4", "as_of": "2026-11-20"}
SLOW = Bottleneck(
    condition=Condition("interval", "アポイント", "提案", 21), segment={}, effect=-0.2, low=-0.3, high=-0.1,
    q=0.01, deals=90, rate_with=0.2, rate_without=0.4,
)  # fmt: skip
ELSEWHERE = replace(SLOW, condition=Condition("interval", "最終交渉", "受注", 400), effect=-0.1)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("process")) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    return TestClient(
        served.app, headers={"Authorization": f"Bearer {served.key('read')}", "Accept-Language": "ja"}
    )


@pytest.fixture
def found(served, reader, monkeypatch) -> dict[str, Any]:
    """Two bottlenecks: one that deals are in, and one that none is in."""
    state = served.cases.serving.current()
    bundle = replace(state.bundle, bottlenecks=(ELSEWHERE, SLOW), bottlenecks_looked_for=1234)
    changed = replace(state, bundle=bundle, revision=state.revision + 1)
    monkeypatch.setattr(served.cases.serving, "_state", changed)
    return reader.get("/v1/bottlenecks", params=ASKED).json()


def shown(reader: TestClient, **asked: str) -> str:
    page = reader.get("/process", params={**ASKED, **asked})
    assert page.status_code == 200, page.text
    return page.text


def test_each_row_has_the_exact_numbers_of_the_answer(reader, found) -> None:
    rows = rows_of(shown(reader), "priced")
    assert len(rows) == len(found["bottlenecks"]) == 2
    for row, one in zip(rows, found["bottlenecks"], strict=True):
        assert f'<tr id="{one["id"]}">' in row
        numbers = [one[name] for name in ("attainment_pp", "revenue", "open_deals", "approaching_deals")]
        numbers += [one["effect_pp"] / 100, one["win_rate_with"], one["win_rate_without"]]
        assert values_in(row) == pytest.approx(numbers, rel=1e-12)
        low, high = (f"−{-value:.0f}" for value in one["interval"])
        assert f"（{low}〜{high}）" in row


def test_the_deals_in_a_bottleneck_are_a_link_to_them(reader, found) -> None:
    page, first = shown(reader), found["bottlenecks"][0]
    links = re.findall(r'<td><a href="(/deals\?[^"]+)"><data value="(\d+)">', page)
    assert [int(count) for _, count in links] == [first["open_deals"]], "of the other there are none"
    deals = reader.get(links[0][0].replace("&amp;", "&")).text
    assert deals.count('<th scope="row">') == first["open_deals"] == 1
    assert f"このボトルネックに該当：{first['label']}" in deals


def test_the_answer_is_the_dearest_with_its_price(reader, found) -> None:
    page, first = shown(reader), found["bottlenecks"][0]
    assert f"いちばん高くつく詰まり：{first['label']}" in page
    said = re.search(r"<p>なくなれば.*?</p>", page).group()
    assert values_in(said) == [first["attainment_pp"], first["revenue"], first["open_deals"]]
    assert "1,234通りの条件と区分を比べました。" in page
    assert "5%以下に抑えています" in page


def test_where_the_goal_is_settled_the_price_is_revenue(reader, found) -> None:
    scope = {"scope": "person:P0"}
    answer = reader.get("/v1/bottlenecks", params={**ASKED, **scope}).json()
    page = shown(reader, **scope)
    assert answer["ranked_by"] == "revenue"
    assert values_in(rows_of(page, "priced")[0])[0] == answer["bottlenecks"][0]["revenue"]
    assert re.search(r"なくなれば着地見込みは <data", page)


def test_the_funnel_has_the_numbers_of_the_answer(reader) -> None:
    page, answer = shown(reader), reader.get("/v1/bottlenecks", params=ASKED).json()
    figure = re.search(r'<figure class="picture" id="funnel">.*?</figure>', page, re.DOTALL).group()
    entered = [step["entered"] for step in answer["funnel"]]
    assert entered
    assert [value for value in values_in(figure) if value in entered][: len(entered)] == entered


def test_no_bottleneck_is_good_news(reader) -> None:
    page = shown(reader)
    assert "確かな詰まりは見つかっていません。" in page
    assert "よい知らせです" in page
    assert "5%以下" in page
    assert '<table class="figures priced"' not in page


def test_an_english_page_has_no_japanese_but_names(reader, found) -> None:
    names = ["アポイント", "提案", "最終交渉", "受注", "営業", "佐藤"]
    assert japanese_in(shown(reader, lang="en"), names) == []
    reader.cookies.clear()


def test_the_outlook_leads_to_the_deal_the_step_and_the_bottleneck(served, reader, found) -> None:
    served.know_an_action()
    page = reader.get("/", params=ASKED).text
    three = re.search(r'<ol class="three">.*?</ol>', page, re.DOTALL).group()
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', three)]
    assert links
    for link in links:
        assert re.match(r"/(deals/D\d|process)\?period=2026-Q4&as_of=2026-11-20", link)
        assert reader.get(link).status_code == 200
