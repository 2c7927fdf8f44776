"""What do `key create`, `list`, `rotate` and `revoke` do? They manage the keys that programs send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Lang, argument, interval_seconds, option
from service.cli.output import note, print_line, print_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from service.keys import ApiKeys

Number = Annotated[
    str, argument("ID", Text("キーの番号（key list に表示）。", "The key's number, as key list shows it."))
]


def create(
    name: Annotated[
        str, option("--name", "NAME", Text("使う人やプログラムの名前。", "Who or what will use it."))
    ],
    right: Annotated[
        list[str] | None,
        option(
            "--right",
            "RIGHT",
            Text(
                "権限（score、read、write、recommend、admin）。既定は admin 以外のすべて。",
                "What it may do: score, read, write, recommend, admin (default: all but admin).",
            ),
        ),
    ] = None,
    expires: Annotated[
        str | None,
        option(
            "--expires", "90d", Text("有効期間（12h、90d、4w など）。", "How long it works: 12h, 90d, 4w.")
        ),
    ] = None,
    team: Annotated[
        str | None,
        option(
            "--team",
            "TEAM",
            Text(
                "見られる範囲を、このチームと配下のチームに限る（チームID）。",
                "It sees this team and those below it alone (a team's id).",
            ),
        ),
    ] = None,
    person: Annotated[
        str | None,
        option(
            "--person",
            "PERSON",
            Text(
                "この人のキーにする（担当者ID）。権限は役割の範囲に限られ、在籍期間とともに終わります。",
                "It is this person's: no more rights than the role has, and it ends when the person leaves.",
            ),
        ),
    ] = None,
    lang: Lang = "ja",
) -> int:
    """A new key, on standard output; how to use it, on standard error."""
    from service.access_rules import USUAL

    if not name.strip():
        raise SanchoError(
            Text(
                "--name に使う人やプログラムの名前を指定してください。",
                "--name: say who or what will use the key.",
            ),
            "bad_name",
        )
    seconds = None if expires is None else interval_seconds(expires, "--expires")
    if team is not None:
        _check_team(team)
    if person is not None:
        _check_person(person)
    with _keys() as keys:
        made = keys.create(name.strip(), right or USUAL, seconds, team, person_id=person)
    print_line(made)
    note(_ONCE.to(lang))
    note(_RIGHTS.format(rights=" ".join(right or USUAL)).to(lang))
    if team is not None:
        note(_TEAM.format(team=team).to(lang))
    if person is not None:
        note(_PERSON.format(person=person).to(lang))
    return 0


def list_keys(lang: Lang = "ja") -> int:
    """Keys in use."""
    from service.settings import read_settings

    zone = read_settings().zone
    with _keys() as keys:
        rows = [
            [
                key.key_id,
                key.name,
                " ".join(key.rights),
                key.team_id or key.person_id or "–",
                _moment(key.created_at, zone),
                "–" if key.expires_at is None else _moment(key.expires_at, zone),
            ]
            for key in keys.list()
        ]
    headings = [
        Text("ID", "ID"),
        Text("名前", "name"),
        Text("権限", "rights"),
        Text("チーム・持ち主", "team or person"),
        Text("作成日時", "created"),
        Text("有効期限", "ends"),
    ]
    print_table("", [heading.to(lang) for heading in headings], rows, whole=[0])
    return 0


def rotate(
    key_id: Number,
    overlap: Annotated[
        str,
        option(
            "--overlap",
            "1d",
            Text("古いキーも使える期間（既定1d）。", "How long the old one goes on (default 1d)."),
        ),
    ] = "1d",
    lang: Lang = "ja",
) -> int:
    """A key in the place of another, which ends after a while."""
    with _keys() as keys:
        made = keys.rotate(key_id, interval_seconds(overlap, "--overlap"))
    if made is None:
        raise SanchoError(_NO_KEY.format(key_id=key_id), "unknown_key")
    print_line(made)
    note(_ONCE.to(lang))
    note(_ENDS.format(key_id=key_id, overlap=overlap).to(lang))
    return 0


def revoke(key_id: Number, lang: Lang = "ja") -> int:
    """Ends a key."""
    with _keys() as keys:
        is_known = keys.revoke(key_id)
    if not is_known:
        raise SanchoError(_NO_KEY.format(key_id=key_id), "unknown_key")
    print_line(Text("無効にしました。", "revoked.").to(lang))
    return 0


HELP = Text("APIキーを管理します。", "API keys: create, list, rotate, revoke.")
COMMANDS = (
    Command("create", create, Text("キーを作成し、一度だけ表示します。", "Creates a key and shows it once.")),
    Command(
        "list",
        list_keys,
        Text(
            "使えるキーの一覧を表示します（中身は表示しません）。",
            "Lists the keys in use, without their secrets.",
        ),
    ),
    Command(
        "rotate",
        rotate,
        Text(
            "キーを新しくします。古いキーはしばらく使えます。",
            "Makes a key in the place of another, which goes on for a while.",
        ),
    ),
    Command("revoke", revoke, Text("キーを無効にします。", "Revokes a key.")),
)
_ONCE = Text(
    "このキーは今だけ表示されます。Authorization: Bearer キー として送ってください。",
    "this key is shown only now; send it as Authorization: Bearer KEY.",
)
_RIGHTS = Text("権限：{rights}", "it may: {rights}")
_TEAM = Text("見られる範囲：チーム {team} と配下のチーム", "it sees: team {team} and the teams below it")
_NO_TEAM = Text(
    "--team：チーム「{team}」はありません。teams の team_id を指定してください。",
    "--team: there is no team {team!r}; give a team_id of teams.",
)
_PERSON = Text(
    "{person} さんのキーです。役割にない権限は使えず、在籍期間が終わると無効になります。",
    "it is of {person}: rights that the role does not have do not count, and it ends when the person leaves.",
)
_NO_PERSON = Text(
    "--person：担当者「{person}」は在籍していません。people の person_id を指定してください。",
    "--person: there is nobody {person!r} who is here; give a person_id of people.",
)
_ENDS = Text(
    "古いキー {key_id} は {overlap} 後に使えなくなります。それまでに切り替えてください。",
    "the old key {key_id} ends after {overlap}; change over until then.",
)
_NO_KEY = Text(
    "キー「{key_id}」はありません。`sancho key list` で確認してください。",
    "there is no key {key_id!r}; see `sancho key list`.",
)


@contextmanager
def _keys() -> Iterator[ApiKeys]:
    from service.keys import ApiKeys
    from service.settings import read_settings

    keys = ApiKeys(read_settings().store_url)
    try:
        yield keys
    finally:
        keys.close()


def _check_team(team: str) -> None:
    """Raises for a team that the store does not know."""
    from models.forecast.organisation import ScopeTree
    from service.organisation import open_store
    from service.settings import read_settings

    with open_store(read_settings()) as store:
        known = ScopeTree.of(store.read(tables=("people", "teams")))
    if team not in known.teams:
        raise SanchoError(_NO_TEAM.format(team=team), "unknown_team")


def _check_person(person: str) -> None:
    """Raises for somebody who is not here."""
    from service.settings import read_settings
    from service.sign_in.people import LEFT, PeopleNow

    people = PeopleNow(read_settings())
    found = people.read().everybody.get(person)
    people.close()
    if found is None or found.refused == LEFT:
        raise SanchoError(_NO_PERSON.format(person=person), "unknown_person")


def _moment(at: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at / 1e6, zone).strftime("%Y-%m-%d %H:%M")
