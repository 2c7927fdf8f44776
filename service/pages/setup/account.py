"""How does the first admin become somebody who can come back? By a name, an e-mail address and a password."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service.api.access import caller_of
from service.api.persons import sign_in_of
from service.api.pools import pools_of
from service.api.sign_in import begin_by_password
from service.first_admin import FIRST_ADMIN, is_first_admin
from service.pages import site
from service.sign_in.passwords import check_strength
from service.use_cases import UseCases

_KNOWN = Text(
    "アカウントは登録済みです。変更は `sancho user` で行ってください。",
    "this account is known already; change it by `sancho user`.",
)
_NO_EMAIL = Text(
    "メールアドレスを taro@example.com のように入力してください。",
    "type an e-mail address such as anna@example.com.",
)


async def account_saved(request: Request, response: Response, form: Mapping[str, str]) -> None:
    """Stores who the first admin is, with a password, and begins a session as that."""
    sign_in, cases = sign_in_of(request), _cases(request)
    email, password = form.get("email", "").strip(), form.get("password", "")
    pools = pools_of(request)
    if not await pools.aside.run(is_first_admin, sign_in, caller_of(request).person_id):
        raise SanchoError(_KNOWN, "not_allowed")
    local, _, domain = email.partition("@")
    if not local or "." not in domain or any(letter.isspace() for letter in email):
        raise SanchoError(_NO_EMAIL, "bad_request")
    check_strength(password, email)
    row = {"person_id": FIRST_ADMIN, "email": email, "name": form.get("name", "").strip() or email}
    lang = site.reader_language(request)
    store = partial(cases.tables.store, "people", [row], lang)
    await pools.writes.run(store)
    person = (await pools.aside.run(sign_in.people.read)).person(FIRST_ADMIN)
    if person is None:
        raise SanchoError(_NO_EMAIL, "bad_request")
    await pools.aside.run(sign_in.local.set_password, person, password)
    await begin_by_password(request, response, email, password)


def _cases(request: Request) -> UseCases:
    cases: UseCases = request.app.state.use_cases
    return cases
