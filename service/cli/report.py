"""What does `report` do? Writes the deal sheet or the forecast of a period to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.answer import open_service
from service.cli.command import AsOf, Command, Lang, Period, Scope, argument, option
from service.cli.output import note

_WRITTEN = Text("{file} に書き出しました。", "Written to {file}.")
_NO_FORM = Text(
    "--out の拡張子「{given}」は使えません。{known} のいずれかにしてください。",
    "--out: cannot write {given!r}; end the name in one of {known}.",
)


def report(
    which: Annotated[
        Literal["yomi", "quarter"],
        argument(
            "REPORT",
            Text(
                "レポート。yomi（ヨミ表）か quarter（見通し）。",
                "yomi (the deal sheet) or quarter (the forecast).",
            ),
        ),
    ],
    period: Period,
    out: Annotated[
        Path,
        option(
            "--out",
            "FILE",
            Text("書き出すファイル（.xlsx、.html、.csv）。", "File to write: .xlsx, .html or .csv."),
        ),
    ],
    scope: Scope = "company",
    as_of: AsOf = None,
    lang: Lang = "ja",
) -> int:
    """The report of a scope, with the numbers of REST and the pages."""
    from service.reports.files import MEDIA, AskedReport, questions_of, written
    from service.settings import read_settings

    form = out.suffix.lower().removeprefix(".")
    if form not in MEDIA:
        known = ", ".join(f".{name}" for name in MEDIA)
        raise SanchoError(_NO_FORM.format(given=out.suffix or out.name, known=known), "bad_format")
    service = open_service(read_settings(), lang=lang)
    try:
        asked = AskedReport.of(service, period, scope, as_of, lang)
        answers = {name: one.make() for name, one in questions_of(service, which, asked).items()}
        out.write_bytes(written(service, which, form, answers, asked))
    finally:
        service.close()
    note(_WRITTEN.format(file=out).to(lang))
    return 0


COMMAND = Command(
    "report",
    report,
    Text(
        "ヨミ表・見通しをExcelや1つのHTMLファイルに書き出します。",
        "Writes the deal sheet or the forecast to a workbook or one HTML file.",
    ),
)
