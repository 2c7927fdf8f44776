"""Is each job done once, whoever dies, and can a caller follow it, cancel it, and read what came of it?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store import Store
from crm.store.jobs import Job
from crm.store.queue_database import queue_url
from service.jobs import JobQueue
from service.jobs import worker as module
from service.jobs.kinds import IMPORT, KINDS, Kind, lanes
from service.jobs.worker import ATTEMPTS, DEAD_SECONDS, RETRY_SECONDS, Worker
from service.settings import Settings

COUNT = Text("数えています", "Counting")


class Clock:
    """A clock that stands until it is set: microseconds UTC for the queue, seconds for a worker."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> int:
        return int(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(store: Store) -> str:
    return store._engine.url.render_as_string(hide_password=False)


@pytest.fixture
def queue(url: str, clock: Clock) -> Iterator[JobQueue]:
    with JobQueue(url, clock.now) as opened:
        yield opened


def worker_of(queue: JobQueue, clock: Clock, work: Callable[..., dict[str, Any]], tmp_path: Path) -> Worker:
    """A worker that knows one kind of job, `count`."""
    kinds = {"count": Kind(COUNT, False, work)}
    return Worker(Settings(home=tmp_path), queue, ["count"], kinds, clock.monotonic)


def count_to_three(
    _settings: Settings, _queue: JobQueue, _job: Job, step: Callable[..., None]
) -> dict[str, Any]:
    for number in range(4):
        step(COUNT, number, 3)
    return {"counted": 3}


def test_a_job_is_done_and_says_what_came_of_it(queue: JobQueue, clock: Clock, tmp_path: Path):
    job, is_new = queue.add("count", {"to": 3}, requested_by="crm")
    assert (is_new, job.state, job.payload, job.requested_by) == (True, "queued", {"to": 3}, "crm")
    worker = worker_of(queue, clock, count_to_three, tmp_path)
    assert worker.work_once()
    done = queue.find(job.job_id)
    assert (done.state, done.result, done.attempts, done.is_open) == ("done", {"counted": 3}, 1, False)
    assert not worker.work_once(), "nothing is left to do"


def test_workers_at_once_do_each_job_once(url: str, clock: Clock, tmp_path: Path):
    done: list[str] = []

    def note(_settings: Settings, _queue: JobQueue, job: Job, _step: Callable[..., None]) -> dict[str, Any]:
        done.append(job.job_id)
        return {}

    with JobQueue(url, clock.now) as queue:
        added = {queue.add("count", {})[0].job_id for _ in range(12)}

    def work() -> None:
        with JobQueue(url, clock.now) as own:
            worker = worker_of(own, clock, note, tmp_path)
            while worker.work_once():
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(added)


def test_a_dead_workers_job_is_taken_up_again_and_its_late_word_is_not_written(
    queue: JobQueue, clock: Clock, tmp_path: Path
):
    job, _ = queue.add("count", {})
    dead = queue.take(["count"])
    assert dead is not None
    worker = worker_of(queue, clock, count_to_three, tmp_path)
    assert not worker.work_once(), "it may be alive"
    clock.seconds += DEAD_SECONDS / 2
    assert queue.beat(dead, (COUNT, 1, 3)) is not None
    assert not worker.work_once(), "it is alive"
    clock.seconds += DEAD_SECONDS - 1
    assert not worker.work_once(), "it has been heard of lately"
    clock.seconds += 1.5
    assert worker.work_once()
    assert queue.find(job.job_id).attempts == 2
    assert not queue.end(job.job_id, dead.attempts, result={"counted": 0})
    assert queue.beat(dead, None) is None
    assert queue.find(job.job_id).result == {"counted": 3}


def test_a_clock_set_back_neither_kills_nor_keeps_a_job(queue: JobQueue, clock: Clock, tmp_path: Path):
    queue.add("count", {})
    assert queue.take(["count"]) is not None
    wall = Clock()
    worker = worker_of(queue, wall, count_to_three, tmp_path)
    worker.work_once()
    clock.seconds -= 900.0  # of the calendar
    wall.seconds += DEAD_SECONDS + 1
    worker.work_once()
    assert [attempt for _, attempt, _ in queue.running(["count"])] == []


def test_a_job_whose_workers_die_again_and_again_is_given_up(queue: JobQueue, clock: Clock, tmp_path: Path):
    job, _ = queue.add("count", {})
    worker = worker_of(queue, clock, count_to_three, tmp_path)
    for _ in range(ATTEMPTS):
        assert queue.take(["count"]) is not None
        worker._take_over()
        clock.seconds += DEAD_SECONDS + 1
        worker._take_over()
    found = queue.find(job.job_id)
    assert (found.state, found.attempts) == ("failed", ATTEMPTS)
    assert found.error is not None
    assert "memory" in found.error[1].en


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_stops(
    queue: JobQueue, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    waiting, _ = queue.add("count", {}, delay_seconds=60)
    assert queue.cancel(waiting.job_id).state == "cancelled"

    def endless(_settings: Settings, own: JobQueue, job: Job, step: Callable[..., None]) -> dict[str, Any]:
        assert own.cancel(job.job_id).state == "running", "until it has stopped"
        while True:
            step(COUNT, 0, None)

    job, _ = queue.add("count", {})
    assert worker_of(queue, clock, endless, tmp_path).work_once()
    assert queue.find(job.job_id).state == "cancelled"
    assert queue.cancel(job.job_id).state == "cancelled", "asked for once more it stays so"


def test_what_passes_is_tried_again_later_and_what_does_not_is_told(
    queue: JobQueue, clock: Clock, tmp_path: Path
):
    codes = iter(["registry_unavailable"] * ATTEMPTS + ["unknown_table"])

    def away(*_: object) -> dict[str, Any]:
        raise SanchoError(Text("届きません。", "out of reach."), next(codes))

    worker = worker_of(queue, clock, away, tmp_path)
    job, _ = queue.add("count", {})
    for wait in RETRY_SECONDS:
        assert worker.work_once()
        assert queue.find(job.job_id).state == "queued"
        assert not worker.work_once(), "not at once"
        clock.seconds += wait
    assert worker.work_once()
    assert queue.find(job.job_id).error == ("registry_unavailable", Text("届きません。", "out of reach."))
    wrong, _ = queue.add("count", {})
    assert worker.work_once()
    assert (queue.find(wrong.job_id).state, queue.find(wrong.job_id).attempts) == ("failed", 1)


def test_a_fault_of_our_own_ends_the_job_and_not_the_worker(queue: JobQueue, clock: Clock, tmp_path: Path):
    def broken(*_: object) -> dict[str, Any]:
        raise ZeroDivisionError

    worker = worker_of(queue, clock, broken, tmp_path)
    job, _ = queue.add("count", {})
    assert worker.work_once()
    code, text = queue.find(job.job_id).error or ("", COUNT)
    assert code == "unexpected"
    assert job.job_id in text.en
    assert not worker.work_once()


def test_of_jobs_with_one_key_one_is_open(queue: JobQueue, clock: Clock, tmp_path: Path):
    first, _ = queue.add("count", {}, unique_key="nightly")
    again, is_new = queue.add("count", {}, unique_key="nightly")
    assert (again.job_id, is_new) == (first.job_id, False)
    assert worker_of(queue, clock, count_to_three, tmp_path).work_once()
    assert queue.add("count", {}, unique_key="nightly")[1], "the first has ended"


def test_what_a_schedule_missed_is_done_once_and_by_one_worker(url: str, queue: JobQueue, clock: Clock):
    queue.schedule("weekly", "count", {"to": 3}, every_seconds=3600)
    assert queue.queue_due_schedules() == []
    clock.seconds += 3 * 3600 + 10
    with JobQueue(url, clock.now) as other:
        added = [*queue.queue_due_schedules(), *other.queue_due_schedules()]
    assert [job.payload for job in added] == [{"to": 3}]
    assert queue.schedules()[0].next_due == (1_000 + 4 * 3600) * 1_000_000
    queue.unschedule("weekly")
    with pytest.raises(SanchoError, match="no schedule"):
        queue.unschedule("weekly")


def test_jobs_are_listed_newest_first_page_by_page_and_forgotten_in_the_end(queue: JobQueue, clock: Clock):
    ids = []
    for _ in range(5):
        clock.seconds += 1
        ids.append(queue.add("count", {})[0].job_id)
    first = queue.newest(2)
    rest = queue.newest(9, before=(first[-1].created_at, first[-1].job_id))
    assert [job.job_id for job in (*first, *rest)] == ids[::-1]
    queue.cancel(ids[0])
    assert [job.job_id for job in queue.newest(9, ["cancelled"])] == ids[:1]
    clock.seconds += 91 * 86_400
    assert queue.forget_old() == 1, "what is open is never forgotten"
    with pytest.raises(SanchoError, match="no job"):
        queue.find(ids[0])


def test_a_file_is_imported_as_it_was_sent_and_its_bytes_go_with_the_job(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=tmp_path)
    rows = "deal_id,created_at,stage\nD-1,2026-04-01,提案\nD-2,nonsense,提案\n".encode("cp932")
    with JobQueue(settings.store_url, clock.now) as queue:
        job, _ = queue.add(IMPORT, {"file": "../deals.csv"}, contents=[rows[:30], rows[30:]])
        assert b"".join(queue.contents(job)) == rows
        assert Worker(settings, queue, [IMPORT]).work_once()
        done = queue.find(job.job_id)
        assert done.result is not None, done.error
        counts = done.result["tables"]["deals"]
        assert (counts["imported"], counts["quarantined"]) == (1, 1)
        assert list(queue.contents(job)) == []
    assert not (tmp_path.parent / "deals.csv").exists(), "only the last part of a name counts"
    with Store.open(settings.store_url) as store:
        assert store.counts()["deals"] == 1


def test_an_import_that_is_cancelled_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.001)
    settings = Settings(home=tmp_path)
    lines = "".join(f"D-{number},2026-04-01,提案\n" for number in range(30_000))
    with JobQueue(settings.store_url) as queue:
        job, _ = queue.add(
            IMPORT, {"file": "deals.csv"}, contents=[f"deal_id,created_at,stage\n{lines}".encode()]
        )
        original = KINDS[IMPORT].work

        def cancelled_meanwhile(*given: Any) -> dict[str, Any]:
            *rest, step = given
            queue.cancel(job.job_id)

            def slow_step(what: Text, done: int, total: int | None) -> None:
                heart = step.__self__
                heart._ends.wait(5)
                step(what, done, total)

            return original(*rest, slow_step)

        kinds = {IMPORT: Kind(KINDS[IMPORT].label, False, cancelled_meanwhile)}
        assert Worker(settings, queue, [IMPORT], kinds).work_once()
        assert queue.find(job.job_id).state == "cancelled"
    with Store.open(settings.store_url) as store:
        assert store.counts()["deals"] == 0


def test_every_kind_is_in_one_lane():
    assert sorted(name for lane in lanes() for name in lane) == sorted(KINDS)


def test_the_queue_of_a_file_stands_beside_it_since_an_import_locks_the_file():
    assert queue_url("/data/sancho.db") == "sqlite:////data/sancho-jobs.db"
    assert queue_url("postgresql+psycopg://u:p%40s@db/sancho") == "postgresql+psycopg://u:p%40s@db/sancho"
