"""How is a page put together and sent? Templates, the reader's language, what a browser may load."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, StrictUndefined
from jinja2.loaders import FunctionLoader
from markupsafe import Markup

from crm.errors import SanchoError
from crm.i18n import LANGUAGES, Language, Text
from service.api.access import CALLER
from service.api.cookies import is_secure
from service.api.persons import SESSION, SESSION_ENDED
from service.callers import Caller
from service.logs import REQUEST_ID
from service.pages import static_files
from service.pages.navigation import places
from service.pages.states import WORDS as STATE_WORDS
from service.pages.words import WORDS
from service.problems import STATUS, language_of, refuse
from service.quarantine import Quarantine
from service.representation import Representation, takes_gzip
from service.request_error import outside_failure
from service.sign_in.sessions import masked_csrf_token

SIGN_IN = "/sign-in"
_LANGUAGE_COOKIE, _THEME_COOKIE = "sancho_lang", "sancho_theme"
THEMES = ("light", "dark", "auto")
_YEAR = 365 * 86_400
_AGAIN_SECONDS = 3  # after which the page of a service that is starting is asked for again
# Files of ours and forms that lead back here: nothing of others, nothing within the page, no frame.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_FOLDER = files("service.pages")
_NO_FRAME: dict[str, Any] = {  # of a page about no period and scope
    "choice": None,
    "bars": [],
    "on": None,  # where to go on from a problem, besides the first page
    "again": None,
    "request_id": None,
    "kept": {},
    "foot": "",
}


def reader_language(request: Request) -> Language:
    """The language that the address asks for, else the one chosen before, else the browser's."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(_LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return "ja" if wanted == "ja" else "en"
    return language_of(request)


def reader_theme(request: Request) -> str:
    """The colours that the address asks for, else those chosen before, else those of the reader's system."""
    for wanted in (request.query_params.get("theme"), request.cookies.get(_THEME_COOKIE)):
        if wanted in THEMES:
            return str(wanted)
    return "auto"


def page(
    request: Request,
    template: str,
    status: int = 200,
    words: Mapping[str, Text] | None = None,
    may_compress: bool = True,
    **values: Any,
) -> Response:
    """A page in the reader's language; `words`: its own, besides those of every page.

    One that holds a secret is not compressed; the token of its forms is another one each time.

    `?done=NAME` is what a form has led on with (`service.pages.forms.go_on`): its words are the live message.
    """
    lang, theme = reader_language(request), reader_theme(request)
    session = request.scope.get(SESSION)
    caller: Caller | None = request.scope.get(CALLER)
    known = {**WORDS, **STATE_WORDS, **(words or {})}
    done = known.get(f"done_{request.query_params.get('done', '')}")
    html = (
        templates()
        .get_template(template)
        .render(
            lang=lang,
            other="en" if lang == "ja" else "ja",
            other_address=_address_with(request, "lang", "en" if lang == "ja" else "ja"),
            theme=theme,
            themes=[(one, _address_with(request, "theme", one)) for one in THEMES],
            w=lambda name, /, **filled: known[name].format(**filled).to(lang),
            menu=[] if caller is None else [(one, one.words.to(lang)) for one in places(caller.rights)],
            waiting=_waiting(request),
            done=None if done is None else done.to(lang),
            style=static_files.address(static_files.STYLE),
            script=static_files.address(static_files.SCRIPT),
            icon=static_files.address(static_files.ICON),
            csrf=None if session is None else masked_csrf_token(session),
            **{**_NO_FRAME, **values},
        )
    )
    headers = {
        "Content-Security-Policy": _POLICY,
        "Content-Language": lang,
        "Vary": "Accept-Encoding, Accept-Language, Cookie, Authorization",
    }
    made = Representation(html.encode())
    body = made.compressed if may_compress and takes_gzip(request.headers.get("accept-encoding")) else None
    if body is not None:
        headers["Content-Encoding"] = "gzip"
    response = HTMLResponse(made.body if body is None else body, status, headers=headers)
    for asked, cookie, value in (("lang", _LANGUAGE_COOKIE, lang), ("theme", _THEME_COOKIE, theme)):
        if request.query_params.get(asked) == value:
            response.set_cookie(
                cookie, value, max_age=_YEAR, secure=is_secure(request), httponly=True, samesite="lax"
            )
    return response


def waiting(request: Request, title: Text) -> Response:
    """The page while its answer is being computed: it asks again, and then waits (`waited=1`)."""
    lang = reader_language(request)
    kept = [(name, value) for name, value in parse_qsl(request.url.query) if name != "waited"]
    again = f"{request.url.path}?{urlencode([*kept, ('waited', '1')])}"
    return page(request, "waiting.html.j2", title=title.to(lang), again=again)


def _waiting(request: Request) -> int:
    """How many rows wait to be put right, as far as anybody has counted."""
    quarantine: Quarantine | None = request.app.state.use_cases.quarantine
    return 0 if quarantine is None else quarantine.known_count


def rendered(template: str, **values: Any) -> str:
    """A template that is no page of its own."""
    return templates().get_template(template).render(**values)


def refused(request: Request, fault: Exception) -> Response:
    """The answer to a call that is refused: a page where a page was asked for, else problem details.

    Who is not signed in is led to the sign-in, and back to the same address.
    """
    if request.url.path.startswith(("/v1/", "/auth/")):
        return refuse(request, fault)
    known = fault if isinstance(fault, SanchoError) else outside_failure(fault)
    if known is None:
        raise fault
    status = STATUS.get(known.code, 422)
    if status == 401 or known.code == SESSION_ENDED:
        asked = {"next": own_address(request)}
        if request.query_params.get("lang") in LANGUAGES:
            asked["lang"] = request.query_params["lang"]
        return RedirectResponse(f"{SIGN_IN}?{urlencode(asked)}", 303)
    lang = reader_language(request)
    is_starting = known.code == "not_ready"
    response = page(
        request,
        "problem.html.j2",
        status,
        title=WORDS["wait_title" if is_starting else "went_wrong"].to(lang),
        said=known.text.to(lang),
        request_id=REQUEST_ID.get(None),
        again=_AGAIN_SECONDS if is_starting else None,
    )
    if status == 503:
        response.headers["Retry-After"] = str(_AGAIN_SECONDS)
    return response


def own_address(request: Request) -> str:
    """The address of the page that is asked for, within this service."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _address_with(request: Request, name: str, value: str) -> str:
    """The same address with another language or theme; what was said once, and a link, are not kept."""
    dropped = (name, "link", "done")
    kept = [(given, said) for given, said in parse_qsl(request.url.query) if given not in dropped]
    return f"{request.url.path}?{urlencode([*kept, (name, value)])}"


@cache
def templates(base: str = "base.html.j2") -> Environment:
    """The templates of all pages, on a base: that of a page, or that of a file of its own."""
    environment = Environment(
        loader=FunctionLoader(
            lambda name: _FOLDER.joinpath("templates", base if name == "base.html.j2" else name).read_text(
                "utf-8"
            )
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with"] = lambda path, query: f"{path}?{urlencode(query)}" if query else path
    environment.filters["drawn"] = Markup  # of a picture, which escapes its own words
    return environment
