"""Who may sign in now? People with an e-mail address of their own who are here, by the table `people`."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd
import sqlalchemy as sa

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import start_of_day
from crm.schema import ROLES
from crm.store import Store
from crm.store.engine import store_failure
from service.organisation import open_store
from service.settings import Settings

FRESH_SECONDS = 0.3  # for which what was looked up is trusted: who has left is out within a second
OUTAGE_SECONDS = 10.0  # for which a store that did not answer is not asked again
TRUSTED_SECONDS = 3_600.0  # for which what was found counts while the store does not answer
NO_EMAIL, LEFT, EMAIL_TWICE = "no_email", "left", "email_twice"
_TABLES = ("organisation", "people", "teams")
_DEFAULT_ROLE = ROLES[0]


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody of the table `people` as of now; `email` is folded, `refused` says why he may not sign in."""

    person_id: str
    name: str | None
    email: str | None
    role: str
    team_id: str | None
    leads_team_id: str | None
    refused: str | None = None


@dataclass(frozen=True)
class Directory:
    """Everybody as of a moment, and until when (microseconds UTC) that stays so if nothing is written."""

    everybody: Mapping[str, Person]
    until: int
    by_email: Mapping[str, Person] = field(init=False)

    def __post_init__(self) -> None:
        may = {one.email: one for one in self.everybody.values() if one.email and one.refused is None}
        object.__setattr__(self, "by_email", may)

    def person(self, person_id: str) -> Person | None:
        """Who has an id and may sign in."""
        found = self.everybody.get(person_id)
        return found if found is not None and found.refused is None else None

    def person_of(self, email: str) -> Person | None:
        """Who has an e-mail address and may sign in."""
        return self.by_email.get(folded(email))


def folded(email: str) -> str:
    """An e-mail address as it is compared.

    >>> folded(" Anna.Sato@Example.com ")
    'anna.sato@example.com'
    """
    return email.strip().casefold()


def directory_of(log: EventLog, now: int) -> Directory:
    """Everybody whom a log knows at a moment; a person's last day is the one of his active_to."""
    known = log.as_of(now)
    zone = known.organisation.zone
    day = datetime.fromtimestamp(now / 1e6, zone).date()
    rows = list(_rows(known["people"]))
    is_here = [row["active_to"] is None or row["active_to"].date() >= day for row in rows]
    shared = Counter(
        folded(row["email"]) for row, here in zip(rows, is_here, strict=True) if here and row["email"]
    )
    everybody = {}
    for row, here in zip(rows, is_here, strict=True):
        email = folded(row["email"]) if row["email"] else None
        refused = LEFT if not here else NO_EMAIL if not email else EMAIL_TWICE if shared[email] > 1 else None
        everybody[row["person_id"]] = Person(
            person_id=row["person_id"],
            name=row["name"],
            email=email,
            role=row["role"] if row["role"] in ROLES else _DEFAULT_ROLE,
            team_id=row["team_id"],
            leads_team_id=row["leads_team_id"],
            refused=refused,
        )
    # An instant after the change, since a moment sees what was strictly before it.
    changes = [start_of_day(day + timedelta(days=1), zone) + 1]
    if (next_version := log.next_revision(now)) is not None:
        changes.append(next_version + 1)
    return Directory(everybody, min(changes))


def _rows(people: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = ("person_id", "name", "email", "role", "team_id", "leads_team_id", "active_to")
    for values in zip(*(people[name] for name in names), strict=True):
        yield {
            name: None if pd.isna(value) else value if name == "active_to" else str(value)
            for name, value in zip(names, values, strict=True)
        }


@dataclass(frozen=True)
class _Held:
    at: float
    written: tuple[int, int]
    directory: Directory


class PeopleNow:
    """Everybody as of now, read anew when something was written, and when a day or a version begins."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held: _Held | None = None
        self._failed: tuple[float, SanchoError] | None = None  # when the store was last out of reach
        self._reading = threading.Lock()

    @cached_property
    def _store(self) -> Store:
        return open_store(self._settings)

    def remembered(self, seconds: float = FRESH_SECONDS) -> Directory | None:
        """What was read or found unchanged so recently; never asks the store."""
        held = self._held
        if held is None or time.monotonic() - held.at >= seconds:
            return None
        return held.directory if seconds > FRESH_SECONDS or _now() < held.directory.until else None

    def read(self) -> Directory:
        """What the store says now; while it is out of reach, what it said last."""
        asked = time.monotonic()
        with self._reading:
            held = self._held
            if held is not None and held.at >= asked and _now() < held.directory.until:
                return held.directory  # another thread has asked meanwhile
            at = time.monotonic()
            if held is not None and self._failed is not None and at - self._failed[0] < OUTAGE_SECONDS:
                return _meanwhile(held, self._failed[1])
            try:
                self._held = self._asked(held, at)
            except (sa.exc.SQLAlchemyError, SanchoError) as fault:
                failure = store_failure(fault)
                if failure is None:
                    raise
                self._failed = (time.monotonic(), failure)
                if held is None:
                    raise failure from fault
                return _meanwhile(held, failure)
            return self._held.directory

    def _asked(self, held: _Held | None, at: float) -> _Held:
        now = _now()
        written = self._store.imports_stored()
        if held is not None and now < held.directory.until and not self._has_changed(held, written):
            return _Held(at, written, held.directory)
        log = self._store.read(tables=_TABLES)
        return _Held(at, written, directory_of(log, now))

    def _has_changed(self, held: _Held, written: tuple[int, int]) -> bool:
        """Whether what was written since is about people, or might be."""
        if written == held.written:
            return False
        is_later = written[0] > held.written[0] and written[1] > held.written[1]
        return not is_later or self._store.may_have_touched(_TABLES, held.written[0])

    def close(self) -> None:
        """Closes its connections."""
        if "_store" in self.__dict__:
            self._store.close()


def _meanwhile(held: _Held, failure: SanchoError) -> Directory:
    """What counts while the store is out of reach; the failure where that is too old."""
    if time.monotonic() - held.at >= TRUSTED_SECONDS:
        raise SanchoError(failure.text, failure.code)
    return held.directory


def _now() -> int:
    return time.time_ns() // 1000
