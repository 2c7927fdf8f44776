"""Does the page lead from the goal to a set, and is the set of its form accepted as REST would?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from service.pages.kpi_design import page as design_page
from tests.support.kpi_pages import ABOUT, ROWS, japanese_left, numbers_in, session
from tests.support.served import small_service

PERSON = {"period": "2026-Q4", "scope": "person:P0"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("design-page"), warm=True, also=ROWS) as service:
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


def section(page: str, name: str) -> str:
    return re.search(rf'<section aria-labelledby="{name}">.*?</section>', page, re.S).group()


def test_the_goal_stands_in_its_levels_beside_last_year(reader) -> None:
    page = reader.get("/kpis/design", params={**ABOUT, "waited": "1"})
    assert page.status_code == 200, page.text
    levels = reader.get("/v1/goals/2026-Q4/levels", params={"as_of": ABOUT["as_of"]}).json()
    numbers = numbers_in(section(page.text, "goal"))
    for one in levels["levels"]:
        assert one["value"] in numbers
        assert one["confidence"] in numbers
    assert levels["target"] in numbers
    assert levels["probability"] in numbers


def test_candidates_stand_in_the_order_of_the_answer_with_their_marks(reader) -> None:
    asked = {"as_of": ABOUT["as_of"], "scope": "person:P0"}
    found = reader.get("/v1/kpis/2026-Q4/candidates", params=asked).json()["candidates"]
    page = reader.get("/kpis/design", params={**ABOUT, **PERSON, "waited": "1"}).text
    part = section(page, "candidates")
    known = [one for one in found if one["strength"] is not None]
    assert re.findall(r'<tr><th scope="row">([^<]+)<br>', part) == [one["label"] for one in known]
    assert part.count("自分で動かせる") == sum(one["in_hand"] for one in known)
    assert all(one["reason"] in part for one in found if one["strength"] is None)


def test_a_page_of_a_team_leads_to_its_people(reader) -> None:
    page = reader.get("/kpis/design", params={**ABOUT, "scope": "team:T1", "waited": "1"}).text
    part = section(page, "decision")
    assert 'href="/kpis/design?period=2026-Q4&amp;scope=person%3AP0&amp;as_of=2026-11-19"' in part
    assert "過去の時点では決定できません。" in part
    assert "<form" not in part


def test_what_takes_longer_is_said_to_be_computed_and_then_waited_for(reader, monkeypatch) -> None:
    monkeypatch.setattr(design_page, "_PATIENCE", 0.0)
    page = reader.get("/kpis/design", params=ABOUT).text
    again = re.search(r'http-equiv="refresh" content="1; url=([^"]+)"', page).group(1)
    assert again == "/kpis/design?period=2026-Q4&amp;as_of=2026-11-19&amp;waited=1"
    assert "計算中です" in page


def test_the_form_accepts_a_set_with_who_and_keeps_its_versions(reader) -> None:
    form = {
        "take": ["visits"],
        "value_visits": "40",
        "value_calls": "7",  # not taken
        "add_1": "new_deals",
        "added_1": "4",
        "reason": "四半期の見直し",
    }
    sent = reader.post("/kpis/design", params=PERSON, data=form)
    assert sent.status_code == 303, sent.text
    assert sent.headers["location"] == "/kpis/design?period=2026-Q4&scope=person%3AP0&done=accepted"
    stored = reader.get("/v1/kpi-sets/person:P0/2026-Q4").json()["current"]
    assert [(one["kpi"], one["value"]) for one in stored["kpis"]] == [("visits", 40.0), ("new_deals", 4.0)]
    assert stored["reason"] == "四半期の見直し"
    page = reader.get(sent.headers["location"], params={"waited": "1", **PERSON, "done": "accepted"}).text
    assert "KPIを決定し、目標として登録しました。" in page
    assert "read+recommend" in section(page, "decision")
    assert 'name="value_visits" value="40"' in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "KPIが1つも選ばれていません"),
        ({"take": "visits", "value_visits": "many"}, "の値「many」は使えません"),
        ({"take": "visits", "value_visits": "-1"}, "の値「-1」は使えません"),
        ({"take": "visits", "value_visits": "inf"}, "の値「inf」は使えません"),
        ({"take": ["visits"] * 11, "value_visits": "1"}, "10個以下にしてください"),
        ({"take": "no_kpi", "value_no_kpi": "1"}, "というKPIはありません"),
    ],
)
def test_a_set_that_cannot_be_one_is_refused_as_a_page(reader, form, said) -> None:
    sent = reader.post("/kpis/design", params=PERSON, data=form)
    assert sent.status_code >= 400
    assert said in sent.text


def test_who_may_only_read_sees_no_form_and_can_send_none(served) -> None:
    headers = {"Authorization": f"Bearer {served.key('read')}", "Accept-Language": "ja"}
    with TestClient(served.app, headers=headers, follow_redirects=False) as browser:
        page = browser.get("/kpis/design", params={**PERSON, "waited": "1"}).text
        assert "決定する権限がありません。" in page
        sent = browser.post("/kpis/design", params=PERSON, data={"take": "visits", "value_visits": "1"})
        assert sent.status_code == 403


def test_a_form_without_the_session_s_token_is_refused(served) -> None:
    with session(served, "P0") as browser:
        page = browser.get("/kpis/design", params={**PERSON, "waited": "1"}).text
        token = re.search(r'name="csrf" value="([^"]+)"', section(page, "decision")).group(1)
        form = {"take": "visits", "value_visits": "50"}
        assert browser.post("/kpis/design", params=PERSON, data=form).status_code == 403
        other = {"origin": "https://elsewhere.example"}
        sent = browser.post("/kpis/design", params=PERSON, data={**form, "csrf": token}, headers=other)
        assert sent.status_code == 403
        sent = browser.post("/kpis/design", params=PERSON, data={**form, "csrf": token})
        assert sent.status_code == 303, sent.text
        unseen = {**PERSON, "scope": "company"}
        sent = browser.post("/kpis/design", params=unseen, data={**form, "csrf": token})
        assert sent.status_code in (403, 404)


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    page = reader.get("/kpis/design", params={**ABOUT, **PERSON, "waited": "1", "lang": "en"}).text
    scopes = reader.get("/v1/scopes", params=ABOUT).json()["scopes"]
    names = {row["name"] for row in scopes} | {"四半期の見直し", "提案", "基幹システム更新"}
    names |= set(re.findall(r">([^<]*)</text>", page))  # stages have names, too
    assert japanese_left(page, names) == []
