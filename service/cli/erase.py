"""What does `erase` do? It puts a pseudonym in the place of a person's, contact's or account's name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, progress

if TYPE_CHECKING:
    from service.erasure.erase import Erased

KindName = Literal["person", "contact", "account"]


def erase(
    kind: Annotated[
        KindName,
        argument(
            "KIND",
            Text(
                "person（担当者）、contact（顧客側の担当者）、account（取引先）。",
                "person, contact or account.",
            ),
        ),
    ],
    row_id: Annotated[str, argument("ID", Text("そのID。", "Its id."))],
    also: Annotated[
        list[str] | None,
        option(
            "--also", "TEXT", Text("名前の別の書き方（カナ、旧姓など）。", "Another way the name is written.")
        ),
    ] = None,
    replace_id: Annotated[
        bool | None,
        option(
            "--replace-id/--keep-id",
            None,
            Text(
                "IDも置き換える／残す。既定は、IDから本人が分かるときだけ置き換え。",
                "Replace the id, too, or keep it. Default: replace one that says who it is.",
            ),
        ),
    ] = None,
    dry_run: Annotated[
        bool, option("--dry-run", None, Text("何が変わるかだけ表示。", "Only say what would change."))
    ] = False,
    yes: Annotated[bool, option("--yes", None, Text("確認しない。", "Do not ask."))] = False,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Erases one, for ever; exit status 1 where the name is still found somewhere."""
    from service.erasure.erase import erase as carry_out
    from service.settings import read_settings

    settings = read_settings()
    if not (dry_run or yes or _confirmed(kind, row_id, lang)):
        raise SanchoError(_NOT_DONE, "not_confirmed")
    with progress(lang) as step:
        done = carry_out(
            settings, kind, row_id, also=also or (), replace_id=replace_id, dry_run=dry_run, step=step
        )
    return _tell(done, dry_run, as_json, lang)


def _confirmed(kind: str, row_id: str, lang: Language) -> bool:
    if not sys.stdin.isatty():
        return False
    note(_SURE.format(kind=_KINDS[kind], id=row_id).to(lang))
    return sys.stdin.readline().strip() == row_id


def _tell(done: Erased, dry_run: bool, as_json: bool, lang: Language) -> int:
    failed = bool(done.left) or not done.cleared
    if as_json:
        print_json(vars(done))
        return int(failed)
    count = sum(done.rows.values())
    told = _WOULD if dry_run else _DONE
    print_line(told.format(n=count, files=len(done.files), pseudonym=done.pseudonym).to(lang))
    for table, rows in sorted(done.rows.items()):
        print_line(f"  {table}: {rows:,}")
    if done.id_replaced:
        note((_NEW_ID if done.in_order else _NEW_ID_ELSEWHERE).format(id=done.row_key).to(lang))
    if done.namesakes:
        note(_NAMESAKES.format(n=done.namesakes).to(lang))
    if done.left:
        note(_LEFT.format(files=", ".join(done.left)).to(lang))
    if not done.cleared:
        note(_IN_USE.to(lang))
    if not dry_run:
        note(_ELSEWHERE.to(lang))
    return int(failed)


COMMAND = Command(
    "erase",
    erase,
    Text(
        "個人情報を消去します（名前を仮名に置き換え、数値は残します）。",
        "Erases a name: a pseudonym takes its place, the numbers stay.",
    ),
)
_KINDS = {
    "person": Text("担当者", "person"),
    "contact": Text("顧客側の担当者", "contact"),
    "account": Text("取引先", "account"),
}
_SURE = Text(
    "{kind}「{id}」の名前を、すべての記録から消去します。元に戻せません。続けるにはIDを入力してください：",
    "the name of {kind} {id!r} is erased from all records, and cannot be brought back. Type the id to go on:",
)
_NOT_DONE = Text(
    "消去していません。確認を求めずに実行するには --yes を付けてください。",
    "nothing was erased; to erase without being asked, add --yes.",
)
_DONE = Text(
    "消去しました：{n:,}行、{files:,}ファイル。仮名は {pseudonym} です。",
    "Erased: {n:,} rows and {files:,} files; the pseudonym is {pseudonym}.",
)
_WOULD = Text(
    "消去すると {n:,}行、{files:,}ファイルが変わります（まだ何も変えていません）。",
    "Erasing changes {n:,} rows and {files:,} files (nothing has been changed).",
)
_NEW_ID = Text(
    "IDも {id} に置き換えました。稼働中のサービスは再起動してください。",
    "its id is now {id}; restart services that are running.",
)
_NEW_ID_ELSEWHERE = Text(
    "IDも {id} に置き換えました。並び順が変わるため、シミュレーションの数値がわずかに変わることがあります。"
    "稼働中のサービスは再起動してください。",
    "its id is now {id}, which sorts elsewhere: simulated figures may differ slightly. Restart services that "
    "are running.",
)
_NAMESAKES = Text(
    "同じ名前の行がほかに{n}件あり、その行の名前は残しています。",
    "{n} other rows bear the same name; theirs stays.",
)
_LEFT = Text(
    "名前がまだ見つかります：{files}。別の人やほかの言葉でないか確認し、もう一度実行してください。",
    "the name is still found in {files}; see whether it is another's or another word, and run it again.",
)
_IN_USE = Text(
    "データベースを使用中のため、空き領域を消去できませんでした。サービスを止めて、もう一度実行してください。",
    "the database is in use, so its free space could not be cleared; stop the service and run it again.",
)
_ELSEWHERE = Text(
    "CRM、これまでのバックアップ、MLflowサーバー、外に置いたログは、それぞれの場所で消去してください（docs/privacy.md）。",
    "erase it where it came from, too: the CRM, older backups, an MLflow server, logs kept elsewhere "
    "(docs/privacy.md).",
)
