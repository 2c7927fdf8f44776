"""What does `what-if` do? Supposes something, and shows the outlook before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Language, Text
from sancho.service.cli.ask import asked
from sancho.service.cli.output import percent, print_json, print_table, print_warnings, say
from sancho.service.language import money_text
from sancho.service.schemas import WhatIfRequest
from sancho.service.settings import Settings, read_settings


def show_what_if(
    period: str,
    won: Sequence[str],
    lost: Sequence[str],
    push: Sequence[str],
    amount: Sequence[str],
    leave: Sequence[str],
    join: Sequence[str],
    level: Sequence[str],
    target: float | None,
    scope: str,
    as_of: str | None,
    as_json: bool,
    lang: Language,
) -> int:
    """The outlook of a scope before and after."""
    pushed = [{"deal_id": deal, "days": days} for deal, days in map(_pair, push)]
    repriced = [{"deal_id": deal, "amount": value} for deal, value in map(_pair, amount)]
    targets = [] if target is None else [{"scope": scope, "value": target}]
    joining = [_newcomer(one) for one in join]
    levels = [{"kpi": kpi, "times": times, "scope": scope} for kpi, times in map(_pair, level)]
    told = {
        "scope": scope, "as_of": as_of, "won": won, "lost": lost, "pushed": pushed, "repriced": repriced,
        "leaving": leave, "joining": joining, "levels": levels, "targets": targets,
    }  # fmt: skip
    try:
        request = WhatIfRequest.model_validate(told)
    except ValidationError as fault:
        raise SanchoError(
            Text("仮定を読めません：{fault}", "cannot read what is supposed: {fault}").format(
                fault=fault.errors()[0]["msg"]
            ),
            "bad_request",
        ) from None
    settings = read_settings()
    answer = asked(settings).what_if(period, request, lang)
    if as_json:
        print_json(answer)
    else:
        _show(answer, settings, lang)
    return 0


def _pair(text: str) -> tuple[str, float]:
    deal, colon, number = text.rpartition(":")
    try:
        if not colon or not deal:
            raise ValueError
        return deal, float(number)
    except ValueError:
        raise SanchoError(
            Text(
                "「{text}」を読めません。商談ID:数値 の形で指定してください（例 D0001:14）。",
                "cannot read {text!r}; write it as ID:NUMBER, such as D0001:14.",
            ).format(text=text),
            "bad_request",
        ) from None


def _newcomer(text: str) -> dict[str, str | None]:
    team, _, start = text.partition(":")
    return {"team": team or None, "start": start or None}


def _show(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    headings = (
        ["範囲", "達成確率", "仮定した場合", "差", "売上の見通し", "差"]
        if ja
        else ["scope", "probability", "supposed", "difference", "revenue", "difference"]
    )
    rows = []
    for side in (answer, *answer["children"]):
        before, after = side["before"], side["after"]
        effect = side["effect_pp"]
        rows.append(
            [
                side["scope"],
                percent(before["probability"]),
                percent(after["probability"]),
                "–" if effect is None else f"{effect:+.1f}pp",
                money_text(after["revenue"]["mean"], settings.currency, lang),
                money_text(side["revenue_change"], settings.currency, lang),
            ]
        )
    print_table(answer["period"], headings, rows, right=(1, 2, 3, 4, 5))
    for line in answer["assumptions"]:
        say(line)
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)
