"""Do the pages of meetings keep all that is typed in, and lead from one meeting to the next?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.instants import last_known_day
from tests.support.fakes import TOKYO
from tests.support.served import Served, small_service

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("meeting-pages"), warm=True) as service:
        service.know_an_action()
        yield service


@pytest.fixture(scope="module")
def today(served: Served) -> date:
    return last_known_day(served.cases.serving.current().now, TOKYO)


@pytest.fixture
def reader(served: Served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('read', 'recommend')}", "Accept-Language": "ja"}
    return TestClient(served.app, headers=headers, follow_redirects=False)


def week(day: date) -> str:
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def fields(page: str) -> dict[str, str]:
    """What the page's own form would send, untouched."""
    form = page[page.index('class="meeting"') :]
    found = {name: unescape(value) for name, value in _HIDDEN.findall(form)}
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S):
        found[name] = unescape(text)
    for name, options in re.findall(r'<select[^>]* name="([^"]+)">(.*?)</select>', form, re.S):
        chosen = re.findall(r'value="([^"]*)" selected', options) or re.findall(r'value="([^"]*)"', options)
        found[name] = unescape(chosen[0])
    due = re.search(r'name="new_due" type="date" value="([^"]*)"', form)
    return {**found, "new_due": due.group(1) if due else "", "do": "save"}


def sent(reader: TestClient, path: str, status: int = 303, **changed: str) -> Any:
    """The answer to the page's form with some fields changed."""
    answer = reader.post(path, data={**fields(reader.get(path).text), **changed})
    assert answer.status_code == status, answer.text
    return answer


def agreements(reader: TestClient, **asked: str) -> list[dict[str, Any]]:
    return reader.get("/v1/agreements", params=asked).json()["agreements"]


def test_the_menu_leads_to_this_weeks_review(reader: TestClient, today: date) -> None:
    assert 'href="/reviews"' in reader.get("/").text
    assert reader.get("/reviews").headers["location"] == f"/reviews/{week(today)}"
    assert (
        reader.get("/reviews?scope=team:T1").headers["location"] == f"/reviews/{week(today)}?scope=team%3AT1"
    )


def test_a_review_shows_the_forecast_and_changes_of_rest(reader: TestClient) -> None:
    page, review = reader.get("/reviews/this-week").text, reader.get("/v1/reviews/this-week").json()
    assert f"受注{review['counts']['won']}件" in page
    blocks = re.findall(r'<h2 id="(\w+)">', page)
    assert blocks == ["carried", "numbers", "moves", "deals", "kpis", "decisions"]
    assert [int(n) for n in re.findall(r'<h2[^>]*>[^<]*<span class="quiet">(\d+)分', page)] == [
        5,
        5,
        10,
        5,
        5,
    ]
    assert page.count("<h1") == 1
    assert '<div class="review large">' in reader.get("/reviews/this-week?mode=meeting").text


@pytest.mark.parametrize("path", ["/reviews/this-week", "/people/P0/1on1", "/people?period=this-year"])
def test_english_pages_have_no_japanese_but_names_and_all_keep_the_rules(
    reader: TestClient, path: str
) -> None:
    page = reader.get(path, params={"lang": "en"}).text
    assert " style=" not in page
    assert "<script" not in page
    assert len(page.encode()) <= 60_000
    headings = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    log = served_names(reader)
    for name in sorted({"日本語", *log}, key=len, reverse=True):
        page = page.replace(name, "")
    assert _JAPANESE.findall(page) == []


def served_names(reader: TestClient) -> set[str]:
    log = reader.app.state.use_cases.serving.current().log  # type: ignore[attr-defined]
    columns = [
        ("deals", "name"),
        ("deals", "stage"),
        ("people", "name"),
        ("teams", "name"),
        ("stages", "stage"),
    ]
    return {str(value) for table, column in columns for value in log[table][column].dropna()}


def test_notes_are_kept_and_stand_on_the_page_and_in_rest(reader: TestClient) -> None:
    path = "/reviews/this-week?scope=team:T1"
    answer = sent(reader, path, note_decisions="A社は部長が同行\r\nB社は様子を見る  ")
    assert answer.headers["location"].endswith("done=saved")
    kept = reader.get("/v1/reviews/this-week?scope=team:T1").json()
    assert kept["notes"] == {"decisions": "A社は部長が同行\nB社は様子を見る"}
    assert "A社は部長が同行\nB社は様子を見る</textarea>" in reader.get(path).text
    sent(reader, path)
    assert reader.get("/v1/reviews/this-week?scope=team:T1").json()["version"] == 1, "nothing has changed"


def test_a_tab_that_is_behind_loses_nothing_and_shows_both(reader: TestClient) -> None:
    path = "/reviews/this-week?scope=person:P1"
    behind = fields(reader.get(path).text)
    sent(reader, path, note_kpis="先に保存した内容")
    answer = reader.post(path, data={**behind, "note_kpis": "後から書いた内容"})
    assert answer.status_code == 409
    assert "後から書いた内容</textarea>" in answer.text
    assert '<blockquote class="theirs">先に保存した内容</blockquote>' in answer.text
    again = {**fields(answer.text), "note_kpis": "両方"}
    assert reader.post(path, data=again).status_code == 303
    assert reader.get("/v1/reviews/this-week?scope=person:P1").json()["notes"] == {"kpis": "両方"}


def test_an_agreement_is_added_once_however_often_the_form_is_sent(reader: TestClient, today: date) -> None:
    path = "/reviews/this-week"
    typed = {
        "new_what": "決裁者に会う",
        "new_person": "P0",
        "new_deal": "D6",
        "new_activity": "visit",
        "do": "add",
    }
    form = {**fields(reader.get(path).text), **typed}
    for _ in range(2):
        assert reader.post(path, data=form).headers["location"].endswith("done=added")
    [made] = [one for one in agreements(reader) if one["what"] == "決裁者に会う"]
    assert (made["person_id"], made["deal_id"], made["activity"]) == ("P0", "D6", "visit")
    assert made["due"] == str(today + timedelta(7))
    assert "決裁者に会う" in reader.get(path).text


def test_what_is_wrong_is_said_and_what_was_typed_in_stays(reader: TestClient) -> None:
    path = "/reviews/this-week"
    nobody = sent(reader, path, 422, new_what="誰かがやる", new_person="", note_moves="残るメモ")
    assert "約束の担当者が選ばれていません" in nobody.text
    assert 'value="誰かがやる"' in nobody.text
    assert "残るメモ</textarea>" in nobody.text
    undated = sent(reader, path, 422, new_what="いつかやる", new_person="P0", new_due="")
    assert "期日：" in undated.text


def test_what_is_agreed_leads_the_next_weeks_meeting_until_it_is_settled(
    reader: TestClient, today: date
) -> None:
    sent(reader, "/reviews/this-week", new_what="見積を出す", new_person="P1", do="add")
    following = f"/reviews/{week(today + timedelta(7))}"
    page = reader.get(following).text
    assert page.index("見積を出す") < page.index('id="numbers"')
    [made] = [one for one in agreements(reader) if one["what"] == "見積を出す"]
    sent(reader, following, **{f"result_{made['agreement_id']}": "done"})
    [settled] = [one for one in agreements(reader) if one["what"] == "見積を出す"]
    assert (settled["result"], settled["is_found"]) == ("done", False)


def test_an_action_that_is_taken_or_passed_is_its_outcome_and_an_agreement(
    served: Served, reader: TestClient
) -> None:
    first, second = reader.get("/v1/actions?limit=2").json()["actions"]
    taken, passed = first["recommendation_id"], second["recommendation_id"]
    answer = sent(
        reader, "/people/P0/1on1" if first["owner_id"] == "P0" else "/people/P1/1on1", do=f"take {taken}"
    )
    assert answer.headers["location"].endswith("done=taken")
    [made] = [one for one in agreements(reader) if one["recommendation_id"] == taken]
    assert (made["deal_id"], made["activity"]) == (first["deal_id"], "demo")
    answer = sent(reader, "/reviews/this-week", do=f"pass {passed}", **{f"why_{passed}": "予算がない"})
    assert answer.headers["location"].endswith("done=passed")
    outcomes = {one.recommendation_id: one for one in served.cases.serving.store.recommendations()[1]}
    assert outcomes[taken].state == "accepted"
    assert (outcomes[passed].state, outcomes[passed].reason) == ("dismissed", "予算がない")
    page = reader.get("/reviews/this-week").text
    assert f'value="take {taken}"' not in page, "what is chosen is not offered again"
    chosen = reader.get("/v1/reviews/this-week").json()["chosen"]
    assert {(one["deal_id"], one["state"], one["reason"]) for one in chosen} == {
        (first["deal_id"], "accepted", None),
        (second["deal_id"], "dismissed", "予算がない"),
    }
    assert page[page.index("この7日間に選んだ打ち手") :].count('<span class="tag">') == 2
    gone = sent(reader, "/reviews/this-week", 404, do="take R0")
    assert "もう勧められていません" in gone.text


def test_rows_of_the_plan_become_agreements(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    kpi = {
        "kpi": "visits",
        "label": "訪問件数",
        "unit": "件",
        "usual_per_week": 1.0,
        "per_day": 0.5,
        "by_period_end": 9.0,
    }
    plan = {
        "requested_probability": 0.8,
        "people": [
            {"scope": "person:P0", "name": "佐藤", "kpis": [{**kpi, "per_week": 2.5}]},
            {"scope": "person:P1", "name": None, "kpis": [{**kpi, "per_week": 1.05}]},
        ],
    }

    async def planned(*_: object) -> dict[str, Any]:
        return plan

    monkeypatch.setattr("service.pages.reviews.page._plan", planned)
    page = reader.get("/reviews/this-week?plan=1").text
    assert re.findall(r'name="planned" value="([^"]+)"', page) == ["P0 visits"], "of a step that can be seen"
    answer = sent(reader, "/reviews/this-week", do="plan", planned="P0 visits")
    assert answer.headers["location"].endswith("done=planned")
    [made] = [one for one in agreements(reader) if "訪問件数" in one["what"]]
    assert made["what"] == "訪問件数を週2.5件（いまは1.0）"


def test_who_may_only_read_has_no_form_and_is_refused(served: Served) -> None:
    key = served.key("read")
    reader = TestClient(served.app, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False)
    for path in ("/reviews/this-week", "/people/P0/1on1"):
        page = reader.get(path)
        assert page.status_code == 200
        assert "<textarea" not in page.text
        assert reader.post(path, data={"do": "save"}).status_code == 403
    assert reader.post("/", data={"amount": "1", "confidence": "low"}).status_code == 403


def test_a_form_of_another_site_is_refused(reader: TestClient) -> None:
    elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    for path in ("/reviews/this-week", "/people/P0/1on1", "/"):
        assert reader.post(path, data={"do": "save"}, headers=elsewhere).status_code == 403


def test_a_past_meeting_is_shown_as_it_was_and_is_not_written_to(reader: TestClient, today: date) -> None:
    past = reader.get(f"/reviews/{week(today - timedelta(14))}").text
    assert "の会議で見た数字です" in past
    assert "<textarea" not in past
    assert "の会議で見た数字です" in reader.get(f"/people/P0/1on1?day={today - timedelta(10)}").text


def test_the_sheet_of_a_person_shows_facts_and_leads_to_the_next(reader: TestClient, today: date) -> None:
    sent(
        reader,
        "/people/P0/1on1",
        note_own_words="来週は休みます",
        new_what="提案書を直す",
        new_person="P0",
        do="add",
    )
    following = reader.get(f"/people/P0/1on1?day={today + timedelta(7)}").text
    assert following.index("提案書を直す") < following.index("事実：")
    assert f"day={today}" in following
    assert reader.get("/people/P9/1on1").status_code == 404


def test_people_are_compared_as_rest_does(reader: TestClient) -> None:
    page = reader.get("/people?period=this-year").text
    answer = reader.get("/v1/people/this-year").json()
    assert 'name="all"' not in page
    everybody = page[page.index("<tbody>", page.index("全員")) :]
    rows = re.findall(r'<tr><th scope="row"><a href="([^"]+)">([^<]+)</a></th>(.*?)</tr>', everybody, re.S)
    assert len(rows) == len(answer["people"]) >= 1
    by_sheet = {f"/people/{row['scope'].partition(':')[2]}/1on1": row for row in answer["people"]}
    for sheet, _, cells in rows:
        row, above = by_sheet[sheet], by_sheet[sheet]["wins_above_expected"]
        told = [float(value) for value in re.findall(r'<data value="([^"]+)"', cells)]
        assert told == [
            row["deals"],
            row["wins"],
            row["expected_wins"],
            above["p50"],
            above["p10"],
            above["p90"],
        ]
    differ = sum(row["verdict"] != "within_chance" for row in answer["people"])
    assert f"運を除いた差が見えるのは{len(answer['people'])}人中{differ}人です。" in page


def test_a_call_stands_beside_the_forecast_on_the_outlook(reader: TestClient) -> None:
    page = reader.get("/?period=2026-Q4").text
    size = re.search(r'name="size" value="([^"]+)"', page).group(1)
    key = re.search(r'name="key" value="([^"]+)"', page).group(1)
    form = {"amount": "１,９５０", "size": size, "confidence": "high", "reason": "大口が決まる", "key": key}
    for _ in range(2):
        assert (
            reader.post("/?period=2026-Q4", data=form).headers["location"] == "/?period=2026-Q4&done=called"
        )
    [call] = reader.get("/v1/calls/2026-Q4").json()["calls"]
    assert call["amount"] == 1950 * float(size)
    page = reader.get("/?period=2026-Q4").text
    assert f'<data value="{call["amount"]!r}">' in page
    assert "確信：高" in page
    bad = reader.post("/?period=2026-Q4", data={**form, "amount": "たくさん", "key": ""})
    assert (bad.status_code, "を読めません" in bad.text) == (422, True)
