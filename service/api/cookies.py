"""What does a browser keep of a sign-in, and which calls may it make by that? Cookies, and their guard.

A cookie is sent by the browser whichever site asks for the call. So a call that changes something, and is
allowed by a cookie, must come from a page of this service: it says a token that only such a page can read.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service.settings import Settings
from service.sign_in.sessions import is_csrf_token
from service.web_addresses import same_origin

SESSION_COOKIE, FLOW_COOKIE = "sancho_session", "sancho_sign_in"
CSRF_HEADER = "X-CSRF-Token"
_SAFE = ("GET", "HEAD", "OPTIONS")
_CSRF = Text(
    "{header} がないか、このセッションのものではありません。GET /auth/me の csrf_token を送ってください。",
    "{header} is missing or not this session's; send csrf_token of GET /auth/me.",
).format(header=CSRF_HEADER)
_OTHER_SITE = Text(
    "別のサイトからの操作は受け付けません。"
    "サービスのアドレスが正しい場合は SANCHO_PUBLIC_URL を設定してください。",
    "this comes from a page of another site; where its address is the right one, set SANCHO_PUBLIC_URL.",
)


def is_secure(request: Request) -> bool:
    """Whether browsers reach the service by https."""
    public: str = _settings(request).public_url
    return public.startswith("https:") or (not public and request.url.scheme == "https")


def cookie_of(request: Request, name: str) -> str:
    """What a cookie of ours holds; empty where it is not there."""
    return request.cookies.get(_full_name(request, name), "")


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: float | None) -> None:
    """Gives the browser a cookie that no script reads; None: until it is closed."""
    response.set_cookie(
        _full_name(request, name),
        value,
        max_age=None if seconds is None else int(seconds),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Lets the browser forget a cookie."""
    response.delete_cookie(
        _full_name(request, name), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )


def refuse_other_sites(request: Request) -> None:
    """SanchoError where the browser says that another site's page makes a call."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise SanchoError(_OTHER_SITE, "csrf")
    origin = request.headers.get("origin")
    if origin is None:
        return
    own = _settings(request).public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    if not same_origin(origin, own):
        raise SanchoError(_OTHER_SITE, "csrf")


def refuse_forged(request: Request, session: str) -> None:
    """SanchoError where a call that changes something does not come from a page of this service."""
    if request.method in _SAFE:
        return
    refuse_other_sites(request)
    if not is_csrf_token(session, request.headers.get(CSRF_HEADER, "")):
        raise SanchoError(_CSRF, "csrf")


def _full_name(request: Request, name: str) -> str:
    """With https browsers see to it that no other host, and nobody on the way, sets a cookie of this name."""
    return f"__Host-{name}" if is_secure(request) else name


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.sign_in.settings
    return settings
