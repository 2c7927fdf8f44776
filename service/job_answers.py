"""How is a job told to a caller: what it is, how far it is, what came of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crm.i18n import Language
from crm.instants import SECOND, as_of_instant, iso
from crm.store.jobs import RUNNING

if TYPE_CHECKING:
    from crm.store.jobs import Job

_FIRST_SHARE = 0.05  # of the work, before which its speed says little


def job_answer(job: Job, zone: ZoneInfo, lang: Language) -> dict[str, Any]:
    """A job as REST answers it."""
    return {**_fields(job, zone, lang), **_metadata(zone)}


def job_list(jobs: Sequence[Job], cursor: str | None, zone: ZoneInfo, lang: Language) -> dict[str, Any]:
    """Jobs as REST answers them, with the cursor of the next page."""
    return {"jobs": [_fields(job, zone, lang) for job in jobs], "next_cursor": cursor, **_metadata(zone)}


def _fields(job: Job, zone: ZoneInfo, lang: Language) -> dict[str, Any]:
    def moment(at: int | None) -> str | None:
        return None if at is None else iso(at, zone)

    code, text = job.error or (None, None)
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "state": job.state,
        "requested_by": job.requested_by,
        "created_at": moment(job.created_at),
        "due_at": moment(job.due_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "attempts": job.attempts,
        "cancel_asked": job.cancel_asked,
        "progress": None
        if job.step is None
        else {"step": job.step.to(lang), "done": job.done, "total": job.total},
        "seconds_left": seconds_left(job, as_of_instant(None, zone)),
        "request": job.payload,
        "result": None if job.result is None else _in_language(job.result, lang),
        "error": None if text is None else {"code": code, "message": text.to(lang)},
    }


def seconds_left(job: Job, now: int) -> int | None:
    """About how many seconds a job still takes, by how fast it was until now; None where nobody can say."""
    if job.state != RUNNING or not job.done or not job.total or job.started_at is None:
        return None
    share = job.done / job.total
    return None if share < _FIRST_SHARE else round((now - job.started_at) / SECOND * (1 - share) / share)


def _metadata(zone: ZoneInfo) -> dict[str, Any]:
    return {"as_of": iso(as_of_instant(None, zone), zone), "model": None, "warnings": []}


def _in_language(value: Any, lang: Language) -> Any:
    """A result whose bilingual texts are in the reader's language; beside other fields it is `message`."""
    if isinstance(value, Mapping):
        if value.keys() == {"ja", "en"}:
            return value[lang]
        kept = {name: _in_language(one, lang) for name, one in value.items() if name not in ("ja", "en")}
        if {"ja", "en"} <= value.keys():
            kept["message"] = value[lang]
        return kept
    return [_in_language(one, lang) for one in value] if isinstance(value, list) else value
