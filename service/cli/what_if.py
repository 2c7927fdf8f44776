"""What does `what-if` do? Compares the forecast as it is with the one under assumptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope, option
from service.cli.effects import SHARE
from service.cli.reader import NIL, Reader

if TYPE_CHECKING:
    from service.schemas import WhatIfRequest

Several = list[str] | None


def what_if(
    period: Period,
    won: Annotated[
        Several, option("--won", "ID", Text("受注と仮定する商談。", "A deal assumed won."))
    ] = None,
    lost: Annotated[
        Several, option("--lost", "ID", Text("失注と仮定する商談。", "A deal assumed lost."))
    ] = None,
    push: Annotated[
        Several,
        option("--push", "ID:DAYS", Text("後ろ倒しにする商談と日数。", "A deal pushed back, and days.")),
    ] = None,
    amount: Annotated[
        Several,
        option(
            "--amount",
            "ID:V",
            Text("商談の新しい金額（例 D1:50000USD）。", "A deal's new amount, such as D1:50000USD."),
        ),
    ] = None,
    leave: Annotated[
        Several, option("--leave", "PERSON", Text("離任する担当者。", "A rep who leaves today."))
    ] = None,
    join: Annotated[
        Several,
        option("--join", "TEAM[:DATE]", Text("担当者が着任するチームと着任日。", "A team a rep joins.")),
    ] = None,
    level: Annotated[
        Several,
        option("--level", "KPI:TIMES", Text("KPIを何倍にするか。", "A KPI, and times its level.")),
    ] = None,
    target: Annotated[
        str | None,
        option("--target", "V", Text("対象の新しい売上目標。", "The scope's new target.")),
    ] = None,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The forecast of a scope now and under assumptions."""
    request = _request(
        {
            "scope": scope,
            "as_of": as_of,
            "won": won or [],
            "lost": lost or [],
            "pushed": [{"deal_id": deal, "days": days} for deal, days in map(_valued, push or [])],
            "repriced": [_repriced(text) for text in amount or []],
            "leaving": leave or [],
            "joining": [_newcomer(text) for text in join or []],
            "levels": [
                {"kpi": kpi, "multiplier": times, "scope": scope} for kpi, times in map(_valued, level or [])
            ],
            "targets": [] if target is None else [{"scope": scope, **_money("value", target)}],
        }
    )
    return print_answer(
        lambda service: service.forecasts.what_if(period, request, lang),
        _show,
        as_json,
        lang,
        ("what-if", period, request.model_dump(mode="json")),
    )


COMMAND = Command(
    "what-if",
    what_if,
    Text(
        "商談の受注・失注・後ろ倒し・金額変更、担当者の離任・着任、目標の変更を仮定して、達成確率を比較します。",
        "Compares the chance of target if deals were won, lost, pushed back or repriced, reps left or "
        "joined, or the target changed.",
    ),
)
_NUMBER = re.compile(r"[\d.,]+")
_HEADINGS = [
    Text("対象", "scope"),
    Text("達成確率\n（現状→仮定）", "chance of target\n(now → if)"),
    Text("達成確率の\n増減（pt）", "change\n(points)"),
]


def _request(values: Mapping[str, Any]) -> WhatIfRequest:
    from pydantic import ValidationError

    from service.schemas import WhatIfRequest

    try:
        return WhatIfRequest.model_validate(values)
    except ValidationError as error:
        raise SanchoError(
            Text("仮定を読み取れません：{why}", "cannot read the assumptions: {why}").format(
                why=error.errors()[0]["msg"]
            ),
            "bad_request",
        ) from None


def _valued(text: str) -> tuple[str, float]:
    name, colon, number = text.rpartition(":")
    try:
        if not colon or not name:
            raise ValueError
        return name, float(number)
    except ValueError:
        raise SanchoError(
            Text(
                "「{text}」を読めません。ID:数値 の形で指定してください（例 D0001:14、leads:1.2）。",
                "cannot read {text!r}; write it as ID:NUMBER, such as D0001:14 or leads:1.2.",
            ).format(text=text),
            "bad_request",
        ) from None


def _repriced(text: str) -> dict[str, Any]:
    deal, colon, amount = text.rpartition(":")
    if not colon or not deal:
        raise _unreadable(text)
    return {"deal_id": deal, **_money("amount", amount)}


def _money(name: str, text: str) -> dict[str, Any]:
    """An amount, and the currency where one is written beside it."""
    from crm.money import currency_in

    code = currency_in(text)
    number = text if code is None else "".join(_NUMBER.findall(text))
    try:
        return {name: float(number.replace(",", "")), "currency": code}
    except ValueError:
        raise _unreadable(text) from None


def _unreadable(text: str) -> SanchoError:
    return SanchoError(
        Text(
            "「{text}」を金額として読めません。D0001:3000000、3000000、20000USD のように指定してください。",
            "cannot read the amount {text!r}; write it like D0001:3000000, 3000000 or 20000USD.",
        ).format(text=text),
        "bad_request",
    )


def _newcomer(text: str) -> dict[str, str | None]:
    team, _, start = text.partition(":")
    return {"team": team or None, "start": start or None}


def _show(answer: Answer, reader: Reader) -> None:
    sides = (answer, *answer["children"])
    forecast, revenues = reader.amounts(
        Text("仮定後の\n着地見込み", "forecast if"), (side["after"]["revenue"]["mean"] for side in sides)
    )
    increase, changes = reader.amounts(
        Text("着地見込みの\n増減", "change of forecast"),
        (side["revenue_change"] for side in sides),
        signed=True,
    )
    rows = [
        [
            reader.named_scope(side),
            _from_to(side, reader),
            reader.points_cell(side["effect_pp"]),
            revenue,
            change,
        ]
        for side, revenue, change in zip(sides, revenues, changes, strict=True)
    ]
    headings = [*_HEADINGS, forecast, increase]
    if all(row[2] in NIL for row in rows):  # points that say nothing give way to the share of the shortfall
        headings[2:] = [forecast, increase, SHARE]
        for row, side in zip(rows, sides, strict=True):
            row[2:] = [*row[3:], reader.gap_share(side["gap_share"])]
    title = reader.title(answer)
    reader.table(headings, rows, right=[1, 2, 3, 4], title=title)
    for line in answer["assumptions"]:
        reader.line(line)


def _from_to(side: Answer, reader: Reader) -> str:
    before, after = (side[end]["probability"] for end in ("before", "after"))
    return "–" if before is None and after is None else f"{reader.percent(before)} → {reader.percent(after)}"
