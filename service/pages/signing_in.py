"""How does somebody sign in and out on pages? By forms that work without a script."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from crm.errors import SanchoError
from service.api.cookies import SESSION_COOKIE, drop_cookie
from service.api.persons import session_text, sign_in_of
from service.api.pools import pools_of
from service.api.sign_in import begin_by_link, begin_by_password
from service.pages import site
from service.pages.forms import fields_of, inside
from service.problems import STATUS
from service.sign_in.sessions import is_csrf_token

router = APIRouter(include_in_schema=False)


@router.get(site.SIGN_IN)
async def show_sign_in(
    request: Request,
    page: Annotated[str, Query(alias="next", max_length=1_000)] = "/",
    link: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The form; for a one-time link a button, so that what only looks at links does not use it up."""
    return _form(request, page, link=link)


@router.post(site.SIGN_IN)
async def send_sign_in(request: Request) -> Response:
    """Begins a session and goes on to the page that was asked for; what is wrong is said on the form."""
    form = await fields_of(request)
    page, link = inside(form.get("next", "/")), form.get("link", "")
    response = RedirectResponse(page, 303)
    try:
        if link:
            await begin_by_link(request, response, link)
        else:
            await begin_by_password(request, response, form.get("email", ""), form.get("password", ""))
    except SanchoError as fault:
        return _form(request, page, fault=fault, email=form.get("email", ""))
    return response


@router.post("/sign-out")
async def send_sign_out(request: Request) -> Response:
    """Ends the session; only a page of this service knows the token that the form brings."""
    form, text = await fields_of(request), session_text(request)
    response = RedirectResponse(site.SIGN_IN, 303)
    if text and is_csrf_token(text, form.get("csrf", "")):
        await pools_of(request).aside.run(sign_in_of(request).sessions.end, text)
        drop_cookie(request, response, SESSION_COOKIE)
    return response


def _form(
    request: Request, page: str, *, link: str = "", fault: SanchoError | None = None, email: str = ""
) -> Response:
    sign_in, lang = sign_in_of(request), site.reader_language(request)
    return site.page(
        request,
        "sign_in.html.j2",
        200 if fault is None else STATUS.get(fault.code, 422),
        may_compress=not link,
        problem=None if fault is None else fault.text.to(lang),
        local=sign_in.settings.local_sign_in,
        provider=f"/auth/oidc/start?next={quote(inside(page), safe='')}" if sign_in.browser.is_set else None,
        next=inside(page),
        link=link,
        email=email,
    )
