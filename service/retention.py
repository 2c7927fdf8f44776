"""What is kept for longer than the settings say? Removed day by day, by a job that is scheduled.

What models and answers of earlier moments are made of stays: deals, events, activities, leads, contracts and
their versions. Of those the free text of activities is blanked, and names are erased where somebody asks.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crm.acting import actor, entry_of
from crm.i18n import Text
from crm.instants import DAY
from crm.store import erasures, jobs, retention, webhooks
from crm.store.engine import open_engine
from crm.store.queue_database import queue_url
from service.audit.trail import note_now
from service.erasure.erase import erase_again
from service.erasure.files import remove_copies
from service.erasure.transaction import writing_cleanly

if TYPE_CHECKING:
    from service.settings import Settings

Step = Callable[[Text, int, "int | None"], None]
_OF_STORE = (
    "audit",
    "quarantine",
    "deal_scores",
    "forecasts",
    "shadow_answers",
    "person_answers",
    "meetings",
)
_REMOVING = Text("保存期間を過ぎた記録を消しています", "Removing what is kept for too long")
_AGAIN = Text("消去済みの名前を確認しています", "Looking for names that were erased before")


def carry_out(
    settings: Settings, step: Step, now: Callable[[], int] = lambda: time.time_ns() // 1000
) -> dict[str, Any]:
    """Removes what is too old; rows by what they are, and how many were erased again."""
    step(_REMOVING, 0, None)
    kept, moment = settings.retention, now()

    def oldest(what: str) -> int | None:
        days = getattr(kept, what)
        return None if days is None else moment - days * DAY

    engine = open_engine(settings.store_url)
    removed: dict[str, int] = {}
    try:
        for what in _OF_STORE:
            if (before := oldest(what)) is not None:
                with writing_cleanly(engine) as connection:
                    removed[what] = retention.forget(connection, what, before)
        if (before := oldest("activity_text")) is not None:
            with writing_cleanly(engine) as connection:
                blanked = retention.blank_activity_text(connection, before)
                if blanked:  # all who hold the text in memory read anew
                    erasures.note_new_state(connection, moment, uuid.uuid4().hex, "retention")
            removed["activity_text"] = blanked
            if blanked:
                remove_copies(settings)
    finally:
        engine.dispose()
    removed |= _of_queue(settings, oldest)
    step(_AGAIN, 0, None)
    again = erase_again(settings, step=step)
    touched = {what: [str(count)] for what, count in removed.items() if count}
    note_now(settings, entry_of(actor(), "retention", touched=touched))
    return {"removed": removed, "erased_again": len(again)}


def _of_queue(settings: Settings, oldest: Callable[[str], int | None]) -> dict[str, int]:
    engine = open_engine(queue_url(settings.store_url))
    removed = {}
    try:
        for what, forget in (("jobs", jobs.forget), ("webhook_deliveries", webhooks.forget)):
            if (before := oldest(what)) is not None:
                with writing_cleanly(engine) as connection:
                    removed[what] = forget(connection, before)
    finally:
        engine.dispose()
    return removed
