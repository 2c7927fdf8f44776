"""Where is it kept who is signed in, by which password, and by which links somebody may come?

In the queue's database (`crm.store.queue_database`): an import that locks the store keeps nobody out. Of what
people hold (the text of a session or of a link) the book has the hash alone.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from crm.instants import SECOND
from crm.store.queue_database import QueueDatabase
from crm.store.tables import SIGN_IN_LINKS, SIGN_IN_PASSWORDS, SIGN_IN_SESSIONS

_S, _L, _P = SIGN_IN_SESSIONS.c, SIGN_IN_LINKS.c, SIGN_IN_PASSWORDS.c


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who is signed in; times are microseconds UTC, `way` is password, link or oidc."""

    person_id: str
    email_mac: str
    way: str
    created_at: int
    used_at: int


def hash_of(text: str) -> str:
    """The name of a secret in the book. A secret has 256 random bits, so one SHA-256 of it is enough."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class SignInBook(QueueDatabase):
    """Sessions, links and passwords of one installation. Every method is one short transaction."""

    def add_session(self, person_id: str, way: str, email_mac: str, text: str) -> Session:
        """A session that begins now, under the hash of its text."""
        now = self._now()
        session = Session(person_id=person_id, email_mac=email_mac, way=way, created_at=now, used_at=now)
        with self._writing() as connection:
            row = {name: getattr(session, name) for name in Session.__dataclass_fields__}
            connection.execute(sa.insert(SIGN_IN_SESSIONS), {**row, "session_sha256": hash_of(text)})
        return session

    def session(self, text: str) -> Session | None:
        """The session with a text, whether or not its time is over."""
        query = sa.select(SIGN_IN_SESSIONS).where(_S.session_sha256 == hash_of(text))
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Session(**{name: getattr(row, name) for name in Session.__dataclass_fields__})

    def note_use(self, text: str) -> None:
        """A session is used now."""
        change = sa.update(SIGN_IN_SESSIONS).where(_S.session_sha256 == hash_of(text))
        with self._writing() as connection:
            connection.execute(change.values(used_at=self._now()))

    def end_session(self, text: str) -> bool:
        """Ends a session; whether there was one."""
        ended = sa.delete(SIGN_IN_SESSIONS).where(_S.session_sha256 == hash_of(text))
        with self._writing() as connection:
            return connection.execute(ended).rowcount > 0

    def end_sessions(self, person_id: str, but: str | None = None) -> int:
        """Ends all sessions and links of somebody, but perhaps the session with a text; how many sessions."""
        ended = sa.delete(SIGN_IN_SESSIONS).where(_S.person_id == person_id)
        if but is not None:
            ended = ended.where(_S.session_sha256 != hash_of(but))
        with self._writing() as connection:
            connection.execute(sa.delete(SIGN_IN_LINKS).where(_L.person_id == person_id))
            return int(connection.execute(ended).rowcount)

    def end_old(self, idle_seconds: float, seconds: float) -> None:
        """Takes out sessions not used for so long, or begun so long ago, and links that are over."""
        now = self._now()
        is_idle = _S.used_at < now - int(idle_seconds * SECOND)
        is_old = _S.created_at < now - int(seconds * SECOND)
        with self._writing() as connection:
            connection.execute(sa.delete(SIGN_IN_SESSIONS).where(is_idle | is_old))
            connection.execute(sa.delete(SIGN_IN_LINKS).where(_L.expires_at < now))

    def sessions_of(self, idle_seconds: float, seconds: float) -> dict[str, int]:
        """How many sessions everybody has whose time is not over."""
        now = self._now()
        query = (
            sa.select(_S.person_id, sa.func.count())
            .where(
                _S.used_at >= now - int(idle_seconds * SECOND), _S.created_at >= now - int(seconds * SECOND)
            )
            .group_by(_S.person_id)
        )
        with self._engine.connect() as connection:
            return {person_id: int(count) for person_id, count in connection.execute(query)}

    def add_link(self, person_id: str, seconds: float) -> str:
        """The text of a link that lets somebody in once, within so many seconds; those before it end."""
        text, now = secrets.token_urlsafe(32), self._now()
        row = {
            "link_sha256": hash_of(text),
            "person_id": person_id,
            "created_at": now,
            "expires_at": now + int(seconds * SECOND),
        }
        with self._writing() as connection:
            connection.execute(sa.delete(SIGN_IN_LINKS).where(_L.person_id == person_id))
            connection.execute(sa.insert(SIGN_IN_LINKS), row)
        return text

    def link(self, text: str) -> str | None:
        """Whom a link lets in, where it is good still; it stays so."""
        with self._engine.connect() as connection:
            person_id: str | None = connection.scalar(sa.select(_L.person_id).where(*self._good(text)))
        return person_id

    def use_link(self, text: str) -> str | None:
        """Whom a link lets in, which it does no more from now on; one of many who use it at once gets in."""
        with self._writing() as connection:
            used = sa.delete(SIGN_IN_LINKS).where(*self._good(text)).returning(_L.person_id)
            person_id: str | None = connection.scalar(used)
        return person_id

    def _good(self, text: str) -> tuple[sa.ColumnElement[bool], ...]:
        return _L.link_sha256 == hash_of(text), _L.expires_at > self._now()

    def password(self, person_id: str) -> str | None:
        """The hash of somebody's password."""
        with self._engine.connect() as connection:
            hashed: str | None = connection.scalar(sa.select(_P.hash).where(_P.person_id == person_id))
        return hashed

    def with_passwords(self) -> set[str]:
        """Who has a password."""
        with self._engine.connect() as connection:
            return set(connection.execute(sa.select(_P.person_id)).scalars())

    def set_password(self, person_id: str, hashed: str) -> None:
        """Puts a password in the place of the one before."""
        row = {"person_id": person_id, "hash": hashed, "changed_at": self._now()}
        with self._writing() as connection:
            changed = sa.update(SIGN_IN_PASSWORDS).where(_P.person_id == person_id).values(**row)
            if not connection.execute(changed).rowcount:
                connection.execute(sa.insert(SIGN_IN_PASSWORDS), row)

    def rehash(self, person_id: str, before: str, hashed: str) -> None:
        """Puts another hash of the same password in the place of the one before, unless it has changed."""
        same = (_P.person_id == person_id) & (_P.hash == before)
        with self._writing() as connection:
            connection.execute(sa.update(SIGN_IN_PASSWORDS).where(same).values(hash=hashed))

    def forget(self, person_id: str) -> None:
        """Removes all that is kept of somebody: sessions, links and the password."""
        with self._writing() as connection:
            for table in (SIGN_IN_SESSIONS, SIGN_IN_LINKS, SIGN_IN_PASSWORDS):
                connection.execute(sa.delete(table).where(table.c.person_id == person_id))
