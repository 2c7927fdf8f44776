"""How is the page 設定・取込 asked for, and what do its forms do?"""

from __future__ import annotations

import io
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service.api.access import caller_of
from service.api.persons import sign_in_of
from service.api.pools import pools_of
from service.chosen_columns import choices_of, is_as_previewed, mapping_text
from service.first_admin import is_first_admin
from service.pages import site
from service.pages.forms import as_form, as_upload, form_of, go_on, upload_of
from service.pages.seam import as_page
from service.pages.setup.account import account_saved
from service.pages.setup.view import setup_view
from service.pages.setup_words import WORDS
from service.pages.values import UNIT_SIZES
from service.use_cases import UseCases

router = APIRouter(include_in_schema=False)
PATH = "/setup"
FILES = f"{PATH}/files"  # whose body may be as large as an import's
_ROWS = 10  # of the quarantine on one page


@router.get(PATH)
@as_page
async def show_setup(
    *,
    request: Request,
    job: Annotated[str | None, Query(max_length=64)] = None,
    rows: Annotated[str | None, Query(max_length=200)] = None,
    still: Annotated[bool, Query()] = False,
    look: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """The five steps, each with its state; `job`: an import, `rows`: from where the quarantine is listed.

    `look` numbers the looks at a running job: an address with a # is only loaded again where it differs.
    """
    cases, lang, aside = _cases(request), site.reader_language(request), pools_of(request).aside
    caller, sign_in = caller_of(request), sign_in_of(request)
    view = setup_view(
        lang,
        await aside.run(cases.set_up.stage, lang),
        await aside.run(cases.set_up.overview, lang),
        await aside.run(cases.quarantine.listed, _ROWS, rows or None, lang),
        None if not job else await aside.run(cases.jobs.one, job, lang),
        cases.serving.model_info(),
        is_still=still,
        look=look,
        is_later_page=bool(rows),
    )
    first = await aside.run(is_first_admin, sign_in, caller.person_id)
    return site.page(request, "setup.html.j2", words=WORDS, is_first_admin=first, **view)


@router.post(FILES)
@as_upload
async def send_file(*, request: Request) -> Response:
    """Takes a file and reads it as an import would, keeping nothing of it."""
    sent, caller, lang = upload_of(request), caller_of(request), site.reader_language(request)
    asked = {
        "file": sent.name,
        "table": sent.fields.get("table") or None,
        "encoding": sent.fields.get("encoding") or None,
        "dry_run": True,
    }
    add = partial(_cases(request).jobs.add_file, sent.file, asked, caller.name, lang)
    return _to_job(await pools_of(request).writes.run(add))


@router.post(f"{PATH}/import")
@as_form
async def send_import(*, request: Request) -> Response:
    """Imports what was checked, or checks it again with the table and columns that were chosen."""
    form, jobs, lang = form_of(request), _cases(request).jobs, site.reader_language(request)
    job_id = form.get("job", "")
    before = await pools_of(request).aside.run(jobs.one, job_id, lang)
    changed = _chosen(before, form)
    is_import = form.get("action") == "import" and "table" not in changed
    changed |= {"dry_run": not is_import, "full": form.get("full") == "yes"}
    again = partial(jobs.add_again, job_id, changed, caller_of(request).name, lang)
    return _to_job(await pools_of(request).writes.run(again))


def _chosen(before: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
    """What a form changes of a checked import: the table, or the mapping of its columns."""
    preview = (before["result"] or {}).get("preview") or []
    if len(preview) != 1 or preview[0]["is_managers_book"]:
        return {}
    told = preview[0]["table"] or before["request"].get("table")
    table = form.get("table") or told
    if table is None:
        raise SanchoError(WORDS["table_unknown"], "unknown_table")
    if table != told:
        return {"table": table, "mapping_text": None}
    choices = choices_of(preview[0], form)
    if is_as_previewed(preview[0], choices):
        return {}
    return {"mapping_text": mapping_text(table, choices), "mapping": None}


@router.post(f"{PATH}/mend")
@as_form
async def send_mended(*, request: Request) -> Response:
    """Imports a rejected row with the values that were typed in."""
    form, cases, lang = form_of(request), _cases(request), site.reader_language(request)
    values = {name.removeprefix("value-"): text for name, text in form.items() if name.startswith("value-")}
    table, body = await pools_of(request).aside.run(cases.quarantine.mended, form.get("row", ""), values)
    asked = {"file": f"{table}.csv", "table": table, "dry_run": False}
    add = partial(cases.jobs.add_file, io.BytesIO(body), asked, caller_of(request).name, lang)
    return _to_job(await pools_of(request).writes.run(add), "quarantine")


@router.post(f"{PATH}/train")
@as_form
async def send_training(*, request: Request) -> Response:
    """Begins a training, unless one is being done."""
    asked = {"as_of": None, "if_needed": False, "promote": True}
    return await _begun(request, partial(_cases(request).jobs.add_training, asked), "training")


@router.post(f"{PATH}/sample")
@as_form
async def send_sample(*, request: Request) -> Response:
    """Fills an empty installation with the sample organisation."""
    return await _begun(request, _cases(request).jobs.add_sample, "sample")


@router.post(f"{PATH}/targets")
@as_form
async def send_target(*, request: Request) -> Response:
    """Stores a revenue target."""
    form, cases, lang = form_of(request), _cases(request), site.reader_language(request)
    try:
        value = float(form.get("value", "").replace(",", "")) * UNIT_SIZES[form.get("unit", "1")]
    except (ValueError, KeyError):
        value = 0.0
    if not 0 < value < 1e15:
        raise SanchoError(WORDS["bad_value"], "bad_request")
    row = {
        "metric": "revenue",
        "scope": form.get("scope", "company"),
        "period": form.get("period", ""),
        "value": value,
    }
    store = partial(cases.tables.store, "targets", [row], lang)
    told = await pools_of(request).writes.run(store)
    if told["errors"]:
        wrong = told["errors"][0]["reason"]
        raise SanchoError(Text(wrong, wrong), "bad_request")
    return go_on(f"{PATH}#targets", done="target")


@router.post(f"{PATH}/account")
@as_form
async def send_account(*, request: Request) -> Response:
    """Lets the first admin tell who he is, and signs him in as that."""
    response = go_on(PATH, done="admin")
    await account_saved(request, response, form_of(request))
    return response


async def _begun(request: Request, add: Any, done: str) -> Response:
    """Back to the page once a job is queued in the reader's name."""
    begin = partial(add, caller_of(request).name, site.reader_language(request))
    await pools_of(request).writes.run(begin)
    return go_on(PATH, done=done)


def _to_job(job: dict[str, Any], step: str = "columns") -> Response:
    return go_on(f"{PATH}?job={job['job_id']}#{step}")


def _cases(request: Request) -> UseCases:
    cases: UseCases = request.app.state.use_cases
    return cases
