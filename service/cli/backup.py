"""What do `backup` and `restore` do? Keep an installation as a whole, and put it somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from crm.i18n import Language, Text
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, progress

if TYPE_CHECKING:
    from service.backup import Backup

Folder = Annotated[Path, argument("FOLDER", Text("バックアップのフォルダー。", "The backup's folder."))]


def backup(folder: Folder, as_json: Json = False, lang: Lang = "ja") -> int:
    """Writes a backup into a new folder, while the service goes on."""
    from service.backup import make_backup
    from service.settings import read_settings

    with progress(lang) as step:
        made = make_backup(read_settings(), folder, step)
    return _tell(made, _MADE, as_json, lang)


def restore(
    folder: Folder,
    erased: Annotated[
        Path | None,
        option(
            "--erased",
            "PATH",
            Text(
                "この後に消去した人の一覧（新しいバックアップのフォルダーか erasures.json）。",
                "Who was erased since: a newer backup's folder, or an erasures.json.",
            ),
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Puts a backup into an empty home and store; who was erased since is erased in it, too."""
    from service.backup import restore_backup
    from service.erasure.erase import read_list
    from service.settings import read_settings

    with progress(lang) as step:
        made = restore_backup(read_settings(), folder, step, [] if erased is None else read_list(erased))
    return _tell(made, _RESTORED, as_json, lang)


BACKUP = Command(
    "backup",
    backup,
    Text(
        "データとモデルをまとめてバックアップします（サービスの稼働中も可）。",
        "Backs up data and models together, while serving.",
    ),
)
RESTORE = Command(
    "restore",
    restore,
    Text("バックアップを空の環境に戻します。", "Puts a backup into an empty installation."),
)
_MADE = Text("バックアップしました：{rows:,}行、{models}。", "Backed up: {rows:,} rows, {models}.")
_RESTORED = Text("戻しました：{rows:,}行、{models}。", "Restored: {rows:,} rows, {models}.")
_CHAMPION = Text("採用中のモデルはバージョン{v}", "the model in service is version {v}")
_NO_MODEL = Text("採用中のモデルなし", "no model in service")
_NOT_IN_IT = Text(
    "MLflowサーバーの記録は含まれていません。サーバー側でバックアップしてください。",
    "the MLflow server's records are not in it; back the server up, too.",
)


def _tell(made: Backup, text: Text, as_json: bool, lang: Language) -> int:
    if as_json:
        print_json({**vars(made), "total": made.total})
        return 0
    models = _NO_MODEL if made.champion is None else _CHAMPION.format(v=made.champion)
    print_line(text.format(rows=made.total, models=models).to(lang))
    if not made.has_registry:
        note(_NOT_IN_IT.to(lang))
    return 0
