"""Which endpoints put work into the queue, and tell how far it is?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from service import schemas
from service.api.access import CallerDep
from service.api.parameters import Cursor, IdempotencyKey
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.seen import sight_of
from service.api.uploads import NO_NAME, is_upload, uploaded
from service.api.use_cases import JobsDep
from service.idempotency import REUSED
from service.problems import language_of

router = APIRouter(tags=["jobs"])
_JOB = Annotated[str, Path(max_length=64, examples=["3f9c2a1b7d5e6f80"])]
_ACCEPTED = 202


@router.post(
    "/imports",
    status_code=_ACCEPTED,
    response_model=schemas.JobAnswer,
    responses=documented_problems("no_file", REUSED),
    summary="Import a file, as a job",
    openapi_extra={
        "requestBody": {
            "required": False,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "mapping": {"type": "string", "description": "A mapping file: TOML, or JSON"},
                        },
                    }
                },
            },
        }
    },
)
async def import_file(
    request: Request,
    jobs: JobsDep,
    caller: CallerDep,
    file: Annotated[
        str | None,
        Query(
            description="Name of the file; its ending says the format", examples=["deals.csv"], max_length=200
        ),
    ] = None,
    table: Annotated[str | None, Query(description="Which table it is for; default by its name")] = None,
    mapping: Annotated[str | None, Query(description="A shipped mapping's name")] = None,
    dry_run: Annotated[bool, Query(description="Only check; keep nothing")] = False,
    full: Annotated[bool, Query(description="The list is complete: what it lacks is gone")] = False,
    encoding: Annotated[str | None, Query(description="Character set; default: recognised")] = None,
    decimal: Annotated[str | None, Query(pattern="^[.,]$", description="The decimal mark")] = None,
    from_job: Annotated[
        str | None,
        Query(max_length=64, description="A rehearsed import (dry_run) whose file is imported; no body then"),
    ] = None,
    key: IdempotencyKey = None,
) -> Response:
    """CSV, TSV, XLSX, Parquet or NDJSON as the body, or as `file` of a form with a mapping as `mapping`.

    The answer's job tells counts and bad rows; that of a dry run also the columns, with what each means and
    its first values, and its file can be imported by `from_job` for a day.
    """
    asked = {
        "file": file,
        "table": table,
        "mapping": mapping,
        "dry_run": dry_run,
        "full": full,
        "encoding": encoding,
        "decimal": decimal,
    }
    lang = language_of(request)
    if from_job is not None:
        said = {name: value for name, value in asked.items() if value}
        again = partial(jobs.add_again, from_job, {**said, "dry_run": dry_run}, caller.name, lang, key=key)
        return _accepted(request, await pools_of(request).writes.run(again))
    if is_upload(request):
        async with uploaded(request) as sent:
            asked |= {"file": file or sent.name, "mapping_text": sent.fields.get("mapping")}
            add = partial(jobs.add_file, sent.file, asked, caller.name, lang, key=key)
            return _accepted(request, await pools_of(request).writes.run(add))
    if not file:
        raise SanchoError(NO_NAME, "no_file")
    answer = await jobs.add_import(request.stream(), asked, caller.name, lang, key=key)
    return _accepted(request, answer)


@router.post(
    "/trainings",
    status_code=_ACCEPTED,
    response_model=schemas.JobAnswer,
    summary="Train a model, as a job",
)
async def train_model(
    request: Request,
    jobs: JobsDep,
    caller: CallerDep,
    asked: schemas.TrainingRequest,
) -> Response:
    """Trains on the store, registers, promotes past the gate. While one is open, that one is the answer."""
    lang = language_of(request)
    answer = await pools_of(request).writes.run(jobs.add_training, asked.model_dump(), caller.name, lang)
    return _accepted(request, answer)


@router.get("/jobs", response_model=schemas.JobList, summary="Jobs, newest first")
async def list_jobs(
    request: Request,
    jobs: JobsDep,
    state: Annotated[schemas.State | None, Query(description="Only those in a state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> Response:
    """Imports, trainings and scheduled work; those that ended are kept for 90 days."""
    sight = sight_of(request)
    lang = language_of(request)
    return send(
        request,
        await pools_of(request).aside.run(partial(jobs.newest, sight=sight), state, limit, cursor, lang),
    )


@router.get(
    "/jobs/{job_id}",
    response_model=schemas.JobAnswer,
    summary="A job: progress or result",
)
async def get_job(request: Request, jobs: JobsDep, job_id: _JOB) -> Response:
    """How far a job is, or what came of it."""
    sight = sight_of(request)
    one = partial(jobs.one, sight=sight)
    return send(request, await pools_of(request).aside.run(one, job_id, language_of(request)))


@router.post(
    "/jobs/{job_id}/cancel",
    response_model=schemas.JobAnswer,
    responses=documented_problems("job_ended"),
    summary="Cancel a job",
)
async def cancel_job(request: Request, jobs: JobsDep, job_id: _JOB) -> Response:
    """A queued job is cancelled at once; one that is being done stops soon, and keeps nothing."""
    sight = sight_of(request)
    cancel = partial(jobs.cancel, sight=sight)
    return send(request, await pools_of(request).writes.run(cancel, job_id, language_of(request)))


def _accepted(request: Request, answer: dict[str, object]) -> Response:
    response = send(request, answer)
    response.status_code = _ACCEPTED
    response.headers["Location"] = f"/v1/jobs/{answer['job_id']}"
    return response
