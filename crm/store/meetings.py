"""What do meetings leave behind? Notes of reviews and one-on-ones, agreements, and calls of the revenue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from crm.store.meeting_tables import AGREEMENTS, CALLS, ONE_ON_ONES, REVIEWS
from crm.store.tables import RECOMMENDATION_OUTCOMES, RECOMMENDATIONS
from crm.store.turns import repeated
from crm.store.write import Writer

OPEN, FULFILLED, BROKEN = "open", "done", "not_done"  # results of agreements
Connection = Callable[[], AbstractContextManager[sa.Connection]]
_A, _C, _R, _O = AGREEMENTS.c, CALLS.c, RECOMMENDATIONS.c, RECOMMENDATION_OUTCOMES.c
_MOST = 2_000  # agreements of a list


@dataclass(frozen=True, kw_only=True)
class StoredNotes:
    """Notes of a meeting: `notes` is JSON, `version` 1 when they were first saved, 2 when next..."""

    notes: str
    saved_at: int
    saved_by: str
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class StoredAgreement:
    """Who does what until when (`due`, an ISO date), and what came of it.

    `meeting` is the week of a review of `scope`, or the day of a one-on-one of that person. `activity` is a
    kind that, recorded `times` times until the due date, shows that it is done: with the deal or account,
    else by the person.
    """

    agreement_id: str
    person_id: str
    what: str
    due: str
    scope: str
    meeting: str
    made_at: int
    made_by: str
    activity: str | None = None
    deal_id: str | None = None
    account_id: str | None = None
    times: int = 1
    recommendation_id: str | None = None
    result: str = OPEN
    result_at: int | None = None
    result_by: str | None = None
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class StoredCall:
    """A revenue that somebody called for a scope in a period (first..last), and what was forecast then."""

    call_id: str
    scope: str
    period: str
    amount: float
    confidence: str
    made_at: int
    made_by: str
    p10: float
    p50: float
    p90: float
    model_version: str
    probability: float | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChosenAction:
    """An action that was recommended on a deal and taken (accepted), passed (dismissed) or done."""

    deal_id: str
    action: str
    state: str
    at: int
    reason: str | None = None


class Meetings:
    """What meetings leave behind in one store."""

    def __init__(
        self, reading: Connection, transaction: Callable[[], AbstractContextManager[Writer]]
    ) -> None:
        self._reading, self._transaction = reading, transaction

    def review(self, scope: str, week: str) -> StoredNotes | None:
        """The notes of a week's review; None where none are saved."""
        return self._notes(REVIEWS, scope=scope, week=week)

    def save_review(self, scope: str, week: str, notes: StoredNotes, before: int) -> bool:
        """Saves notes in the place of a version (0: there are none); False where another is there by now."""
        return self._save(REVIEWS, notes, before, scope=scope, week=week)

    def one_on_one(self, person_id: str, day: str) -> StoredNotes | None:
        """The notes of a person's one-on-one on a day; None where none are saved."""
        return self._notes(ONE_ON_ONES, person_id=person_id, day=day)

    def save_one_on_one(self, person_id: str, day: str, notes: StoredNotes, before: int) -> bool:
        """Saves notes, as `save_review` does."""
        return self._save(ONE_ON_ONES, notes, before, person_id=person_id, day=day)

    def one_on_one_days(self, person_id: str) -> list[str]:
        """The days of a person's one-on-ones that left notes or agreements, newest first."""
        of_notes = sa.select(ONE_ON_ONES.c.day).where(ONE_ON_ONES.c.person_id == person_id)
        agreed = sa.select(_A.meeting).where(_A.scope == f"person:{person_id}", ~_A.meeting.contains("W"))
        with self._reading() as connection:
            found = set(connection.execute(sa.union(of_notes, agreed)).scalars())
        return sorted(found, reverse=True)

    def _notes(self, table: sa.Table, **key: str) -> StoredNotes | None:
        query = sa.select(table.c.notes, table.c.saved_at, table.c.saved_by, table.c.version)
        with self._reading() as connection:
            row = connection.execute(query.where(*_same(table, key))).first()
        return None if row is None else StoredNotes(**row._mapping)

    @repeated
    def _save(self, table: sa.Table, notes: StoredNotes, before: int, **key: str) -> bool:
        values = {**asdict(notes), "version": before + 1}
        with self._transaction() as writer:
            connection = writer.connection
            now = connection.scalar(sa.select(table.c.version).where(*_same(table, key)))
            if (now or 0) != before:
                return False
            if now is None:
                connection.execute(sa.insert(table), {**key, **values})
            else:
                connection.execute(sa.update(table).where(*_same(table, key)), values)
            return True

    @repeated
    def add_agreement(self, made: StoredAgreement) -> StoredAgreement:
        """Stores an agreement; the one that has its id already, where there is one."""
        with self._transaction() as writer:
            known = _agreement(writer.connection, made.agreement_id)
            if known is None:
                writer.connection.execute(sa.insert(AGREEMENTS), asdict(made))
            return known or made

    def agreement(self, agreement_id: str) -> StoredAgreement | None:
        """An agreement by its id."""
        with self._reading() as connection:
            return _agreement(connection, agreement_id)

    @repeated
    def change_agreement(self, changed: StoredAgreement) -> bool:
        """Stores a changed one in the place of the version before it; False where that is not there."""
        same = (_A.agreement_id == changed.agreement_id) & (_A.version == changed.version - 1)
        with self._transaction() as writer:
            return writer.connection.execute(sa.update(AGREEMENTS).where(same), asdict(changed)).rowcount == 1

    def agreements(self, *, scope: str | None = None, person_id: str | None = None) -> list[StoredAgreement]:
        """Agreements of a scope's meetings, or of a person, or all; the newest first."""
        query = sa.select(AGREEMENTS).order_by(_A.made_at.desc(), _A.agreement_id).limit(_MOST)
        if scope is not None:
            query = query.where(_A.scope == scope)
        if person_id is not None:
            query = query.where(_A.person_id == person_id)
        with self._reading() as connection:
            return [StoredAgreement(**row._mapping) for row in connection.execute(query)]

    def chosen(self, since: int) -> list[ChosenAction]:
        """Which stored recommendations were taken, passed or done since a moment, newest first."""
        query = (
            sa.select(_R.deal_id, _R.action, _O.state, _O.at, _O.reason)
            .join(RECOMMENDATIONS, _R.recommendation_id == _O.recommendation_id)
            .where(_O.at >= since, _O.state != "shown")
            .order_by(_O.at.desc(), _O.recommendation_id)
            .limit(_MOST)
        )
        with self._reading() as connection:
            return [ChosenAction(**row._mapping) for row in connection.execute(query)]

    @repeated
    def add_call(self, made: StoredCall) -> StoredCall:
        """Stores a call; the one there is where it has the same id, or says what its maker said last."""
        with self._transaction() as writer:
            before = list(_calls(writer.connection, made.scope, made.period))
            own = [one for one in before if one.made_by == made.made_by][-1:]
            known = [one for one in before if one.call_id == made.call_id]
            same = [one for one in own if _said(one) == _said(made)]
            if not (known or same):
                writer.connection.execute(sa.insert(CALLS), asdict(made))
            return [*known, *same, made][0]

    def calls(self, scope: str, period: str) -> list[StoredCall]:
        """The calls for a scope in a period (first..last), oldest first."""
        with self._reading() as connection:
            return list(_calls(connection, scope, period))


def _same(table: sa.Table, key: dict[str, str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _agreement(connection: sa.Connection, agreement_id: str) -> StoredAgreement | None:
    row = connection.execute(sa.select(AGREEMENTS).where(_A.agreement_id == agreement_id)).first()
    return None if row is None else StoredAgreement(**row._mapping)


def _calls(connection: sa.Connection, scope: str, period: str) -> Iterator[StoredCall]:
    query = sa.select(CALLS).where(_C.scope == scope, _C.period == period)
    for row in connection.execute(query.order_by(_C.made_at, _C.call_id)):
        yield StoredCall(**row._mapping)


def _said(call: StoredCall) -> tuple[Any, ...]:
    return call.amount, call.confidence, call.reason
