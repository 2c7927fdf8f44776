"""How is the audit read: page by page, as a file, or what there is about one person?"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from crm.acting import Entry
from crm.errors import SanchoError
from crm.i18n import Text
from crm.instants import as_of_instant, iso, start_of_day
from crm.store import Store

_PAGE = 1_000
_BAD_CURSOR = Text(
    "cursor が正しくありません。直前の応答の next_cursor をそのまま送ってください。",
    "cursor: send the next_cursor of the answer before, unchanged.",
)


class AuditBook:
    """The audit of one installation, for reading."""

    def __init__(self, store: Store, zone: Callable[[], ZoneInfo]) -> None:
        self._store, self._zone = store, zone

    def page(
        self,
        since: str | None,
        until: str | None,
        caller: str | None,
        person: str | None,
        operation: str | None,
        cursor: str | None,
        limit: int,
    ) -> dict[str, Any]:
        """A page of entries, newest first, as REST answers them."""
        found = self._store.audit(
            **self._between(since, until),
            caller=caller,
            person=person,
            operation=operation,
            before=None if cursor is None else _read(cursor),
            limit=limit + 1,
        )
        zone = self._zone()
        return {
            "entries": [entry_fields(one, zone) for one in found[:limit]],
            "next_cursor": _written(found[limit - 1]) if len(found) > limit else None,
            "as_of": iso(as_of_instant(None, zone), zone),
            "model": None,
            "warnings": [],
        }

    def all(
        self,
        since: str | None = None,
        until: str | None = None,
        caller: str | None = None,
        person: str | None = None,
        operation: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Every entry, newest first, read in parts."""
        asked: dict[str, Any] = {
            **self._between(since, until),
            "caller": caller,
            "person": person,
            "operation": operation,
        }
        before, zone = None, self._zone()
        while found := self._store.audit(**asked, before=before, limit=_PAGE):
            yield from (entry_fields(one, zone) for one in found)
            before = (found[-1].at, found[-1].audit_id)

    def _between(self, since: str | None, until: str | None) -> dict[str, Any]:
        """A day means its beginning as `since`, its end as `until`."""
        zone = self._zone()
        return {
            "since": None if since is None else _beginning(since, zone),
            "until": None if until is None else as_of_instant(until, zone),
        }


def entry_fields(entry: Entry, zone: ZoneInfo) -> dict[str, Any]:
    """An entry as its readers are told it."""
    values = asdict(entry)
    return {"audit_id": values.pop("audit_id"), "at": iso(values.pop("at"), zone), **values}


def _beginning(text: str, zone: ZoneInfo) -> int:
    moment = as_of_instant(text, zone)  # says what is wrong with it
    try:
        return start_of_day(date.fromisoformat(text.strip()), zone)
    except ValueError:
        return moment


def _written(entry: Entry) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([entry.at, entry.audit_id])).decode().rstrip("=")


def _read(cursor: str) -> tuple[int, str]:
    try:
        at, audit_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise SanchoError(_BAD_CURSOR, "bad_cursor") from None
    if not isinstance(at, int) or not isinstance(audit_id, str) or abs(at) >= 2**62:
        raise SanchoError(_BAD_CURSOR, "bad_cursor")
    return at, audit_id
