"""Does the page 見通し say what the REST answer says, in both languages, to who may see it?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from tests.support.served import small_service

ASKED = {"period": "2026-Q4", "as_of": "2026-11-19"}
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("pages"), warm=True) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    """A program with the right to read; a page takes a key as well as a session."""
    key = served.key("read", "recommend")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}"})


def forecast(reader, **asked) -> dict:
    params = {name: value for name, value in {**ASKED, **asked}.items() if name != "period"}
    return reader.get(f"/v1/forecasts/{ASKED['period']}", params=params).json()


def test_its_probability_and_dots_are_those_of_the_answer(reader) -> None:
    page, answer = reader.get("/", params=ASKED), forecast(reader)
    assert page.status_code == 200, page.text
    assert f'<p class="headline"><data value="{answer["probability"]!r}">' in page.text
    dots = re.search(r'<figure class="picture" id="dots">.*?</figure>', page.text, re.S).group()
    wide = re.search(r"<svg.*?</svg>", dots, re.S).group()
    assert wide.count("<circle") == len(answer["revenue"]["outcomes"]) == 50
    assert wide.count('class="up-mark"') == int(50 * answer["probability"] + 0.5)


def test_the_outcomes_are_ascending_and_their_middle_is_the_median(reader) -> None:
    revenue = forecast(reader)["revenue"]
    outcomes = revenue["outcomes"]
    assert outcomes == sorted(outcomes)
    assert outcomes[24] <= revenue["p50"] <= outcomes[25]


def test_every_part_has_its_exact_figures(reader) -> None:
    page, answer = reader.get("/", params=ASKED).text, forecast(reader)
    rows = re.findall(r'<tr><th scope="row"><a href="([^"]+)">([^<]+)</a></th>(.*?)</tr>', page, re.S)
    assert len(rows) >= 1
    named = {child["name"]: child for child in answer["children"]}
    for address, name, cells in rows:
        child = named[name]
        assert f"scope={child['scope'].replace(':', '%3A')}" in address
        outside = re.sub(r"<svg.*?</svg>", "", cells, flags=re.S)
        values = [float(value) for value in re.findall(r'<data value="([^"]+)"', outside)]
        expected = [child["closed"], child["revenue"]["p50"]]
        if child["target"] is not None:
            expected = [child["probability"], *expected, child["target"]]
            expected.append(child["revenue"]["mean"] - child["target"])
        assert values == pytest.approx(expected, rel=1e-12)


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    page = reader.get("/", params={**ASKED, "lang": "en"}).text
    names = {"日本語"}
    names |= {child["name"] for child in forecast(reader)["children"]}
    names |= {row["name"] or "" for row in reader.get("/v1/scopes", params=ASKED).json()["scopes"]}
    for name in sorted(filter(None, names), key=len, reverse=True):
        page = page.replace(name, "")
    assert _JAPANESE.findall(page) == []


def test_the_chosen_language_is_kept_and_the_address_of_the_other_keeps_the_question(served, reader) -> None:
    key = reader.headers["Authorization"]
    with TestClient(served.app, headers={"Authorization": key, "Accept-Language": "ja"}) as browser:
        assert '<html lang="ja">' in browser.get("/", params=ASKED).text
        page = browser.get("/", params={**ASKED, "lang": "en"}).text
        assert "/?period=2026-Q4&amp;as_of=2026-11-19&amp;lang=ja" in page
        assert '<html lang="en">' in browser.get("/", params=ASKED).text


def test_a_past_moment_is_marked_and_leads_back_to_now(reader) -> None:
    page = reader.get("/", params={**ASKED, "lang": "en"}).text
    assert "The view as of the end of 2026-11-19; what came later is not in it." in page
    assert 'href="/?period=2026-Q4"' in page


def test_nothing_but_its_own_files_is_loaded(reader) -> None:
    page = reader.get("/", params=ASKED)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert re.findall(r"<script(?! src=\"/static/sancho\.js\?v=\w+\" defer></script>)", page.text) == []
    assert " style=" not in page.text
    assert re.findall(r'(?:src|href)="(https?:)?//', page.text) == []
    sheet = re.search(r'href="(/static/sancho\.css\?v=\w+)"', page.text).group(1)
    found = TestClient(reader.app).get(sheet)
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/css")
    assert "immutable" in found.headers["cache-control"]


def test_a_page_stays_within_its_budget(reader) -> None:
    assert len(reader.get("/", params=ASKED).content) <= 60_000


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"scope": "team:NONE"}, 404), ({"period": "someday"}, 422), ({"as_of": "soon"}, 422)],
)
def test_a_question_that_cannot_be_answered_is_refused_as_a_page(reader, asked, status) -> None:
    page = reader.get("/", params={**ASKED, **asked})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert 'role="status"' in page.text


def test_a_service_that_is_starting_asks_the_browser_to_come_again(served, reader, monkeypatch) -> None:
    monkeypatch.setattr(served.cases.serving, "_state", None)
    page = reader.get("/", headers={"Accept-Language": "en"})
    assert page.status_code == 503
    assert page.headers["retry-after"] == "3"
    assert '<meta http-equiv="refresh" content="3">' in page.text


def test_a_key_that_may_not_read_is_told_so_on_a_page(served) -> None:
    key = served.key("write")
    page = TestClient(served.app).get("/", headers={"Authorization": f"Bearer {key}"})
    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")
