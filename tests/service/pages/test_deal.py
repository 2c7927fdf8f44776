"""Does the page of a deal say what REST says, and is what is told of a next step recorded once?"""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.instants import as_of_instant
from service.pages.deal.words import REASONS
from tests.support.fakes import TOKYO
from tests.support.pages import japanese_in, values_in, words_of
from tests.support.served import small_service
from tests.support.served_teams import opened

DEAL, CLOSED = "D6", "D0"
EVENTS = [
    {
        "at": "2026-10-14T10:00",
        "field": "stage",
        "value": "アポイント",
        "old_value": "リード",
        "actor_id": "P0",
    },
    {
        "at": "2026-10-20T10:00",
        "field": "amount",
        "value": "7000000",
        "old_value": "9000000",
        "actor_id": "P0",
    },
    {"at": "2026-10-21T10:00", "field": "amount", "value": "?", "old_value": None},
    {
        "at": "2026-10-21T10:00",
        "field": "expected_close_date",
        "value": "2026-12-28",
        "old_value": "2026-11-30",
    },
    {"at": "2026-11-02T10:00", "field": "owner_id", "value": "P0", "old_value": "P1"},
]
PEOPLE = [{"person_id": "P0", "email": "sato@example.com", "role": "seller"}]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("deal")) as service:
        store, now = service.cases.serving.store, as_of_instant("2026-11-19", TOKYO)
        push_rows(store, "deal_events", [{"deal_id": DEAL, **row} for row in EVENTS], TOKYO, now=now)
        push_rows(store, "people", PEOPLE, TOKYO, now=now)
        push_rows(store, "deals", [{"deal_id": DEAL, "expected_close_date": "2026-12-28"}], TOKYO, now=now)
        service.cases.serving.refresh(warm=False)
        service.know_an_action()
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read", "recommend")
    return TestClient(
        served.app,
        headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"},
        follow_redirects=False,
    )


@pytest.fixture
def browser(served) -> TestClient:
    """Somebody who has signed in, with the language of his browser."""
    browser = TestClient(served.app, headers={"Accept-Language": "en"}, follow_redirects=False)
    link = served.app.state.sign_in.book.add_link("P0", 600)
    assert browser.post("/sign-in", data={"link": link}).status_code == 303
    return browser


def shown(reader: TestClient, deal_id: str = DEAL, **asked: Any) -> str:
    page = reader.get(f"/deals/{deal_id}", params=asked)
    assert page.status_code == 200, page.text
    return page.text


def insight(reader: TestClient, **asked: Any) -> dict[str, Any]:
    return reader.get(f"/v1/deals/{DEAL}", params=asked).json()


def outcomes(reader: TestClient) -> list[dict[str, Any]]:
    return reader.get(f"/v1/deals/{DEAL}/timeline").json()["outcomes"]


def tell(client: TestClient, **fields: str) -> Any:
    return client.post(f"/deals/{DEAL}/outcome", data=fields)


def figure(page: str, name: str) -> str:
    return re.search(rf'<figure class="picture" id="{name}">.*?</figure>', page, re.DOTALL).group()


def test_the_headline_and_its_sentence_have_the_numbers_of_the_answer(reader) -> None:
    asked = {"period": "2026-Q4", "as_of": "2026-11-20"}
    page, answer = shown(reader, **asked), insight(reader, **asked)
    listed = reader.get("/v1/deals", params={**asked, "deal_id": DEAL}).json()["deals"][0]
    assert f'<p class="headline"><data value="{answer["win"]["by_period_end"]!r}">' in page
    said = re.search(r'<p class="verdict">(.*?)</p>', page, re.DOTALL).group(1)
    goal = answer["attainment"]
    assert values_in(said) == [listed["change_pp"], goal["if_won_pp"], goal["if_lost_pp"]]
    assert "先週より" in said
    assert "達成確率は" in said


def test_where_the_goal_is_settled_the_sentence_tells_revenue(reader) -> None:
    page, answer = shown(reader), insight(reader)  # of the running quarter, which has no target
    said = re.search(r'<p class="verdict">(.*?)</p>', page, re.DOTALL).group(1)
    goal = answer["attainment"]
    assert goal["ranked_by"] == "revenue" or goal["if_won_revenue"] is None
    expected = [] if goal["if_won_revenue"] is None else [goal["if_won_revenue"], goal["if_lost_revenue"]]
    assert values_in(said)[-len(expected) or None :][: len(expected)] == expected


def test_the_curve_ends_the_reasons_add_up_and_the_plan_is_marked(reader) -> None:
    asked = {"period": "2026-Q4", "as_of": "2026-11-20"}
    page, answer = shown(reader, **asked), insight(reader, **asked)
    curve = figure(page, "curve")
    assert "予定 12/28" in curve
    assert "12/31までに受注する確率は" in curve
    assert curve.count('class="target"') == 2, "the period's end, in two widths"
    numbers = values_in(figure(page, "reasons"))
    assert numbers[-1] == answer["win"]["by_period_end"]
    assert numbers[0] + sum(numbers[1:-1]) == pytest.approx(numbers[-1], abs=1e-9)


def test_the_timeline_has_a_lane_for_each_kind_of_thing(reader) -> None:
    told = words_of(figure(shown(reader), "timeline"))
    for words in ("リード", "900万円 → 700万円（佐藤）", "11/30 → 12/28", "P1 → 佐藤", "訪問"):
        assert words in told, words
    drawn = figure(shown(reader), "timeline")
    assert drawn.count('class="down-mark"') == 4, "an amount cut and a date pushed back, in two widths"


def test_a_closed_deal_shows_how_it_went(reader) -> None:
    page = shown(reader, CLOSED)
    assert "決着済みです" in page
    assert "2026年10月11日に受注で決着しました。" in page
    before = re.search(r'<a href="([^"]+)">決着前日の予測を見る', page).group(1).replace("&amp;", "&")
    assert 'class="headline"' in reader.get(before).text
    assert "決着：受注" in words_of(page)
    assert 'class="headline"' not in page
    assert "<form" not in page.split("<main")[1]


def test_an_unknown_deal_is_refused_as_a_page(reader) -> None:
    page = reader.get("/deals/NOBODY")
    assert (page.status_code, page.headers["content-type"][:9]) == (404, "text/html")


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    answer = insight(reader)
    names = [answer["name"], "佐藤", "営業", "アポイント", "リード", "提案", "最終交渉"]
    assert japanese_in(shown(reader, lang="en"), names) == []
    reader.cookies.clear()


def test_a_page_stays_within_its_budget(reader) -> None:
    assert len(shown(reader).encode()) <= 60_000


def test_a_step_has_its_evidence_and_three_buttons(reader) -> None:
    page, answer = shown(reader), insight(reader)
    (action,) = answer["actions"]
    card = page[page.index('id="next"') :]
    assert action["label"] in card
    evidence = action["evidence"]
    assert f"実施した{evidence['deals_with']}件の受注率は40%" in card
    assert f"似た商談{evidence['deals_without']}件では30%" in card
    assert re.findall(r'name="state" value="(\w+)"', card) == ["accepted", "done", "dismissed"]
    assert card.count(f'value="{action["recommendation_id"]}"') == 3


def test_what_is_told_twice_is_recorded_once_and_shown(reader) -> None:
    name = insight(reader)["actions"][0]["recommendation_id"]
    for _ in range(2):
        sent = tell(reader, recommendation_id=name, state="accepted")
        assert (sent.status_code, sent.headers["location"]) == (303, f"/deals/{DEAL}?done=accepted")
    told = outcomes(reader)
    assert [one["state"] for one in told] == ["accepted"]
    page = shown(reader, done="accepted")
    assert "「やる」と記録しました。" in page
    assert re.search(r"やる（\d+/\d+に記録）", page)
    assert re.findall(r'name="state" value="(\w+)"', page) == ["done", "dismissed"]


def test_passing_needs_a_reason_and_keeps_it(reader) -> None:
    name = insight(reader)["actions"][0]["recommendation_id"]
    refused = tell(reader, recommendation_id=name, state="dismissed", reason="")
    assert refused.status_code == 422
    assert "見送る理由を選んでください" in refused.text
    told = {"reason": REASONS[2].ja, "words": " <b>来期</b> "}
    assert tell(reader, recommendation_id=name, state="dismissed", **told).status_code == 303
    (passed,) = (one for one in outcomes(reader) if one["state"] == "dismissed")
    assert passed["reason"] == f"{REASONS[2].ja}: <b>来期</b>"
    page = shown(reader)
    assert "<b>来期</b>" not in page
    assert "見送り：時期が早い: &lt;b&gt;来期&lt;/b&gt;" in page


def test_what_is_done_is_asked_about_no_more(reader) -> None:
    name = insight(reader)["actions"][0]["recommendation_id"]
    assert tell(reader, recommendation_id=name, state="done").status_code == 303
    page = shown(reader)
    assert "済んだ（" in page
    assert 'name="state"' not in page


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"state": "shown"}, 422), ({"state": "done", "recommendation_id": "R0"}, 404), ({}, 422)],
)
def test_what_no_button_sends_is_refused_as_a_page(reader, fields, status) -> None:
    page = tell(reader, **fields)
    assert (page.status_code, page.headers["content-type"][:9]) == (status, "text/html")


def test_of_the_past_nothing_can_be_told(reader) -> None:
    assert 'name="state"' not in shown(reader, as_of="2026-11-20")


def test_who_may_not_recommend_has_no_buttons_and_is_refused(served) -> None:
    client = TestClient(served.app, headers={"Authorization": f"Bearer {served.key('read')}"})
    assert 'name="state"' not in shown(client)
    assert tell(client, state="done").status_code == 403


def test_a_form_needs_the_token_of_the_session_and_comes_from_no_other_site(reader, browser) -> None:
    page = shown(browser)
    token = re.search(r'name="csrf" value="([^"]+)"', page).group(1)
    name, before = insight(reader)["actions"][0]["recommendation_id"], outcomes(reader)
    told = {"recommendation_id": name, "state": "dismissed", "reason": "Too early"}
    assert tell(browser, **told).status_code == 403
    assert tell(browser, **told, csrf="forged").status_code == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    sent = browser.post(f"/deals/{DEAL}/outcome", data={**told, "csrf": token}, headers=elsewhere)
    assert sent.status_code == 403
    assert outcomes(reader) == before
    assert tell(browser, **told, csrf=token).headers["location"] == f"/deals/{DEAL}?done=dismissed"
    assert outcomes(reader) != before


@pytest.fixture(scope="module")
def teams(tmp_path_factory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("teams"), patch)
        yield made
        made.close()


def test_the_deal_of_another_is_unknown_to_a_seller(teams) -> None:
    found = {
        deal: teams.client.get(f"/deals/{deal}", headers={"x-caller": "seller"}).status_code
        for deal in ("d-sato-2", "d-baba-2")
    }
    assert found == {"d-sato-2": 200, "d-baba-2": 404}
    sent = teams.client.post(
        "/deals/d-baba-2/outcome",
        data={"state": "done", "recommendation_id": "R51340123456789ab"},
        headers={"x-caller": "seller"},
    )
    assert sent.status_code == 404
