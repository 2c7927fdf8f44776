"""How does the first admin get in where nobody is known yet? By a link that the server's own terminal shows.

Whoever first opens a page must not become the admin: on a network that is anybody. Whoever can read what the
server prints could start it with other settings or read its database, so a link there gives nobody more than
they have. It works once, for minutes, and only as long as no admin can sign in by a password of his own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.i18n import Text

if TYPE_CHECKING:
    from service.settings import Settings
    from service.sign_in import SignIn

FIRST_ADMIN = "admin"  # the person_id
_EMAIL = "admin@sancho.invalid"  # an address that nobody can have (RFC 2606), until the admin tells his own
_NAME = "管理者 / Admin"
ADMIN_ROLE = "admin"


def first_admin_link(settings: Settings) -> str | None:
    """The text of a link for the first admin, made where the store is empty; None where none is needed."""
    from service.sign_in import SignIn

    if not settings.local_sign_in:
        return None
    sign_in = SignIn(settings)
    try:
        if not _is_needed(sign_in):
            return None
        if not sign_in.people.read().everybody and not _made(settings):
            return None
        return sign_in.book.add_link(FIRST_ADMIN, 60 * settings.link_minutes)
    finally:
        sign_in.close()


def is_first_admin(sign_in: SignIn, person_id: str | None) -> bool:
    """Whether somebody is the first admin, and has not told who he is yet."""
    if person_id != FIRST_ADMIN:
        return False
    person = sign_in.people.read().person(FIRST_ADMIN)
    return person is not None and person.email == _EMAIL


def _is_needed(sign_in: SignIn) -> bool:
    people = sign_in.people.read().everybody
    if not people:
        return True
    first = people.get(FIRST_ADMIN)
    others = [one for one in people.values() if one.role == ADMIN_ROLE and one.person_id != FIRST_ADMIN]
    return first is not None and first.email == _EMAIL and not others


def _made(settings: Settings) -> bool:
    """Makes the first admin, unless there are data: who has imported them gets in by `sancho user`."""
    from crm.importing import push_rows
    from crm.store import Store

    # Without the settings' organisation: its row is stored by the first import, as ever.
    with Store.open(settings.store_url) as store:
        if any(store.counts().values()):
            return False
        row = {"person_id": FIRST_ADMIN, "name": _NAME, "email": _EMAIL, "role": ADMIN_ROLE}
        push_rows(store, "people", [row], settings.zone, source="sancho serve")
        return True


TOLD = Text(
    "この環境にはまだデータも管理者も登録されていません。ブラウザーで次のアドレスを開くと、設定を始められます"
    "（一度だけ、{minutes:g}分以内。切れたら `sancho user link admin` で作り直せます）:\n{address}\n",
    "There are no data and no admin here yet. Open this address in a browser to set it up (it works once, "
    "within {minutes:g} minutes; `sancho user link admin` makes another):\n{address}\n",
)
