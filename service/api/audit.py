"""Which endpoint tells who did what, and who read whose figures?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service import schemas
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.use_cases import AuditDep

router = APIRouter(tags=["audit"])
_DAY = "A day or moment"


@router.get(
    "/audit",
    response_model=schemas.AuditList,
    responses=documented_problems("bad_cursor", "bad_as_of"),
    summary="Who did what, and who read whose figures",
)
async def list_audit(
    request: Request,
    audit: AuditDep,
    since: Annotated[str | None, Query(description=_DAY, examples=["2026-11-01"], max_length=40)] = None,
    until: Annotated[str | None, Query(description=f"{_DAY}; a day means its end", max_length=40)] = None,
    caller: Annotated[str | None, Query(description="Only what one caller did", max_length=200)] = None,
    person: Annotated[
        str | None,
        Query(description="Only what a person did, or what tells of him", examples=["P-1"], max_length=500),
    ] = None,
    operation: Annotated[str | None, Query(examples=["put_table_rows"], max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[
        str | None, Query(description="`next_cursor` of the page before", max_length=200)
    ] = None,
) -> Response:
    """Every change, and every read of another person's figures, newest first; stored within seconds."""
    asked = (since, until, caller, person, operation, cursor, limit)
    return send(request, await pools_of(request).aside.run(audit.page, *asked))
