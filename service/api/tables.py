"""Which endpoint stores rows?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import schemas
from service.api.pools import pools_of
from service.api.received import received
from service.api.responses import documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import TablesDep
from service.problems import language_of
from service.request_rows import refuse_types, refuse_unknown, request_parts
from service.seen_rows import check_table

router = APIRouter(prefix="/tables", tags=["data"])


@router.put(
    "/{table}",
    response_model=schemas.TableResult,
    responses=documented_problems("bad_json", "bad_csv", "unsupported_media_type"),
    summary="Upsert rows of a canonical table",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"deal_id": "D-1", "created_at": "2026-11-20", "stage": "アポイント"}\n',
                },
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "deal_id,created_at,stage\nD-1,2026-11-20,アポイント\n",
                },
            },
        }
    },
)
async def put_table_rows(
    request: Request,
    tables: TablesDep,
    table: Annotated[str, Path(examples=["deals"], max_length=50)],
) -> Response:
    """Adds rows, or replaces those of the same key; twice changes nothing. Bad rows are quarantined."""
    sight = sight_of(request)
    content_type, lang = request.headers.get("content-type", ""), language_of(request)
    refuse_unknown(table)
    refuse_types(content_type)
    check_table(table, sight)
    push = partial(tables.push, sight=sight)
    async with received(request) as (file, size):
        rows = request_parts(file, size, table, content_type)
        return send(request, await pools_of(request).writes.run(push, table, rows, lang))


@router.delete(
    "/{table}/{row_id:path}",
    response_model=schemas.RemovedRow,
    responses=documented_problems("unknown_row", "bad_request"),
    summary="Delete a row of a canonical table",
)
async def delete_table_row(
    request: Request,
    tables: TablesDep,
    table: Annotated[str, Path(examples=["deals"], max_length=50)],
    row_id: Annotated[str, Path(examples=["D-1"], max_length=500, description="Several keys with commas")],
) -> Response:
    """The row is gone from now on; answers as of earlier moments still know it."""
    sight = sight_of(request)
    refuse_unknown(table)
    lang = language_of(request)
    remove = partial(tables.remove, sight=sight)
    return send(request, await pools_of(request).writes.run(remove, table, row_id, lang))
