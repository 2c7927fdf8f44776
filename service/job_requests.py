"""What can a caller of the API ask the queue for, and what is refused at once?"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Mapping
from functools import partial
from itertools import chain
from typing import IO, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.store.jobs import DONE, FAILED, OPEN, STATES, Job
from service import cursors
from service.idempotency import named_id, refuse_reuse
from service.job_answers import job_answer, job_list
from service.jobs import JobQueue
from service.jobs.kinds import BACKTEST, IMPORT, SAMPLE, TRAINING
from service.jobs.queue import unknown_job
from service.serving_state import ServingState
from service.sight import EVERYTHING, Sight

_LIST = "jobs"
MAX_FILE = 512 * 1024 * 1024  # bytes
_PART = 1024 * 1024
_LOOKED_AT = 100  # open jobs
_TOO_LARGE = Text(
    "ファイルが大きすぎます（上限 {n:,} MB）。分割するか、サーバー上で `sancho import` を使ってください。",
    "the file is too large (at most {n:,} MB); send it in parts, or run `sancho import` on the server.",
)
_EMPTY = Text(
    "ファイルの内容がありません。リクエストの本文として送ってください。",
    "there is no file; send it as the body of the request.",
)
_NOT_REHEARSED = Text(
    "このジョブは確認だけの取り込みではありません。dry_run=true で送ったジョブを指定してください。",
    "this job is no rehearsed import; name one that was sent with dry_run=true.",
)
_FILE_GONE = Text(
    "確認したファイルはもう残っていません（1日で削除します）。もう一度アップロードしてください。",
    "the file that was checked is kept for a day and is gone; send it again.",
)
_ENDED = Text(
    "このジョブはすでに終わっています。取り消せるのは待機中か実行中のジョブです。",
    "this job has ended; only one that is queued or running can be cancelled.",
)


async def counted(body: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The body of an import as it comes; raises where it is too large."""
    received = 0
    async for chunk in body:
        received += len(chunk)
        if received > MAX_FILE:
            raise SanchoError(_TOO_LARGE.format(n=MAX_FILE // _PART), "too_large")
        yield chunk


class JobRequests:
    """The queue as the API offers it."""

    def __init__(self, serving: ServingState, queue: JobQueue) -> None:
        self._serving, self._queue = serving, queue

    async def add_import(
        self,
        body: AsyncIterable[bytes],
        asked: dict[str, Any],
        caller: str,
        lang: Language,
        *,
        key: str | None = None,
    ) -> dict[str, Any]:
        """A job that imports a file; its bytes are kept with the job until it has ended.

        Under the same `key` a caller makes one job, however often the file is sent.
        """
        from fastapi.concurrency import run_in_threadpool  # here: commands answer without a web framework

        with tempfile.TemporaryFile() as file:
            async for chunk in counted(body):
                file.write(chunk)
            file.seek(0)
            add = partial(self.add_file, file, asked, caller, lang, key=key)
            return await run_in_threadpool(add)

    def add_file(
        self, file: IO[bytes], asked: dict[str, Any], caller: str, lang: Language, *, key: str | None = None
    ) -> dict[str, Any]:
        """The same, of a file that has come; one that is empty is refused."""
        parts = iter(lambda: file.read(_PART), b"")
        first = next(parts, b"")
        if not first:
            raise SanchoError(_EMPTY, "no_file")
        self._queue.drop_old_files()
        named = named_id(key, caller, IMPORT)
        contents = chain((first,), parts)
        job, is_new = self._queue.add(IMPORT, asked, requested_by=caller, contents=contents, job_id=named)
        refuse_reuse(is_new or job.payload == asked)
        return self._answer(job, lang)

    def add_again(
        self, job_id: str, changed: Mapping[str, Any], caller: str, lang: Language, *, key: str | None = None
    ) -> dict[str, Any]:
        """A job that imports the file of a rehearsed import, which asks the same but for what is changed."""
        before = self._queue.find(job_id)
        if before.kind != IMPORT or not before.payload.get("dry_run"):
            raise SanchoError(_NOT_REHEARSED, "no_file")
        with tempfile.TemporaryFile() as file:
            file.writelines(self._queue.contents(before))
            if not file.tell():
                raise SanchoError(_FILE_GONE, "no_file")
            file.seek(0)
            return self.add_file(file, {**before.payload, **changed}, caller, lang, key=key)

    def add_training(self, asked: dict[str, Any], caller: str, lang: Language) -> dict[str, Any]:
        """A job that trains; the one that is open already, where there is one."""
        job, _ = self._queue.add(TRAINING, asked, requested_by=caller, unique_key=TRAINING)
        return self._answer(job, lang)

    def add_backtest(self, caller: str, lang: Language) -> dict[str, Any]:
        """A job that makes a backtest; the one that is open already, where there is one."""
        job, _ = self._queue.add(BACKTEST, {}, requested_by=caller, unique_key=BACKTEST)
        return self._answer(job, lang)

    def add_sample(self, caller: str, lang: Language) -> dict[str, Any]:
        """A job that builds the sample organisation; the one that is open already, where there is one."""
        job, _ = self._queue.add(SAMPLE, {}, requested_by=caller, unique_key=SAMPLE)
        return self._answer(job, lang)

    def open_one(self, kind: str, lang: Language) -> dict[str, Any] | None:
        """The newest open job of a kind; None where there is none."""
        found = next((job for job in self.open_jobs(_LOOKED_AT) if job.kind == kind), None)
        return None if found is None else self._answer(found, lang)

    def last_one(self, kinds: Collection[str], lang: Language) -> dict[str, Any] | None:
        """The newest job of some kinds, open or ended; None where there is none among the newest."""
        found = next((job for job in self._queue.newest(_LOOKED_AT) if job.kind in kinds), None)
        return None if found is None else self._answer(found, lang)

    def newest(
        self,
        state: str | None,
        limit: int,
        cursor: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Jobs, newest first, a page of them; who sees a part of the organisation has none."""
        if sight.is_limited:
            return job_list([], None, self._serving.zone(), lang)
        states, before = STATES if state is None else (state,), None
        if cursor is not None:
            at, job_id = cursors.read(cursor, _LIST, int, str)
            before = (at, job_id)
        found = self._queue.newest(limit + 1, states, before)
        following = None
        if len(found) > limit:
            found = found[:limit]
            following = cursors.written(_LIST, (found[-1].created_at, found[-1].job_id))
        return job_list(found, following, self._serving.zone(), lang)

    def one(self, job_id: str, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """A job."""
        _check(job_id, sight)
        return self._answer(self._queue.find(job_id), lang)

    def cancel(self, job_id: str, lang: Language, sight: Sight = EVERYTHING) -> dict[str, Any]:
        """Cancels a job; an error where it has ended otherwise."""
        _check(job_id, sight)
        job = self._queue.cancel(job_id)
        if job.state in (DONE, FAILED):
            raise SanchoError(_ENDED, "job_ended")
        return self._answer(job, lang)

    def open_jobs(self, most: int) -> list[Job]:
        """Jobs that are queued or being done."""
        return self._queue.newest(most, OPEN)

    def close(self) -> None:
        """Closes the queue's connections."""
        self._queue.close()

    def _answer(self, job: Job, lang: Language) -> dict[str, Any]:
        return job_answer(job, self._serving.zone(), lang)


def _check(job_id: str, sight: Sight) -> None:
    """Raises for who sees a part of the organisation, as for a job that does not exist."""
    if sight.is_limited:
        raise unknown_job(job_id)
