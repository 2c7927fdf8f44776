"""Which headers does every answer carry, so that no browser makes more of it than the data that it is?"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    # Addresses are told to nobody else; with no-referrer browsers send forms from `Origin: null`.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"x-frame-options", b"DENY"),  # for browsers that do not know frame-ancestors
)
_BY_TLS = (b"strict-transport-security", b"max-age=31536000")  # a year
_UNLESS_SAID = (b"cache-control", b"no-store")  # figures of people, for the caller alone


class SecurityHeaders:
    """Adds them to each answer; `is_by_tls`: others reach the service over TLS, whoever ends it."""

    def __init__(self, app: ASGIApp, is_by_tls: bool = False) -> None:
        self._app = app
        self._added, self._added_by_tls = (*_ALWAYS, _UNLESS_SAID), (*_ALWAYS, _UNLESS_SAID, _BY_TLS)
        self._is_by_tls = is_by_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, its answer with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_by_tls = self._is_by_tls or scope.get("scheme") == "https"
        wanted = self._added_by_tls if is_by_tls else self._added

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                added = [one for one in wanted if one[0] not in names]
                message = {**message, "headers": [*given, *added]}
            await send(message)

        await self._app(scope, receive, with_headers)
