"""What do `key create`, `key list` and `key revoke` do? Manage the keys that programs send to the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Lang, argument, option
from service.cli.output import note, print_line, print_table


def create(
    name: Annotated[
        str, option("--name", "NAME", Text("使う人やプログラムの名前。", "Who or what will use it."))
    ],
    lang: Lang = "ja",
) -> int:
    """A new key, on standard output; how to use it, on standard error."""
    from service.keys import ApiKeys
    from service.settings import read_settings

    if not name.strip():
        raise SanchoError(
            Text(
                "--name に使う人やプログラムの名前を指定してください。",
                "--name: say who or what will use the key.",
            ),
            "bad_name",
        )
    print_line(ApiKeys(read_settings().store_url).create(name.strip()))
    note(
        Text(
            "このキーは今だけ表示されます。Authorization: Bearer キー として送ってください。",
            "this key is shown only now; send it as Authorization: Bearer KEY.",
        ).to(lang)
    )
    return 0


def list_keys(lang: Lang = "ja") -> int:
    """Keys in use."""
    from service.keys import ApiKeys
    from service.settings import read_settings

    rows = [
        [
            key.key_id,
            key.name,
            datetime.fromtimestamp(key.created_at / 1e6, UTC).isoformat(timespec="seconds"),
        ]
        for key in ApiKeys(read_settings().store_url).list()
    ]
    headings = [Text("ID", "ID"), Text("名前", "name"), Text("作成日時", "created")]
    print_table("", [heading.to(lang) for heading in headings], rows)
    return 0


def revoke(
    key_id: Annotated[
        str,
        argument("ID", Text("キーの番号（key list に表示）。", "The key's number, as key list shows it.")),
    ],
    lang: Lang = "ja",
) -> int:
    """Ends a key."""
    from service.keys import ApiKeys
    from service.settings import read_settings

    if not ApiKeys(read_settings().store_url).revoke(key_id):
        raise SanchoError(
            Text(
                "キー「{key_id}」はありません。`sancho key list` で確認してください。",
                "there is no key {key_id!r}; see `sancho key list`.",
            ).format(key_id=key_id),
            "unknown_key",
        )
    print_line(Text("無効にしました。", "revoked.").to(lang))
    return 0


HELP = Text("APIキーを管理します。", "API keys: create, list, revoke.")
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
    Command("revoke", revoke, Text("キーを無効にします。", "Revokes a key.")),
)
