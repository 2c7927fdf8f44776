"""Who changed what in the store, and who read whose figures? Names and ids alone, never what was said.

What changes rows is noted in the transaction that changes them, so that neither is kept without the other.
All else is noted by the service as it happens, and stored in batches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from crm.acting import DONE, Entry, actor, capped, entry_of
from crm.store.tables import AUDIT, STORED

IMPORT = "import_rows"  # the operation of an import that nothing else names
_MOST_READERS = 500
_STEP = 500
_A = AUDIT.c


def change_of_rows(named: Mapping[str, Sequence[str]] | None, values: Mapping[str, object]) -> list[Entry]:
    """The entry of an import or push; none where there was nothing to do. None named: too many rows."""
    if named is not None and not named and not values.get("imported") and not values.get("quarantined"):
        return []
    acting = actor()
    touched = {"rows": [str(values.get("imported", 0))]} if named is None else capped(named)
    people = touched.get("people", ())
    about = people[0] if len(people) == 1 else None
    return [entry_of(acting, acting.operation or IMPORT, touched=touched, about=about)]


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
