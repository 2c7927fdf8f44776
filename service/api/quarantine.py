"""Which endpoints tell of rows that imports could not use?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import schemas
from service.api.parameters import Cursor
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.use_cases import QuarantineDep
from service.problems import language_of

router = APIRouter(prefix="/quarantine", tags=["data"])
_EXAMPLE = (
    "_quarantine,_file,_line,_column,_value,_reason_ja,_reason_en,deal_id,created_at,stage\n"
    "12:3,deals.csv,4,created_at,someday,日時として読めません。,not a date and time.,D-4,someday,提案\n"
)
_PROBLEMS = documented_problems("unknown_table")


@router.get("", response_model=schemas.QuarantineList, summary="Rows that imports could not use")
async def list_quarantine(
    request: Request,
    quarantine: QuarantineDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> Response:
    """Line, column, value and reason of each; a row leaves when it comes again without errors."""
    told = (limit, cursor, language_of(request))
    return send(request, await pools_of(request).aside.run(quarantine.listed, *told))


@router.get(
    "/{table}.csv",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
        **_PROBLEMS,
    },
    summary="The rows of a table that imports could not use, as CSV",
)
async def download_quarantine(
    request: Request,
    quarantine: QuarantineDep,
    table: Annotated[str, Path(max_length=50, pattern=r"^\w+$", examples=["deals"])],
) -> Response:
    """UTF-8 with a byte order mark, for Excel. Put right and imported again, its rows leave it."""
    return csv_file(await pools_of(request).aside.run(quarantine.csv, table), f"quarantine-{table}.csv")


def csv_file(body: bytes, name: str) -> Response:
    """A CSV that a browser keeps as a file."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)
