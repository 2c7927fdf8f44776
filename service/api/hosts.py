"""Is a call for this service, and can its address be read? Else it is refused before anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from crm.errors import SanchoError
from crm.i18n import Text
from service.host_names import name_in
from service.problems import refuse

_FOR_ALL = ("/healthz", "/readyz", "/metrics")  # asked by address, by who does not know the name
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NO_HOST = Text(
    "ホスト名「{host}」では受け付けていません。"
    "SANCHO_PUBLIC_URL または SANCHO_ALLOWED_HOSTS に追加してください。",
    "this service does not answer for the host {host!r}; add it to SANCHO_PUBLIC_URL or "
    "SANCHO_ALLOWED_HOSTS.",
)
_BAD_PATH = Text(
    "アドレスを読めません。IDなどの記号はUTF-8のパーセントエンコーディングで送ってください（制御文字は使えません）。",
    "the address cannot be read; send ids and the like in UTF-8 with percent encoding, without control "
    "characters.",
)


class Hosts:
    """Refuses calls whose Host header has none of some names (none: any), and addresses that are none."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The call, where it is for this service."""
        fault = self._fault(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await refuse(Request(scope), fault)(scope, receive, send)

    def _fault(self, scope: Scope) -> SanchoError | None:
        if not _is_readable(scope):
            return SanchoError(_BAD_PATH, "bad_path")
        if self._names and scope["path"] not in _FOR_ALL:
            given = [value for name, value in scope["headers"] if name == b"host"]
            host = given[0].decode("latin-1") if len(given) == 1 else ""
            if name_in(host) not in self._names:
                return SanchoError(_NO_HOST.format(host=host[:100]), "unknown_host")
        return None


def _is_readable(scope: Scope) -> bool:
    """Whether all that is encoded in a call's path can be read, and is text."""
    path = str(scope["path"])
    raw = scope.get("raw_path") or b""
    if not path.isprintable() and any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return False
    if b"%" not in raw:
        return True
    return "\ufffd" not in path and _BROKEN.search(raw) is None
