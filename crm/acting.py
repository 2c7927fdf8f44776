"""Who is doing something, and what is noted of it? Names and ids alone, never what was said or how much."""

from __future__ import annotations

import getpass
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

DONE, REFUSED, FAILED = "done", "refused", "failed"
MOST_IDS = 100  # that one entry names


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who is doing something: a program, a person or, by the command line, a user of the system."""

    caller: str
    operation: str | None = None
    person_id: str | None = None
    role: str | None = None
    request_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the audit. `at` is microseconds UTC; `touched` are ids by the name of what they name.

    `scope` is the one whose figures were read, `about` the person; both None where nobody's were.
    """

    caller: str
    operation: str
    result: str = DONE
    at: int = field(default_factory=lambda: time.time_ns() // 1000)
    audit_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    person_id: str | None = None
    role: str | None = None
    scope: str | None = None
    about: str | None = None
    touched: Mapping[str, Sequence[str]] = field(default_factory=dict)
    status: int | None = None
    request_id: str | None = None
    address: str | None = None


@cache
def system_user() -> str:
    """Who uses the command line, as the system knows him."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError, ImportError):  # a container's user may have a number alone
        return "cli:unknown"


# Who acts in this thread or call: asked when something is noted, since a call's caller is known late.
ACTING: ContextVar[Callable[[], Actor] | None] = ContextVar("acting", default=None)


def actor() -> Actor:
    """Who acts now; by default the user of the command line."""
    ask = ACTING.get()
    return Actor(caller=system_user()) if ask is None else ask()


def entry_of(acting: Actor, operation: str, **facts: Any) -> Entry:
    """An entry of what somebody does."""
    who = {name: getattr(acting, name) for name in ("caller", "person_id", "role", "request_id", "address")}
    return Entry(**who, operation=operation, **facts)


def capped(touched: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Touched ids, each kind to a number of them; what is left out is counted as `kind+`."""
    kept: dict[str, list[str]] = {}
    for kind, ids in touched.items():
        kept[kind] = [str(one) for one in ids[:MOST_IDS]]
        if len(ids) > MOST_IDS:
            kept[f"{kind}+"] = [str(len(ids) - MOST_IDS)]
    return kept
