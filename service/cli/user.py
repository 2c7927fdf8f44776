"""What do `user list`, `link`, `sign-out`, `set-password`, `role` and `email` do? People who sign in."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Lang, argument, option
from service.cli.output import note, print_line, print_table

if TYPE_CHECKING:
    from service.settings import Settings
    from service.sign_in import SignIn
    from service.sign_in.people import Person

Who = Annotated[
    str,
    argument("E-MAIL|PERSON", Text("メールアドレスまたは担当者ID。", "An e-mail address, or a person's id.")),
]
Role = Annotated[
    str, argument("ROLE", Text("seller、manager、admin のいずれか。", "seller, manager or admin."))
]
_FILE = option(
    "--file",
    "FILE",
    Text(
        "パスワードだけを書いたファイル（- は標準入力）。既定は画面で入力。",
        "A file with the password alone, - = standard input. Default: you are asked.",
    ),
)


def list_people(lang: Lang = "ja") -> int:
    """Everybody as of now: who may sign in, and why others may not."""
    with _sign_in() as sign_in:
        people = sign_in.people.read().everybody.values()
        with_passwords = sign_in.book.with_passwords()
        sessions = sign_in.book.sessions_of(sign_in.sessions.idle_seconds, sign_in.sessions.seconds)
    rows = [
        [
            one.person_id,
            one.name or "–",
            " ".join(filter(None, (one.role, one.leads_team_id))),
            (one.email or "–") if one.refused is None else _REFUSED[one.refused].to(lang),
            (_YES if one.person_id in with_passwords else _NO).to(lang),
            str(sessions.get(one.person_id, 0)),
        ]
        for one in sorted(people, key=lambda one: one.person_id)
    ]
    print_table("", [heading.to(lang) for heading in _HEADINGS], rows, right=[5], whole=[0, 3])
    return 0


def link(who: Who, lang: Lang = "ja") -> int:
    """The text of a one-time link, on standard output; how to use it, on standard error."""
    with _sign_in() as sign_in:
        person = _may_sign_in(sign_in, who)
        minutes = sign_in.settings.link_minutes
        made = sign_in.book.add_link(person.person_id, 60 * minutes)
    print_line(made)
    page = link_to(sign_in.settings, "…")
    note(_LINK.format(person=person.name or person.person_id, minutes=minutes, page=page).to(lang))
    return 0


def link_to(settings: Settings, link: str) -> str:
    """The address of the page that a one-time link opens."""
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    return f"{base.rstrip('/')}/sign-in?link={link}"


def sign_out(who: Who, lang: Lang = "ja") -> int:
    """Ends all sessions and links of somebody."""
    with _sign_in() as sign_in:
        count = sign_in.sessions.end_all(_known(sign_in, who))
    print_line(_SIGNED_OUT.format(count=count).to(lang))
    return 0


def set_password(who: Who, file: Annotated[str | None, _FILE] = None, lang: Lang = "ja") -> int:
    """Sets a password, which ends all sessions of the person."""
    with _sign_in() as sign_in:
        person = _may_sign_in(sign_in, who)
        sign_in.local.set_password(person, _password(file, lang))
    print_line(_PASSWORD_SET.format(person=person.name or person.person_id).to(lang))
    return 0


def set_role(who: Who, role: Role, lang: Lang = "ja") -> int:
    """A new version of somebody's row, with another role."""
    return _change(who, {"role": role}, lang)


def set_email(
    person: Annotated[str, argument("PERSON", Text("担当者ID。", "A person's id."))],
    email: Annotated[str, argument("E-MAIL", Text("メールアドレス。", "An e-mail address."))],
    lang: Lang = "ja",
) -> int:
    """A new version of somebody's row, with another e-mail address."""
    local, _, domain = email.strip().partition("@")
    if not local or not domain or any(letter.isspace() for letter in email.strip()):
        raise SanchoError(_NO_EMAIL.format(email=email), "bad_email")
    return _change(person, {"email": email.strip()}, lang)


HELP = Text(
    "サインインする人を管理します。",
    "People who sign in: list, link, sign-out, set-password, role, email.",
)
COMMANDS = (
    Command(
        "list",
        list_people,
        Text(
            "だれがサインインできるか、できない理由とともに表示します。",
            "Lists who may sign in, and why others may not.",
        ),
    ),
    Command(
        "link",
        link,
        Text(
            "一度だけ使えるリンクを作り、一度だけ表示します。",
            "Makes a link that lets somebody in once, and shows it once.",
        ),
    ),
    Command(
        "sign-out",
        sign_out,
        Text("その人のすべてのサインインを終わらせます。", "Ends all sessions of somebody."),
    ),
    Command(
        "set-password", set_password, Text("その人のパスワードを設定します。", "Sets somebody's password.")
    ),
    Command(
        "role",
        set_role,
        Text("その人の役割を変更します（people の新しい版）。", "Changes somebody's role, from now on."),
    ),
    Command(
        "email",
        set_email,
        Text(
            "その人のメールアドレスを変更します（people の新しい版）。",
            "Changes somebody's e-mail address, from now on.",
        ),
    ),
)
_HEADINGS = (
    Text("ID", "ID"),
    Text("氏名", "name"),
    Text("役割・率いるチーム", "role, team led"),
    Text("サインイン", "signs in as"),
    Text("パスワード", "password"),
    Text("利用中", "sessions"),
)
_REFUSED = {
    "no_email": Text("不可：メールアドレスなし", "no: no e-mail address"),
    "left": Text("不可：在籍期間終了", "no: has left"),
    "email_twice": Text("不可：メールアドレスが重複", "no: e-mail address of several people"),
}
_YES, _NO = Text("あり", "set"), Text("なし", "none")
_LINK = Text(
    "{person} さんが {minutes:g} 分以内に一度だけ使えます。今だけ表示されます。"
    "ブラウザーで {page} を開くとサインインできます。"
    'POST /auth/link に {{"link": "…", "new_password": "…"}} を送るとパスワードを設定してサインインし、'
    "new_password を省くと一度だけサインインします。",
    "{person} can use it once, within {minutes:g} minutes; it is shown only now. Opened in a browser as "
    "{page} it signs in. POST /auth/link with "
    '{{"link": "...", "new_password": "..."}} sets a password and signs in; without new_password it signs in '
    "this once.",
)
_SIGNED_OUT = Text("{count}件のサインインを終わらせました。", "Sessions ended: {count}.")
_PASSWORD_SET = Text(
    "{person} さんのパスワードを設定しました。これまでのサインインは終了しました。",
    "{person}: the password is set; earlier sessions are over.",
)
_CHANGED = Text("変更しました。", "changed.")
_SAME = Text("変更はありません。", "Nothing changed: the store says so already.")
_UNKNOWN = Text(
    "「{who}」という人は people にいません。`sancho user list` で確認してください。",
    "there is nobody {who!r} in people; see `sancho user list`.",
)
_MAY_NOT = {
    "no_email": Text(
        "{person} さんにはメールアドレスがありません。"
        "`sancho user email {person} アドレス` で登録してください。",
        "{person} has no e-mail address; set one by `sancho user email {person} ADDRESS`.",
    ),
    "left": Text(
        "{person} さんは在籍期間（active_to）が終わっています。people の行を確認してください。",
        "{person} has left (active_to); check the row of people.",
    ),
    "email_twice": Text(
        "{person} さんと同じメールアドレスの人が在籍中にいます。people の行を確認してください。",
        "somebody else who is here has the e-mail address of {person}; check the rows of people.",
    ),
}
_NO_EMAIL = Text(
    "「{email}」はメールアドレスではありません。anna@example.com のように指定してください。",
    "{email!r} is no e-mail address; give one such as anna@example.com.",
)
_NOT_SAME = Text("2回の入力が一致しません。もう一度実行してください。", "the two differ; run it again.")
_NO_FILE = Text("ファイル「{file}」を読めません（{why}）。", "cannot read the file {file!r} ({why}).")
_ASK = Text("新しいパスワード：", "New password: ")
_ASK_AGAIN = Text("もう一度：", "Once more: ")


@contextmanager
def _sign_in() -> Iterator[SignIn]:
    from service.logs import configure_logs
    from service.settings import read_settings
    from service.sign_in import SignIn

    configure_logs(logging.WARNING)
    made = SignIn(read_settings())
    try:
        yield made
    finally:
        made.close()


def _found(sign_in: SignIn, who: str) -> Person | None:
    known = sign_in.people.read()
    return known.everybody.get(who) or known.person_of(who)


def _known(sign_in: SignIn, who: str) -> str:
    """The id of somebody, of one too who is in people no more and has sessions still."""
    found = _found(sign_in, who)
    if found is not None:
        return found.person_id
    if who in sign_in.book.sessions_of(sign_in.sessions.idle_seconds, sign_in.sessions.seconds):
        return who
    raise SanchoError(_UNKNOWN.format(who=who), "unknown_person")


def _may_sign_in(sign_in: SignIn, who: str) -> Person:
    found = _found(sign_in, who)
    if found is None:
        raise SanchoError(_UNKNOWN.format(who=who), "unknown_person")
    if found.refused is not None:
        raise SanchoError(_MAY_NOT[found.refused].format(person=found.person_id), "may_not_sign_in")
    return found


def _password(file: str | None, lang: Lang) -> str:
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if file is not None:
        try:
            return Path(file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "UTF-8"
            raise SanchoError(_NO_FILE.format(file=file, why=why), "no_file") from None
    first = getpass(_ASK.to(lang))
    if getpass(_ASK_AGAIN.to(lang)) != first:
        raise SanchoError(_NOT_SAME, "not_the_same")
    return first


def _change(who: str, said: dict[str, Any], lang: Lang) -> int:
    """Stores a new version of somebody's row of people."""
    from crm.importing import check_rows, push_rows
    from service.organisation import open_store
    from service.settings import read_settings

    settings = read_settings()
    with _sign_in() as sign_in:
        found = _found(sign_in, who)
    if found is None:
        raise SanchoError(_UNKNOWN.format(who=who), "unknown_person")
    row = {"person_id": found.person_id, **said}
    with open_store(settings) as store:
        zone = store.read(tables=("organisation",)).zone
        _, errors = check_rows("people", [row], zone)
        if errors:
            wrong = errors[0]
            raise SanchoError(
                Text(f"{wrong.value}：{wrong.reason.ja}", f"{wrong.value}: {wrong.reason.en}"), "bad_person"
            )
        result = push_rows(store, "people", [row], zone, source="sancho user")
    print_line((_CHANGED if result.total.imported else _SAME).to(lang))
    return 0
