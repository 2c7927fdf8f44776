"""Which endpoint lets another system show a deal's card to somebody?"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service import schemas
from service.api.access import CallerDep
from service.api.persons import caller_for, directory
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import ServingStateDep
from service.callers import Caller
from service.card.tokens import CardOf, CardTokens
from service.sign_in.people import LEFT

router = APIRouter(prefix="/card-tokens", tags=["actions"])
_WHO = Text(
    "person_id に、カードを見る人を指定してください（サインインした人は自分だけ）。",
    "name in person_id who will see the card; somebody who has signed in gets his own alone.",
)


@router.post(
    "",
    response_model=schemas.CardToken,
    responses=documented_problems("unknown_deal", "bad_person"),
    summary="A token for the card of a deal in a page of another system",
)
async def issue_card_token(
    request: Request, serving: ServingStateDep, caller: CallerDep, asked: schemas.CardTokenRequest
) -> Response:
    """For one deal, one person and ten minutes. The person sees on it what he may see here."""
    sight_of(request).check_deal(asked.deal_id)
    shown_to = await _reader(request, caller, asked.person_id)
    if shown_to is not caller:
        sight = await pools_of(request).aside.run(serving.sight, shown_to)
        sight.check_deal(asked.deal_id)
    card = CardOf(asked.deal_id, shown_to.person_id or "")
    tokens = CardTokens(serving.settings.home)
    token, ends = await pools_of(request).aside.run(tokens.issue, card)
    at = datetime.fromtimestamp(ends, UTC).isoformat()
    response = send(request, {"token": token, "ends_at": at}, secret=True, of_oneself=True)
    response.headers["Cache-Control"] = "no-store"
    return response


async def _reader(request: Request, caller: Caller, person_id: str | None) -> Caller:
    """Who will see the card: who asks, or, where a program does, the person that it names."""
    if caller.person_id is not None and person_id in (None, caller.person_id):
        return caller
    person = (await directory(request)).everybody.get(person_id or "")
    if caller.person_id is not None or person is None or person.refused == LEFT:
        raise SanchoError(_WHO, "bad_person")
    return caller_for(person)
