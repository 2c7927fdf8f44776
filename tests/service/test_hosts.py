"""Is only a call for this service answered, whoever says what of others, and does no address lead astray?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from uvicorn.config import Config

from crm.errors import SanchoError
from service.app import create_app
from service.cli.serve import _options, settings_with
from service.settings import Settings, read_settings
from service.use_cases import UseCases


def _client(tmp_path: Path, **given: object) -> TestClient:
    settings = Settings(home=tmp_path, **given)  # type: ignore[arg-type]
    fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
    app = create_app(settings, UseCases(settings=settings, **dict.fromkeys(fields)), warm=False)  # type: ignore[arg-type]
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("sancho.example.com", 401), ("SANCHO.example.com:8443", 401), ("sancho.example.com.", 401),
        ("localhost:8000", 401), ("127.0.0.1", 401), ("[::1]:8000", 401),
        ("evil.example.com", 400), ("sancho.example.com@evil.example.com", 400),
        ("sancho.example.com:80:90", 400), ("[::1", 400), ("", 400), ("10.0.0.1", 400),
    ],
)  # fmt: skip
def test_only_names_of_the_service_are_answered(host: str, status: int, tmp_path: Path):
    client = _client(tmp_path, public_url="https://sancho.example.com")
    answer = client.get("/v1/deals", headers={"Host": host, "Accept-Language": "en"})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "unknown_host"
        assert "SANCHO_ALLOWED_HOSTS" in answer.json()["detail"]
    assert client.get("/healthz", headers={"Host": host}).status_code == 200, "asked by address"


def test_without_a_configured_name_any_is_answered_and_none_is_repeated(tmp_path: Path):
    client = _client(tmp_path)
    for path in ("/v1/deals/", "/healthz/", "/v1/jobs"):
        answer = client.get(path, headers={"Host": "evil.example.com"}, follow_redirects=False)
        assert answer.status_code in (401, 404)
        assert "evil.example.com" not in str(answer.headers) + answer.text
    assert client.get("/v1/deals", headers={"Host": "["}).status_code == 401


def test_a_service_of_this_machine_alone_is_answered_by_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert settings_with("127.0.0.1", None).allowed_hosts == ("localhost", "127.0.0.1", "::1")
    assert settings_with("0.0.0.0", None).allowed_hosts == ()
    monkeypatch.setenv("SANCHO_ALLOWED_HOSTS", "a.example.com, 10.0.0.5")
    assert settings_with("127.0.0.1", None).allowed_hosts == ("a.example.com", "10.0.0.5")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "sancho.example.com"), ("public_url", "https://a.example.com/path"),
        ("public_url", "ftp://a.example.com"), ("public_url", "https://user@a.example.com"),
        ("public_url", "https://a.example.com:99999"),
        ("allowed_hosts", "a b"), ("allowed_hosts", "a.example.com:80"), ("allowed_hosts", "*"),
        ("trusted_proxies", "proxy.example.com"), ("trusted_proxies", "*"), ("trusted_proxies", "10.0.0.1/8"),
        ("calls_per_minute", "-1"),
    ],
)  # fmt: skip
def test_a_setting_that_names_no_host_is_told(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"SANCHO_{name.upper()}", value)
    with pytest.raises(SanchoError, match=f"setting SANCHO_{name.upper()}") as fault:
        read_settings()
    assert "another value" not in fault.value.text.en


@pytest.mark.parametrize(
    "path", ["/v1/jobs/%00", "/v1/jobs/%zz", "/v1/jobs/a%", "/v1/jobs/%ff", "/v1/%0d%0a"]
)
def test_an_address_that_cannot_be_read_is_refused(path: str, tmp_path: Path):
    answer = _client(tmp_path).get(path, headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_path")


@pytest.mark.parametrize("path", ["/v1/jobs/%E5%95%86%E8%AB%87", "/v1/jobs/a%2525", "/v1/jobs/a%20b"])
def test_an_address_of_any_text_is_read(path: str, tmp_path: Path):
    assert _client(tmp_path).get(path).status_code == 401


@pytest.mark.parametrize("path", ["/v1/%2e%2e/openapi.json", "//v1/deals", "/v1/jobs/%2e%2e%2f"])
def test_dots_in_an_address_lead_nowhere(path: str, tmp_path: Path):
    told = _client(tmp_path).get(path, follow_redirects=False)
    assert told.status_code in (303, 401, 404)
    assert told.headers.get("location", "/sign-in").startswith("/sign-in")


def test_only_what_is_reached_by_tls_tells_browsers_to_stay_with_it(tmp_path: Path):
    assert "strict-transport-security" not in _client(tmp_path).get("/healthz").headers
    by_tls = _client(tmp_path, public_url="https://sancho.example.com").get("/healthz").headers
    assert by_tls["strict-transport-security"] == "max-age=31536000"
    for name in ("permissions-policy", "cross-origin-opener-policy", "x-frame-options"):
        assert by_tls[name]


@pytest.mark.parametrize(
    ("trusted", "peer", "client", "scheme"),
    [
        ((), "127.0.0.1", "127.0.0.1", "http"),
        (("10.0.0.0/24",), "127.0.0.1", "127.0.0.1", "http"),
        (("10.0.0.0/24",), "10.0.0.7", "203.0.113.9", "https"),
        (("10.0.0.7", "203.0.113.9"), "10.0.0.7", "198.51.100.1", "https"),
    ],
)
def test_who_asks_for_whom_is_believed_of_named_proxies_alone(
    trusted: tuple[str, ...], peer: str, client: str, scheme: str, tmp_path: Path
):
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    options = _options(Settings(home=tmp_path, trusted_proxies=trusted))
    config = Config(app, **{**options, "interface": "asgi3"})  # type: ignore[arg-type]
    config.load()
    headers = [
        (b"x-forwarded-for", b"198.51.100.1, 203.0.113.9"),
        (b"x-forwarded-proto", b"https"),
        (b"forwarded", b"for=192.0.2.1;proto=https"),
    ]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": headers}
    asyncio.run(config.loaded_app(scope, None, None))  # type: ignore[arg-type]
    assert (seen[0]["client"][0], seen[0]["scheme"]) == (client, scheme)
