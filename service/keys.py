"""Which API keys are valid? Each is shown once when created; the store keeps its hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sa

from crm.errors import SanchoError
from crm.store.engine import WRITING, open_engine, store_failure
from crm.store.tables import API_KEYS

_PREFIX = "sancho"
_CACHE_SECONDS = 10.0  # for which a key that was looked up is trusted
_OUTAGE_SECONDS = 10.0  # for which a store that did not answer is not asked again about a known key


@dataclass(frozen=True)
class ApiKey:
    """An API key as the store knows it: its id and name, never its secret."""

    key_id: str
    name: str
    created_at: int


class ApiKeys:
    """The API keys of one store. A secret has 256 random bits, so one SHA-256 of it is enough."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self._cache: dict[str, tuple[float, str, ApiKey]] = {}
        self._failed_at = -_OUTAGE_SECONDS

    def create(self, name: str) -> str:
        """Creates a key for `name` and returns its text, which cannot be seen again."""
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "key_id": key_id,
            "name": name,
            "secret_sha256": _hash(secret),
            "created_at": time.time_ns() // 1000,
        }
        with self._engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            connection.execute(sa.insert(API_KEYS), row)
        return f"{_PREFIX}_{key_id}_{secret}"

    def list(self) -> list[ApiKey]:
        """Keys in use, oldest first."""
        query = sa.select(API_KEYS).where(API_KEYS.c.revoked_at.is_(None)).order_by(API_KEYS.c.created_at)
        with self._engine.connect() as connection:
            return [ApiKey(row.key_id, row.name, row.created_at) for row in connection.execute(query)]

    def revoke(self, key_id: str) -> bool:
        """Revokes a key; returns whether it existed."""
        change = sa.update(API_KEYS).where(API_KEYS.c.key_id == key_id, API_KEYS.c.revoked_at.is_(None))
        with self._engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            return bool(connection.execute(change.values(revoked_at=time.time_ns() // 1000)).rowcount)

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
        return known[1] if hmac.compare_digest(hashed, known[0]) else None

    def remembered(self, text: str, seconds: float | None = None) -> ApiKey | None:
        """The key, where the store confirmed it so recently (by default: freshly); never asks the store."""
        _, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        cached, within = self._cache.get(key_id), _CACHE_SECONDS if seconds is None else seconds
        if cached is None or time.monotonic() - cached[0] >= within:
            return None
        return cached[2] if hmac.compare_digest(_hash(secret), cached[1]) else None

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
        key = ApiKey(row.key_id, row.name, row.created_at)
        self._cache[key_id] = (now, row.secret_sha256, key)
        return row.secret_sha256, key


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
