"""Which work is queued, which is being done and by whose word, and what came of it?

A worker that takes a job says again and again that it lives (`beats`); one whose beats have stopped is taken
to be dead, and its job is taken up again. Beats are compared over the time of whoever looks, so clocks that
differ or are set back do no harm. A job has an `attempt`: a worker that was taken for dead and wakes up finds
another attempt at work, and what it has to say is no longer written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from crm.i18n import Text
from crm.store.tables import JOB_FILES, JOB_SCHEDULES, JOBS

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
OPEN = (QUEUED, RUNNING)
STATES = (*OPEN, DONE, FAILED, CANCELLED)
KEEPS_FILE = "keeps_file"  # in the result of a job whose file may be asked for again for a while


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it is stored; times are microseconds UTC, `done` of `total` (None: not known) its progress."""

    job_id: str
    kind: str
    state: str
    payload: dict[str, Any]
    unique_key: str | None
    requested_by: str | None
    created_at: int
    due_at: int
    started_at: int | None
    finished_at: int | None
    attempts: int
    beats: int
    cancel_asked: bool
    step: Text | None
    done: int | None
    total: int | None
    result: dict[str, Any] | None
    error: tuple[str, Text] | None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done, or being done."""
        return self.state in OPEN


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to be done from `due_at` on; of those with the same `unique_key` one at most is open.

    `job_id`: the id it has; none given = a new one.
    """

    kind: str
    payload: dict[str, Any]
    due_at: int
    unique_key: str | None = None
    requested_by: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A job that comes again every so many seconds, next at `next_due` (microseconds UTC)."""

    name: str
    kind: str
    payload: dict[str, Any]
    every_seconds: int
    next_due: int
    requested_by: str | None = None


def add(connection: sa.Connection, new: NewJob, now: int, parts: Iterable[bytes] = ()) -> tuple[Job, bool]:
    """A queued job, with the file it is given; and whether it is new.

    Where there is one with its id, or one with its unique key is open, that one is it. The connection is one
    that writes: on SQLite nobody else does, on PostgreSQL the open key decides.
    """
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(JOBS)
    job_id = new.job_id or secrets.token_hex(8)
    row = {
        "job_id": job_id,
        "kind": new.kind,
        "state": QUEUED,
        "payload": json.dumps(new.payload, ensure_ascii=False),
        "unique_key": new.unique_key,
        "requested_by": new.requested_by,
        "created_at": now,
        "due_at": new.due_at,
        "attempts": 0,
        "beats": 0,
        "cancel_asked": False,
    }
    if connection.scalar(insert.on_conflict_do_nothing().returning(JOBS.c.job_id), row) is None:
        if new.job_id is not None and (there := find(connection, new.job_id)) is not None:
            return there, False
        same = (JOBS.c.unique_key == new.unique_key) & JOBS.c.state.in_(OPEN)
        open_one = connection.execute(sa.select(JOBS).where(same)).one_or_none()
        # One that has ended since is no obstacle any more.
        return add(connection, new, now, parts) if open_one is None else (_job(open_one), False)
    for part, contents in enumerate(parts):
        connection.execute(sa.insert(JOB_FILES), {"job_id": job_id, "part": part, "contents": contents})
    added = find(connection, job_id)
    if added is None:
        raise LookupError(job_id)
    return added, True


def find(connection: sa.Connection, job_id: str) -> Job | None:
    """The job with an id."""
    row = connection.execute(sa.select(JOBS).where(JOBS.c.job_id == job_id)).one_or_none()
    return None if row is None else _job(row)


def newest(
    connection: sa.Connection,
    count: int,
    states: Sequence[str] = STATES,
    before: tuple[int, str] | None = None,
) -> list[Job]:
    """Jobs in some states, newest first; `before`: those older than the job of this time and id."""
    query = sa.select(JOBS).where(JOBS.c.state.in_(states))
    if before is not None:
        query = query.where(sa.tuple_(JOBS.c.created_at, JOBS.c.job_id) < sa.tuple_(*map(sa.literal, before)))
    query = query.order_by(JOBS.c.created_at.desc(), JOBS.c.job_id.desc()).limit(count)
    return [_job(row) for row in connection.execute(query)]


def running(connection: sa.Connection, kinds: Sequence[str]) -> list[tuple[str, int, int]]:
    """Jobs that are being done: id, attempt and beats."""
    columns = (JOBS.c.job_id, JOBS.c.attempts, JOBS.c.beats)
    query = sa.select(*columns).where(JOBS.c.state == RUNNING, JOBS.c.kind.in_(kinds))
    return [(row.job_id, row.attempts, row.beats) for row in connection.execute(query)]


def take(connection: sa.Connection, kinds: Sequence[str], now: int) -> Job | None:
    """The queued job of these kinds that has been due longest, now being done; None where none is due."""
    due = (JOBS.c.state == QUEUED) & JOBS.c.kind.in_(kinds) & (JOBS.c.due_at <= now)
    query = sa.select(JOBS.c.job_id).where(due).order_by(JOBS.c.due_at, JOBS.c.created_at, JOBS.c.job_id)
    job_id = connection.scalar(query.limit(1).with_for_update(skip_locked=True))
    if job_id is None:
        return None
    taken = sa.update(JOBS).where(JOBS.c.job_id == job_id)
    started = sa.func.coalesce(JOBS.c.started_at, now)
    connection.execute(taken.values(state=RUNNING, attempts=JOBS.c.attempts + 1, beats=0, started_at=started))
    return find(connection, job_id)


def give_back(connection: sa.Connection, job_id: str, attempt: int, due_at: int) -> bool:
    """Puts a job that is being done back into the queue; False where that attempt has ended."""
    back = {"state": QUEUED, "due_at": due_at}
    return bool(connection.execute(_attempt(job_id, attempt).values(**back)).rowcount)


def beat(
    connection: sa.Connection, job_id: str, attempt: int, progress: tuple[Text, int, int | None] | None
) -> Job | None:
    """Says that an attempt lives, and how far it is; None where it has ended: somebody else has the job."""
    values: dict[str, Any] = {"beats": JOBS.c.beats + 1}
    if progress is not None:
        step, done, total = progress
        values |= {"step_ja": step.ja, "step_en": step.en, "done": done, "total": total}
    if not connection.execute(_attempt(job_id, attempt).values(**values)).rowcount:
        return None
    return find(connection, job_id)


def end(
    connection: sa.Connection,
    job_id: str,
    attempt: int,
    now: int,
    result: dict[str, Any] | None = None,
    error: tuple[str, Text] | None = None,
) -> bool:
    """Ends an attempt: done with a result, failed with an error, cancelled with neither."""
    values: dict[str, Any] = {"state": CANCELLED, "finished_at": now}
    if result is not None:
        values |= {"state": DONE, "result": json.dumps(result, ensure_ascii=False)}
    elif error is not None:
        code, text = error
        values |= {"state": FAILED, "error_code": code, "error_ja": text.ja, "error_en": text.en}
    ended = bool(connection.execute(_attempt(job_id, attempt).values(**values)).rowcount)
    if ended and not (result is not None and result.get(KEEPS_FILE)):
        _drop_file(connection, job_id)
    return ended


def cancel(connection: sa.Connection, job_id: str, now: int) -> Job | None:
    """Cancels a queued job, and asks one that is being done to stop; None where there is no such job."""
    queued = sa.update(JOBS).where(JOBS.c.job_id == job_id, JOBS.c.state == QUEUED)
    if connection.execute(queued.values(state=CANCELLED, cancel_asked=True, finished_at=now)).rowcount:
        _drop_file(connection, job_id)
    else:
        asked = sa.update(JOBS).where(JOBS.c.job_id == job_id, JOBS.c.state == RUNNING)
        connection.execute(asked.values(cancel_asked=True))
    return find(connection, job_id)


def file_parts(connection: sa.Connection, job_id: str) -> Iterator[bytes]:
    """The parts of the file that a job was given."""
    query = sa.select(JOB_FILES.c.contents).where(JOB_FILES.c.job_id == job_id).order_by(JOB_FILES.c.part)
    for row in connection.execution_options(yield_per=1).execute(query):
        yield bytes(row.contents)


def forget(connection: sa.Connection, ended_before: int) -> int:
    """Removes jobs that ended before a time; how many."""
    old = JOBS.c.state.not_in(OPEN) & (JOBS.c.finished_at < ended_before)
    return connection.execute(sa.delete(JOBS).where(old)).rowcount


def drop_files(connection: sa.Connection, ended_before: int) -> int:
    """Removes the files of jobs that ended before a time and kept theirs; how many parts."""
    old = sa.select(JOBS.c.job_id).where(JOBS.c.state.not_in(OPEN), JOBS.c.finished_at < ended_before)
    return connection.execute(sa.delete(JOB_FILES).where(JOB_FILES.c.job_id.in_(old))).rowcount


def save_schedule(connection: sa.Connection, schedule: Schedule) -> None:
    """Stores a schedule in place of the one of its name."""
    remove_schedule(connection, schedule.name)
    payload = json.dumps(schedule.payload, ensure_ascii=False)
    connection.execute(sa.insert(JOB_SCHEDULES), {**vars(schedule), "payload": payload})


def remove_schedule(connection: sa.Connection, name: str) -> bool:
    """Removes a schedule; whether there was one."""
    return bool(connection.execute(sa.delete(JOB_SCHEDULES).where(JOB_SCHEDULES.c.name == name)).rowcount)


def schedules(connection: sa.Connection) -> list[Schedule]:
    """All schedules, by name."""
    rows = connection.execute(sa.select(JOB_SCHEDULES).order_by(JOB_SCHEDULES.c.name))
    return [Schedule(**{**row._mapping, "payload": json.loads(row.payload)}) for row in rows]


def queue_due_schedules(connection: sa.Connection, now: int) -> list[Job]:
    """Queues the job of each schedule that is due, and says when it comes next; jobs that are new.

    What was missed while no worker ran is done once.
    """
    added = []
    for one in schedules(connection):
        if one.next_due > now:
            continue
        every = one.every_seconds * 1_000_000
        following = one.next_due + ((now - one.next_due) // every + 1) * every
        unmoved = (JOB_SCHEDULES.c.name == one.name) & (JOB_SCHEDULES.c.next_due == one.next_due)
        if not connection.execute(
            sa.update(JOB_SCHEDULES).where(unmoved).values(next_due=following)
        ).rowcount:
            continue  # another worker has just done it
        job, is_new = add(
            connection,
            NewJob(
                kind=one.kind,
                payload=one.payload,
                due_at=now,
                unique_key=f"schedule:{one.name}",
                requested_by=one.requested_by,
            ),
            now,
        )
        added += [job] if is_new else []
    return added


def _attempt(job_id: str, attempt: int) -> sa.Update:
    mine = (JOBS.c.job_id == job_id) & (JOBS.c.state == RUNNING) & (JOBS.c.attempts == attempt)
    return sa.update(JOBS).where(mine)


def _drop_file(connection: sa.Connection, job_id: str) -> None:
    connection.execute(sa.delete(JOB_FILES).where(JOB_FILES.c.job_id == job_id))


def _job(row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)
    step, error, code = (
        [values.pop(name) for name in names]
        for names in (("step_ja", "step_en"), ("error_ja", "error_en"), ("error_code",))
    )
    return Job(
        **{
            **values,
            "payload": json.loads(values["payload"]),
            "result": None if values["result"] is None else json.loads(values["result"]),
            "cancel_asked": bool(values["cancel_asked"]),
        },
        step=None if step[0] is None else Text(*step),
        error=None if code[0] is None else (code[0], Text(*error)),
    )
