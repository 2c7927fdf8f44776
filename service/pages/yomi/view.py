"""What stands on the page ヨミ表? The answer about a deal sheet, put into words and cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language
from pictures.measure import MISSING, PERCENT, Measure
from service.pages.asked import Asked
from service.pages.exports import export_links
from service.pages.frame import frame
from service.pages.values import cell, headline_measure, money_measure
from service.pages.yomi.asked import AskedSheet
from service.pages.yomi.deals import DealRows
from service.pages.yomi.words import WORDS
from service.yomi.past_ranks import ranks_known
from service.yomi.summary import value_of

Answer = Mapping[str, Any]
_WEEKS = (4, 8, 12)  # of the quarter that the answer check offers
_SHARE = Measure(0.01, PERCENT.unit)  # of the target: it can be over 100 %
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STRONG = ("counted_on", "gap", "expected")


def yomi_view(
    lang: Language,
    answer: Answer,
    scopes: Answer,
    *,
    asked: Asked,
    sheet: AskedSheet,
    currency: str,
    may_choose: bool,
    here: str,
    in_words: Callable[[str], str],
) -> dict[str, Any]:
    """The values of the page's template; `in_words`: of the name of a period."""
    page = _Yomi(lang, answer, currency, asked, sheet, in_words)
    past = {} if asked.as_of is None else {"as_of": asked.as_of}
    query = urlencode({"scope": answer["scope"], "week": sheet.week, **past})
    return {
        **frame(lang, "/yomi", asked, answer, scopes, currency, sheet.query(start=0)),
        "period": in_words(answer["period"]),
        "scope_name": answer["name"] or answer["scope"],
        "sentence": page.sentence(),
        "asks": answer["rank_column"] is None,
        "columns": [
            {"name": one["column"], "words": page.column_words(one)} for one in answer["rank_columns"]
        ],
        "may_choose": may_choose,
        "own": here,
        "months": [WORDS["month"].format(m=page.month(name)).to(lang) for name in answer["months"]],
        "unit": page.unit.unit.to(lang),
        "summary": page.summary(),
        "said": page.said(),
        "check": page.check(),
        **DealRows(lang, answer, asked, sheet, currency).view(),
        "notices": [warning["message"] for warning in answer["warnings"]],
        "json_address": (address := f"/v1/yomi/{answer['period']}?{query}"),
        "exports": export_links("yomi", answer["period"], answer["scope"], asked.as_of, lang, address),
    }


@dataclass(frozen=True)
class _Yomi:
    lang: Language
    answer: Answer
    currency: str
    asked: Asked
    sheet: AskedSheet
    in_words: Callable[[str], str]

    @cached_property
    def unit(self) -> Measure:
        """The one unit of the summary: millions, unless they are too coarse for it."""
        values = [row["total"] for row in self.answer["summary"] if row["code"] != "attained"]
        wanted = "M" if max((abs(one) for one in values if one is not None), default=0.0) >= 1e7 else None
        return money_measure(values, self.currency, self.lang, self.asked.unit or wanted)

    def money(self, value: float) -> str:
        """An amount in a sentence."""
        return headline_measure(value, self.currency, self.lang).text(value, self.lang)

    def month(self, name: str) -> str:
        """A month as the head of a column."""
        number = int(name[5:])
        return str(number) if self.lang == "ja" else _MONTHS[number - 1]

    def column_words(self, column: Answer) -> str:
        """A column that could hold the ranks, with some of its values."""
        separator = "、" if self.lang == "ja" else ", "
        values = separator.join(column["values"])
        return WORDS["column_choice"].format(column=column["column"], values=values).to(self.lang)

    def sentence(self) -> str:
        """Where the ranks lead, and where the model does."""
        answer, lang = self.answer, self.lang
        gap, counted = (
            value_of(answer["summary"], "gap"),
            [one["rank"] for one in answer["ranks"] if one["counted_on"]],
        )
        said = []
        if gap is None:
            said.append(WORDS["no_target"].to(lang))
        elif answer["rank_column"] is not None and counted:
            ranks = ("・" if lang == "ja" else " and ").join(counted)
            words = WORDS["short" if gap < 0 else "reached"]
            said.append(words.format(ranks=ranks, gap=self.money(abs(gap))).to(lang))
        middle = self.money(answer["revenue"]["p50"])
        if answer["probability"] is None:
            said.append(WORDS["ours_alone"].format(middle=middle).to(lang))
        else:
            chance = PERCENT.words(answer["probability"])
            said.append(WORDS["ours"].format(middle=middle, p=chance).to(lang))
        return ("" if lang == "ja" else " ").join(said)

    def summary(self) -> list[dict[str, Any]]:
        """The rows of the summary; without ranks, those alone that need none."""
        rows = [
            self._row(row)
            for row in self.answer["summary"]
            if self.answer["rank_column"] is not None or row["code"] not in ("rank", "unranked", "counted_on")
        ]
        empty = [MISSING] * len(self.answer["months"])
        revenue = self.answer["revenue"]
        middle = cell(revenue["p50"], self.unit, self.lang)
        rows.append({"label": WORDS["middle"].to(self.lang), "cells": [*empty, middle], "strong": False})
        if revenue["p10"] is not None:
            low, high = (cell(revenue[name], self.unit, self.lang) for name in ("p10", "p90"))
            both = f"{low}{WORDS['range_to'].to(self.lang)}{high}"
            rows.append({"label": WORDS["range"].to(self.lang), "cells": [*empty, both], "strong": False})
        return rows

    def _row(self, row: Answer) -> dict[str, Any]:
        values = [*row["months"], row["total"]]
        if row["code"] == "attained":
            cells = [MISSING if one is None else share_cell(one) for one in values]
        else:
            signed = row["code"] == "gap"
            cells = [
                cell(one, self.unit, self.lang, signed=signed, style=_sign(one) if signed else "")
                for one in values
            ]
        label = row["label"]
        if row["code"] == "rank":
            label = WORDS["rank_row"].format(rank=row["rank"]).to(self.lang)
        return {"label": label, "cells": cells, "strong": row["code"] in _STRONG}

    def said(self) -> list[str]:
        """What to know of the summary."""
        answer, lang = self.answer, self.lang
        said = [WORDS["overdue_said"].to(lang)]
        if answer["deals_without_day"]:
            said.append(WORDS["no_day_said"].format(n=answer["deals_without_day"]).to(lang))
        if answer["deals_due_later"]:
            said.append(WORDS["later_said"].format(n=answer["deals_due_later"]).to(lang))
        said.append(answer["no_range_by_month"])
        verdict = answer["revenue"]["interval"]
        if verdict != "held":
            said.append(WORDS[f"range_{verdict}"].to(lang))
        return said

    def check(self) -> dict[str, Any] | None:
        """What past ranks were worth; None where no column holds ranks."""
        check, lang = self.answer["answer_check"], self.lang
        if check is None:
            return None
        separator = "・" if lang == "ja" else ", "
        quarters = separator.join(self.in_words(one["period"]) for one in check["quarters"])
        about = {"n": len(check["quarters"]), "quarters": quarters, "week": check["week"]}
        return {
            "sentence": self._best(check),
            "caption": WORDS["check_caption"].format(**about).to(lang),
            "rows": [self._checked(row) for row in check["ranks"]] if ranks_known(check["ranks"]) else [],
            "reps": [
                {"name": rep["name"] or rep["scope"], "cells": [self._of_rep(row) for row in rep["ranks"]]}
                for rep in check["by_rep"]
            ],
            "ranks": [row["rank"] for row in check["ranks"]],
            "weeks": [
                {
                    "words": WORDS["week"].format(n=week).to(lang),
                    "address": self.asked.address("/yomi", **self.sheet.query(week=week)),
                    "here": week == check["week"],
                }
                for week in _WEEKS
            ],
        }

    def _best(self, check: Answer) -> str:
        judged = [row for row in check["ranks"] if row["share"] is not None]
        if not judged:
            return WORDS["check_few"].format(n=check["fewest"]).to(self.lang)
        first = judged[0]
        return (
            WORDS["check_best"]
            .format(
                **{name: first[name] for name in ("rank", "deals", "won")},
                share=_SHARE.words(first["share"]),
                agreed=_SHARE.words(first["agreed"]),
            )
            .to(self.lang)
        )

    def _checked(self, row: Answer) -> dict[str, str]:
        lang = self.lang
        share = WORDS["few"].to(lang)
        if row["share"] is not None:
            share = cell(row["share"], PERCENT, lang, style=_sign(row["difference_pp"]))
        return {
            "rank": WORDS["rank_row"].format(rank=row["rank"]).to(lang),
            "agreed": cell(row["agreed"], PERCENT, lang),
            "deals": f'<data value="{row["deals"]}">{row["deals"]:,}</data>',
            "won": f'<data value="{row["won"]}">{row["won"]:,}</data>',
            "share": share,
        }

    def _of_rep(self, row: Answer) -> str:
        counts = f"{row['won']}/{row['deals']}"
        if not row["deals"]:
            return MISSING
        if row["share"] is None:
            return f"{counts} {WORDS['few'].to(self.lang)}"
        return f"{cell(row['share'], PERCENT, self.lang)} ({counts})"


def share_cell(share: float) -> str:
    """A share of a target, which can be none or more than all of it; HTML.

    >>> share_cell(1.2)
    '<data value="1.2">120%</data>'
    """
    return f'<data value="{share!r}">{_SHARE.number(share)}%</data>'


def _sign(value: float | None) -> str:
    """How a difference is coloured; its sign is written, too."""
    return "" if value is None or abs(value) < 1e-9 else "up" if value > 0 else "down"
