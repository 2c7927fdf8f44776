"""Which web addresses may secrets be sent to, and which have the same origin?"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_safe_url(url: object) -> bool:
    """Whether tokens may be sent to an address: with TLS, or of this machine.

    >>> is_safe_url("https://login.example.com/token"), is_safe_url("http://login.example.com/token")
    (True, False)
    """
    parts = _parts(url)
    if parts is None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port.

    >>> same_origin("https://a.example.com", "HTTPS://A.example.com:443/x"), same_origin("null", "https://a")
    (True, False)
    """
    first, second = _parts(one), _parts(other)
    if first is None or second is None:
        return False
    return _origin(first) == _origin(second)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _parts(url: object) -> SplitResult | None:
    """The parts of an address that names a host; None where it is none."""
    if not isinstance(url, str) or not url.isascii() or any(letter <= " " for letter in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None
