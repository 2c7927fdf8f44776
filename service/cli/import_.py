"""What does `import` do? Takes files into the store, and lists the rows it rejects with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.answer import note_disagreements
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_table, progress

if TYPE_CHECKING:
    from crm.importing import ImportResult

_SHOWN = 10


def import_(
    path: Annotated[Path, argument("PATH", Text("ファイルまたはフォルダー。", "File or folder."))],
    mapping: Annotated[
        str | None,
        option(
            "--mapping",
            "NAME|FILE",
            Text("列の対応表（同梱の名前またはTOML）。", "A shipped mapping's name or a TOML file."),
        ),
    ] = None,
    table: Annotated[
        str | None,
        option(
            "--table",
            "TABLE",
            Text(
                "ファイルを取り込む表。既定はファイル名から判断します。",
                "The table a file is for. Default: by its name.",
            ),
        ),
    ] = None,
    dry_run: Annotated[
        bool, option("--dry-run", None, Text("確認だけを行い、保存しません。", "Only checks; saves nothing."))
    ] = False,
    full: Annotated[
        bool,
        option(
            "--full",
            None,
            Text(
                "全件の一覧として取り込みます。一覧にない行は、この時点で削除されたものとします。",
                "The lists are complete: rows they no longer name are gone from now on.",
            ),
        ),
    ] = False,
    quarantine: Annotated[
        Path | None,
        option(
            "--quarantine",
            "DIR",
            Text("エラー行をCSVで書き出すフォルダー。", "Folder to write the rejected rows to, as CSV."),
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        option(
            "--encoding",
            "NAME",
            Text(
                "文字コード（utf-8、cp932、windows-1252 など）。既定は自動判別です。",
                "Character set (utf-8, cp932, windows-1252 ...). Default: recognised.",
            ),
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        option(
            "--decimal",
            ".|,",
            Text(
                "小数点に使われている記号。既定は列ごとに判断します。",
                "The decimal mark of the files' numbers. Default: told from each column.",
            ),
        ),
    ] = None,
    snapshots: Annotated[
        bool,
        option(
            "--snapshots",
            None,
            Text(
                "日付つきの一覧を日付順に読み、一覧ごとの違いを履歴にします。",
                "Dated lists, oldest first: the differences from list to list become history.",
            ),
        ),
    ] = False,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Files into the store; exit status 3 where any row was rejected, 1 where nothing could be read."""
    from crm.importing import Saying, export_quarantine, import_path
    from service.organisation import open_store
    from service.settings import read_settings

    settings = read_settings()
    with open_store(settings) as store:
        with progress(lang) as step:
            saying = Saying(encoding, _decimal_mark(decimal), snapshots)
            result = import_path(
                store, path, settings.zone, mapping, table, dry_run, step, whole=full, saying=saying
            )
        if quarantine is not None:
            for written in export_quarantine(store, quarantine):
                note(str(written))
    if as_json:
        print_json(result.to_dict())
    else:
        _show(result, lang)
    note_disagreements(settings, lang)
    if result.is_unreadable:
        return 1
    return 3 if result.errors else 0


def _decimal_mark(given: str | None) -> str | None:
    if given is None or given in (".", ","):
        return given
    raise SanchoError(
        Text(
            "--decimal は . か , のどちらかです（指定：{given}）。",
            "--decimal is . or a comma, not {given!r}.",
        ).format(given=given),
        "bad_decimal",
    )


COMMAND = Command(
    "import",
    import_,
    Text(
        "ファイルまたはフォルダーを取り込みます（CSV、TSV、XLSX、Parquet、NDJSON）。",
        "Imports a file or folder: CSV, TSV, XLSX, Parquet, NDJSON.",
    ),
)
_COUNTS = (
    Text("表", "table"),
    Text("読込", "read"),
    Text("取込", "imported"),
    Text("変更なし", "unchanged"),
    Text("エラー行", "rejected"),
)
_ERRORS = (
    Text("ファイル", "file"),
    Text("行", "line"),
    Text("列", "column"),
    Text("値", "value"),
    Text("理由", "reason"),
)
_DRY_RUN = Text("取り込みの確認（保存していません）", "Dry run: nothing was saved")
_REJECTED = Text("取り込めなかった行：{n:,}行", "Rows rejected: {n:,}")
_UNREADABLE = Text("読めなかったファイル", "Files that could not be read")
_HOW_TO_FIX = Text(
    "`--quarantine DIR` を付けると、エラー行をCSVで書き出します。修正して再び取り込めます。",
    "with `--quarantine DIR` they are written as CSV, to fix and import again.",
)


def _show(result: ImportResult, lang: Language) -> None:
    """Counts by table, and the first errors."""
    from crm.schema import TABLES

    rows = [
        [
            TABLES[name].label.to(lang) if name in TABLES else name,
            *(f"{getattr(counts, field):,}" for field in ("read", "imported", "unchanged", "quarantined")),
        ]
        for name, counts in result.tables.items()
    ]
    title = _DRY_RUN.to(lang) if result.dry_run else ""
    print_table(title, [heading.to(lang) for heading in _COUNTS], rows, right=[1, 2, 3, 4])
    for notice in result.notices:
        note(notice.to(lang))
    if not result.errors:
        return
    shown = [
        [
            fault.file,
            "" if fault.line is None else str(fault.line),
            fault.column,
            fault.value[:60],
            fault.reason.to(lang),
        ]
        for fault in result.errors[:_SHOWN]
    ]
    title = _REJECTED.format(n=result.quarantined).to(lang) if result.quarantined else _UNREADABLE.to(lang)
    print_table(title, [heading.to(lang) for heading in _ERRORS], shown, right=[1])
    if result.quarantined:
        note(_HOW_TO_FIX.to(lang))
