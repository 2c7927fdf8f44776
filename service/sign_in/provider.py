"""Did the organisation's identity provider sign this token, for us, and does it hold now? OpenID Connect.

Signatures and claims are checked by PyJWT; ours is which keys count, and for how long they are remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt import PyJWK

from crm.errors import SanchoError
from crm.i18n import Text
from service.settings import Settings
from service.sign_in.people import Directory, Person
from service.sign_in.provider_calls import away, json_of
from service.web_addresses import is_safe_url

ALGORITHMS = ("RS256", "ES256")
_FRESH_SECONDS = 600.0  # after which keys are fetched anew: one that was taken back is out within that
_KEPT_SECONDS = 3_600.0  # for which keys count while the provider is away
_AGAIN_SECONDS = 5.0  # between two fetches because of a key that is not known
_FAILED_SECONDS = 5.0  # for which a provider that did not answer is not called again
_LONGEST = 16_384  # letters of a token
_NEEDED = ("exp", "iat", "iss", "aud")
_BAD = Text(
    "このトークンは使えません（{why}）。認証プロバイダーでサインインし直してください。",
    "this token cannot be used ({why}); sign in anew at your identity provider.",
)
_NO_PERSON = Text(
    "このメールアドレスで利用できる人は登録されていません。"
    "管理者に、people の行（email、在籍期間）を確認してもらってください。",
    "nobody who is here has this e-mail address; ask an admin to look at your row of people (email, "
    "active_from, active_to).",
)
_NOT_VERIFIED = Text(
    "認証プロバイダーがこのメールアドレスを確認済みとしていません。管理者に確認してください。",
    "the identity provider does not say that this e-mail address is verified; ask an admin.",
)
_WHY: Mapping[type[Exception], Text] = {
    jwt.ExpiredSignatureError: Text("期限切れ", "its time is over"),
    jwt.ImmatureSignatureError: Text("まだ有効期間前", "its time has not begun"),
    jwt.InvalidAudienceError: Text("別のアプリケーション向け", "it is for another application"),
    jwt.InvalidIssuerError: Text("別の認証プロバイダーのもの", "another provider issued it"),
    jwt.InvalidSignatureError: Text("署名が正しくない", "its signature is wrong"),
    jwt.InvalidAlgorithmError: Text("署名方式が対象外", "it is not signed by RS256 or ES256"),
    jwt.MissingRequiredClaimError: Text("必須の項目がない", "a claim is missing"),
}
_NO_KEY = Text("署名の鍵が不明", "its key is not known")
_NO_TOKEN = Text("形式が正しくない", "it is no JWT")
_OTHER = Text("検証できない", "it cannot be verified")


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    posts_secret: bool  # whether the client's secret goes into the form, not into a header


@dataclass(frozen=True)
class _Held:
    at: float
    metadata: Metadata
    keys: Mapping[str | None, PyJWK]


class Provider:
    """The identity provider of the settings."""

    def __init__(
        self,
        settings: Settings,
        fetch: Callable[[str], dict[str, Any]] = json_of,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._fetch, self._monotonic = settings, fetch, monotonic
        self._audience = settings.oidc_audience or settings.oidc_client_id
        self._jwt = jwt.PyJWT(options={"enforce_minimum_key_length": True})
        self._held: _Held | None = None
        self._failed: tuple[float, SanchoError] | None = None
        self._fetching = threading.Lock()

    @property
    def is_set(self) -> bool:
        """Whether the settings name a provider."""
        return bool(self._settings.oidc_issuer)

    def metadata(self) -> Metadata:
        """What the provider says of itself, fetched where that is due."""
        return self._known().metadata

    def claims_remembered(self, token: str) -> dict[str, Any] | None:
        """The claims of a token whose key is at hand; None where keys have to be fetched first."""
        kid = _kid_of(token)
        held = self._held
        if held is None or self._monotonic() - held.at >= _FRESH_SECONDS or kid not in held.keys:
            return None
        return self._checked(token, held, held.keys[kid], self._audience)

    def claims(self, token: str, audience: str | None = None) -> dict[str, Any]:
        """The claims of a token that is sound and for us; SanchoError where it is not."""
        kid = _kid_of(token)
        held = self._known()
        if kid not in held.keys and self._monotonic() - held.at >= _AGAIN_SECONDS:
            held = self._known(than=held)
        if kid not in held.keys:
            raise _bad(_NO_KEY)
        return self._checked(token, held, held.keys[kid], audience or self._audience)

    def person_of(self, claims: Mapping[str, Any], directory: Directory) -> Person:
        """Whom the claims of a token name; SanchoError where he may not sign in."""
        email = claims.get(self._settings.oidc_email_claim)
        verified = claims.get("email_verified")
        if verified is None and self._settings.oidc_assume_verified:
            verified = True
        if verified not in (True, "true"):
            raise SanchoError(_NOT_VERIFIED, "email_not_verified")
        person = directory.person_of(email) if isinstance(email, str) and email.strip() else None
        if person is None:
            raise SanchoError(_NO_PERSON, "not_in_people")
        return person

    def _checked(self, token: str, held: _Held, key: PyJWK, audience: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=audience,
                issuer=held.metadata.issuer,
                leeway=self._settings.oidc_clock_skew_seconds,
                options={"require": list(_NEEDED)},
            )
        except (jwt.PyJWTError, ValueError, OverflowError) as error:
            raise _bad(_WHY.get(type(error), _OTHER)) from None
        return found

    def _known(self, than: _Held | None = None) -> _Held:
        """Metadata and keys, fetched where they are too old, or newer than some."""
        with self._fetching:
            held, now = self._held, self._monotonic()
            if held is not None and held is not than and now - held.at < _FRESH_SECONDS:
                return held
            try:
                if self._failed is not None and now - self._failed[0] < _FAILED_SECONDS:
                    raise self._failed[1]
                self._held = self._fetched()
                self._failed = None
            except SanchoError as error:
                if self._failed is None or self._failed[1] is not error:
                    self._failed = (self._monotonic(), error)
                if held is None or now - held.at >= _KEPT_SECONDS:
                    raise SanchoError(error.text, error.code) from None
                return held
            return self._held

    def _fetched(self) -> _Held:
        issuer = self._settings.oidc_issuer
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        found = self._fetch(address)
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        said = str(found.get("issuer", ""))
        if said.rstrip("/") != issuer.rstrip("/") or not all(is_safe_url(found.get(name)) for name in names):
            raise away(address, "no OpenID configuration")
        ways = found.get("token_endpoint_auth_methods_supported")
        posts = isinstance(ways, list) and "client_secret_basic" not in ways
        metadata = Metadata(issuer=said, posts_secret=posts, **{name: found[name] for name in names})
        return _Held(self._monotonic(), metadata, _keys_of(self._fetch(metadata.jwks_uri)))


def looks_like_token(text: str) -> bool:
    """Whether a credential is a JWT, and no key of ours."""
    return text.count(".") == 2 and len(text) <= _LONGEST


def _keys_of(found: Mapping[str, Any]) -> dict[str | None, PyJWK]:
    """The keys that sign, by their id; one that is alone is also that of tokens that name none."""
    keys: dict[str | None, PyJWK] = {}
    listed = found.get("keys")
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") not in ("RSA", "EC"):
            continue
        try:
            key = PyJWK(one)
        except jwt.PyJWTError:
            continue  # of a kind that we do not take
        if key.algorithm_name in ALGORITHMS:
            keys[str(one["kid"]) if "kid" in one else None] = key
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    return keys


def _kid_of(token: str) -> str | None:
    if not token.isascii() or not looks_like_token(token):
        raise _bad(_NO_TOKEN)
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise _bad(_NO_TOKEN) from None
    return None if kid is None else str(kid)


def _bad(why: Text) -> SanchoError:
    return SanchoError(_BAD.format(why=why), "bad_token")
