"""What of the store is older than it may be kept? Removed, or blanked where the row itself is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from crm.store.meeting_tables import AGREEMENTS, CALLS, ONE_ON_ONES, REVIEWS
from crm.store.tables import (
    AUDIT,
    DEAL_SCORES,
    IMPORTS,
    OUTLOOKS,
    PERSON_ANSWERS,
    QUARANTINE,
    SHADOW_ANSWERS,
    STORED,
    VERSIONS,
)

_V = VERSIONS.c
_TEXT = "subject"  # the free text of an activity
_STEP = 1_000


def forget(connection: sa.Connection, what: str, before: int) -> int:
    """Removes what is older than an instant (microseconds UTC); how many rows."""
    day = datetime.fromtimestamp(before / 1e6, UTC).date().isoformat()
    old: dict[str, sa.Delete] = {
        "audit": sa.delete(AUDIT).where(AUDIT.c.at < before),
        "quarantine": sa.delete(QUARANTINE).where(
            QUARANTINE.c.import_id.in_(sa.select(IMPORTS.c.id).where(IMPORTS.c.at < before))
        ),
        "deal_scores": sa.delete(DEAL_SCORES).where(DEAL_SCORES.c.day < day),
        "forecasts": sa.delete(OUTLOOKS).where(OUTLOOKS.c.day < day),
        "shadow_answers": sa.delete(SHADOW_ANSWERS).where(SHADOW_ANSWERS.c.asked_at < before),
        "person_answers": sa.delete(PERSON_ANSWERS).where(PERSON_ANSWERS.c.at < before),
    }
    if what == "meetings":
        return sum(connection.execute(one).rowcount for one in _of_meetings(before, day))
    return connection.execute(old[what]).rowcount


def _of_meetings(before: int, day: str) -> list[sa.Delete]:
    """Notes and calls by when they were written, agreements by their due date."""
    return [
        sa.delete(REVIEWS).where(REVIEWS.c.saved_at < before),
        sa.delete(ONE_ON_ONES).where(ONE_ON_ONES.c.saved_at < before),
        sa.delete(AGREEMENTS).where(AGREEMENTS.c.due < day),
        sa.delete(CALLS).where(CALLS.c.made_at < before),
    ]


def blank_activity_text(connection: sa.Connection, before: int) -> int:
    """Blanks the text of activities older than an instant, in all their versions; how many of either.

    Nothing is computed from it, and the activity stays: KPIs and features count it as before.
    """
    activities = STORED["activities"]
    old = sa.and_(activities.c.at < before, activities.c[_TEXT].is_not(None))
    changed = connection.execute(sa.update(activities).where(old).values({_TEXT: None})).rowcount
    rows = connection.execute(
        sa.select(_V.row_key, _V.known_from, _V.contents).where(
            _V.table_name == "activities", _V.contents.contains(f'"{_TEXT}":"')
        )
    )
    blanked = []
    for row in rows:
        contents: dict[str, Any] = orjson.loads(row.contents)
        if contents.get(_TEXT) is not None and (contents.get("at") or before) < before:
            new = orjson.dumps({**contents, _TEXT: None}).decode()
            blanked.append({"of_key": row.row_key, "of_moment": row.known_from, "new": new})
    same = sa.and_(
        _V.table_name == "activities",
        _V.row_key == sa.bindparam("of_key"),
        _V.known_from == sa.bindparam("of_moment"),
    )
    update = sa.update(VERSIONS).where(same).values(contents=sa.bindparam("new"))
    for start in range(0, len(blanked), _STEP):
        connection.execute(update, blanked[start : start + _STEP])
    return changed + len(blanked)
