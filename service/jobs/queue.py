"""How does a caller put work into the queue, see how far it is, and take it back?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Text
from crm.instants import DAY
from crm.store import jobs
from crm.store.jobs import Job, NewJob, Schedule
from crm.store.queue_database import QueueDatabase

KEPT_DAYS = 90  # for which a job that has ended is remembered
FILE_DAYS = 1  # for which the file of a rehearsed import is

_NO_JOB = Text(
    "ジョブ「{job_id}」はありません。`sancho jobs list` または GET /v1/jobs で確認してください。",
    "there is no job {job_id!r}; see `sancho jobs list` or GET /v1/jobs.",
)
_NO_SCHEDULE = Text(
    "定期実行「{name}」はありません。`sancho jobs schedules` で確認してください。",
    "there is no schedule {name!r}; see `sancho jobs schedules`.",
)


class JobQueue(QueueDatabase):
    """The queue of one installation. Every method is one short transaction."""

    def add(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        unique_key: str | None = None,
        requested_by: str | None = None,
        delay_seconds: float = 0.0,
        contents: Iterable[bytes] = (),
        job_id: str | None = None,
    ) -> tuple[Job, bool]:
        """A queued job with the parts of its file; where one with its id or unique key is there, that one."""
        now = self._now()
        new = NewJob(
            kind=kind,
            payload=payload,
            due_at=now + int(delay_seconds * 1e6),
            unique_key=unique_key,
            requested_by=requested_by,
            job_id=job_id,
        )
        with self._writing() as connection:
            return jobs.add(connection, new, now, contents)

    def find(self, job_id: str) -> Job:
        """The job with an id; an error where there is none."""
        with self._engine.connect() as connection:
            return _known(jobs.find(connection, job_id), job_id)

    def newest(
        self, count: int, states: Sequence[str] = jobs.STATES, before: tuple[int, str] | None = None
    ) -> list[Job]:
        """Jobs in some states, newest first, before the one of a time and id."""
        with self._engine.connect() as connection:
            return jobs.newest(connection, count, states, before)

    def cancel(self, job_id: str) -> Job:
        """Cancels a queued job and asks one that is being done to stop; what has ended stays as it is."""
        with self._writing() as connection:
            return _known(jobs.cancel(connection, job_id, self._now()), job_id)

    def contents(self, job: Job) -> Iterator[bytes]:
        """The parts of the file that a job was given."""
        with self._engine.connect() as connection:
            yield from jobs.file_parts(connection, job.job_id)

    def drop_old_files(self) -> int:
        """Removes the files of imports that were rehearsed long ago."""
        with self._writing() as connection:
            return jobs.drop_files(connection, self._now() - FILE_DAYS * DAY)

    # What a worker does.

    def take(self, kinds: Sequence[str]) -> Job | None:
        """The job of these kinds that has been due longest, now this worker's; None where none is due."""
        with self._writing() as connection:
            return jobs.take(connection, kinds, self._now())

    def running(self, kinds: Sequence[str]) -> list[tuple[str, int, int]]:
        """Jobs that are being done: id, attempt, beats."""
        with self._engine.connect() as connection:
            return jobs.running(connection, kinds)

    def beat(self, job: Job, progress: tuple[Text, int, int | None] | None) -> Job | None:
        """Says that an attempt lives, and how far it is; None where somebody else has the job by now."""
        with self._writing() as connection:
            return jobs.beat(connection, job.job_id, job.attempts, progress)

    def give_back(self, job_id: str, attempt: int, delay_seconds: float = 0.0) -> bool:
        """Puts a job back into the queue; False where that attempt has ended."""
        with self._writing() as connection:
            return jobs.give_back(connection, job_id, attempt, self._now() + int(delay_seconds * 1e6))

    def end(
        self,
        job_id: str,
        attempt: int,
        result: dict[str, Any] | None = None,
        error: tuple[str, Text] | None = None,
    ) -> bool:
        """Ends an attempt: done with a result, failed with an error, else cancelled."""
        with self._writing() as connection:
            return jobs.end(connection, job_id, attempt, self._now(), result, error)

    def forget_old(self) -> int:
        """Removes jobs that ended long ago."""
        with self._writing() as connection:
            jobs.drop_files(connection, self._now() - FILE_DAYS * DAY)
            return jobs.forget(connection, self._now() - KEPT_DAYS * DAY)

    # What comes again and again.

    def schedule(
        self,
        name: str,
        kind: str,
        payload: dict[str, Any],
        every_seconds: int,
        requested_by: str | None = None,
    ) -> Schedule:
        """A job that comes every so many seconds from now on, in place of the schedule of its name."""
        made = Schedule(
            name=name,
            kind=kind,
            payload=payload,
            every_seconds=every_seconds,
            next_due=self._now() + every_seconds * 1_000_000,
            requested_by=requested_by,
        )
        with self._writing() as connection:
            jobs.save_schedule(connection, made)
        return made

    def unschedule(self, name: str) -> None:
        """Ends a schedule; an error where there is none."""
        with self._writing() as connection:
            if not jobs.remove_schedule(connection, name):
                raise SanchoError(_NO_SCHEDULE.format(name=name), "unknown_schedule")

    def schedules(self) -> list[Schedule]:
        """All schedules, by name."""
        with self._engine.connect() as connection:
            return jobs.schedules(connection)

    def queue_due_schedules(self) -> list[Job]:
        """Queues the jobs of the schedules that are due; those that are new."""
        with self._writing() as connection:
            return jobs.queue_due_schedules(connection, self._now())


def _known(job: Job | None, job_id: str) -> Job:
    if job is None:
        raise unknown_job(job_id)
    return job


def unknown_job(job_id: str) -> SanchoError:
    """The error of a job that does not exist."""
    return SanchoError(_NO_JOB.format(job_id=job_id), "unknown_job")
