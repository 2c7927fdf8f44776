"""What is stored about a person: his row, where he is named and how often, and what he answered?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from crm.schema import REFERENCES
from crm.store.meeting_tables import AGREEMENTS, CALLS, ONE_ON_ONES, REVIEWS
from crm.store.tables import (
    AUDIT,
    DEAL_SCORES,
    KPI_SETS,
    OUTLOOKS,
    PERSON_ANSWERS,
    RECOMMENDATIONS,
    STORED,
    VERSIONS,
)

_MOST_ANSWERS = 1_000
_P = PERSON_ANSWERS.c


@dataclass(frozen=True, kw_only=True)
class PersonAnswer:
    """What a person says of a figure or question about himself; `at` is microseconds UTC.

    `subject` names it: comparison, kpi:NAME, bottleneck:ID, forecast, or a question of one's own.
    """

    answer_id: str
    person_id: str
    subject: str
    answer: str
    at: int
    period: str | None = None


@dataclass(frozen=True, kw_only=True)
class AboutPerson:
    """A person's row (None: there is none), rows that name him by table and column, readers, answers."""

    row: Mapping[str, Any] | None
    counts: Mapping[tuple[str, str], int]
    readers: Sequence[Mapping[str, Any]]
    answers: Sequence[PersonAnswer]


def row_of(connection: sa.Connection, person: str) -> dict[str, Any] | None:
    """What the table of people says of one now."""
    people = STORED["people"]
    row = connection.execute(sa.select(people).where(people.c.person_id == person)).first()
    return None if row is None else {str(name): value for name, value in row._mapping.items()}


def counts(connection: sa.Connection, person: str) -> dict[tuple[str, str], int]:
    """How many rows name a person, by table and column; only those that do."""
    scope = f"person:{person}"
    deals = STORED["deals"].c
    own = sa.select(deals.deal_id).where(deals.owner_id == person)
    events = STORED["deal_events"].c
    asked = [
        *((table, column, STORED[table].c[column] == person) for table, column in REFERENCES["people"]),
        ("deal_events", "value", sa.and_(events.field == "owner_id", events.value == person)),
        ("targets", "scope", STORED["targets"].c.scope == scope),
        ("targets", "set_by", STORED["targets"].c.set_by == person),
        ("versions", "row_key", sa.and_(VERSIONS.c.table_name == "people", VERSIONS.c.row_key == person)),
        ("outlooks", "scope", OUTLOOKS.c.scope == scope),
        ("kpi_sets", "scope", KPI_SETS.c.scope == scope),
        ("kpi_sets", "accepted_by", KPI_SETS.c.accepted_by == person),
        *_in_meetings(person, scope),
        ("deal_scores", "deal_id", DEAL_SCORES.c.deal_id.in_(own)),
        ("recommendations", "deal_id", RECOMMENDATIONS.c.deal_id.in_(own)),
        ("audit", "person_id", AUDIT.c.person_id == person),
        ("audit", "about", AUDIT.c.about == person),
        ("person_answers", "person_id", _P.person_id == person),
    ]
    tables = {column.table for _, _, condition in asked for column in _columns(condition)}
    named = {table.name: table for table in tables}
    found = {}
    for table, column, condition in asked:
        query = sa.select(sa.func.count()).select_from(named[table]).where(condition)
        if count := int(connection.scalar(query) or 0):
            found[table, column] = count
    return found


def _in_meetings(person: str, scope: str) -> list[tuple[str, str, sa.ColumnElement[bool]]]:
    """Rows of meetings that name a person: what is about him, and what he wrote."""
    return [
        ("reviews", "scope", REVIEWS.c.scope == scope),
        ("reviews", "saved_by", REVIEWS.c.saved_by == person),
        ("one_on_ones", "person_id", ONE_ON_ONES.c.person_id == person),
        ("one_on_ones", "saved_by", ONE_ON_ONES.c.saved_by == person),
        ("agreements", "person_id", AGREEMENTS.c.person_id == person),
        ("agreements", "made_by", AGREEMENTS.c.made_by == person),
        ("calls", "scope", CALLS.c.scope == scope),
        ("calls", "made_by", CALLS.c.made_by == person),
    ]


def _columns(condition: sa.ColumnElement[bool]) -> list[sa.Column[Any]]:
    return [part for part in sa.sql.visitors.iterate(condition) if isinstance(part, sa.Column)]


def save_answer(connection: sa.Connection, answer: PersonAnswer) -> None:
    """Stores an answer."""
    connection.execute(sa.insert(PERSON_ANSWERS), asdict(answer))


def answers(connection: sa.Connection, person: str) -> list[PersonAnswer]:
    """A person's answers, newest first."""
    query = sa.select(PERSON_ANSWERS).where(_P.person_id == person).order_by(_P.at.desc(), _P.answer_id)
    return [PersonAnswer(**row._mapping) for row in connection.execute(query.limit(_MOST_ANSWERS))]
