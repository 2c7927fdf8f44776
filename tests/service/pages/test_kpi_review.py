"""Does the page KPIの見直し say what the review of REST says, person by person?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from service.pages.asked import Asked
from service.pages.kpi_review.view import review_view
from tests.support.kpi_pages import ROWS, japanese_left, numbers_in
from tests.support.served import small_service

PERIOD, PERSON = "2026-Q4", "person:P0"
SCOPES = {"scopes": [{"scope": "company", "name": "全社", "parent": None}]}
KPI = {
    "kpi": "proposals", "label": "提案件数", "unit": "件", "value": 18.0, "now": 20.0, "reached": True,
    "probability": None, "revenue_promised": 3e6, "came": "less", "share_of_promised": 0.5,
    "share_interval": [0.2, 0.8], "people": 24, "strength_then": 3.0, "strength_now": 2.0,
    "lost_relation": False, "padded": None, "verdict": "keep", "value_now": None,
    "sentence": "続けてください。",
}  # fmt: skip
MISSED = {
    **KPI, "kpi": "calls", "label": "電話件数", "reached": False, "now": 3.0, "verdict": "drop",
    "came": "none",
    "padded": "電話120件のうち、つながったのは2件です。何がありましたか。",
}  # fmt: skip
CHANGED = {
    **KPI,
    "kpi": "visits",
    "label": "訪問件数",
    "reached": None,
    "verdict": "change",
    "value_now": 12.0,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("review-page"), warm=True, also=ROWS) as service:
        service.know_an_action()
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('read', 'write')}", "Accept-Language": "ja"}
    made = TestClient(served.app, headers=headers)
    kpis = [{"kpi": "new_deals", "value": 4}, {"kpi": "proposals", "value": 3}]
    accepted = made.put(f"/v1/kpi-sets/{PERSON}/{PERIOD}", json={"kpis": kpis, "reason": "四半期の初め"})
    assert accepted.status_code == 200, accepted.text
    return made


def view(*kpis: dict, lang: str = "ja", people: int = 1, is_over: bool = True) -> dict:
    one = {
        "name": "佐藤", "version": 2, "accepted_at": "2026-10-01T09:00:00+09:00", "accepted_by": "P9",
        "reason": None, "kpis": list(kpis), "put_in_place": [{"sentence": "代わりの文"}],
    }  # fmt: skip
    review = {
        "period": PERIOD, "scope": "company", "name": "全社", "is_over": is_over, "due": True,
        "why_due": ["期間が終わりました。"], "warnings": [], "as_of": "2027-01-05T09:00:00+09:00",
        "data_as_of": None, "model": {"version": "1", "trained_at": "2026-11-19T00:00:00+00:00"},
        "sets": [{**one, "scope": f"person:P{number}"} for number in range(people)],
    }  # fmt: skip
    return review_view(
        lang,
        review,
        SCOPES,
        asked=Asked(),
        currency="JPY",
        period="10〜12月期",
        before=("2026-Q3", "7〜9月期"),
    )


def test_every_accepted_kpi_has_the_figures_of_the_answer(reader) -> None:
    page = reader.get("/kpis/review", params={"period": PERIOD})
    assert page.status_code == 200, page.text
    answer = reader.get(f"/v1/kpis/{PERIOD}/review").json()
    (one,) = answer["sets"]
    rows = re.findall(r'<tr><th scope="row">([^<]+?) <span class="quiet">.*?</th>(.*?)</tr>', page.text, re.S)
    assert [label for label, _ in rows] == [kpi["label"] for kpi in one["kpis"]]
    for kpi, (_, cells) in zip(one["kpis"], rows, strict=True):
        chance = None if answer["is_over"] or kpi["reached"] else kpi["probability"]
        expected = [kpi["now"], kpi["value"], chance]
        assert numbers_in(cells) == [value for value in expected if value is not None]
        assert kpi["sentence"] in page.text
    assert "理由：四半期の初め" in page.text


def test_a_period_without_kpis_leads_to_where_they_are_set(reader) -> None:
    page = reader.get("/kpis/review", params={"period": "2027-Q2"}).text
    assert "この期間に決めたKPIはありません。" in page
    assert 'href="/kpis/design?period=2027-Q2"' in page


def test_the_answer_counts_what_to_do_and_what_was_reached() -> None:
    found = view(KPI, MISSED, CHANGED)
    assert found["answer"] == "1人のKPI 3個：続ける 1、値を変える 1、やめる 1。"
    assert found["quiet"] == ["達成 1/3"]
    assert found["due"] == "見直しの時期です：期間が終わりました。"


def test_what_came_is_told_with_its_range_and_what_looks_padded_as_a_question() -> None:
    (one,) = view(KPI, MISSED, CHANGED)["sets"]
    kept, missed, changed = one["rows"]
    assert (kept["came"], kept["share"]) == ("一部だけ", "+50%（8割の幅 +20%〜+80%、24人）")
    assert (missed["reached"], missed["padded"]) == (False, MISSED["padded"])
    assert changed["to_value"] == "12件 に"
    assert one["in_place"] == ["代わりの文"]


def test_what_cannot_be_told_yet_has_no_share() -> None:
    (one,) = view({**KPI, "came": "cannot_be_told"})["sets"]
    assert one["rows"][0]["share"] == ""


def test_many_people_have_a_row_each_that_leads_to_their_own_review() -> None:
    found = view(KPI, MISSED, people=9)
    assert found["is_short"]
    assert not view(KPI, people=8)["is_short"]
    first = found["sets"][0]
    assert (first["count"], first["reached"], first["padded"]) == (2, 1, 1)
    assert first["address"] == "/kpis/review?scope=person%3AP0"
    assert first["verdicts"] == "続ける 1、やめる 1"


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    names = [row["name"] for row in reader.get("/v1/scopes", params={"period": PERIOD}).json()["scopes"]]
    page = reader.get("/kpis/review", params={"period": PERIOD, "lang": "en"}).text
    assert japanese_left(page, [*names, "四半期の初め", "基幹システム更新"]) == []


def test_many_people_are_shown_in_a_table(reader, monkeypatch) -> None:
    monkeypatch.setattr("service.pages.kpi_review.view._MOST_IN_FULL", 0)
    page = reader.get("/kpis/review", params={"period": PERIOD}).text
    assert '<th scope="row"><a href="/kpis/review?period=2026-Q4&amp;scope=person%3AP0">佐藤</a></th>' in page


def test_who_may_not_read_is_refused(served) -> None:
    headers = {"Authorization": f"Bearer {served.key('write')}"}
    assert TestClient(served.app).get("/kpis/review", headers=headers).status_code == 403
