"""How does a process do the queue's work: one job after another, taken over from those that have died?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from crm.acting import ACTING, Actor
from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import UNAVAILABLE
from service.jobs.kinds import KINDS, Kind
from service.jobs.queue import JobQueue
from service.logs import log_event
from service.traces import part

if TYPE_CHECKING:
    from crm.store.jobs import Job
    from service.settings import Settings

ATTEMPTS = 3
BEAT_SECONDS = 2.0
DEAD_SECONDS = 20.0  # without a beat
POLL_SECONDS = 1.0
RETRY_SECONDS = (30.0, 120.0)  # before the second and third attempt where store or registry were away
_PASSING = (UNAVAILABLE, "registry_unavailable")  # errors that pass
_LOG = "sancho.jobs"
SCHEDULE = "schedule"  # who asks for a job that comes again and again, in the audit
_DIED = Text(
    "処理中のプロセスが{n}回終了したため、ジョブを中止しました。メモリー不足でないか確認し、もう一度実行してください。",
    "the process that did this job ended {n} times, so it was given up; see whether memory is short, and ask "
    "again.",
)
_UNEXPECTED = Text(
    "予期しないエラーでジョブが失敗しました。サーバーのログ（job={job_id}）を確認してください。",
    "the job failed by an unexpected error; see the server's log (job={job_id}).",
)


class JobCancelledError(Exception):
    """The job is to stop: it was cancelled, or another worker has it by now."""


class Worker:
    """Does jobs of some kinds, one at a time, until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        queue: JobQueue,
        kinds: Sequence[str] = tuple(KINDS),
        known: Mapping[str, Kind] = KINDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._queue, self._kinds, self._known = settings, queue, tuple(kinds), known
        self._monotonic = monotonic
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}  # attempt and beats, since when
        self._stopped = threading.Event()

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Works until `stop`, or until it shall not go on; an outage of the store is waited for."""
        forgotten = False
        while not self._stopped.is_set() and goes_on():
            busy = False
            try:
                if not forgotten:
                    self._queue.forget_old()
                    forgotten = True
                busy = self.work_once()
            except SanchoError as fault:
                log_event(_LOG, "warning", "queue_away", reason=fault.text.en)
            if not busy:
                self._stopped.wait(POLL_SECONDS)

    def stop(self) -> None:
        """Ends after the job that is being done."""
        self._stopped.set()

    def work_once(self) -> bool:
        """Takes over what others left, queues what is due, and does one job; whether there was one."""
        self._take_over()
        self._queue.queue_due_schedules()
        job = self._queue.take(self._kinds)
        if job is None:
            return False
        self._do(job)
        return True

    def _take_over(self) -> None:
        """Gives back jobs whose worker has not been heard of for a while, by this process's own clock."""
        now, seen = self._monotonic(), self._seen
        self._seen = {}
        for job_id, attempt, beats in self._queue.running(self._kinds):
            before, since = seen.get(job_id, (None, now))
            if before != (attempt, beats):
                since = now
            self._seen[job_id] = ((attempt, beats), since)
            if now - since < DEAD_SECONDS:
                continue
            if attempt >= ATTEMPTS:
                error = "worker_died", _DIED.format(n=attempt)
                self._queue.end(job_id, attempt, error=error)
            else:
                self._queue.give_back(job_id, attempt)
            log_event(_LOG, "warning", "worker_died", job=job_id, attempt=attempt)

    def _do(self, job: Job) -> None:
        log_event(_LOG, "info", "job_begun", job=job.job_id, kind=job.kind, attempt=job.attempts)
        began = self._monotonic()
        with _Heart(self._queue, job) as heart:
            state = self._attempt(job, heart)
        seconds = round(self._monotonic() - began, 3)
        log_event(_LOG, "info", "job_ended", job=job.job_id, kind=job.kind, state=state, seconds=seconds)

    def _attempt(self, job: Job, heart: _Heart) -> str:
        who = Actor(caller=job.requested_by or SCHEDULE, operation=f"{job.kind} job")
        token = ACTING.set(lambda: who)
        try:
            return self._tried(job, heart)
        finally:
            ACTING.reset(token)

    def _tried(self, job: Job, heart: _Heart) -> str:
        try:
            with part("job", kind=job.kind, attempt=job.attempts):
                result = self._known[job.kind].work(self._settings, self._queue, job, heart.step)
            self._queue.end(job.job_id, job.attempts, result=result)
        except JobCancelledError:
            self._queue.end(job.job_id, job.attempts)
            return "cancelled"
        except SanchoError as fault:
            if fault.code in _PASSING and job.attempts < ATTEMPTS:
                delay = RETRY_SECONDS[job.attempts - 1]
                self._queue.give_back(job.job_id, job.attempts, delay)
                return "again"
            self._queue.end(job.job_id, job.attempts, error=(fault.code, fault.text))
            return "failed"
        except Exception as error:
            log_event(_LOG, "error", "job_failed", job=job.job_id, exc_info=error)
            said = _UNEXPECTED.format(job_id=job.job_id)
            self._queue.end(job.job_id, job.attempts, error=("unexpected", said))
            return "failed"
        return "done"


class _Heart:
    """Beats for an attempt from a thread of its own, and stops its work when it is cancelled."""

    def __init__(self, queue: JobQueue, job: Job) -> None:
        self._queue, self._job = queue, job
        self._progress: tuple[Text, int, int | None] | None = None
        self._ends, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="job-beats")

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def step(self, what: Text, done: int, total: int | None) -> None:
        """Notes how far the work is; raises where it is to stop."""
        self._progress = what, done, total
        if self._ends.is_set():
            raise JobCancelledError

    def _beat(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            with suppress(SanchoError):  # the queue's database is away: the next beat tries again
                job = self._queue.beat(self._job, self._progress)
                if job is None or job.cancel_asked:
                    self._ends.set()
