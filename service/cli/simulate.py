"""What does `world` do? Writes a simulated sales organisation as canonical CSV, its truth beside it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Lang, argument, option
from service.cli.output import Step, print_line, progress
from service.cli.world_settings import world_settings


def world(
    folder: Annotated[Path, argument("DIR", Text("書き出すフォルダー。", "Folder to write to."))],
    deals: Annotated[int, option("--deals", "N", Text("商談の件数。", "Number of deals."), min=1)] = 10_000,
    seed: Annotated[
        int,
        option(
            "--seed",
            "S",
            Text(
                "乱数シード。同じ値なら同じデータになります。", "Random seed; the same gives the same data."
            ),
            min=0,
        ),
    ] = 1,
    end: Annotated[
        str | None, option("--end", "DATE", Text("最後の日。既定は昨日。", "Last day. Default: yesterday."))
    ] = None,
    oracle: Annotated[
        list[str] | None,
        option(
            "--oracle",
            "DATE",
            Text(
                "真の確率も書き出す時点（複数指定できます）。",
                "Also write true probabilities as of this date (repeatable).",
            ),
        ),
    ] = None,
    lang: Lang = "ja",
) -> int:
    """A simulated organisation as files."""
    last, moments = None if end is None else _day(end), [_day(text) for text in oracle or []]
    with progress(lang) as step:
        simulate_to(folder, deals, seed, last, moments, step)
    print_line(_NEXT.format(folder=folder).to(lang))
    return 0


COMMAND = Command(
    "world",
    world,
    Text(
        "架空の営業組織のデータをCSVで書き出します。",
        "Writes a simulated sales organisation as CSV, with truth/ beside it.",
    ),
)
_NEXT = Text(
    "{folder} に書き出しました。次は `sancho import {folder}` です。",
    "written to {folder}; next: `sancho import {folder}`.",
)


def simulate_to(
    folder: Path, deals: int, seed: int, end: date | None, oracle: list[date], step: Step
) -> None:
    """Simulates and writes, reporting both."""
    from simulator import simulate, write

    simulating = Text("営業組織をシミュレーションしています", "Simulating a sales organisation")
    step(simulating, 0, 1)
    settings = world_settings(deals, seed, end, oracle)
    made = simulate(settings)
    step(simulating, 1, 1)
    writing = Text("書き出しています", "Writing")
    step(writing, 0, 1)
    write(made, folder, oracle_dates=oracle)
    step(writing, 1, 1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SanchoError(
            Text(
                "日付「{text}」を読めません。2026-11-20 の形で指定してください。",
                "cannot read the date {text!r}; write it like 2026-11-20.",
            ).format(text=text),
            "bad_date",
        ) from None
