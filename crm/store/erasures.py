"""How is text replaced in everything that is stored, and who was erased? No name is kept here."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from crm.schema import ACTIVITY_KINDS, REFERENCES, STAGE_KPIS, TABLES
from crm.store.tables import ERASURES, IMPORTS, METADATA, QUARANTINE, STORED, VERSIONS
from crm.store.touched_rows import TouchedRows

BEGUN, ERASED, DONE = "begun", "erased", "done"
_E, _V, _Q = ERASURES.c, VERSIONS.c, QUARANTINE.c
_STEP = 1_000
_SIGN_IN = "sign_in_"  # how tables begin that hold passwords, links and sessions
NAMED = ("people", "contacts", "accounts")  # tables whose rows are somebody's, with a name


class Replacing(Protocol):
    """What is replaced: a function of texts, with parts of which every text that it changes has one."""

    @property
    def plain(self) -> tuple[str, ...]:
        """Those parts."""

    def __call__(self, text: str) -> str:
        """The text that takes a text's place."""


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """Whom a pseudonym stands for: by the id where that stayed, else by a salted hash of the one before.

    `row_key` is the id that stands for the row now; times are microseconds UTC.
    """

    erasure_id: str
    table_name: str
    pseudonym: str
    row_key: str | None
    asked_at: int
    requested_by: str
    salt: str | None = None
    key_hash: str | None = None
    state: str = BEGUN
    done_at: int | None = None

    def is_of(self, table: str, key: str) -> bool:
        """Whether a row is the one that was erased, by its id of before or now."""
        if table != self.table_name:
            return False
        return key == self.row_key or (self.salt is not None and hashed(self.salt, key) == self.key_hash)


def hashed(salt: str, key: str) -> str:
    """What is kept of an id that was replaced."""
    return hashlib.sha256(f"{salt}\x1f{key}".encode()).hexdigest()


def new_salt() -> str:
    """A salt for one id."""
    return secrets.token_hex(16)


def all_erasures(connection: sa.Connection) -> list[Erasure]:
    """All of them, oldest first."""
    rows = connection.execute(sa.select(ERASURES).order_by(_E.asked_at, _E.erasure_id))
    return [Erasure(**row._mapping) for row in rows]


def save_erasure(connection: sa.Connection, erasure: Erasure) -> None:
    """Stores one, in place of what was stored of it."""
    connection.execute(sa.delete(ERASURES).where(_E.erasure_id == erasure.erasure_id))
    connection.execute(sa.insert(ERASURES), asdict(erasure))


def row_of(connection: sa.Connection, table: str, key: str) -> dict[str, Any] | None:
    """The stored row of an id; None where there is none."""
    stored = STORED[table]
    row = connection.execute(sa.select(stored).where(stored.c[TABLES[table].key[0]] == key)).first()
    return None if row is None else dict(row._mapping)


def names_of(connection: sa.Connection, table: str, key: str) -> list[str]:
    """Every name and address that a row has or had: now, in its versions, and in rows that were refused."""
    said: list[Mapping[str, Any]] = [row_of(connection, table, key) or {}]
    contents = sa.select(_V.contents).where(_V.table_name == table, _V.row_key == key)
    refused = sa.select(_Q.raw).where(_Q.table_name == table, _Q.identity == key, _Q.raw.is_not(None))
    for query in (contents, refused):
        for text in connection.execute(query).scalars():
            with suppress(ValueError):
                said.append(orjson.loads(text))
    found = (one.get(column) for one in said if isinstance(one, Mapping) for column in ("name", "email"))
    return sorted({str(value) for value in found if value})


def words_of(connection: sa.Connection) -> set[str]:
    """Words that data are made of, in small letters: names of tables, columns, values and stages."""
    found = {"true", "false", "null", *ACTIVITY_KINDS, *STAGE_KPIS}
    for table in METADATA.sorted_tables:
        found |= {table.name, *(column.name for column in table.columns)}
    for canonical in TABLES.values():
        found |= {choice for column in canonical.columns for choice in column.choices}
    stages = connection.execute(sa.select(STORED["stages"].c.stage)).scalars()
    return {str(word).casefold() for word in (*found, *stages)}


def ids_of(connection: sa.Connection, table: str) -> set[str]:
    """All ids by which rows of a table are named, there and in other tables."""
    named = [(table, TABLES[table].key[0]), *REFERENCES.get(table, ())]
    found: set[str] = set()
    for name, column in named:
        values = connection.execute(sa.select(STORED[name].c[column]).distinct()).scalars()
        found.update(str(value) for value in values if value is not None)
    return found


def namesakes(
    connection: sa.Connection, table: str, key: str, replace: Replacing, pseudonym: str
) -> set[tuple[str, str]]:
    """Other rows, by table and id, whose whole name is the one that is erased: those of somebody else."""
    found: set[tuple[str, str]] = set()
    for name in NAMED if replace.plain else ():
        stored, first = STORED[name], TABLES[name].key[0]
        query = sa.select(stored.c[first], stored.c.name).where(
            _holds(stored.c.name, replace.plain, connection)
        )
        found |= {(name, row[0]) for row in connection.execute(query) if replace(row[1]) == pseudonym}
    return found - {(table, key)}


def replace_everywhere(
    connection: sa.Connection,
    replace: Replacing,
    spared: Collection[tuple[str, str]] = (),
    step: Callable[[str], None] = lambda _: None,
) -> dict[str, int]:
    """Replaces text in every column of every table of a database; rows that changed, by table.

    `spared`: rows, by table and id, that stay as they are in all their versions.
    """
    counts: dict[str, int] = {}
    if not replace.plain:
        return counts
    for table in METADATA.sorted_tables:
        step(table.name)
        if changed := _replace_in(connection, table, replace, spared):
            counts[table.name] = changed
    return counts


def end_sign_in(connection: sa.Connection, person: str, at: int, tables: sa.MetaData = METADATA) -> None:
    """Removes by what a person signs in, and revokes his keys."""
    for table in tables.sorted_tables:
        if "person_id" not in table.c:
            continue
        own = table.c.person_id == person
        if table.name.startswith(_SIGN_IN):
            connection.execute(sa.delete(table).where(own))
        elif "revoked_at" in table.c:
            ends = sa.update(table).where(own, table.c.revoked_at.is_(None)).values(revoked_at=at)
            connection.execute(ends)


def note_new_state(connection: sa.Connection, at: int, digest: str, source: str = "erase") -> None:
    """Lets all who read the store see that it is another, and read all of it anew."""
    newest = connection.scalar(sa.select(sa.func.max(IMPORTS.c.at)))
    values = {
        "at": at if newest is None else max(at, newest + 1),
        "source": source,
        "mapping": None,
        "rows_read": 0,
        "imported": 1,
        "unchanged": 0,
        "quarantined": 0,
        "digest": digest,
    }
    number = connection.execute(sa.insert(IMPORTS).values(**values).returning(IMPORTS.c.id)).scalar_one()
    touched = TouchedRows()
    touched.add_many()
    touched.save(connection, int(number))


def _replace_in(
    connection: sa.Connection, table: sa.Table, replace: Replacing, spared: Collection[tuple[str, str]]
) -> int:
    texts = [column for column in table.columns if _is_text(column, connection)]
    if not texts:
        return 0
    keys = list(table.primary_key.columns)
    wanted = sa.or_(*(_holds(_as_text(column, connection), replace.plain, connection) for column in texts))
    shown = [
        *(column.label(f"k{at}") for at, column in enumerate(keys)),
        *(_as_text(column, connection).label(f"v{at}") for at, column in enumerate(texts)),
    ]
    rows = connection.execute(sa.select(*shown).where(wanted)).all()
    changes = []
    for row in rows:
        if spared and _row_named(table, row) in spared:
            continue
        before = list(row[len(keys) :])
        after = [None if text is None else replace(text) for text in before]
        if after != before:
            changes.append((list(row[: len(keys)]), after))
    _make_room(connection, table, keys, texts, changes)
    same = sa.and_(*(column == sa.bindparam(f"of_{column.name}") for column in keys))
    update = table.update().where(same).values({column.name: _given(column, connection) for column in texts})
    for start in range(0, len(changes), _STEP):
        connection.execute(
            update,
            [
                {
                    **{f"of_{column.name}": value for column, value in zip(keys, named, strict=True)},
                    **{f"new_{column.name}": value for column, value in zip(texts, after, strict=True)},
                }
                for named, after in changes[start : start + _STEP]
            ],
        )
    return len(changes)


def _row_named(table: sa.Table, row: Sequence[Any]) -> tuple[str, str]:
    """The canonical row that a stored row, or a version, is of; its key comes first."""
    return (str(row[0]), str(row[1])) if table is VERSIONS else (table.name, str(row[0]))


def _make_room(
    connection: sa.Connection,
    table: sa.Table,
    keys: Sequence[sa.Column[Any]],
    texts: Sequence[sa.Column[Any]],
    changes: Iterable[tuple[list[Any], list[Any]]],
) -> None:
    """Removes rows that have the key which a row is about to get: it came again under its id of before."""
    places = {column.name: at for at, column in enumerate(texts)}
    for named, after in changes:
        new = [
            after[places[column.name]] if column.name in places else value
            for column, value in zip(keys, named, strict=True)
        ]
        if new != named:
            taken = sa.and_(*(column == value for column, value in zip(keys, new, strict=True)))
            connection.execute(table.delete().where(taken))


def _is_json(column: sa.Column[Any], connection: sa.Connection) -> bool:
    return isinstance(column.type.dialect_impl(connection.dialect), postgresql.JSONB)


def _is_text(column: sa.Column[Any], connection: sa.Connection) -> bool:
    return isinstance(column.type, sa.Text) or _is_json(column, connection)


def _as_text(column: sa.Column[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.Text) if _is_json(column, connection) else column


def _given(column: sa.Column[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    given = sa.bindparam(f"new_{column.name}", type_=sa.Text)
    return sa.cast(given, postgresql.JSONB) if _is_json(column, connection) else given


def _holds(
    column: sa.ColumnElement[Any], parts: Sequence[str], connection: sa.Connection
) -> sa.ColumnElement[bool]:
    """Whether a text has one of some parts, of whatever case where they are ASCII."""
    if connection.dialect.name == "postgresql":
        return sa.or_(*(column.icontains(part, autoescape=True) for part in parts))
    return sa.or_(*(column.contains(part, autoescape=True) for part in parts))  # LIKE ignores ASCII's case
