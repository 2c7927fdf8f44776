"""How is an identity provider called: as a form or a question, for JSON, within seconds, never redirected?"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from crm.errors import SanchoError
from crm.i18n import Text
from service.web_addresses import is_safe_url

TIMEOUT_SECONDS = 5.0
_MOST = 1 << 20  # bytes of an answer
UNAVAILABLE = "provider_unavailable"
REFUSED = "sign_in_refused"
_AWAY = Text(
    "認証プロバイダー「{host}」が応答しません（{why}）。少し待ってからもう一度お試しください。",
    "the identity provider {host!r} does not answer ({why}); try again in a little while.",
)
_REFUSED = Text(
    "認証プロバイダーがサインインを認めませんでした。もう一度最初からサインインしてください。",
    "the identity provider refused this sign-in; begin again.",
)


def away(url: str, why: str) -> SanchoError:
    """The error where a provider does not answer, or not as one does."""
    return SanchoError(_AWAY.format(host=urlsplit(url).netloc, why=why), UNAVAILABLE)


def refused() -> SanchoError:
    """The error where a provider does not let somebody in."""
    return SanchoError(_REFUSED, REFUSED)


def json_of(
    url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What an address answers; with a form, that is posted, and a refusal of it is an error of its own."""
    if not is_safe_url(url):
        raise away(url, "https://")
    data = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(  # noqa: S310 - is_safe_url has looked at the scheme
        url, data, {"Accept": "application/json", "User-Agent": "sancho", **(headers or {})}
    )
    try:
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            body = answer.read(_MOST + 1)
    except urllib.error.HTTPError as error:
        with error:
            if form is not None and error.code in (400, 401, 403):
                raise refused() from None
            raise away(url, f"HTTP {error.code}") from None
    except (OSError, ValueError) as error:
        raise away(url, type(getattr(error, "reason", error)).__name__) from None
    try:
        found = json.loads(body) if len(body) <= _MOST else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise away(url, "no JSON object")
    return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
