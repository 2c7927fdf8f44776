"""Which API keys are valid, until when, and what may each do? Shown once; the store keeps their hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import WRITING, open_engine, store_failure
from crm.store.tables import API_KEYS
from service.access_rules import ADMIN, RIGHTS

_PREFIX = "sancho"
_CACHE_SECONDS = 1.0  # for which a key that was looked up is trusted: a revoked one works no longer than that
_OUTAGE_SECONDS = 10.0  # for which a store that did not answer is not asked again about a known key


@dataclass(frozen=True)
class ApiKey:
    """An API key as the store knows it: its id, name and rights, never its secret.

    Times are microseconds UTC; `expires_at` None: it does not end by itself. `team_id`: the team to which it
    is limited, None: to none. `person_id`: whose key it is, and with whom it ends; None: a program's.
    """

    key_id: str
    name: str
    created_at: int
    rights: tuple[str, ...] = (ADMIN,)
    expires_at: int | None = None
    team_id: str | None = None
    person_id: str | None = None


class ApiKeys:
    """The API keys of one store. A secret has 256 random bits, so one SHA-256 of it is enough."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._cache: dict[str, tuple[float, str, ApiKey]] = {}
        self._failed_at = -_OUTAGE_SECONDS

    def create(
        self,
        name: str,
        rights: Sequence[str] = (ADMIN,),
        seconds: float | None = None,
        team_id: str | None = None,
        *,
        person_id: str | None = None,
    ) -> str:
        """Creates a key for `name` and returns its text, which cannot be seen again.

        It has some rights, and ends after so many seconds; with a team, it sees that team alone; a person's
        has no more than his role has, and sees what he sees.
        """
        for right in rights:
            if right not in RIGHTS:
                raise SanchoError(_NO_RIGHT.format(right=right, rights=", ".join(RIGHTS)), "unknown_right")
        if team_id is not None and ADMIN in rights:
            raise SanchoError(_NOT_BOTH, "admin_of_team")
        if team_id is not None and person_id is not None:
            raise SanchoError(_TEAM_OR_PERSON, "team_and_person")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        now = _now()
        row = {
            "key_id": key_id,
            "name": name,
            "secret_sha256": _hash(secret),
            "created_at": now,
            "rights": " ".join(dict.fromkeys(rights)),
            "expires_at": None if seconds is None else now + int(seconds * 1e6),
            "team_id": team_id,
            "person_id": person_id,
        }
        with self._engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            connection.execute(sa.insert(API_KEYS), row)
        return f"{_PREFIX}_{key_id}_{secret}"

    def rotate(self, key_id: str, overlap_seconds: float) -> str | None:
        """A key that takes the place of one in use, which ends after a while; None where there is none."""
        old = next((key for key in self.list() if key.key_id == key_id), None)
        if old is None:
            return None
        left = None if old.expires_at is None else (old.expires_at - _now()) / 1e6
        made = self.create(old.name, old.rights, left, old.team_id, person_id=old.person_id)
        ends = _now() + int(overlap_seconds * 1e6)
        if old.expires_at is None or ends < old.expires_at:
            change = sa.update(API_KEYS).where(API_KEYS.c.key_id == key_id).values(expires_at=ends)
            with (
                self._engine.connect().execution_options(**{WRITING: True}) as connection,
                connection.begin(),
            ):
                connection.execute(change)
        return made

    def list(self) -> list[ApiKey]:
        """Keys in use, oldest first."""
        table = API_KEYS.c
        in_use = table.revoked_at.is_(None) & (table.expires_at.is_(None) | (table.expires_at > _now()))
        query = sa.select(API_KEYS).where(in_use).order_by(table.created_at)
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(query)]

    def revoke(self, key_id: str) -> bool:
        """Revokes a key; returns whether it existed."""
        change = sa.update(API_KEYS).where(API_KEYS.c.key_id == key_id, API_KEYS.c.revoked_at.is_(None))
        with self._engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            found = connection.execute(change.values(revoked_at=_now())).rowcount
        self._cache.pop(key_id, None)
        return bool(found)

    def check(self, text: str) -> ApiKey | None:
        """The valid key with this text, else None; in constant time, whatever part of it is right.

        While the store is out of reach, keys that it has confirmed stay valid; others cannot be checked.
        """
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        known = self._look_up(key_id) if prefix == _PREFIX else None
        hashed = _hash(secret)
        if known is None:
            hmac.compare_digest(hashed, hashed)
            return None
        return _in_time(known[1]) if hmac.compare_digest(hashed, known[0]) else None

    def remembered(self, text: str, seconds: float | None = None) -> ApiKey | None:
        """The key, where the store confirmed it so recently (by default: freshly); never asks the store."""
        _, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        cached, within = self._cache.get(key_id), _CACHE_SECONDS if seconds is None else seconds
        if cached is None or time.monotonic() - cached[0] >= within:
            return None
        return _in_time(cached[2]) if hmac.compare_digest(_hash(secret), cached[1]) else None

    def close(self) -> None:
        """Closes its connections."""
        self._engine.dispose()

    def _look_up(self, key_id: str) -> tuple[str, ApiKey] | None:
        now = time.monotonic()
        cached = self._cache.get(key_id)
        if cached is not None and (
            now - cached[0] < _CACHE_SECONDS or now - self._failed_at < _OUTAGE_SECONDS
        ):
            return cached[1], cached[2]
        query = sa.select(API_KEYS).where(API_KEYS.c.key_id == key_id, API_KEYS.c.revoked_at.is_(None))
        try:
            with self._engine.connect() as connection:
                row = connection.execute(query).first()
        except (sa.exc.SQLAlchemyError, SanchoError) as fault:
            failure = store_failure(fault)
            if failure is None:
                raise
            self._failed_at = time.monotonic()
            if cached is None:
                raise failure from fault
            return cached[1], cached[2]
        if row is None:
            self._cache.pop(key_id, None)
            return None
        key = _key(row)
        self._cache[key_id] = (now, row.secret_sha256, key)
        return row.secret_sha256, key


_NO_RIGHT = Text(
    "権限「{right}」はありません。{rights} のいずれかを指定してください。",
    "there is no right {right!r}; give one of {rights}.",
)


_TEAM_OR_PERSON = Text(
    "チームと人の両方に限定することはできません。人のキーで見られる範囲は、その人の役割で決まります。"
    "--team と --person のどちらかを外してください。",
    "a key is limited to a team or to a person, who sees what the role says; leave --team or --person out.",
)
_NOT_BOTH = Text(
    "チームに限定したキーには admin の権限を付けられません。"
    "--team と --right admin のどちらかを外してください。",
    "a key with a team cannot have the right admin, which is of the whole organisation; leave one out.",
)


def _key(row: sa.Row[Any]) -> ApiKey:
    rights = (ADMIN,) if row.rights is None else tuple(row.rights.split())
    if row.team_id is not None:
        rights = tuple(right for right in rights if right != ADMIN)
    return ApiKey(
        row.key_id, row.name, row.created_at, rights, row.expires_at, row.team_id, person_id=row.person_id
    )


def _in_time(key: ApiKey) -> ApiKey | None:
    return key if key.expires_at is None or key.expires_at > _now() else None


def _now() -> int:
    return time.time_ns() // 1000


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
