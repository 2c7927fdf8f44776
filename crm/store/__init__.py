"""Where does Sancho store what it knows? One SQL database: SQLite by default, PostgreSQL when outgrown."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import sqlalchemy as sa

from crm.acting import Entry
from crm.eventlog import EventLog
from crm.instants import NEVER
from crm.organisation import Organisation
from crm.schema import TABLES
from crm.store import (
    audit,
    deal_scores,
    kpi_sets,
    outlooks,
    people,
    recommendations,
    shadow_answers,
    versions,
)
from crm.store.deal_scores import StoredScore
from crm.store.engine import WRITING, open_engine, take_turn
from crm.store.failures import missing_right, unavailable
from crm.store.held_tables import HeldTables, Renewal, held, renewed
from crm.store.kept_tables import Read, keep_state, kept_state, stored_state
from crm.store.kpi_sets import StoredKpiSet
from crm.store.meetings import Meetings, StoredAgreement, StoredCall, StoredNotes
from crm.store.outlooks import StoredOutlook
from crm.store.people import AboutPerson, PersonAnswer
from crm.store.read import arrow_table, frame_of
from crm.store.recommendations import Outcome, Recommended
from crm.store.shadow_answers import ShadowAnswer
from crm.store.tables import IMPORTS, QUARANTINE, STORED
from crm.store.touched_rows import touched_by
from crm.store.turns import Turns, repeated
from crm.store.write import Writer

__all__ = [
    "AboutPerson",
    "HeldTables",
    "Outcome",
    "PersonAnswer",
    "Recommended",
    "ShadowAnswer",
    "Store",
    "StoredAgreement",
    "StoredCall",
    "StoredKpiSet",
    "StoredNotes",
    "StoredOutlook",
    "StoredScore",
    "Writer",
    "repeated",
]

_MANY_IMPORTS = 1_000  # beyond which nobody asks what each wrote to


class Store:
    """An open store. Reads see one consistent state; writes happen inside `transaction`."""

    def __init__(
        self, engine: sa.Engine, zone: ZoneInfo | None = None, organisation: Organisation | None = None
    ) -> None:
        self._engine, self._zone = engine, zone
        self._turns = Turns()
        self.organisation = organisation

    @classmethod
    def open(cls, url: str, zone: ZoneInfo | None = None, organisation: Organisation | None = None) -> Store:
        """The store at `url` (sqlite:///FILE, a path, or postgresql://...), made or migrated as needed.

        `zone`: the organisation's time zone, of a log that is read without naming one. `organisation`: what
        the settings say of it; the first import stores it, and until then it speaks in place of the row.
        """
        own_zone = None if organisation is None else organisation.zone
        return cls(open_engine(url), zone or own_zone, organisation)

    def close(self) -> None:
        """Gives up its connections."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, keep: bool = True) -> Iterator[Writer]:
        """One transaction of writing: all of it or nothing; with `keep` false, nothing (a rehearsal).

        One at a time, over all processes; SanchoError, `store_unavailable`, where others write for too long.
        """
        with self._turns.next(), self._engine.connect().execution_options(**{WRITING: True}) as connection:
            opened = connection.begin()
            take_turn(connection)
            writer = Writer(connection)
            try:
                yield writer
                writer.stop_watching()
            except BaseException:
                opened.rollback()
                raise
            if keep:
                opened.commit()
            else:
                opened.rollback()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def read(self, zone: ZoneInfo | None = None, tables: Iterable[str] | None = None) -> EventLog:
        """The stored tables (all, or those named) as an EventLog, of one state of the store.

        `zone`: the organisation's time zone where its row does not say it; by default the one the store was
        opened with.
        """
        with self._reading() as connection:
            # What amounts and dates mean needs the organisation and its exchange rates.
            wanted = tuple(dict.fromkeys([*tables, "rates", "organisation"])) if tables else tuple(TABLES)
            found = _read(connection, wanted)
        return self._log(found, zone)

    def read_once(self, folder: Path, zone: ZoneInfo | None = None) -> tuple[EventLog, str]:
        """All stored tables, and a name for the state of the store that they are of.

        They are kept in a folder, and read from there while nothing is imported; it can be deleted.
        """
        with self._reading() as connection:
            state = stored_state(connection)
            found = kept_state(folder, state)
            if found is None:
                found = _read(connection, tuple(TABLES))
                keep_state(folder, state, *found)
        return self._log(found, zone), state

    def read_held(self, folder: Path, zone: ZoneInfo | None = None) -> tuple[EventLog, str, HeldTables]:
        """As `read_once`, with what is held of it, from which the store is read again."""
        with self._reading() as connection:
            state = stored_state(connection)
            found = kept_state(folder, state)
            if found is None:
                found = _read(connection, tuple(TABLES))
                keep_state(folder, state, *found)
            holding = held(connection, *found)
        return self._log_of(holding, zone), state, holding

    def read_again(
        self, before: HeldTables, zone: ZoneInfo | None = None, whole: bool = False
    ) -> tuple[EventLog, Renewal]:
        """The log as it is now: only the rows that were written to since are read, where that is known.

        `whole`: all rows are read, whatever is known.
        """
        with self._reading() as connection:
            renewal = None if whole else renewed(connection, before)
            if renewal is None:
                renewal = Renewal(held(connection, *_read(connection, tuple(TABLES))), NEVER)
        return self._log_of(renewal.held, zone), renewal

    def _log_of(self, holding: HeldTables, zone: ZoneInfo | None) -> EventLog:
        return EventLog.of(holding.frames, self._zone_or(zone), holding.versions, self.organisation)

    def _log(self, found: Read, zone: ZoneInfo | None) -> EventLog:
        """The log of stored tables and versions."""
        tables, known_versions = found
        frames = {name: frame_of(name, table) for name, table in tables.items()}
        return EventLog.of(frames, self._zone_or(zone), known_versions, self.organisation)

    def _zone_or(self, zone: ZoneInfo | None) -> ZoneInfo:
        zone = zone or self._zone
        if zone is None:
            raise ValueError("zone: expected the organisation's time zone, here or in Store.open; got none")
        return zone

    def revision(self) -> int:
        """A number that changes whenever an import or push changed rows."""
        changed = sa.select(sa.func.count()).select_from(IMPORTS).where(IMPORTS.c.imported > 0)
        with self._reading() as connection:
            return int(connection.scalar(changed) or 0)

    def imports_stored(self) -> tuple[int, int]:
        """Two numbers that change with every import, push and deletion: the newest one's, and how many."""
        with self._reading() as connection:
            newest = connection.execute(sa.select(sa.func.max(IMPORTS.c.id), sa.func.count(IMPORTS.c.id)))
            number, count = newest.one()
        return int(number or 0), int(count)

    def may_have_touched(self, tables: Collection[str], since: int) -> bool:
        """Whether imports after the one of a number wrote to any of some tables, or did not say to which."""
        later = sa.select(IMPORTS.c.id).where(IMPORTS.c.id > since).limit(_MANY_IMPORTS)
        with self._reading() as connection:
            numbers = connection.execute(later).scalars().all()
            touched = touched_by(connection, numbers) if len(numbers) < _MANY_IMPORTS else None
        return touched is None or any(name in touched for name in tables)

    def fingerprint(self) -> str:
        """A name for what the store holds: the same imports in the same order give the same name."""
        changed = sa.select(IMPORTS.c.digest).where(IMPORTS.c.imported > 0).order_by(IMPORTS.c.id)
        with self._reading() as connection:
            digests = connection.execute(changed).scalars().all()
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def check_rights(self) -> None:
        """SanchoError where the database lets its user read, but not do what imports need."""
        if self._engine.dialect.name != "postgresql":
            return
        with self._reading() as connection:
            if connection.scalar(sa.text("SELECT has_database_privilege(current_database(), 'TEMPORARY')")):
                return
        url = self._engine.url.render_as_string(hide_password=True)
        raise unavailable(*missing_right("temporary"), url)

    def counts(self) -> dict[str, int]:
        """Rows of each canonical table."""
        with self._reading() as connection:
            return {
                name: int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
                for name, table in STORED.items()
            }

    def imports(self) -> pd.DataFrame:
        """The log of imports, oldest first."""
        return self._frame(sa.select(IMPORTS).order_by(IMPORTS.c.id))

    def quarantine(self, table: str | None = None) -> pd.DataFrame:
        """Errors of rows that could not be used (of one table); those of one row share (import_id, row)."""
        errors = sa.select(QUARANTINE).order_by(QUARANTINE.c.id)
        return self._frame(errors if table is None else errors.where(QUARANTINE.c.table_name == table))

    def quarantine_page(self, most: int, after: tuple[int, int] = (0, -1)) -> pd.DataFrame:
        """The errors of so many rows of the quarantine, by import and row, after one of these numbers."""
        row = (QUARANTINE.c.import_id, QUARANTINE.c.row)
        later = sa.tuple_(*row) > sa.tuple_(*map(sa.literal, after))
        page = sa.select(*row).where(later).distinct().order_by(*row).limit(most).subquery()
        of_page = (page.c.import_id == row[0]) & (page.c.row == row[1])
        return self._frame(sa.select(QUARANTINE).join(page, of_page).order_by(*row, QUARANTINE.c.id))

    def quarantine_sizes(self) -> dict[str, int]:
        """How many rows of each table wait in the quarantine."""
        columns = (QUARANTINE.c.table_name, QUARANTINE.c.import_id, QUARANTINE.c.row)
        rows = sa.select(*columns).distinct().subquery()
        counted = sa.select(rows.c.table_name, sa.func.count()).group_by(rows.c.table_name)
        with self._reading() as connection:
            return {str(table): int(count) for table, count in connection.execute(counted)}

    @repeated
    def save_outlooks(self, rows: Sequence[StoredOutlook]) -> None:
        """Stores predictions; a day that is stored already stays as it is."""
        with (
            self._engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            outlooks.save(connection, rows)

    def outlooks(self, period: str, scope: str, until: int) -> list[StoredOutlook]:
        """Predictions for a scope in a period (first..last), as of `until` or earlier, oldest first."""
        with self._reading() as connection:
            return outlooks.stored(connection, period, scope, until)

    def outlook_days(self, period: str) -> set[str]:
        """The days (ISO dates) of a period (first..last) for which something is stored."""
        with self._reading() as connection:
            return outlooks.days_stored(connection, period)

    @repeated
    def save_deal_scores(self, rows: Sequence[StoredScore], oldest_day: str) -> None:
        """Stores a day's scores, and removes those of days before `oldest_day` (ISO date), in one step."""
        with (
            self._engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            deal_scores.forget(connection, oldest_day)
            deal_scores.save(connection, rows)

    def has_deal_scores(self, day: str) -> bool:
        """Whether scores of a day (ISO date) are stored."""
        with self._reading() as connection:
            return deal_scores.is_day_stored(connection, day)

    def deal_scores(self, deal_id: str, until: int) -> list[StoredScore]:
        """What was predicted for a deal, as of `until` or earlier, oldest first."""
        with self._reading() as connection:
            return deal_scores.of_deal(connection, deal_id, until)

    @repeated
    def save_recommendations(self, rows: Sequence[Recommended]) -> None:
        """Stores recommendations; one that is stored already stays as it is."""
        with (
            self._engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            recommendations.save(connection, rows)

    @repeated
    def save_outcome(self, outcome: Outcome, is_known: bool = False) -> bool:
        """Stores the outcome of a recommendation; False where no such one is stored, nor known otherwise."""
        with (
            self._engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            return recommendations.save_outcome(connection, outcome, is_known)

    def recommendations(self) -> tuple[list[Recommended], list[Outcome]]:
        """All recommendations and their outcomes, oldest first."""
        with self._reading() as connection:
            return recommendations.stored(connection), recommendations.outcomes(connection)

    def outcomes_from(self, recommendation_id: str) -> list[Outcome]:
        """The outcomes of recommendations with this id or a later one, oldest first."""
        with self._reading() as connection:
            return recommendations.outcomes(connection, recommendation_id)

    def deal_recommended(self, recommendation_id: str) -> str | None:
        """The deal that a stored recommendation is about; None where no such one is stored."""
        with self._reading() as connection:
            return recommendations.deal_of(connection, recommendation_id)

    @repeated
    def save_shadow_answers(self, rows: Sequence[ShadowAnswer]) -> None:
        """Stores what a model said beside the one in service; what is stored already stays as it is."""
        with (
            self._engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            shadow_answers.save(connection, rows)

    def shadow_answers(self, shadow_version: str) -> list[ShadowAnswer]:
        """What a version said beside the one in service, oldest first."""
        with self._reading() as connection:
            return shadow_answers.stored(connection, shadow_version)

    def audit(self, *, person: str | None = None, **filters: Any) -> list[Entry]:
        """Entries of the audit, newest first (see `audit.stored`); those of a person, with his teams'."""
        with self._reading() as connection:
            scopes = [] if person is None else audit.scopes_around(connection, person)
            return audit.stored(connection, person=person, scopes=scopes, **filters)

    def about_person(self, person: str, since: int) -> AboutPerson:
        """What is stored about a person, and who read his figures since a moment (microseconds UTC)."""
        with self._reading() as connection:
            scopes = audit.scopes_around(connection, person)
            return AboutPerson(
                row=people.row_of(connection, person),
                counts=people.counts(connection, person),
                readers=audit.readers(connection, person, scopes, since),
                answers=people.answers(connection, person),
            )

    @repeated
    def save_person_answer(self, answer: PersonAnswer) -> None:
        """Stores what a person answered to a figure or question about himself."""
        with (
            self._engine.connect().execution_options(**{WRITING: True}) as connection,
            connection.begin(),
        ):
            people.save_answer(connection, answer)

    def person_answers(self, person: str) -> list[PersonAnswer]:
        """What a person answered, newest first."""
        with self._reading() as connection:
            return people.answers(connection, person)

    @repeated
    def add_kpi_set(self, made: StoredKpiSet) -> int:
        """Stores a set of KPIs as the next version of its scope and period; which that is."""
        with self.transaction() as writer:
            return kpi_sets.add_version(writer.connection, made)

    def kpi_set_versions(self, scope: str, period: str) -> list[StoredKpiSet]:
        """All versions of a set of KPIs (period first..last), newest first."""
        with self._reading() as connection:
            return kpi_sets.versions_of(connection, scope, period)

    def kpi_sets(self, period: str | None = None) -> list[StoredKpiSet]:
        """The newest version of each set, of a period (first..last) or of all, newest accepted first."""
        with self._reading() as connection:
            return kpi_sets.newest_sets(connection, period)

    @property
    def meetings(self) -> Meetings:
        """Notes of meetings, agreements and calls."""
        return Meetings(self._reading, self.transaction)

    def _frame(self, statement: sa.Select[Any]) -> pd.DataFrame:
        with self._reading() as connection:
            result = connection.execute(statement)
            return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))


def _read(connection: sa.Connection, wanted: Sequence[str]) -> Read:
    return {name: arrow_table(connection, name) for name in wanted}, versions.read_all(connection, wanted)
