"""Does the page on which KPIs are reviewed say what REST answers?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from service.pages.asked import Asked
from service.pages.kpi_review import page as review_page
from service.pages.kpi_review.view import review_view
from tests.support.kpi_pages import ROWS, example, japanese_left, numbers_in
from tests.support.served import small_service

SET = {"kpis": [{"kpi": "visits", "value": 40}, {"kpi": "new_deals", "value": 1}]}
ASKED = {"period": "2026-Q4", "waited": "1"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("review-page"), warm=True, also=ROWS) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read", "write")
    client = TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})
    assert client.put("/v1/kpi-sets/person:P0/2026-Q4", json=SET).status_code == 200
    served.cases.serving.refresh()
    return client


def shown(review: dict, lang: str = "en") -> dict:
    return review_view(
        lang,
        review,
        example("list_scopes"),
        asked=Asked(),
        currency="JPY",
        period="2026-Q4",
        before="2026-07-01..2026-09-30",
    )


def test_each_accepted_kpi_stands_with_its_value_and_verdict(reader) -> None:
    page = reader.get("/kpis/review", params=ASKED)
    assert page.status_code == 200, page.text
    review = reader.get("/v1/kpis/2026-Q4/review").json()
    (found,) = review["sets"]
    rows = re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', page.text, re.S)
    assert [name for name, _ in rows] == [kpi["label"] for kpi in found["kpis"]]
    for (_, cells), kpi in zip(rows, found["kpis"], strict=True):
        assert numbers_in(cells) == [value for value in (kpi["value"], kpi["now"]) if value is not None]
        assert kpi["sentence"] in cells
    good = sum((kpi["probability"] or 0) >= 0.5 for kpi in found["kpis"])
    assert f'<p class="headline"><data value="{good}">2つのうち{good}つが達成の見込み</data></p>' in page.text


def test_a_period_that_is_over_counts_what_was_reached() -> None:
    review = example("review_kpi_sets")
    (one, *_) = review["sets"]
    kpi = one["kpis"][0]
    kpis = [
        {**kpi, "reached": True, "verdict": "keep", "revenue_promised": 2e6, "came": "came"},
        {**kpi, "reached": False, "verdict": "drop", "lost_relation": True, "padded": "Why so many?"},
        {**kpi, "reached": False, "verdict": "change", "value_now": 12.0},
    ]
    over = {**review, "is_over": True, "due": True, "why_due": ["The period is over."]}
    page = shown({**over, "sets": [{**one, "kpis": kpis}]})
    assert page["answer"] == "1 of 3 were reached"
    assert page["verdicts"] == "Keep 1, change 1, drop 1."
    assert page["due"] == "A review is due: The period is over."
    rows = page["sets"][0]["rows"]
    assert [row["reached"] for row in rows] == ["reached", "missed", "missed"]
    assert [row["verdict"] for row in rows] == ["keep", "drop", "change"]
    assert rows[0]["promised"] == "promised +2.0 M JPY"
    assert rows[1]["marks"] == ["lost its relation"]
    assert rows[1]["padded"] == "To ask: Why so many?"
    assert rows[2]["marks"] == ["new value 12"]


def test_where_nothing_was_accepted_it_leads_to_setting_some(reader) -> None:
    page = reader.get("/kpis/review", params={**ASKED, "period": "2027-Q1", "lang": "en"}).text
    assert "No KPIs were accepted for this period" in page
    assert 'href="/kpis/design?period=2027-Q1"' in page
    assert 'href="/kpis/review?period=2026-10-01..2026-12-31"' in page


def test_what_takes_longer_is_said_to_be_computed(reader, monkeypatch) -> None:
    monkeypatch.setattr(review_page, "_PATIENCE", 0.0)
    page = reader.get("/kpis/review", params={"period": "2026-Q4", "lang": "ja"}).text
    assert "計算中です" in page
    assert "/kpis/review?period=2026-Q4&amp;lang=ja&amp;waited=1" in page


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    page = reader.get("/kpis/review", params={**ASKED, "lang": "en"}).text
    scopes = reader.get("/v1/scopes").json()["scopes"]
    assert japanese_left(page, [row["name"] for row in scopes]) == []
