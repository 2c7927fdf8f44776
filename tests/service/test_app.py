"""Does the service keep its manners: settings, credentials, faults, languages, pages?"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import open_engine
from service.app import create_app
from service.keys import ApiKeys
from service.language import negotiate
from service.logs import configure_logs
from service.paging import page
from service.problems import MEDIA_TYPE
from service.serving_state import Readiness
from service.settings import Settings, read_settings
from service.use_cases import UseCases


class Unable:
    """Stands in for every use case: each question is a fault of the test's choosing."""

    fault: Exception = SanchoError(Text("日本語", "English"), "unknown_deal")

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> Any:
            raise self.fault

        return refuse

    def is_quick(self, *_: object) -> bool:
        return True

    def readiness(self) -> Readiness:
        return Readiness(Text("まだ", "not yet"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def unable() -> Unable:
    return Unable()


@pytest.fixture
def client(settings: Settings, unable: Unable) -> TestClient:
    names = [field.name for field in fields(UseCases) if field.name != "settings"]
    cases = UseCases(settings=settings, **dict.fromkeys(names, unable))  # type: ignore[arg-type]
    client = TestClient(create_app(settings, cases, warm=False), raise_server_exceptions=False)
    key = ApiKeys(settings.store_url).create("test")
    client.headers["Authorization"] = f"Bearer {key}"
    return client


# settings


def test_a_wrong_setting_names_its_key_value_and_what_would_be_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCHO_FISCAL_START_MONTH", "13")
    with pytest.raises(
        SanchoError, match=r"SANCHO_FISCAL_START_MONTH: '13' cannot be used; give a month from 1 to 12"
    ):
        read_settings()


def test_all_wrong_settings_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCHO_TIMEZONE", "Mars/Base")
    monkeypatch.setenv("SANCHO_PORT", "0")
    with pytest.raises(SanchoError, match=r"SANCHO_TIMEZONE.*SANCHO_PORT"):
        read_settings()


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sancho.toml").write_text('currency = "EUR"\nlanguage = "en"\n[train]\ntrees = 50\n', "utf-8")
    monkeypatch.setenv("SANCHO_CURRENCY", "USD")
    found = read_settings()
    assert (found.currency, found.language, found.train) == ("USD", "en", {"trees": 50})


def test_an_unknown_setting_in_the_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sancho.toml").write_text('curency = "EUR"\n', "utf-8")
    with pytest.raises(SanchoError, match="'curency' does not exist"):
        read_settings()


def test_settings_refuse_grades_that_do_not_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCHO_GRADES", "[0.2, 0.5, 0.1]")
    with pytest.raises(SanchoError, match="SANCHO_GRADES"):
        read_settings()


def test_settings_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


# keys


def test_a_key_is_known_until_it_is_revoked(settings: Settings) -> None:
    text = ApiKeys(settings.store_url).create("crm")
    known = ApiKeys(settings.store_url).check(text)
    assert known is not None
    assert known.name == "crm"
    assert ApiKeys(settings.store_url).revoke(known.key_id)
    assert ApiKeys(settings.store_url).check(text) is None
    assert ApiKeys(settings.store_url).list() == []


@pytest.mark.parametrize("bad", ["", "x", "sancho_", "sancho_0123_abc", "sancho_00"])
def test_keys_know_nobody_by_a_text_that_is_no_key(settings: Settings, bad: str) -> None:
    assert ApiKeys(settings.store_url).check(bad) is None


def test_keys_know_nobody_by_a_key_that_differs_in_one_letter(settings: Settings) -> None:
    text = ApiKeys(settings.store_url).create("crm")
    assert ApiKeys(settings.store_url).check(text[:-1] + ("A" if text[-1] != "A" else "B")) is None


def test_secrets_are_stored_as_hashes_only(settings: Settings) -> None:
    text = ApiKeys(settings.store_url).create("crm")
    secret = text.split("_", 2)[2]
    engine = open_engine(settings.store_url)
    with engine.connect() as store:
        rows = store.execute(sa.text("SELECT * FROM api_keys")).fetchall()
    engine.dispose()
    assert secret not in str(rows)
    assert hashlib.sha256(secret.encode()).hexdigest() in str(rows)


# faults


def assert_problem(response: Any, status: int, code: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == MEDIA_TYPE
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in response.text


def test_api_answers_only_health_without_a_credential(client: TestClient) -> None:
    del client.headers["Authorization"]
    for path in ("/v1/deals", "/v1/deals/D1", "/v1/forecasts/2026-Q4", "/v1/models"):
        response = client.get(path)
        assert_problem(response, 401, "no_credential")
        assert response.headers["www-authenticate"] == "Bearer"
    assert_problem(client.post("/v1/deals/score", json={}), 401, "no_credential")
    assert client.get("/healthz").status_code == 200


def test_a_wrong_credential_is_refused(client: TestClient) -> None:
    assert_problem(
        client.get("/v1/deals", headers={"Authorization": "Bearer sancho_1_2"}), 401, "no_credential"
    )


def test_faults_speak_the_readers_language(client: TestClient) -> None:
    japanese = client.get("/v1/deals/D1", headers={"Accept-Language": "ja"})
    english = client.get("/v1/deals/D1", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert_problem(japanese, 404, "unknown_deal")
    assert (japanese.json()["detail"], japanese.json()["title"]) == ("日本語", "見つかりません")
    assert (english.json()["detail"], english.json()["title"]) == ("English", "Not found")
    assert english.headers["content-language"] == "en"


def test_an_address_that_is_not_there_is_a_problem(client: TestClient) -> None:
    assert_problem(client.get("/v1/nothing"), 404, "unknown_address")
    response = client.delete("/healthz")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


def test_broken_json_is_a_problem(client: TestClient) -> None:
    response = client.post("/v1/deals/score", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(response, 400, "bad_json")


def test_every_wrong_place_of_a_request_is_told(client: TestClient) -> None:
    deal = {"created_at": "yesterday", "stage": "提案・見積", "amount": -1}
    response = client.post("/v1/deals/score", json={"deal": deal}, headers={"Accept-Language": "en"})
    assert_problem(response, 422, "invalid_request")
    told = {error["location"]: error["message"] for error in response.json()["errors"]}
    assert told == {
        "body.deal.deal_id": "is required.",
        "body.deal.created_at": "must be a time like 2026-11-20T09:00+09:00.",
        "body.deal.amount": "must be at least 0.",
    }


def test_api_shows_no_detail_of_an_internal_error(client: TestClient, unable: Unable) -> None:
    unable.fault = RuntimeError("password=hunter2")
    response = client.get("/v1/deals/D1")
    assert_problem(response, 500, "internal_error")
    assert "hunter2" not in response.text


def test_not_ready_says_when_to_ask_again(client: TestClient) -> None:
    response = client.get("/readyz")
    assert_problem(response, 503, "not_ready")
    assert response.headers["retry-after"] == "5"


def test_keys_are_never_logged(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    client.get("/v1/deals/D1")
    written = "".join(capfd.readouterr())
    assert "/v1/deals/D1" in written
    assert client.headers["Authorization"].removeprefix("Bearer ") not in written


# languages and pages


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "ja"),
        ("en", "en"),
        ("ja-JP", "ja"),
        ("fr", "ja"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0.2, ja;q=0.3", "ja"),
        ("en;q=x", "ja"),
        ("en;q=0.5, ja;q=0.5", "en"),
        ("en;q=7", "ja"),
        ("*", "ja"),
    ],
)
def test_the_language_is_the_one_liked_best(header: str | None, expected: str) -> None:
    assert negotiate(header, "ja") == expected


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=40),
    st.integers(1, 10),
    st.sampled_from(["value", "-value", "deal_id", "-deal_id"]),
)
def test_pages_neither_skip_nor_repeat(values: list[int], limit: int, sort: str) -> None:
    frame = pd.DataFrame({"deal_id": [f"D{at:03d}" for at in range(len(values))], "value": values})
    seen: list[str] = []
    cursor = None
    while True:
        rows, cursor = page(frame, sort, cursor, limit)
        seen += [row["deal_id"] for row in rows]
        assert len(seen) <= len(values)
        if cursor is None:
            break
    whole, end = page(frame, sort, None, None)
    assert end is None
    assert seen == [row["deal_id"] for row in whole]
    assert sorted(seen) == frame["deal_id"].tolist()


def test_a_cursor_of_another_order_is_refused() -> None:
    frame = pd.DataFrame({"deal_id": ["a", "b"], "value": [1, 2]})
    _, cursor = page(frame, "value", None, 1)
    with pytest.raises(SanchoError, match="cursor"):
        page(frame, "-value", cursor, 1)


@pytest.mark.parametrize("cursor", ["", "%", "abc", "bnVsbA", "WzEsMl0"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(SanchoError, match="cursor"):
        page(pd.DataFrame({"deal_id": ["a"], "value": [1]}), "value", cursor, 1)


def test_an_unknown_order_names_the_known_ones() -> None:
    with pytest.raises(SanchoError, match="deal_id, value"):
        page(pd.DataFrame({"deal_id": ["a"], "value": [1]}), "size", None, 1)
