"""May each key do what its rights say and nothing else, until it ends, before anything of a call is read?"""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.access_rules import ADMIN, NEEDS, READ, RIGHTS, SCORE, USUAL
from service.api.attempts import MOST, SECONDS, FailedAttempts
from service.api.counts import Counts
from service.app import create_app
from service.cli import run
from service.keys import ApiKeys
from service.settings import Settings
from service.use_cases import UseCases

ROOT = Path(__file__).parents[2]
_FILE = Path(__file__).parent / "access_matrix.csv"
MATRIX = list(csv.DictReader(_FILE.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    settings = Settings(home=tmp_path_factory.mktemp("access"))
    fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
    app = create_app(settings, UseCases(settings=settings, **dict.fromkeys(fields)), warm=False)  # type: ignore[arg-type]
    yield app
    app.state.keys.close()


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def texts(app: FastAPI) -> dict[str, str]:
    """A key for each right."""
    return {right: app.state.keys.create(right, [right]) for right in RIGHTS}


def test_the_matrix_has_every_call_of_the_interface_and_no_other(app: FastAPI):
    paths = app.openapi()["paths"]
    calls = {
        (f"{method.upper()} {path}", operation["operationId"])
        for path, operations in paths.items()
        for method, operation in operations.items()
        if path.startswith("/v1/")
    }
    assert {(row["call"], row["operation"]) for row in MATRIX} == calls
    assert {row["operation"] for row in MATRIX} == NEEDS.keys()


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row["operation"])
def test_each_right_opens_what_the_matrix_says(
    row: dict[str, str], client: TestClient, texts: dict[str, str]
):
    method, _, path = row["call"].partition(" ")
    path = path.replace("{period}", "2026-Q4").replace("{", "").replace("}", "")
    refused = client.request(method, path)
    assert (refused.status_code, refused.json()["code"]) == (401, "no_credential")
    for right in RIGHTS:
        answer = client.request(method, path, headers={"Authorization": f"Bearer {texts[right]}"})
        is_refused = answer.status_code == 403 and answer.json()["code"] == "not_allowed"
        assert is_refused == (row[right] == "no"), (right, answer.text)


def test_the_interface_says_which_right_a_call_needs(app: FastAPI):
    paths = app.openapi()["paths"]
    score = paths["/v1/deals/score"]["post"]["security"]
    assert score == [{"HTTPBearer": ["score"]}, {"SessionCookie": ["score"]}]
    either = [one["HTTPBearer"] for one in paths["/v1/actions"]["get"]["security"] if "HTTPBearer" in one]
    assert either == [["read"], ["recommend"]]
    assert paths["/auth/me"]["get"]["security"] == [{"HTTPBearer": []}, {"SessionCookie": []}]
    assert "security" not in paths["/auth/sign-in"]["post"]


def test_an_address_that_does_not_exist_tells_nothing_of_keys(client: TestClient):
    assert client.get("/v1/nothing").status_code == 404
    assert client.put("/v1/deals").status_code == 405


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer  ", "sancho_1_2"])
def test_what_is_no_key_is_refused_in_one_sentence(header: str, client: TestClient):
    answer = client.get("/v1/deals", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "no_credential")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_nothing_of_a_body_is_read_without_a_right(app: FastAPI, texts: dict[str, str]):
    for path, text, status in (
        ("/v1/deals/score", "", 401),
        ("/v1/deals/score", texts[READ], 403),
        ("/v1/tables/deals", texts[SCORE], 403),
    ):
        asked: list[str] = []

        async def receive(asked: list[str] = asked) -> dict[str, Any]:
            asked.append("body")
            return {"type": "http.request", "body": b"{}", "more_body": False}

        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        method = "PUT" if "tables" in path else "POST"
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"",
            "headers": [(b"authorization", f"Bearer {text}".encode())], "server": ("t", 80),
        }  # fmt: skip
        asyncio.run(app(scope, receive, send))
        assert sent[0]["status"] == status
        assert asked == []


def test_who_tries_out_keys_has_to_wait_and_good_keys_from_there_go_on(app: FastAPI, client: TestClient):
    good = app.state.keys.create("good", [READ])
    headers = {"Authorization": f"Bearer {good}"}
    assert client.get("/v1/forecasts/2026-Q4", headers=headers).status_code != 401, "it is known now"
    statuses = [
        client.get("/v1/deals", headers={"Authorization": f"Bearer sancho_{n:012x}_x"}).status_code
        for n in range(MOST + 5)
    ]
    assert statuses.count(401) <= MOST
    assert statuses[-5:] == [429] * 5
    refused = client.get("/v1/deals", headers={"Authorization": "Bearer sancho_1_2"})
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_many_attempts", "60")
    assert client.get("/v1/forecasts/2026-Q4", headers=headers).status_code not in (401, 429)
    assert client.get("/v1/deals").status_code == 401, "who sends no key has tried none"


def test_failed_attempts_are_forgotten_after_a_while_and_counted_by_address():
    now = [0.0]
    failed = FailedAttempts(Counts(lambda: now[0]))
    for _ in range(MOST):
        assert failed.seconds_to_wait("a") == 0
        failed.note("a")
    assert failed.seconds_to_wait("a") == SECONDS
    assert failed.seconds_to_wait("b") == 0
    now[0] = SECONDS
    assert failed.seconds_to_wait("a") == 0
    failed.note("a")
    assert failed.seconds_to_wait("a") == 0
    for _ in range(MOST):
        failed.note("c")
    for n in range(100_000):
        failed.note(f"n{n}")
    assert failed.seconds_to_wait("c") == SECONDS, "many others do not make room for it"


def test_the_addresses_of_one_network_of_ipv6_are_one_caller():
    failed = FailedAttempts()
    for n in range(MOST):
        failed.note(f"2001:db8::{n:x}")
    assert failed.seconds_to_wait("2001:db8::ffff") > 0
    assert failed.seconds_to_wait("2001:db8:0:1::1") == 0


def test_every_answer_says_that_it_is_data_for_the_caller_alone(client: TestClient):
    for path in ("/healthz", "/v1/deals", "/v1/nothing", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_a_new_home_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    assert run(["key", "create", "--name", "crm"]) == 0
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0


def test_whatever_a_command_writes_is_for_its_user_alone(tmp_path: Path):
    line = f"import os; os.umask(0); sys = __import__('sys'); sys.path.insert(0, {str(ROOT)!r})\n"
    code = f"{line}sys.argv[1:] = ['key', 'create', '--name', 'crm']\nfrom service.cli import main; main()"
    (tmp_path / "home").mkdir(mode=0o755)
    environment = {**os.environ, "SANCHO_HOME": str(tmp_path / "home")}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files
    assert {path: path.stat().st_mode & 0o077 for path in files} == dict.fromkeys(files, 0)


# Until it ends


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[ApiKeys]:
    made = ApiKeys(str(tmp_path / "sancho.db"))
    yield made
    made.close()


def test_a_key_ends_when_its_time_is_over(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch):
    text = keys.create("crm", [SCORE], 3600)
    known = keys.check(text)
    assert known is not None
    assert known.rights == (SCORE,)
    assert known.expires_at is not None
    monkeypatch.setattr("service.keys._now", lambda: known.expires_at)
    assert keys.check(text) is None
    assert keys.remembered(text, 3600) is None, "not from memory either"
    assert keys.list() == []


def test_a_key_of_before_there_were_rights_may_do_all(keys: ApiKeys):
    text = keys.create("old")
    with keys._engine.begin() as connection:
        connection.execute(sa.text("UPDATE api_keys SET rights = NULL"))
    known = keys.check(text)
    assert known is not None
    assert known.rights == (ADMIN,)


def test_a_revoked_key_is_refused_at_once_here_and_within_a_second_elsewhere(
    keys: ApiKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = ApiKeys(str(tmp_path / "sancho.db"))
    text = keys.create("crm")
    known = keys.check(text)
    assert known is not None
    assert elsewhere.check(text) is not None
    assert keys.revoke(known.key_id)
    assert keys.check(text) is None
    assert keys.remembered(text) is None
    later = time.monotonic() + 1.01
    monkeypatch.setattr("service.keys.time.monotonic", lambda: later)
    assert elsewhere.remembered(text) is None
    assert elsewhere.check(text) is None
    elsewhere.close()


def test_a_rotated_key_has_the_same_rights_and_the_old_one_ends_later(
    keys: ApiKeys, monkeypatch: pytest.MonkeyPatch
):
    text = keys.create("crm", [READ], 7200)
    before = keys.check(text)
    assert before is not None
    made = keys.rotate(before.key_id, 3600)
    assert made is not None
    fresh, old = ApiKeys.check(keys, made), keys.list()[0]
    assert fresh is not None
    assert (fresh.name, fresh.rights) == ("crm", (READ,))
    assert fresh.expires_at == pytest.approx(before.expires_at, abs=5e6)
    assert old.expires_at == pytest.approx((before.expires_at or 0) - 3600e6, abs=5e6)
    assert keys.rotate("nothing", 0) is None


def test_keys_are_made_listed_rotated_and_revoked_by_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    assert run(["key", "create", "--name", "crm", "--lang", "ja"]) == 0
    printed = capsys.readouterr()
    assert f"権限：{' '.join(USUAL)}" in printed.err
    key_id = printed.out.split("_")[1]
    assert run(["key", "create", "--name", "x", "--right", "everything", "--lang", "en"]) == 1
    assert "score, read, write, recommend, admin" in capsys.readouterr().err
    assert run(["key", "create", "--name", "x", "--expires", "90", "--lang", "en"]) == 1
    assert "12h, 7d or 1w" in capsys.readouterr().err
    assert run(["key", "create", "--name", "boss", "--right", "admin", "--expires", "4w"]) == 0
    assert run(["key", "rotate", key_id, "--overlap", "12h", "--lang", "en"]) == 0
    assert f"the old key {key_id} ends after 12h" in capsys.readouterr().err
    assert run(["key", "list", "--lang", "en"]) == 0
    listed = capsys.readouterr().out
    assert listed.count("crm") == 2
    assert "admin" in listed
    assert run(["key", "revoke", key_id]) == 0
    assert run(["key", "revoke", key_id, "--lang", "en"]) == 1
    assert "no key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/webhooks", "GET, POST"),
        ("PATCH", "/v1/models/shadow", "DELETE, GET"),
        ("DELETE", "/v1/models/rollback", "POST"),
        ("OPTIONS", "/v1/kpis/check", "POST"),
        ("GET", "/v1/kpis/check", "POST"),
        ("GET", "/v1/models/rollback", "POST"),
        ("POST", "/v1/deals/D1", "GET"),
        ("DELETE", "/v1/deals/2026/001/timeline", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_who_sends_another_method_is_told_all_that_the_address_takes(
    client: TestClient, texts: dict[str, str], method: str, path: str, allowed: str
):
    answer = client.request(method, path, headers={"Authorization": f"Bearer {texts[READ]}"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed
