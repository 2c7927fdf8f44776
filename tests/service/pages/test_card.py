"""Does a card show one deal to one person for ten minutes, and to nobody else?"""

from __future__ import annotations

import re
import stat
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from service.card.tokens import SECONDS, CardOf, CardTokens
from tests.support.served import small_service

CRM = "https://crm.example.com"
OPEN = {0: "D4", 1: "D5"}  # an open deal of each seller


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("card"), warm=True) as service:
        service.know_an_action()
        settings = service.cases.settings.model_copy(update={"card_origins": (CRM,)})
        cases = replace(service.cases, settings=settings)
        service.app.state.use_cases = cases
        yield replace(service, cases=cases)


@pytest.fixture
def program(served) -> TestClient:
    key = served.key("read", "recommend")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "en"})


@pytest.fixture
def browser(served) -> TestClient:
    return TestClient(served.app, headers={"Origin": CRM, "Accept-Language": "en"})


def token(program, deal: str = "D5", person: str | None = "P1", status: int = 200) -> str:
    answer = program.post("/v1/card-tokens", json={"deal_id": deal, "person_id": person})
    assert answer.status_code == status, answer.text
    return answer.json().get("token", answer.json().get("code"))


def card(browser, deal: str, given: str, **asked):
    return browser.request(
        "POST" if asked else "GET", f"/embed/deals/{deal}", headers={"X-Sancho-Card": given}, **asked
    )


def test_a_card_says_what_the_answer_about_the_deal_says(program, browser) -> None:
    shown, answer = card(browser, "D5", token(program)), program.get("/v1/deals/D5").json()
    assert shown.status_code == 200, shown.text
    probability = answer["win"]["by_period_end"]
    assert f'<data value="{probability!r}">' in shown.text
    assert shown.text.count('class="up-mark"') == int(20 * probability + 0.5)
    assert shown.text.count("<circle") == 20
    assert answer["actions"][0]["label"] in shown.text
    assert " style=" not in shown.text
    assert shown.headers["access-control-allow-origin"] == CRM
    assert shown.headers["cache-control"] == "no-store"


def test_a_token_is_of_one_deal(program, browser) -> None:
    refused = card(browser, "D4", token(program))
    assert (refused.status_code, refused.json()["code"]) == (401, "card_expired")


def test_a_token_is_only_for_who_may_see_the_deal(program, served) -> None:
    assert token(program, "D5", "P0", 404) == "unknown_deal"
    assert token(program, "D5", "P9", 422) == "bad_person"
    assert token(program, "D5", None, 422) == "bad_person"


@pytest.mark.parametrize("given", ["", ".", "e30.x", "é.é", "a" * 5_000])
def test_what_is_no_token_shows_nothing(browser, given) -> None:
    refused = card(browser, "D5", given.encode("utf-8"))
    assert (refused.status_code, refused.json()["code"]) == (401, "card_expired")


def test_a_token_that_was_changed_shows_nothing(program, browser) -> None:
    said, mac = token(program).split(".")
    other, _ = token(program, "D4", "P0").split(".")
    assert card(browser, "D4", f"{other}.{mac}").status_code == 401
    assert card(browser, "D5", f"{said}.{mac[:-2]}").status_code == 401


def test_a_token_ends_after_ten_minutes_at_most(tmp_path, monkeypatch) -> None:
    tokens, now = CardTokens(tmp_path), 1_000_000.0
    monkeypatch.setattr("service.card.tokens.time.time", lambda: now)
    given, ends = tokens.issue(CardOf("D5", "P1"), seconds=86_400)
    assert ends == now + SECONDS
    now += SECONDS - 1
    assert tokens.check(given) == CardOf("D5", "P1")
    now += 1
    with pytest.raises(SanchoError, match="time is over"):
        tokens.check(given)


def test_the_key_of_tokens_is_the_homes_own(tmp_path) -> None:
    one, same, other = CardTokens(tmp_path / "a"), CardTokens(tmp_path / "a"), CardTokens(tmp_path / "b")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    given, _ = one.issue(CardOf("D5", "P1"))
    assert same.check(given) == CardOf("D5", "P1")
    with pytest.raises(SanchoError, match="time is over"):
        other.check(given)
    kept = tmp_path / "a" / "card.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_bytes()) == 32
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["card.key"]


def test_a_button_records_what_came_of_a_step(program, browser) -> None:
    given = token(program)
    step = re.search(r'data-step="(\w+)"', card(browser, "D5", given).text).group(1)
    told = card(browser, "D5", given, json={"recommendation_id": step, "outcome": "accepted"})
    assert told.status_code == 200
    assert '<p role="status">Recorded: taken.</p>' in told.text
    report = program.get("/v1/recommendations/report").json()
    assert sum(row["accepted"] for row in report["by_action"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no json", "bad_json"),
        (b"[]", "bad_json"),
        (b'{"recommendation_id": "R1", "outcome": "accepted"}', "not_allowed"),
        (b'{"recommendation_id": "R1", "outcome": "won"}', "not_allowed"),
    ],
)
def test_a_button_can_tell_nothing_else(program, browser, body, code) -> None:
    assert card(browser, "D5", token(program), content=body).json()["code"] == code


def test_only_sites_that_are_listed_may_read_or_frame_a_card(program, served, browser) -> None:
    elsewhere = TestClient(served.app, headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in card(elsewhere, "D5", token(program)).headers
    allowed = browser.options("/embed/deals/D5")
    assert allowed.status_code == 204
    assert "X-Sancho-Card" in allowed.headers["access-control-allow-headers"]
    policy = browser.get("/embed/deals/D5/frame").headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {CRM}")
    assert "unsafe" not in policy


def test_the_script_of_a_card_is_small_and_may_be_loaded_by_other_sites(browser) -> None:
    found = browser.get("/static/card.js")
    assert len(found.content) <= 10_000
    assert found.headers["cross-origin-resource-policy"] == "cross-origin"
    assert browser.get("/static/sancho.js").headers["cross-origin-resource-policy"] == "same-origin"
