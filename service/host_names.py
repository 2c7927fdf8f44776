"""Under which names is the service reached, and which of those that ask may say so for others?"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")


def public_address(url: str) -> str:
    """An address without a path, as links begin with it; ValueError for any other.

    >>> public_address("https://Sancho.example.com/"), public_address("")
    ('https://sancho.example.com', '')
    """
    if not url:
        return url
    parts = urlsplit(url.strip())
    is_plain = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not is_plain or not _is_name(parts.hostname or ""):
        raise ValueError("no address")
    parts.port  # noqa: B018 - ValueError where it is none
    return f"{parts.scheme}://{parts.netloc.lower()}"


def host_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of hosts, or their IP addresses, in small letters; ValueError where one is neither."""
    found = tuple(name.strip().strip("[]").lower() for name in names)
    if not all(_is_name(name) for name in found):
        raise ValueError("no name of a host")
    return found


def networks(given: Sequence[str]) -> tuple[str, ...]:
    """IP addresses and networks; ValueError where one is neither.

    >>> networks(["10.0.0.2", "10.1.0.0/16"])
    ('10.0.0.2', '10.1.0.0/16')
    """
    for one in given:
        ipaddress.ip_network(one)
    return tuple(given)


def name_in(header: str) -> str | None:
    """The host's name in a Host header, without its port; None where it is none.

    >>> name_in("Sancho.example.com:8000"), name_in("[::1]:80"), name_in("a b")
    ('sancho.example.com', '::1', None)
    """
    name, bracket, port = header.strip().lower().partition("]") if header.startswith("[") else ("", "", "")
    if bracket:
        name = name[1:]
    else:
        name, _, port = header.strip().lower().partition(":")
        port = f":{port}" if port else ""
    is_port = port == "" or (port[0] == ":" and port[1:].isascii() and port[1:].isdigit())
    return name.removesuffix(".") if is_port and _is_name(name) else None


def names_served(allowed: Sequence[str], public_url: str) -> tuple[str, ...]:
    """The names that a Host header may have; none: any. This machine's own are among those of an address.

    >>> names_served((), "https://sancho.example.com")
    ('sancho.example.com', 'localhost', '127.0.0.1', '::1')
    """
    if allowed or not public_url:
        return tuple(allowed)
    return (urlsplit(public_url).hostname or "", *LOCAL_NAMES)


def is_local(address: str) -> bool:
    """Whether what listens at an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _is_name(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return len(name) <= 253 and _NAME.fullmatch(name) is not None
    return True
