"""How is one call made: to an address looked up once, to no private network, without following redirects?"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from crm.addresses import without_password
from crm.errors import SanchoError
from crm.i18n import Text

TIMEOUT_SECONDS = 10.0
_MOST = 2_000  # letters of an address
_BAD_URL = Text(
    "送信先「{url}」は使えません。https:// で始まるURLを、ユーザー名やパスワードなしで指定してください。",
    "url: {url!r} cannot be used; give an address that begins with https://, without a user or password.",
)
_PRIVATE = Text(
    "送信先「{host}」は社内ネットワーク（プライベートアドレス）のため使えません。"
    "必要な場合は SANCHO_PRIVATE_WEBHOOKS=true を設定してください。",
    "{host!r} is an address of a private network; set SANCHO_PRIVATE_WEBHOOKS=true to allow it.",
)
_UNKNOWN_HOST = Text(
    "送信先「{host}」が見つかりません。ホスト名を確認してください。",
    "{host!r} cannot be found; check the name.",
)


@dataclass(frozen=True)
class Sent:
    """What came of a call: the status of the answer, or why there is none.

    `is_unsure`: all of it was sent and nothing came back, so it may have arrived.
    """

    status: int | None
    error: str | None
    is_unsure: bool = False

    @property
    def has_arrived(self) -> bool:
        """Whether the receiver said that it has the event."""
        return self.status is not None and 200 <= self.status < 300


def checked_url(url: str, private: bool) -> str:
    """An address that may be called; `private`: also without TLS, and in a private network."""
    parts = urlsplit(url) if len(url) <= _MOST else urlsplit("")
    schemes = ("https", "http") if private else ("https",)
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if parts.scheme not in schemes or not parts.hostname or not port_is_fine or "@" in parts.netloc:
        raise SanchoError(_BAD_URL.format(url=without_password(url)[:200]), "bad_webhook_url")
    return url


def resolved(url: str, private: bool) -> str:
    """The IP address that a URL's host has now; every address of a host must be allowed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SanchoError(_UNKNOWN_HOST.format(host=host), "bad_webhook_url") from None
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(_is_public(address) for address in addresses):
        raise SanchoError(_PRIVATE.format(host=host), "private_webhook_url")
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def send(url: str, body: str, headers: Mapping[str, str], private: bool) -> Sent:
    """Posts to the address that was checked, never to one that the name has a moment later.

    Redirects are answers like others. A receiver has `TIMEOUT_SECONDS` to say its status, however slowly it
    speaks; what it says beside that is not read.
    """
    try:
        address = resolved(checked_url(url, private), private)
    except SanchoError as fault:
        return Sent(None, fault.text.en)
    parts = urlsplit(url)
    host, usual = parts.hostname or "", {"https": 443, "http": 80}[parts.scheme]
    connection = http.client.HTTPConnection(host, parts.port or usual, timeout=TIMEOUT_SECONDS)
    connection.default_port = usual
    is_late = threading.Event()
    is_sent = False
    try:
        with socket.create_connection((address, parts.port or usual), TIMEOUT_SECONDS) as plain:
            watch = threading.Timer(TIMEOUT_SECONDS, _hang_up, (plain, is_late))
            watch.daemon = True
            watch.start()
            try:
                connection.sock = _secured(plain, host) if parts.scheme == "https" else plain
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("POST", target, body.encode(), dict(headers))
                is_sent = True
                return Sent(connection.getresponse().status, None)
            finally:
                watch.cancel()
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = is_late.is_set() or isinstance(error, TimeoutError)
        reason = f"no answer within {TIMEOUT_SECONDS:g} seconds" if late else _plain(error)
        return Sent(None, reason, is_sent)


def _secured(plain: socket.socket, host: str) -> socket.socket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


def _hang_up(plain: socket.socket, is_late: threading.Event) -> None:
    is_late.set()
    with suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)


def _plain(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
