"""Does the page of the plan say what REST answers, and does its address hold what is asked?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from service.meetings.common import THIS_WEEK
from service.pages.asked import Asked
from service.pages.kpi_plan import page as plan_page
from service.pages.kpi_plan.asked import AskedPlan
from service.pages.kpi_plan.view import plan_view
from tests.support.kpi_pages import ABOUT, ROWS, example, japanese_left
from tests.support.served import small_service


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("plan-page"), warm=True, also=ROWS) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})


def shown(plan: dict, asked_plan: AskedPlan) -> dict:
    return plan_view(
        "en",
        plan,
        example("get_forecast"),
        example("list_scopes"),
        asked=Asked(),
        asked_plan=asked_plan,
        currency="JPY",
        period="2026-Q4",
    )["plan"]


def test_its_two_chances_are_those_of_the_answer(reader) -> None:
    page = reader.get("/kpis/plan", params={**ABOUT, "p": "60"})
    assert page.status_code == 200, page.text
    body = {**ABOUT, "probability": 0.6}
    plan = reader.post("/v1/plans", json=body).json()
    found = re.search(r'<p class="headline">(.*?)</p>', page.text).group(1)
    values = [float(one) for one in re.findall(r'data value="([^"]+)"', found)]
    assert values == [plan["current_probability"], plan["probability"]]
    assert 'name="p_typed" min="1" max="99" step="any" value="60"' in page.text


def test_levers_stand_with_where_they_are_and_where_peers_are() -> None:
    plan = example("make_plan")
    first, shows = plan["levers"][0], shown(plan, AskedPlan(80))["levers"][0]
    values = [re.search(r'value="([^"]+)"', shows[name]).group(1) for name in ("now", "then", "top", "alone")]
    expected = [first["from"], first["to"], first["top"], first["attainment_pp"]]
    assert [float(one) for one in values] == expected
    assert shows["percent"] == f"{100 * first['share_of_step']:.0f}"


@pytest.mark.parametrize(
    ("changed", "asked_plan", "said"),
    [
        ({"maximum": 0.714}, AskedPlan(80), "With every lever at the top quartile it is 71%"),
        ({"attainable": True}, AskedPlan(80), "With the changes below the chance is expected to go from 4"),
        ({"current_probability": 0.9}, AskedPlan(80), "It is already 90%; nothing more is needed."),
        ({}, AskedPlan(80, {"leads": 50.0}), "With this combination the chance is expected to go from 4"),
    ],
)
def test_the_answer_is_said_in_one_sentence(changed, asked_plan, said) -> None:
    assert said in shown({**example("make_plan"), **changed}, asked_plan)["said"]


def test_people_stand_with_what_is_above_their_usual_pace_alone() -> None:
    kpi = {"kpi": "leads", "label": "Leads", "unit": "leads", "per_day": 0.4, "by_period_end": 15.0}
    same, more = {**kpi, "usual_per_week": 2.0, "per_week": 2.0}, {
        **kpi, "usual_per_week": 2.0, "per_week": 2.5
    }  # fmt: skip
    people = [
        {"scope": "person:A", "name": "A", "kpis": [same, more]},
        {"scope": "person:B", "name": "B", "kpis": [same]},
    ]
    plan = shown({**example("make_plan"), "people": people}, AskedPlan(80))
    assert [one["name"] for one in plan["people"]] == ["A"]
    assert plan["people"][0]["rows"][0]["per_week"] == '<data value="2.5">2.5</data>'
    assert plan["people_said"] == "1 numbers of 1 people are above their usual pace."


@pytest.mark.parametrize(
    ("asked", "asked_plan", "address"),
    [
        (Asked(scope="team:T1"), AskedPlan(), "/reviews/{week}?scope=team%3AT1&plan=1#plan"),
        (Asked(), AskedPlan(70.0), None),
        (Asked(), AskedPlan(80.0, {"leads": 50.0}), None),
        (Asked(as_of="2026-11-19"), AskedPlan(), None),
    ],
)
def test_the_plan_that_the_weekly_review_takes_can_be_taken_there(asked, asked_plan, address) -> None:
    page = plan_view(
        "en",
        example("make_plan"),
        example("get_forecast"),
        example("list_scopes"),
        asked=asked,
        asked_plan=asked_plan,
        currency="JPY",
        period="2026-Q4",
        can_agree=True,
    )
    assert page["review_address"] == (None if address is None else address.format(week=THIS_WEEK))


def test_the_address_of_a_combination_asks_for_the_same_again() -> None:
    query = {"by": "levers", "p": "80", "p_was": "80", "p_typed": "80", "share_leads": "50"}
    asked = AskedPlan.of(query)
    assert asked == AskedPlan(80.0, {"leads": 50.0})
    assert AskedPlan.of(asked.fields()) == asked


def test_without_a_combination_levers_of_the_form_say_nothing() -> None:
    assert AskedPlan.of({"by": "chance", "p": "90", "share_leads": "50"}) == AskedPlan(90.0)


@pytest.mark.parametrize("asked", [{"p": "many"}, {"p": "100"}, {"by": "levers", "share_leads": "-1"}])
def test_a_number_that_cannot_be_used_is_refused_as_a_page(reader, asked) -> None:
    page = reader.get("/kpis/plan", params={**ABOUT, **asked})
    assert page.status_code == 422
    assert page.headers["content-type"].startswith("text/html")
    assert "数字（%）を入力してください。" in page.text


def test_a_plan_that_takes_longer_is_said_to_be_computed_and_comes_by_itself(reader, monkeypatch) -> None:
    monkeypatch.setattr(plan_page, "_PATIENCE", 0.0)
    asked = {**ABOUT, "p": "71"}
    page = reader.get("/kpis/plan", params=asked).text
    assert '<meta http-equiv="refresh" content="2">' in page
    assert "計算中です" in page.partition("<main")[2]
    monkeypatch.undo()
    page = reader.get("/kpis/plan", params=asked).text
    assert "計算中です" not in page.partition("<main")[2]
    assert "http-equiv" not in page


def test_without_a_target_it_leads_to_sharing_one_out(reader) -> None:
    page = reader.get("/kpis/plan", params={**ABOUT, "period": "2027-Q1", "lang": "en"}).text
    assert "No revenue target is known here" in page
    assert 'href="/targets?period=2027-Q1&amp;as_of=2026-11-19"' in page


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    page = reader.get("/kpis/plan", params={**ABOUT, "lang": "en"}).text
    scopes = reader.get("/v1/scopes", params=ABOUT).json()["scopes"]
    assert japanese_left(page, [row["name"] for row in scopes]) == []
