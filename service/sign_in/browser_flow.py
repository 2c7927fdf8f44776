"""How does a browser go to the provider and come back as the same one? Code flow with PKCE, state and nonce.

One random text in a cookie ties both ends together: state, nonce and verifier are made from it, with the time
and the page to go to. Nothing of it is kept here, so any replica can take up what another has begun.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from crm.errors import SanchoError
from crm.i18n import Text
from service.settings import Settings
from service.sign_in.provider import Provider
from service.sign_in.provider_calls import json_of, refused

CALLBACK = "/auth/oidc/callback"
SECONDS = 600  # for the way to the provider and back
_LONGEST_PAGE = 1_000  # letters
_SCOPE = "openid email"
_PAGE = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # of this service: no other host, no backslash, no blank
_COOKIE = re.compile(r"[\w-]{43}\.(?P<at>[0-9]{1,12})\.(?P<page>[\w-]{0,2000})", re.ASCII)
_SKEW = 60  # seconds between the clocks of two replicas
_STALE = Text(
    "サインインの手続きが途中で切れました（時間切れ、または別のブラウザー）。"
    "もう一度最初からサインインしてください。",
    "this sign-in was not begun in this browser, or too long ago; begin again.",
)
_NOT_SET = Text(
    "認証プロバイダーでのサインインは設定されていません。"
    "oidc_issuer、oidc_client_id、public_url を設定してください。",
    "sign-in at an identity provider is not set up; it needs oidc_issuer, oidc_client_id and public_url.",
)


class BrowserFlow:
    """Sends browsers to the provider of the settings, and takes them back."""

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        post: Callable[[str, Mapping[str, str], Mapping[str, str]], dict[str, Any]] = json_of,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._provider, self._post, self._clock = settings, provider, post, clock

    @property
    def is_set(self) -> bool:
        """Whether the settings say all that it takes."""
        said = self._settings
        return bool(said.oidc_issuer and said.oidc_client_id and said.public_url)

    def start(self, page: str = "/") -> tuple[str, str]:
        """Where the browser goes, and what its cookie holds meanwhile."""
        if not self.is_set:
            raise SanchoError(_NOT_SET, "no_provider")
        metadata = self._provider.metadata()
        page = page if len(page) <= _LONGEST_PAGE and _PAGE.fullmatch(page) else "/"
        cookie = f"{secrets.token_urlsafe(32)}.{int(self._clock())}.{_base64(page.encode())}"
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": _SCOPE,
            "state": _made(cookie, "state"),
            "nonce": _made(cookie, "nonce"),
            "code_challenge": _base64(hashlib.sha256(_made(cookie, "verifier").encode()).digest()),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}", cookie

    def finish(self, cookie: str, code: str, state: str, issuer: str | None) -> tuple[dict[str, Any], str]:
        """The claims of who has come back, and the page to go to."""
        if not self.is_set:
            raise SanchoError(_NOT_SET, "no_provider")
        page = self._page_of(cookie, state)
        if not code:
            raise refused()
        metadata = self._provider.metadata()
        if issuer is not None and issuer != metadata.issuer:
            raise refused()
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": client,
            "code_verifier": _made(cookie, "verifier"),
        }
        headers = {}
        if secret and metadata.posts_secret:
            form["client_secret"] = secret
        elif secret:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = self._post(metadata.token_endpoint, form, headers)
        claims = self._provider.claims(str(answer.get("id_token", "")), client)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), _made(cookie, "nonce").encode()):
            raise refused()
        return claims, page

    def _page_of(self, cookie: str, state: str) -> str:
        """The page of a cookie that belongs to a state and is not too old."""
        held = _COOKIE.fullmatch(cookie)
        is_ours = hmac.compare_digest(state.encode("utf-8", "surrogatepass"), _made(cookie, "state").encode())
        if held is None or not is_ours or not -_SKEW <= self._clock() - int(held["at"]) < SECONDS:
            raise SanchoError(_STALE, "stale_sign_in")
        try:
            page = base64.urlsafe_b64decode(held["page"] + "=" * (-len(held["page"]) % 4)).decode()
        except ValueError:  # a cookie that somebody wrote himself
            return "/"
        return page if _PAGE.fullmatch(page) else "/"

    @property
    def _redirect_uri(self) -> str:
        return self._settings.public_url.rstrip("/") + CALLBACK


def _made(cookie: str, purpose: str) -> str:
    """One of the texts of a flow: nobody who does not hold the cookie can make it, nor another from it."""
    key = cookie.encode("utf-8", "surrogatepass")
    return _base64(hmac.new(key, purpose.encode(), hashlib.sha256).digest())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
