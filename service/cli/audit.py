"""What do `audit list`, `audit export` and `audit about` do?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from crm.acting import DONE, FAILED, REFUSED
from crm.i18n import Language, Text
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from service.audit.book import AuditBook

_SHOWN = 50
Since = Annotated[
    str | None, option("--since", "D", Text("この日時以降（日付か日時）。", "From this day or moment on."))
]
Until = Annotated[str | None, option("--until", "D", Text("この日時まで。", "Until this day or moment."))]
Caller = Annotated[
    str | None,
    option("--caller", "NAME", Text("キーの名前、担当者ID、cli:ユーザー名。", "Only what one caller did.")),
]
Operation = Annotated[
    str | None, option("--operation", "NAME", Text("操作の名前。", "Only one operation, as put_table_rows."))
]


def list_audit(
    since: Since = None,
    until: Until = None,
    caller: Caller = None,
    operation: Operation = None,
    limit: Annotated[
        int, option("--limit", "N", Text("表示する件数（既定50）。", "How many (default 50)."), min=1)
    ] = _SHOWN,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The newest entries."""
    with _book() as book:
        rows = list(islice(book.all(since, until, caller, None, operation), limit))
    return _show(rows, as_json, lang)


def about(
    person: Annotated[str, argument("PERSON", Text("担当者ID。", "A person's id."))],
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Who read a person's figures, and what he did himself."""
    with _book() as book:
        rows = list(book.all(since, until, person=person))
    return _show(rows, as_json, lang)


def export(
    out: Annotated[
        Path | None,
        option("--out", "FILE", Text("書き出すファイル（.csv または .ndjson）。", "File: .csv or .ndjson.")),
    ] = None,
    since: Since = None,
    until: Until = None,
    caller: Caller = None,
    operation: Operation = None,
    lang: Lang = "ja",
) -> int:
    """All entries as CSV or NDJSON; NDJSON on standard output without a file."""
    import orjson

    with _book() as book:
        rows = book.all(since, until, caller, None, operation)
        if out is None:
            for row in rows:
                sys.stdout.buffer.write(orjson.dumps(row) + b"\n")
            sys.stdout.buffer.flush()
            return 0
        count = _write(rows, out)
    note(_WRITTEN.format(n=count, file=out).to(lang))
    return 0


def _write(rows: Iterable[dict[str, Any]], out: Path) -> int:
    """Writes the entries into a file that its owner alone can read; how many."""
    import orjson
    import pandas as pd

    from service.csv_cells import write_csv

    out.touch(mode=0o600)
    if out.suffix.lower() == ".csv":
        listed = [{**row, "touched": orjson.dumps(row["touched"]).decode()} for row in rows]
        write_csv(pd.DataFrame(listed, columns=list(_COLUMNS)), out)
        return len(listed)
    count = 0
    with out.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row) + b"\n")
            count += 1
    return count


@contextmanager
def _book() -> Iterator[AuditBook]:
    from service.audit.book import AuditBook
    from service.audit.trail import AuditTrail
    from service.organisation import open_store
    from service.settings import read_settings

    settings = read_settings()
    trail = AuditTrail(settings)
    trail.close()  # takes up what waits in the home
    with open_store(settings) as store:
        zone = store.read(tables=("organisation",)).organisation.zone
        yield AuditBook(store, lambda: zone)


_RESULTS = {
    DONE: Text("完了", "done"),
    REFUSED: Text("拒否", "refused"),
    FAILED: Text("失敗", "failed"),
}


def _show(rows: list[dict[str, Any]], as_json: bool, lang: Language) -> int:
    if as_json:
        print_json({"entries": rows})
        return 0
    if not rows:
        print_line(_NONE.to(lang))
        return 0
    shown = [
        [
            row["at"][:19].replace("T", " "),
            row["caller"],
            row["operation"],
            _what(row),
            _RESULTS[row["result"]].to(lang),
        ]
        for row in rows
    ]
    print_table("", [heading.to(lang) for heading in _HEADINGS], shown, whole=[0])
    return 0


def _what(row: dict[str, Any]) -> str:
    """What an entry is about, in a few words."""
    named = [
        f"{kind}: {', '.join(ids[:3])}{'…' if len(ids) > 3 else ''}" for kind, ids in row["touched"].items()
    ]
    who = [f"person:{row['about']}"] if row["about"] else [row["scope"]] if row["scope"] else []
    return " ".join([*who, *named])


HELP = Text(
    "監査記録（変更と、他の人の数値の閲覧）を表示し、書き出します。",
    "The audit: changes, and reads of other people's figures.",
)
COMMANDS = (
    Command("list", list_audit, Text("監査記録を新しい順に表示します。", "Lists the audit, newest first.")),
    Command("export", export, Text("監査記録をCSVかNDJSONに書き出します。", "Writes it as CSV or NDJSON.")),
    Command(
        "about",
        about,
        Text(
            "ある担当者の数値を誰が見たか、本人が何をしたかを表示します。",
            "Who read a person's figures, and what the person did.",
        ),
    ),
)
_COLUMNS = (
    *("audit_id", "at", "caller", "person_id", "role", "operation", "scope", "about", "touched"),
    *("result", "status", "request_id", "address"),
)
_HEADINGS = (
    Text("日時", "at"),
    Text("誰が", "caller"),
    Text("操作", "operation"),
    Text("対象", "about"),
    Text("結果", "result"),
)
_NONE = Text("該当する監査記録はありません。", "there is no such entry in the audit.")
_WRITTEN = Text("監査記録{n:,}件を {file} に書き出しました。", "wrote {n:,} entries of the audit to {file}.")
