"""What do pages show before there is a forecast? What is missing, what is being done, and where to go on."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from service.access_rules import may
from service.api.access import caller_of
from service.api.pools import pools_of
from service.pages import site
from service.pages.progress import REFRESH_SECONDS, progress_of
from service.pages.setup_words import WORDS
from service.set_up import LOADING
from service.use_cases import UseCases


async def beginning(request: Request) -> Response | None:
    """The page of an installation without a model; None where one is only being loaded."""
    cases: UseCases = request.app.state.use_cases
    if not cases.serving.lacks_model:
        return None
    lang = site.reader_language(request)
    stage = await pools_of(request).aside.run(cases.set_up.stage, lang)
    job = stage["job"]
    return site.page(
        request,
        "beginning.html.j2",
        words=WORDS,
        stage=stage["stage"],
        running=None if job is None else progress_of(job, lang),
        again=REFRESH_SECONDS if job is not None or stage["stage"] == LOADING else None,
        may_set_up=may(caller_of(request).rights, "show_setup"),
    )
