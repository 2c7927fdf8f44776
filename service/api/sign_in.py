"""Which endpoints sign people in and out?

They are outside /v1: they make the credential that /v1 asks for, a provider knows the address to come back
to, and cookies belong to the host, whatever version of the interface a page uses.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from crm.errors import SanchoError
from crm.i18n import Text
from service import schemas
from service.api.access import CALLER, CallerDep
from service.api.cookies import (
    FLOW_COOKIE,
    SESSION_COOKIE,
    cookie_of,
    drop_cookie,
    refuse_other_sites,
    set_cookie,
)
from service.api.persons import SESSION, at_provider, caller_for, directory, session_text, sign_in_of
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.sign_in_attempts import SignInAttempts
from service.callers import Caller
from service.sign_in.book import Session
from service.sign_in.browser_flow import SECONDS as FLOW_SECONDS
from service.sign_in.local import SignedIn
from service.sign_in.people import Person, folded
from service.sign_in.sessions import csrf_token

router = APIRouter(prefix="/auth", tags=["sign-in"])
_NO_LOCAL = Text(
    "この環境ではパスワードやリンクでのサインインを使いません。GET /auth/oidc/start から始めてください。",
    "passwords and links are not used here; begin at GET /auth/oidc/start.",
)
_NOT_A_PERSON = Text(
    "この操作は、ブラウザーでサインインした人だけが行えます。",
    "this is for people who have signed in with a browser.",
)
_OF_SESSION = documented_problems(401, 403, 429, 503)
_REDIRECT: dict[int | str, dict[str, Any]] = {
    303: {"description": "Go on there", "headers": {"Location": {"schema": {"type": "string"}}}}
}


@router.get("/ways", response_model=schemas.SignInWays, summary="How people can sign in")
async def list_sign_in_ways(request: Request) -> Response:
    """What a sign-in page offers."""
    sign_in = sign_in_of(request)
    local = sign_in.settings.local_sign_in
    return send(request, {"password": local, "link": local, "oidc": sign_in.browser.is_set}, of_oneself=True)


@router.post(
    "/sign-in",
    response_model=schemas.Me,
    responses=documented_problems(400, 401, 403, 422, 429, 503),
    summary="Sign in by e-mail address and password",
)
async def sign_in(request: Request, asked: schemas.SignInRequest) -> Response:
    """Begins a session, whose cookie no script can read; one that the browser had before ends.

    An unknown e-mail address is answered like a wrong password, and as late.
    """
    return await _begun(request, await _by_password(request, asked.email, asked.password))


@router.post(
    "/link",
    response_model=schemas.Me,
    responses=documented_problems(400, 401, 403, 422, 429, 503),
    summary="Sign in by a one-time link, and set a password",
)
async def use_link(request: Request, asked: schemas.LinkRequest) -> Response:
    """A link of `sancho user link` works once. With a new password, earlier sessions of the person end."""
    return await _begun(request, await _by_link(request, asked.link, asked.new_password))


@router.post("/sign-out", response_model=schemas.SignedOut, responses=_OF_SESSION, summary="End the session")
async def sign_out(request: Request, caller: CallerDep) -> Response:  # noqa: ARG001 - it needs one
    """The session ends at once, on every replica within a second; its cookie is forgotten."""
    text = _session_of(request)
    ended = await pools_of(request).aside.run(sign_in_of(request).sessions.end, text)
    response = send(request, {"signed_out": ended}, of_oneself=True)
    drop_cookie(request, response, SESSION_COOKIE)
    return response


@router.get("/me", response_model=schemas.Me, responses=_OF_SESSION, summary="Who makes the call")
async def get_me(request: Request, caller: CallerDep) -> Response:
    """A person with his role, or a key; of a session also the token that its calls need."""
    person = None
    if caller.person_id is not None:
        person = (await directory(request)).person(caller.person_id)
    answer = _me(caller, person)
    if (text := request.scope.get(SESSION)) is not None:
        answer |= _session_fields(request, text, await _session(request, text))
    return _unstored(send(request, answer, secret=True, of_oneself=True))


@router.post(
    "/password",
    response_model=schemas.ChangedPassword,
    responses={**_OF_SESSION, **documented_problems(400, 422)},
    summary="Change one's password",
)
async def change_password(request: Request, caller: CallerDep, asked: schemas.PasswordRequest) -> Response:
    """All other sessions of the person end. Who has no password yet sets one by a one-time link."""
    _refuse_unless_local(request)
    text, person_id = _session_of(request), caller.person_id
    person = (await directory(request)).person(person_id or "")
    if person is None:
        raise SanchoError(_NOT_A_PERSON, "not_a_person")
    change = sign_in_of(request).local.change_password
    with _attempts(request).attempt(_address(request), person.email):
        await pools_of(request).passwords.run(
            change, person, asked.current_password, asked.new_password, text
        )
    return send(request, {"person_id": person.person_id}, of_oneself=True)


@router.get(
    "/oidc/start",
    status_code=303,
    response_class=RedirectResponse,
    responses={**_REDIRECT, **documented_problems(404, 422, 503)},
    summary="Go to the identity provider",
)
async def start_oidc(
    request: Request,
    page: Annotated[
        str,
        Query(alias="next", description="Page of this service to go to afterwards", max_length=1_000),
    ] = "/",
) -> Response:
    """OpenID Connect's authorization code flow, with PKCE."""
    browser = sign_in_of(request).browser
    address, cookie = await at_provider(request, lambda: browser.start(page))
    response = RedirectResponse(address, 303)
    set_cookie(request, response, FLOW_COOKIE, cookie, FLOW_SECONDS)
    return response


@router.get(
    "/oidc/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses={**_REDIRECT, **documented_problems(401, 403, 404, 422, 429, 503)},
    summary="Come back from the identity provider",
)
async def finish_oidc(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
    issuer: Annotated[str | None, Query(alias="iss", max_length=1_000)] = None,
) -> Response:
    """Begins a session for whom the provider names, and goes to the page of the start."""
    ours = sign_in_of(request)
    cookie = cookie_of(request, FLOW_COOKIE)
    claims, page = await at_provider(request, lambda: ours.browser.finish(cookie, code, state, issuer))
    person = ours.provider.person_of(claims, await directory(request))
    signed_in = await pools_of(request).aside.run(ours.local.by_provider, person)
    response = RedirectResponse(page, 303)
    drop_cookie(request, response, FLOW_COOKIE)
    await _give(request, response, signed_in)
    return response


async def begin_by_password(request: Request, response: Response, email: str, password: str) -> None:
    """Gives the browser a session by a password, with a response that is a page's."""
    await _give(request, response, await _by_password(request, email, password))


async def begin_by_link(request: Request, response: Response, link: str) -> None:
    """Gives the browser a session by a one-time link, with a response that is a page's."""
    await _give(request, response, await _by_link(request, link, None))


async def _by_password(request: Request, email: str, password: str) -> SignedIn:
    _refuse_unless_local(request)
    local = sign_in_of(request).local
    with _attempts(request).attempt(_address(request), folded(email)):
        return await pools_of(request).passwords.run(local.by_password, email, password)


async def _by_link(request: Request, link: str, new_password: str | None) -> SignedIn:
    _refuse_unless_local(request)
    local = sign_in_of(request).local
    with _attempts(request).attempt(_address(request)):
        return await pools_of(request).passwords.run(local.by_link, link, new_password)


def _refuse_unless_local(request: Request) -> None:
    refuse_other_sites(request)
    if not sign_in_of(request).settings.local_sign_in:
        raise SanchoError(_NO_LOCAL, "no_local_sign_in")


async def _begun(request: Request, signed_in: SignedIn) -> Response:
    caller = caller_for(signed_in.person)
    fields = _session_fields(request, signed_in.text, signed_in.session)
    response = _unstored(send(request, _me(caller, signed_in.person) | fields, secret=True, of_oneself=True))
    await _give(request, response, signed_in)
    return response


async def _give(request: Request, response: Response, signed_in: SignedIn) -> None:
    """The browser gets the new session, and the one that it had ends; who it is makes this call."""
    request.scope[CALLER] = caller_for(signed_in.person)
    sessions = sign_in_of(request).sessions
    if (before := session_text(request)) and not sessions.is_refused(before):
        await pools_of(request).aside.run(sessions.end, before)
    set_cookie(request, response, SESSION_COOKIE, signed_in.text, sessions.seconds)


def _unstored(response: Response) -> Response:
    """An answer that tells a session's token, which nothing keeps."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _session_of(request: Request) -> str:
    text: str | None = request.scope.get(SESSION)
    if text is None:
        raise SanchoError(_NOT_A_PERSON, "not_a_person")
    return text


async def _session(request: Request, text: str) -> Session | None:
    sessions = sign_in_of(request).sessions
    return sessions.remembered(text) or await pools_of(request).keys.run(sessions.check, text)


def _me(caller: Caller, person: Person | None) -> dict[str, Any]:
    return {
        "kind": "key" if caller.person_id is None else "person",
        "name": (person.name if person is not None else None) or caller.name,
        "person_id": caller.person_id,
        "role": caller.role,
        "team_id": caller.team_id if person is None else person.team_id,
        "leads_team_id": None if person is None else person.leads_team_id,
        "rights": list(caller.rights),
        "csrf_token": None,
        "session": None,
    }


def _session_fields(request: Request, text: str, session: Session | None) -> dict[str, Any]:
    if session is None:
        return {}
    sign_in = sign_in_of(request)
    zone, sessions = sign_in.settings.zone, sign_in.sessions
    began = datetime.fromtimestamp(session.created_at / 1e6, zone)
    ends = datetime.fromtimestamp(session.created_at / 1e6 + sessions.seconds, zone)
    return {
        "csrf_token": csrf_token(text),
        "session": {
            "way": session.way,
            "created_at": began.isoformat(timespec="seconds"),
            "ends_at": ends.isoformat(timespec="seconds"),
            "idle_minutes": sessions.idle_seconds / 60,
        },
    }


def _attempts(request: Request) -> SignInAttempts:
    attempts: SignInAttempts = request.app.state.sign_in_attempts
    return attempts


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
