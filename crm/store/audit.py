"""Who changed what in the store, and who read whose figures? Names and ids alone, never what was said.

What changes rows is noted in the transaction that changes them, so that neither is kept without the other.
All else is noted by the service as it happens, and stored in batches.
"""

from __future__ import annotations

import getpass
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm.store.tables import AUDIT, STORED

DONE, REFUSED, FAILED = "done", "refused", "failed"
IMPORT = "import_rows"  # the operation of an import that nothing else names
MOST_IDS = 100  # that one entry names
_MOST_READERS = 500
_STEP = 500
_A = AUDIT.c


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


def change_of_rows(named: Mapping[str, Sequence[str]] | None, values: Mapping[str, object]) -> list[Entry]:
    """The entry of an import or push; none where there was nothing to do. None named: too many rows."""
    if named is not None and not named and not values.get("imported") and not values.get("quarantined"):
        return []
    acting = actor()
    touched = {"rows": [str(values.get("imported", 0))]} if named is None else capped(named)
    people = touched.get("people", ())
    about = people[0] if len(people) == 1 else None
    return [entry_of(acting, acting.operation or IMPORT, touched=touched, about=about)]


def capped(touched: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Touched ids, each kind to a number of them; what is left out is counted as `kind+`."""
    kept: dict[str, list[str]] = {}
    for kind, ids in touched.items():
        kept[kind] = [str(one) for one in ids[:MOST_IDS]]
        if len(ids) > MOST_IDS:
            kept[f"{kind}+"] = [str(len(ids) - MOST_IDS)]
    return kept


def save(connection: sa.Connection, entries: Iterable[Entry]) -> None:
    """Stores entries; one that is stored already stays as it is."""
    rows = [{**asdict(one), "touched": orjson.dumps(one.touched).decode()} for one in entries]
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    for start in range(0, len(rows), _STEP):
        connection.execute(dialect.insert(AUDIT).on_conflict_do_nothing(), rows[start : start + _STEP])


def stored(
    connection: sa.Connection,
    *,
    since: int | None = None,
    until: int | None = None,
    caller: str | None = None,
    operation: str | None = None,
    person: str | None = None,
    scopes: Collection[str] = (),
    before: tuple[int, str] | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Entries of [since, until), newest first, before the one of a time and id.

    `person`: those he made, those about him, and those of reads of `scopes` (which he belongs to).
    """
    query = sa.select(AUDIT)
    for condition in (
        None if since is None else _A.at >= since,
        None if until is None else _A.at < until,
        None if caller is None else _A.caller == caller,
        None if operation is None else _A.operation == operation,
        None
        if person is None
        else sa.or_(_A.about == person, _A.person_id == person, _A.scope.in_(list(scopes))),
        None
        if before is None
        else sa.or_(_A.at < before[0], sa.and_(_A.at == before[0], _A.audit_id < before[1])),
    ):
        if condition is not None:
            query = query.where(condition)
    rows = connection.execute(query.order_by(_A.at.desc(), _A.audit_id.desc()).limit(limit))
    return [Entry(**{**row._mapping, "touched": orjson.loads(row.touched or "{}")}) for row in rows]


def readers(
    connection: sa.Connection, person: str, scopes: Collection[str], since: int
) -> list[dict[str, Any]]:
    """Who else read a person's figures since a moment, or those of his teams: how often, and when last."""
    told = (_A.caller, _A.role, _A.operation, _A.scope)
    about = sa.or_(_A.about == person, _A.scope.in_(list(scopes)))
    another = sa.or_(_A.person_id.is_(None), _A.person_id != person)
    query = (
        sa.select(*told, sa.func.count().label("times"), sa.func.max(_A.at).label("last_at"))
        .where(about, another, _A.scope.is_not(None), _A.at >= since, _A.result == DONE)
        .group_by(*told)
        .order_by(sa.func.max(_A.at).desc())
        .limit(_MOST_READERS)
    )
    rows = connection.execute(query)
    return [{str(name): value for name, value in row._mapping.items()} for row in rows]


def forget(connection: sa.Connection, before: int) -> int:
    """Removes entries of before a moment; how many."""
    return connection.execute(sa.delete(AUDIT).where(_A.at < before)).rowcount


def scopes_around(connection: sa.Connection, person: str) -> list[str]:
    """The company, and the teams that a person belongs to now: his own and those above it."""
    people, teams = STORED["people"].c, STORED["teams"].c
    rows = connection.execute(sa.select(teams.team_id, teams.parent_team_id))
    above: dict[str, str | None] = {row[0]: row[1] for row in rows}
    team = connection.scalar(sa.select(people.team_id).where(people.person_id == person))
    found = ["company"]
    while team is not None and f"team:{team}" not in found:
        found.append(f"team:{team}")
        team = above.get(team)
    return found
