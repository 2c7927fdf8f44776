"""What adds up to the target, by rank and month (集計)? Sums of the sheet's rows; no model in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Language, Text
from service.yomi.ranks import Ranks
from service.yomi.sheet import OPEN, WON

Row = Mapping[str, Any]
_LABELS = {
    "target": Text("目標", "Target"),
    "won": Text("受注済み", "Won so far"),
    "rank": Text("{rank}", "{rank}"),
    "unranked": Text("ヨミなし・その他", "No rank, or another"),
    "counted_on": Text("受注＋{ranks}", "Won + {ranks}"),
    "gap": Text("目標との差（{counted}）", "Against the target ({counted})"),
    "attained": Text("達成率（受注済み÷目標）", "Attained (won ÷ target)"),
    "expected": Text("Sanchoの見込み（平均）", "Sancho's forecast (mean)"),
}
_WON_ALONE = Text("受注済み", "won so far")


def summary_rows(
    deals: Sequence[Row],
    months: Sequence[str],
    ranks: Ranks,
    targets: Sequence[float | None],
    expected: Sequence[float],
    lang: Language,
) -> list[dict[str, Any]]:
    """The rows of the summary; of each a value by month (m,) and the total.

    `targets` (m + 1,) and `expected` (m + 1,) end with those of the whole period. Open deals without a day
    are in no month and in no total.
    """
    target = list(targets)
    won = _sums([deal for deal in deals if deal["state"] == WON], months)
    still_open = [deal for deal in deals if deal["state"] == OPEN]
    by_rank = {rank: _sums([d for d in still_open if d["rank"] == rank], months) for rank in ranks.agreed}
    others = _sums([deal for deal in still_open if deal["rank"] not in ranks.agreed], months)
    rows = [_row("target", target, lang), _row("won", won, lang)]
    rows += [_row("rank", sums, lang, rank=rank) for rank, sums in by_rank.items()]
    rows.append(_row("unranked", others, lang))
    counted, words = won, _WON_ALONE.to(lang)
    for number, rank in enumerate(ranks.committed, 1):
        counted = [a + b for a, b in zip(counted, by_rank[rank], strict=True)]
        joined = ("＋" if lang == "ja" else " + ").join(ranks.committed[:number])
        rows.append(_row("counted_on", counted, lang, rank=rank, ranks=joined))
        words = rows[-1]["label"]
    pairs = list(zip(target, counted, won, strict=True))
    gap = [None if aim is None else sums - aim for aim, sums, _ in pairs]
    attained = [so_far / aim if aim else None for aim, _, so_far in pairs]
    rows.append(_row("gap", gap, lang, counted=words))
    rows.append(_row("attained", attained, lang))
    return [*rows, _row("expected", list(expected), lang)]


def value_of(rows: Sequence[Row], code: str, rank: str | None = None) -> float | None:
    """The total of the last row of a code."""
    found = [row["total"] for row in rows if row["code"] == code and rank in (None, row["rank"])]
    return found[-1] if found else None


def _sums(deals: Sequence[Row], months: Sequence[str]) -> list[float]:
    """The amounts of some deals by month, and in total."""
    of_month = dict.fromkeys(months, 0.0)
    for deal in deals:
        if deal["month"] in of_month:
            of_month[deal["month"]] += deal["amount"] or 0.0
    return [*of_month.values(), sum(of_month.values())]


def _row(
    code: str, sums: Sequence[float | None], lang: Language, rank: str | None = None, **words: str
) -> dict[str, Any]:
    label = _LABELS[code].format(rank=rank or "", **words).to(lang)
    return {"code": code, "rank": rank, "label": label, "months": sums[:-1], "total": sums[-1]}
