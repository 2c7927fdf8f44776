"""Does a provider's word let in exactly whom it is about? Against a provider in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.importing import push_rows
from crm.store import Store
from service.app import create_app
from service.logs import configure_logs
from service.settings import Settings, read_settings
from service.sign_in.browser_flow import BrowserFlow
from service.sign_in.provider import Provider
from service.sign_in.provider_calls import json_of
from service.use_cases import UseCases
from tests.support.fakes import TOKYO
from tests.support.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider

ANNA, EVA = "anna@example.com", "eva@example.com"
PEOPLE = [
    {"person_id": "P1", "name": "Anna", "email": ANNA, "role": "admin"},
    {"person_id": "P3", "name": "Eva", "email": EVA, "role": "manager"},
    {"person_id": "P5", "name": "Left", "email": "left@example.com", "active_to": "2026-01-31"},
]
PUBLIC = "https://sancho.example.com"


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: IdentityProvider) -> IdentityProvider:
    running.call("broken", {})
    running.call("user", {"email": ANNA})
    return running


@pytest.fixture
def settings(provider: IdentityProvider, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        public_url=PUBLIC,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings.store_url)
    push_rows(opened, "people", PEOPLE, TOKYO)
    yield opened
    opened.close()


@pytest.fixture
def apps(store: Store) -> Iterator[Any]:
    made: list[FastAPI] = []

    def make(settings: Settings) -> FastAPI:
        fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
        use_cases = UseCases(settings=settings, **dict.fromkeys(fields))  # type: ignore[arg-type]
        made.append(create_app(settings, use_cases, warm=False))
        return made[-1]

    yield make
    for app in made:
        app.state.sign_in.close()
        app.state.keys.close()


@pytest.fixture
def app(settings: Settings, apps: Any) -> FastAPI:
    made: FastAPI = apps(settings)
    return made


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    headers = {"Accept-Language": "en"}
    return TestClient(app, base_url="https://localhost", headers=headers, follow_redirects=False)


def who(client: TestClient, token: str) -> tuple[int, str]:
    """The status of a call with a token, and the person or the code of the refusal."""
    answer = client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json().get("person_id") or answer.json()["code"]


# Tokens


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_a_token_of_the_provider_is_its_persons_credential(
    kind: str, client: TestClient, provider: IdentityProvider
):
    token = provider.token(kind=kind, email="ANNA@Example.com")
    assert who(client, token) == (200, "P1")
    me = client.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).json()
    assert (me["kind"], me["role"], me["rights"], me["csrf_token"]) == ("person", "admin", ["admin"], None)
    assert who(client, provider.token(email=ANNA, aud=["other", CLIENT])) == (200, "P1")
    manager = {"Authorization": f"Bearer {provider.token(kind=kind, email=EVA)}"}
    assert client.post("/v1/models/rollback", headers=manager).json()["code"] == "not_allowed"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": -61}, "its time is over"),
        ({"exp": None}, "a claim is missing"),
        ({"iat": None}, "a claim is missing"),
        ({"nbf": 61}, "its time has not begun"),
        ({"iat": 61}, "its time has not begun"),
        ({"aud": "another-application"}, "for another application"),
        ({"aud": None}, "a claim is missing"),
        ({"iss": "https://login.example.com"}, "another provider"),
        ({"iss": None}, "a claim is missing"),
        ({"exp": "tomorrow"}, "cannot be verified"),
    ],
)
def test_a_token_that_does_not_hold_now_or_here_is_refused(
    claims: dict[str, Any], told: str, client: TestClient, provider: IdentityProvider
):
    now = int(time.time())
    given = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    token = provider.token(email=ANNA, **given)
    answer = client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_token")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("claims", [{"exp": -40}, {"nbf": 40}, {"iat": 40}])
def test_clocks_may_differ_by_as_much_as_the_settings_say(
    claims: dict[str, int], client: TestClient, settings: Settings, provider: IdentityProvider, apps: Any
):
    now = int(time.time())
    token = provider.token(email=ANNA, **{name: now + value for name, value in claims.items()})
    assert who(client, token) == (200, "P1")
    strict = TestClient(
        apps(settings.model_copy(update={"oidc_clock_skew_seconds": 20.0})), base_url="https://localhost"
    )
    assert who(strict, token) == (401, "bad_token")


@pytest.mark.parametrize("kind", ["none", "HS256"])
def test_a_token_signed_by_nobody_or_by_what_everybody_knows_is_refused(
    kind: str, client: TestClient, provider: IdentityProvider
):
    token = provider.token(kind=kind, email=ANNA)
    assert jwt.get_unverified_header(token)["alg"] == kind
    assert who(client, token) == (401, "bad_token")


def test_a_token_of_another_key_or_changed_on_the_way_is_refused(
    client: TestClient, provider: IdentityProvider
):
    head, body, signature = provider.token(email=EVA).split(".")
    _, other, _ = provider.token(email=ANNA).split(".")
    assert who(client, f"{head}.{body}.{signature}") == (200, "P3")
    assert who(client, f"{head}.{other}.{signature}") == (401, "bad_token")
    kid = jwt.get_unverified_header(f"{head}.{body}.{signature}")["kid"]
    swapped = provider.token(kind="ES256", header={"kid": kid}, email=ANNA)
    assert who(client, swapped) == (401, "bad_token"), "an EC signature, said to be of the RSA key"
    for nonsense in ("a.b.c", "..", "x" * 20_000 + ".b.c", "é.b.c"):
        answer = client.get("/auth/me", headers={"Authorization": f"Bearer {nonsense}".encode("latin-1")})
        assert answer.status_code == 401


def test_keys_of_an_unknown_id_are_fetched_again_and_not_too_often(
    settings: Settings, provider: IdentityProvider
):
    now = [0.0]
    ours = Provider(settings, monotonic=lambda: now[0])
    ours.claims(provider.token(email=ANNA))

    def fetched() -> int:
        return provider.call("counts")["/keys"]

    before = fetched()
    for _ in range(5):
        with pytest.raises(SanchoError, match="its key is not known"):
            ours.claims(provider.token(email=ANNA, header={"kid": "invented"}))
    assert fetched() == before, "they have just been fetched"
    now[0] += 6
    for _ in range(5):
        with pytest.raises(SanchoError, match="its key is not known"):
            ours.claims(provider.token(email=ANNA, header={"kid": "invented"}))
    assert fetched() == before + 1


def test_after_a_rotation_new_tokens_count_at_once_and_old_ones_no_more(
    settings: Settings, provider: IdentityProvider
):
    now = [0.0]
    ours = Provider(settings, monotonic=lambda: now[0])
    old = provider.token(email=ANNA)
    assert ours.claims(old)["email"] == ANNA
    provider.call("rotate")
    now[0] += 6
    assert ours.claims(provider.token(email=ANNA))["email"] == ANNA
    with pytest.raises(SanchoError, match="its key is not known"):
        ours.claims(old)


def test_a_key_that_the_provider_took_back_is_out_after_ten_minutes_at_the_latest(
    settings: Settings, provider: IdentityProvider
):
    now = [0.0]
    ours = Provider(settings, monotonic=lambda: now[0])
    old = provider.token(email=ANNA)
    ours.claims(old)
    provider.call("rotate")
    now[0] += 599
    assert ours.claims_remembered(old) is not None
    now[0] += 2
    assert ours.claims_remembered(old) is None
    with pytest.raises(SanchoError, match="its key is not known"):
        ours.claims(old)


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({"email": ANNA, "email_verified": False}, 403, "email_not_verified"),
        ({"email": ANNA, "email_verified": None}, 403, "email_not_verified"),
        ({"email": ANNA, "email_verified": "false"}, 403, "email_not_verified"),
        ({"email": ANNA, "email_verified": "true"}, 200, "P1"),
        ({"email": "nobody@example.com"}, 403, "not_in_people"),
        ({"email": "left@example.com"}, 403, "not_in_people"),
        ({"email": ["anna@example.com"]}, 403, "not_in_people"),
        ({}, 403, "not_in_people"),
    ],
)
def test_the_verified_address_decides_who_it_is(
    claims: dict[str, Any], status: int, code: str, client: TestClient, provider: IdentityProvider
):
    assert who(client, provider.token(**claims)) == (status, code)


def test_a_provider_that_never_says_verified_can_be_trusted_but_not_against_its_word(
    settings: Settings, provider: IdentityProvider, apps: Any
):
    trusting = TestClient(
        apps(settings.model_copy(update={"oidc_assume_verified": True})), base_url="https://localhost"
    )
    assert who(trusting, provider.token(email=ANNA, email_verified=None)) == (200, "P1")
    assert who(trusting, provider.token(email=ANNA, email_verified=False)) == (403, "email_not_verified")


def test_another_claim_and_another_audience_can_be_the_ones(
    settings: Settings, provider: IdentityProvider, apps: Any
):
    said = {"oidc_email_claim": "upn", "oidc_audience": "api://sancho"}
    client = TestClient(apps(settings.model_copy(update=said)), base_url="https://localhost")
    assert who(client, provider.token(upn=ANNA, aud="api://sancho")) == (200, "P1")
    assert who(client, provider.token(upn=ANNA)) == (401, "bad_token")


def test_who_has_left_is_out_within_a_second_whatever_his_token_says(
    client: TestClient, provider: IdentityProvider, store: Store, monkeypatch: pytest.MonkeyPatch
):
    token = provider.token(email=EVA)
    assert who(client, token) == (200, "P3")
    push_rows(store, "people", [{"person_id": "P3", "active_to": "2026-01-31"}], TOKYO)
    real = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: real() + 1.0)
    assert who(client, token) == (403, "not_in_people")


def test_without_a_provider_a_token_is_a_wrong_key(tmp_path: Path, apps: Any, provider: IdentityProvider):
    client = TestClient(apps(Settings(home=tmp_path)))
    assert who(client, provider.token(email=ANNA)) == (401, "no_credential")
    assert client.get("/auth/oidc/start").json()["code"] == "no_provider"


# By the browser


def to_provider(client: TestClient, page: str | None = None) -> dict[str, str]:
    """Begins a sign-in; what the provider sends back with the browser."""
    started = client.get("/auth/oidc/start", params={} if page is None else {"next": page})
    assert started.status_code == 303, started.text
    back = httpx.get(started.headers["location"]).headers["location"]
    assert back.startswith(f"{PUBLIC}/auth/oidc/callback?")
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(client: TestClient):
    started = client.get("/auth/oidc/start", params={"next": "/deals?scope=team:T1"})
    asked = parse_qs(urlsplit(started.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid email"]
    assert asked["redirect_uri"] == [f"{PUBLIC}/auth/oidc/callback"]
    cookie = started.headers["set-cookie"]
    assert cookie.startswith("__Host-sancho_sign_in=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))
    answer = client.get("/auth/oidc/callback", params=to_provider(client, "/deals?scope=team:T1"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/deals?scope=team:T1")
    me = client.get("/auth/me").json()
    assert (me["person_id"], me["session"]["way"]) == ("P1", "oidc")
    assert "__Host-sancho_sign_in" not in client.cookies
    signed_out = client.post("/auth/sign-out", headers={"X-CSRF-Token": me["csrf_token"]})
    assert signed_out.status_code == 200


@pytest.mark.parametrize(
    "page", ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "deals", "/a b", "/é"]
)
def test_the_way_back_leads_to_no_other_site(page: str, client: TestClient):
    answer = client.get("/auth/oidc/callback", params=to_provider(client, page))
    assert answer.headers["location"] == "/"


def test_another_browser_cannot_finish_what_this_one_began(client: TestClient, app: FastAPI):
    victim = TestClient(app, base_url="https://localhost", follow_redirects=False)
    back = to_provider(client)
    assert victim.get("/auth/oidc/callback", params=back).json()["code"] == "stale_sign_in"
    to_provider(victim)
    assert victim.get("/auth/oidc/callback", params=back).json()["code"] == "stale_sign_in"
    wrong = {**back, "state": "x"}
    assert client.get("/auth/oidc/callback", params=wrong).json()["code"] == "stale_sign_in"
    assert client.get("/auth/oidc/callback", params=back).status_code == 303
    assert client.get("/auth/oidc/callback", params=back).json()["code"] == "stale_sign_in", "once"


def test_a_code_that_was_used_and_one_the_provider_refuses_let_nobody_in(client: TestClient):
    back = to_provider(client)
    cookie = client.cookies["__Host-sancho_sign_in"]
    assert client.get("/auth/oidc/callback", params=back).status_code == 303
    held = {"Cookie": f"__Host-sancho_sign_in={cookie}"}
    again = client.get("/auth/oidc/callback", params=back, headers=held)
    assert (again.status_code, again.json()["code"]) == (401, "sign_in_refused")
    denied = {**to_provider(client), "error": "access_denied"}
    del denied["code"]
    answer = client.get("/auth/oidc/callback", params=denied)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused")
    other = {**to_provider(client), "iss": "https://login.example.com"}
    assert client.get("/auth/oidc/callback", params=other).json()["code"] == "sign_in_refused"


@pytest.mark.parametrize(
    ("user", "code"),
    [
        ({"email": ANNA, "nonce": "of another sign-in"}, "sign_in_refused"),
        ({"email": ANNA, "aud": "another"}, "bad_token"),
        ({"email": ANNA, "email_verified": False}, "email_not_verified"),
        ({"email": "left@example.com"}, "not_in_people"),
        ({"email": "nobody@example.com"}, "not_in_people"),
    ],
)
def test_what_the_provider_says_of_a_browser_is_checked_like_any_token(
    user: dict[str, Any], code: str, client: TestClient, provider: IdentityProvider
):
    provider.call("user", user)
    answer = client.get("/auth/oidc/callback", params=to_provider(client))
    assert answer.json()["code"] == code
    assert client.get("/auth/me").status_code == 401


def test_a_sign_in_is_over_after_ten_minutes(settings: Settings, provider: IdentityProvider):
    now = [1_000_000.0]
    flow = BrowserFlow(settings, Provider(settings), clock=lambda: now[0])

    def begun() -> tuple[str, str, str]:
        address, cookie = flow.start("/")
        back = urlsplit(httpx.get(address).headers["location"]).query
        return cookie, parse_qs(back)["code"][0], parse_qs(back)["state"][0]

    in_time, late = begun(), begun()
    now[0] += 599
    assert flow.finish(*in_time, None)[0]["email"] == ANNA
    now[0] += 2
    with pytest.raises(SanchoError, match="begin again"):
        flow.finish(*late, None)
    now[0] -= 700
    with pytest.raises(SanchoError, match="begin again"):
        flow.finish(*late, None)
    for cookie in ("", "x", "..", f"{'a' * 43}.1.{'?' * 3}"):
        with pytest.raises(SanchoError, match="begin again"):
            flow.finish(cookie, "code", "state", None)


# While the provider is away


def test_while_the_provider_is_away_nobody_new_comes_and_sessions_go_on(
    client: TestClient, provider: IdentityProvider, settings: Settings, apps: Any
):
    client.get("/auth/oidc/callback", params=to_provider(client))
    assert client.get("/auth/me").status_code == 200
    token = provider.token(email=ANNA)
    back = to_provider(client)
    provider.call("broken", {"/token": 500, "/keys": 500, "/.well-known/openid-configuration": 503})
    answer = client.get("/auth/oidc/callback", params=back)
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert client.get("/auth/me").status_code == 200
    fresh = TestClient(apps(settings), base_url="https://localhost", follow_redirects=False)
    assert who(fresh, token) == (503, "provider_unavailable")
    assert fresh.get("/auth/oidc/start").status_code == 503
    client.cookies.clear()
    assert who(client, token) == (200, "P1"), "its keys are remembered"


def test_keys_are_remembered_for_an_hour_of_outage(settings: Settings, provider: IdentityProvider):
    now = [0.0]
    ours = Provider(settings, monotonic=lambda: now[0])
    token = provider.token(email=ANNA)
    ours.claims(token)
    provider.call("broken", {"/.well-known/openid-configuration": 500})
    before = provider.call("counts")["/.well-known/openid-configuration"]
    now[0] = 3_599.0
    for _ in range(5):
        assert ours.claims(token)["email"] == ANNA
    asked = provider.call("counts")["/.well-known/openid-configuration"]
    assert asked == before + 1, "a provider that is away is not called at every call"
    now[0] = 3_601.0
    with pytest.raises(SanchoError, match="HTTP 500") as caught:
        ours.claims(token)
    assert caught.value.code == "provider_unavailable"
    provider.call("broken", {})
    now[0] += 6
    assert ours.claims(token)["email"] == ANNA


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"issuer": "https://evil.example.com"},
        {"token_endpoint": "http://login.example.com/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
    ],
)
def test_what_is_no_configuration_of_this_provider_is_not_believed(
    said: dict[str, Any], settings: Settings, provider: IdentityProvider
):
    def fetch(url: str) -> dict[str, Any]:
        return json_of(url) | said if said else {"issuer": 7}

    with pytest.raises(SanchoError, match="no OpenID configuration"):
        Provider(settings, fetch).metadata()


def test_only_addresses_with_tls_or_of_this_machine_are_called(provider: IdentityProvider):
    for url in ("http://login.example.com/keys", "file:///etc/passwd", "ftp://localhost/x", "https://"):
        with pytest.raises(SanchoError, match="https://"):
            json_of(url)
    with pytest.raises(SanchoError, match="HTTP 302"):
        json_of(f"{provider.issuer}/authorize?state=x&redirect_uri=http://127.0.0.1:1/")
    with pytest.raises(SanchoError, match="ConnectionRefusedError"):
        json_of("http://127.0.0.1:9/")


def test_no_log_shows_a_token_a_code_or_an_address(
    client: TestClient, provider: IdentityProvider, capfd: pytest.CaptureFixture[str]
):
    configure_logs()
    back = to_provider(client, "/")
    client.get("/auth/oidc/callback", params=back)
    cookie = client.cookies["__Host-sancho_session"]
    token = provider.token(email=ANNA)
    who(client, token)
    who(client, token + "x")
    client.post("/auth/sign-in", json={"email": ANNA, "password": "some secret words"})
    written = "".join(capfd.readouterr())
    assert "signed_in" in written
    for secret in (back["code"], back["state"], cookie, token, ANNA, "some secret words", SECRET):
        assert secret not in written


def test_the_clients_secret_comes_from_a_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "secret").write_text(f"{SECRET}\n", "utf-8")
    monkeypatch.setenv("SANCHO_OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    settings = read_settings()
    assert settings.oidc_client_secret == SECRET
    assert SECRET not in repr(settings)
