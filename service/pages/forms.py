"""How does a page's form come in? Its fields, from a page of this service alone, and then on to a page.

Who has signed in by a session proves with the hidden field `csrf` that a page of this service made the form
(see `service.api.cookies`); templates put it there with the macro `post_form`. Who comes with a key needs
none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from crm.errors import SanchoError
from crm.i18n import Text
from service.api.access import caller_of
from service.api.cookies import refuse_other_sites
from service.api.persons import SESSION
from service.api.seen import known_sight
from service.api.uploads import Upload, uploaded
from service.pages.refusals import instead
from service.sign_in.sessions import is_csrf_token

CSRF = "csrf"
_LONGEST = 200_000  # bytes of a form without files
_NOT_OURS = Text(
    "この操作は古いページから送られました。ページを開き直してから、もう一度操作してください。",
    "this was sent from a page that is no longer valid; open the page again and repeat it.",
)
_TOO_LONG = Text(
    "入力が長すぎます（{most}バイトまで）。短くしてください。",
    "what was typed in is too long (at most {most} bytes); shorten it.",
).format(most=_LONGEST)
FormPage = Callable[..., Awaitable[Response]]


class Form(dict[str, str]):
    """The fields of a form, the last of each name; `all_of` has every one of a name."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        super().__init__({name: values[-1] for name, values in fields.items()})
        self._fields = fields

    def all_of(self, name: str) -> list[str]:
        """Every value of a name, in the order of the form."""
        return self._fields.get(name, [])


def as_form(send: FormPage) -> FormPage:
    """A page that is sent a form: its errors are pages, and a form that is not from here is refused.

    The function gets `request` and `form`, besides what its signature asks of FastAPI.
    """

    @wraps(send)
    async def sent(*, request: Request, **asked: object) -> Response:
        try:
            form = await fields_of(request)
            check_csrf(request, form.get(CSRF, ""))
            await known_sight(request, caller_of(request))
            request.state.form = form
            return await send(request=request, **asked)
        except Exception as fault:
            return instead(request, fault)

    return sent


def as_upload(send: FormPage) -> FormPage:
    """The same for a form with a file, which comes in parts to the disk; the function asks `upload_of`."""

    @wraps(send)
    async def sent(*, request: Request, **asked: object) -> Response:
        try:
            refuse_other_sites(request)
            await known_sight(request, caller_of(request))
            async with uploaded(request) as upload:
                check_csrf(request, upload.fields.get(CSRF, ""))
                request.state.upload = upload
                return await send(request=request, **asked)
        except Exception as fault:
            return instead(request, fault)

    return sent


def upload_of(request: Request) -> Upload:
    """The file and fields that `as_upload` has read."""
    upload: Upload = request.state.upload
    return upload


def form_of(request: Request) -> Form:
    """The form that `as_form` has read."""
    form: Form = request.state.form
    return form


async def fields_of(request: Request) -> Form:
    """The fields of a form of this service (application/x-www-form-urlencoded)."""
    refuse_other_sites(request)
    body = await request.body()
    if len(body) > _LONGEST:
        raise SanchoError(_TOO_LONG, "too_large")
    return Form(parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True))


def check_csrf(request: Request, token: str) -> None:
    """SanchoError where the form of somebody signed in does not come from a page made for that session."""
    session: str | None = request.scope.get(SESSION)
    if session is None:
        return
    if not is_csrf_token(session, token):
        raise SanchoError(_NOT_OURS, "csrf")


def go_on(address: str, done: str = "") -> RedirectResponse:
    """On to a page after a form, so that loading it again sends nothing twice; `done` names what it says.

    The words of `done` are those of the page's WORDS; base.html.j2 shows them as its live message.

    >>> go_on("/kpis?scope=company", "kept").headers["location"]
    '/kpis?scope=company&done=kept'
    """
    if done:
        parts = urlsplit(address)
        query = [(name, value) for name, value in parse_qsl(parts.query) if name != "done"]
        mark = f"#{parts.fragment}" if parts.fragment else ""
        address = f"{parts.path}?{urlencode([*query, ('done', done)])}{mark}"
    return RedirectResponse(address, 303)


def inside(page: str) -> str:
    """An address within this service; any other becomes the first page.

    >>> inside("/?scope=team%3AT01"), inside("//elsewhere.example"), inside("https://elsewhere.example/")
    ('/?scope=team%3AT01', '/', '/')
    """
    parts = urlsplit(page)
    is_inside = (
        page.startswith("/") and not page.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    )
    return page if is_inside else "/"
