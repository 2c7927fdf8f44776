"""Does the page KPI say what the REST answers say, in both languages?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from service.pages.asked import Asked
from service.pages.kpis.view import kpis_view
from tests.support.kpi_pages import ABOUT, ROWS, example, japanese_left, numbers_in
from tests.support.served import small_service


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("kpi-page"), warm=True, also=ROWS) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})


def answer(reader, path: str, **asked) -> dict:
    found = reader.get(path, params={"as_of": ABOUT["as_of"], **asked})
    assert found.status_code == 200, found.text
    return found.json()


def test_its_first_sentence_counts_the_kpis_that_are_likely_to_miss(reader) -> None:
    page = reader.get("/kpis", params=ABOUT)
    assert page.status_code == 200, page.text
    known = [
        one["probability"]
        for one in answer(reader, "/v1/kpis/2026-Q4")["kpis"]
        if one["probability"] is not None
    ]
    missing = sum(one < 0.5 for one in known)
    assert 0 < missing < len(known)
    said = f"{len(known)}つのうち{missing}つが未達の見込み"
    assert f'<p class="headline"><data value="{missing}">{said}</data></p>' in page.text


def test_every_kpi_with_a_target_has_its_exact_figures(reader) -> None:
    page, kpis = reader.get("/kpis", params=ABOUT).text, answer(reader, "/v1/kpis/2026-Q4")["kpis"]
    rows = re.findall(r'<tr><th scope="row">([^<]+)（[^<]*）</th>(<td>.*?class="bullet".*?)</tr>', page, re.S)
    named = {one["label"]: one for one in kpis if one["target"] is not None}
    assert {name for name, _ in rows} == set(named)
    for name, cells in rows:
        kpi = named[name]
        expected = [kpi["probability"], kpi["value"], kpi["forecast"]["p50"], kpi["target"]]
        expected.append(kpi["required_per_business_day"])
        assert numbers_in(cells) == [value for value in expected if value is not None]


def test_the_tree_has_the_effects_of_the_answer_in_its_order() -> None:
    tree = example("get_tree")
    page = kpis_view(
        "en",
        example("get_kpis"),
        tree,
        example("get_padding"),
        example("list_scopes"),
        asked=Asked(),
        currency="JPY",
        period="2026-Q4",
    )
    effects = [one["attainment_pp"] for one in tree["branches"]]
    assert len(effects) >= 2
    assert [float(one["exact"]) for one in page["tree"]["rows"]] == effects
    largest = f"{effects[0]:+.0f} pt"
    assert page["tree"]["rows"][0]["effect"] == largest
    assert page["tree"]["sentence"] == f"The largest is {tree['branches'][0]['label']}: {largest}."
    assert page["padding"][0]["question"] == example("get_padding")["questions"][0]["question"]


def test_a_criterion_that_is_not_met_has_a_better_wording_to_copy(reader) -> None:
    page, kpis = reader.get("/kpis", params=ABOUT).text, answer(reader, "/v1/kpis/2026-Q4")["kpis"]
    findings = [finding for kpi in kpis for finding in (kpi["smart"] or {}).values()]
    better = [finding["suggestion"] for finding in findings if not finding["ok"] and finding["suggestion"]]
    assert better
    assert re.findall(r'<span class="copy">(.*?)</span>', page) == better
    marks = page.count('class="yes"'), page.count('<span class="down" aria-hidden="true">—')
    assert marks == (sum(one["ok"] for one in findings), sum(not one["ok"] for one in findings))


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    page = reader.get("/kpis", params={**ABOUT, "lang": "en"}).text
    assert "of 3 are likely to miss" in page, page
    scopes = answer(reader, "/v1/scopes", period="2026-Q4")["scopes"]
    assert japanese_left(page, [row["name"] for row in scopes]) == []


def test_without_targets_it_leads_to_choosing_some(reader) -> None:
    page = reader.get("/kpis", params={**ABOUT, "period": "2027-Q1", "lang": "en"}).text
    assert "No KPI has a target yet" in page
    assert 'href="/kpis/design?period=2027-Q1&amp;as_of=2026-11-19"' in page


def test_its_own_number_of_bytes_is_within_the_budget(reader) -> None:
    assert len(reader.get("/kpis", params=ABOUT).content) <= 60_000
