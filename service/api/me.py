"""Which endpoints tell a person what is stored about himself, and let him answer it?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service import schemas
from service.api.access import CallerDep
from service.api.audit_trail import note_scopes
from service.api.parameters import PeriodName
from service.api.pools import pools_of
from service.api.responses import send
from service.api.seen import sight_of
from service.api.use_cases import PersonRecordsDep
from service.callers import Caller
from service.problems import language_of

router = APIRouter(tags=["me"])
_CREATED = 201
_NOT_A_PERSON = Text(
    "この呼び出しは、サインインした本人だけが使えます。APIキーでは使えません。",
    "only a person who has signed in can ask this about himself, not an API key.",
)


@router.get("/me/record", response_model=schemas.PersonRecord, summary="What is stored about me")
async def get_my_record(
    request: Request, records: PersonRecordsDep, caller: CallerDep, period: PeriodName = None
) -> Response:
    """All that is stored and computed about who asks: rows, figures, who read them, own answers."""
    person = _person(caller)
    asked = (person, period, language_of(request))
    return send(request, await pools_of(request).slow.run(records.record, *asked), of_oneself=True)


@router.post(
    "/me/answers",
    status_code=_CREATED,
    response_model=schemas.StoredPersonAnswer,
    summary="Answer a figure or question about me",
)
async def answer_my_figure(
    request: Request, records: PersonRecordsDep, caller: CallerDep, asked: schemas.MyAnswer
) -> Response:
    """The answer is stored, and told beside the figure to those who may see it."""
    said = (_person(caller), asked.subject, asked.period, asked.answer)
    stored = await pools_of(request).writes.run(records.answer, *said)
    response = send(request, stored, of_oneself=True)
    response.status_code = _CREATED
    return response


@router.get(
    "/person-answers",
    response_model=schemas.PersonAnswerList,
    summary="What a person answered to his figures",
)
async def list_person_answers(
    request: Request,
    records: PersonRecordsDep,
    person: Annotated[str, Query(max_length=500, examples=["P-1"])],
) -> Response:
    """Newest first; to be shown beside his figures."""
    note_scopes(request, f"person:{person}")
    sight_of(request).scope(f"person:{person}")
    return send(request, await pools_of(request).aside.run(records.answers, person))


def _person(caller: Caller) -> str:
    if caller.person_id is None:
        raise SanchoError(_NOT_A_PERSON, "not_a_person")
    return caller.person_id
