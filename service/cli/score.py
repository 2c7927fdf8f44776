"""What does `score` do? Lists every open deal with its win probability, or writes them to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.answer import Answer, open_service, print_answer, reader_of, show_answer
from service.cli.command import AsOf, Command, Dask, Json, Lang, PeriodOption, Scope, option
from service.cli.output import note, print_json, print_warnings
from service.cli.reader import Reader
from service.executor import workers

if TYPE_CHECKING:
    import pandas as pd

    from crm.eventlog import EventLog
    from crm.periods import Period
    from models.bundle import Bundle
    from service.deal_insight import Scorer
    from service.deal_search import DealSearch
    from service.settings import Settings

_SHOWN = 30
_SORT = "-win_by_period_end"


def score(
    as_of: AsOf = None,
    period: PeriodOption = None,
    scope: Scope = "company",
    out: Annotated[
        Path | None,
        option(
            "--out",
            "FILE",
            Text("書き出すファイル（.csv または .parquet）。", "File to write (.csv or .parquet)."),
        ),
    ] = None,
    dask: Dask = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Every open deal of a scope."""
    if out is None and dask is None:
        return print_answer(
            lambda service: service.deals.list_deals(
                scope, as_of, period, _SORT, None, None, lang, search=_every_deal()
            ),
            _show,
            as_json,
            lang,
            ("score", scope, as_of, period),
        )
    from service.settings import read_settings

    settings = read_settings()
    scorer = None if dask is None else _on_cluster(dask, settings)
    service = open_service(settings, lang=lang)
    try:
        answer = service.deals.list_deals(scope, as_of, period, _SORT, None, None, lang, scorer)
        reader = reader_of(service, answer, lang)
    finally:
        service.close()
    if out is not None:
        _write(answer["deals"], out)
        note(_WRITTEN.format(n=len(answer["deals"]), out=out).to(lang))
        if not as_json:  # the file has no place for them
            print_warnings(answer, lang)
    if as_json:
        print_json(answer)
    elif out is None:
        show_answer(answer, _show, reader)
    return 0


COMMAND = Command(
    "score",
    score,
    Text("進行中の全商談の受注確率を算出します。", "Scores every open deal."),
)
_WRITTEN = Text("{n}件を {out} に書き出しました。", "{n} deals written to {out}.")


def _every_deal() -> DealSearch:
    """What the list of REST finds where nobody looks for anything."""
    from service.deal_search import DealSearch

    return DealSearch()


def _on_cluster(dask: str, settings: Settings) -> Scorer:
    """Scores by parts of the deals, on a cluster that is there as long as that takes."""
    from models.scoring import without_revenue

    def scorer(bundle: Bundle, log: EventLog, moment: int, period: Period, version: str) -> pd.DataFrame:
        with workers(dask, settings, log) as cluster:
            assert cluster is not None  # noqa: S101 - it was asked for
            zone = log.organisations.at(moment).zone
            frame = cluster.score_open(bundle, moment, period, version, zone)
            return without_revenue(frame, log, moment)

    return scorer


def _write(rows: list[dict[str, Any]], out: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(rows)
    names = [name for name in ("name", "account_name") if name in frame]
    frame = frame[[*frame.columns.difference(names, sort=False), *names]]  # who reads by position
    match out.suffix.lower():
        case ".csv":
            from service.csv_cells import write_csv

            write_csv(frame, out)
        case ".parquet":
            frame.to_parquet(out, index=False)
        case _:
            raise SanchoError(
                Text(
                    "--out には .csv または .parquet のファイルを指定してください。",
                    "--out: give a file that ends in .csv or .parquet.",
                ),
                "bad_out",
            )


def _show(answer: Answer, reader: Reader) -> None:
    deals = answer["deals"][:_SHOWN]
    money, amounts = reader.amounts(
        Text("期待\n受注額", "expected revenue"), (row["expected_revenue"] for row in deals)
    )
    headings = [
        Text("商談", "deal"),
        Text("受注確率", "win probability"),
        Text("期内\n受注確率", "win by period end"),
        money,
        Text("受注見込日（予測）", "predicted\nclose date"),
    ]
    rows = [
        [
            reader.deal(row),
            reader.percent(row["win_probability"]),
            reader.percent(row["win_by_period_end"]),
            expected,
            str(row["expected_close_date"] or "–"),
        ]
        for row, expected in zip(deals, amounts, strict=True)
    ]
    count = len(answer["deals"])
    title = reader.text("進行中の商談 {n:,}件", "{n:,} open deals", n=count)
    if count > _SHOWN:
        title += reader.text("（上位{n}件。--out で全件）", " (top {n}; --out writes all)", n=_SHOWN)
    if not rows:
        reader.line(reader.text("進行中の商談はありません。", "No deal is open."))
        reader.next_step(
            "今後の新規商談の見込みは `sancho forecast this-quarter` で確認してください。",
            "`sancho forecast this-quarter` shows what deals yet to come may bring.",
        )
    reader.table(headings, rows, right=[1, 2, 3], title=title, whole=[4])
