"""Which person makes a call: whose session does the cookie hold, or whom does the provider's token name?

Who has left, was removed, or has another e-mail address is nobody any more within a second: session and
person are both looked up as of now, and each is trusted no longer than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import UNAVAILABLE
from service.access_rules import ROLE_RIGHTS, narrowed
from service.api.cookies import SESSION_COOKIE, cookie_of, refuse_forged
from service.api.pools import BUSY, pools_of
from service.callers import Caller
from service.keys import ApiKey
from service.sign_in import SignIn
from service.sign_in.people import FRESH_SECONDS, LEFT, TRUSTED_SECONDS, Directory, Person
from service.sign_in.provider import looks_like_token
from service.sign_in.provider_calls import away
from service.sign_in.sessions import is_of

_KEY_ENDED = Text(
    "このキーの持ち主の在籍期間は終わっています。別のキーを使ってください。",
    "the person whose key this is has left; use another key.",
)
T = TypeVar("T")
SESSION_ENDED = "session_ended"
SESSION = "sancho_session"  # in the scope of a call: the text of the session by which it is made
BY_FORM = "sancho_by_form"  # in the scope of a call: a page, whose form brings the token of the session
LOOK_UP_SECONDS = 8.0  # for the store to say whether it knows somebody
AGAIN_SECONDS = 1.0  # the same of somebody whom it has confirmed
_PROVIDER_SECONDS = 15.0  # for the provider to give its keys
_ENDED = Text(
    "サインインの期限が切れたか、終了しています。もう一度サインインしてください。",
    "you are not signed in any more; sign in again.",
)


def sign_in_of(request: Request) -> SignIn:
    """Sign-in of people, of the process that answers."""
    sign_in: SignIn = request.app.state.sign_in
    return sign_in


def caller_for(person: Person) -> Caller:
    """Somebody as a caller, with the rights of his role."""
    return Caller(
        name=person.person_id, rights=ROLE_RIGHTS[person.role], person_id=person.person_id, role=person.role
    )


def session_text(request: Request) -> str:
    """The session of a call that brings nothing but a cookie; empty where there is none."""
    return "" if "authorization" in request.headers else cookie_of(request, SESSION_COOKIE)


def brings_token(request: Request, text: str) -> bool:
    """Whether a credential is a token of the provider."""
    return sign_in_of(request).provider.is_set and looks_like_token(text)


async def caller_of_session(request: Request, text: str) -> Caller:
    """Who has signed in; SanchoError where that is over, or a call is forged."""
    sessions = sign_in_of(request).sessions
    if sessions.is_refused(text):
        raise SanchoError(_ENDED, SESSION_ENDED)
    session = await confirmed(
        request, lambda seconds: sessions.remembered(text, seconds), lambda: sessions.check(text)
    )
    if session is None:
        raise SanchoError(_ENDED, SESSION_ENDED)
    person = (await directory(request)).person(session.person_id)
    if person is None or not is_of(session, text, person):
        raise SanchoError(_ENDED, SESSION_ENDED)
    if not request.scope.get(BY_FORM):  # a page's form is read, and its token checked, by service.pages.forms
        refuse_forged(request, text)
    request.scope[SESSION] = text
    return caller_for(person)


async def caller_of_token(request: Request, token: str) -> Caller:
    """Whom a token of the provider names; SanchoError where it does not hold, or he may not sign in."""
    provider = sign_in_of(request).provider
    claims = provider.claims_remembered(token)
    if claims is None:
        claims = await at_provider(request, lambda: provider.claims(token))
    return caller_for(provider.person_of(claims, await directory(request)))


async def caller_of_key(request: Request, key: ApiKey) -> Caller:
    """Who sends a key: a program, or a person, whose key has no more rights than he has and ends with him."""
    if key.person_id is None:
        return Caller(name=key.name, rights=key.rights, team_id=key.team_id)
    person = (await directory(request)).everybody.get(key.person_id)
    if person is None or person.refused == LEFT:
        raise SanchoError(_KEY_ENDED, "no_credential")
    rights = narrowed(key.rights, ROLE_RIGHTS[person.role])
    return Caller(name=key.name, rights=rights, person_id=person.person_id, role=person.role)


async def directory(request: Request) -> Directory:
    """Everybody as of now."""
    people = sign_in_of(request).people
    found = await confirmed(request, people.remembered, people.read)
    assert found is not None  # noqa: S101 - reading gives one, or raises
    return found


async def confirmed(
    request: Request, remembered: Callable[[float], T | None], ask: Callable[[], T | None]
) -> T | None:
    """What was found within the last second, else what the store says; where that is late, what it said."""
    if (known := remembered(FRESH_SECONDS)) is not None:
        return known
    before = remembered(TRUSTED_SECONDS)
    within = LOOK_UP_SECONDS if before is None else AGAIN_SECONDS
    try:
        return await pools_of(request).keys.run_within(within, ask)
    except SanchoError as error:
        if before is None or error.code not in (UNAVAILABLE, BUSY):
            raise
        return before


async def at_provider(request: Request, ask: Callable[[], T]) -> T:
    """What the provider answers, asked in a thread."""
    issuer = sign_in_of(request).settings.oidc_issuer
    late = away(issuer, f"{_PROVIDER_SECONDS:g} s")
    return await pools_of(request).provider.run_within(_PROVIDER_SECONDS, ask, late=late)
