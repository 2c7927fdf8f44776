"""Which endpoint hands out reports as files?"""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service.api.forecasts import Period
from service.api.parameters import AsOf, Scope
from service.api.pools import pools_of
from service.api.responses import answer_to
from service.api.seen import sight_of
from service.problems import language_of
from service.reports.files import MEDIA, AskedReport, file_name, questions_of, written
from service.use_cases import UseCases

router = APIRouter(prefix="/reports", tags=["forecasts"])
# Which it is follows from `format`.
_FILE = {
    kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA.values()
}


@router.get(
    "/{report}/{period}",
    response_class=Response,
    responses={200: {"content": _FILE}},
    summary="A report as a file: workbook, page or table",
)
async def download_report(
    request: Request,
    report: Annotated[
        Literal["yomi", "quarter"], Path(description="The deal sheet (ヨミ表), or the forecast")
    ],
    period: Period,
    scope: Scope = None,
    as_of: AsOf = None,
    form: Annotated[
        Literal["xlsx", "html", "csv"],
        Query(
            alias="format",
            description="`xlsx`: a workbook with formulas and charts; `html`: one file that needs no other; "
            "`csv`: the rows with exact values",
        ),
    ] = "xlsx",
    lang: Annotated[
        Literal["ja", "en"] | None, Query(description="The language; default: by Accept-Language")
    ] = None,
) -> Response:
    """The numbers of the page and of REST, to be opened elsewhere, sent and kept."""
    cases: UseCases = request.app.state.use_cases
    sight = sight_of(request)
    asked = AskedReport.of(cases, period, sight.scope(scope), as_of, lang or language_of(request), sight)
    answers = {
        name: orjson.loads((await answer_to(request, cases.answers, question)).body)
        for name, question in questions_of(cases, report, asked).items()
    }
    body = await pools_of(request).slow.run(written, cases, report, form, answers, asked)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(report, answers, form)}"'}
    return Response(body, media_type=MEDIA[form], headers=headers)
