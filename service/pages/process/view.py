"""What stands on the page 営業プロセス? The dearest bottleneck, the funnel, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language, Text
from crm.periods import Period
from pictures.funnel import Funnel, Stage
from pictures.measure import COUNT, PERCENT, POINTS, Measure
from service.language import period_text
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.process.words import WORDS
from service.pages.values import cell, headline_measure, money_measure, whole_points

Answer = Mapping[str, Any]
PATH = "/process"
_WON = Text("受注", "Won")


def process_view(
    lang: Language, found: Answer, scopes: Answer, *, asked: Asked, currency: str, in_period: Period
) -> dict[str, Any]:
    """The values of the page's template."""
    page = _Process(lang, found, asked, currency, in_period)
    funnel = page.funnel()
    query = {"scope": found["scope"], "period": found["period"]}
    past = {} if asked.as_of is None else {"as_of": asked.as_of}
    return {
        **frame(lang, PATH, asked, found, scopes, currency),
        **page.heading(),
        "proof": page.proof(),
        "funnel": None if funnel is None else funnel.figure(lang),
        "bottlenecks": [page.row(one) for one in found["bottlenecks"]],
        "by_points": page.by_points,
        "unit": page.unit.unit.to(lang),
        "notices": [one["message"] for one in found["warnings"] if one["code"] != "no_bottleneck"],
        "json_address": "/v1/bottlenecks?" + urlencode({**query, **past}),
    }


@dataclass(frozen=True)
class _Process:
    lang: Language
    found: Answer
    asked: Asked
    currency: str
    in_period: Period

    @property
    def by_points(self) -> bool:
        """Whether bottlenecks cost points of a goal, or revenue alone."""
        return bool(self.found["ranked_by"] == "attainment")

    @property
    def unit(self) -> Measure:
        """The one unit of the table."""
        amounts = [one["revenue"] for one in self.found["bottlenecks"]]
        return money_measure(amounts, self.currency, self.lang, self.asked.unit)

    def heading(self) -> dict[str, str]:
        """The question, and the dearest bottleneck in a sentence; `price` is HTML."""
        lang, found = self.lang, self.found
        period = period_text(self.in_period, lang)
        question = WORDS["question"].format(scope=found["name"] or found["scope"], period=period)
        first = next(iter(found["bottlenecks"]), None)
        if first is None:
            return {"question": question.to(lang), "answer": WORDS["none"].to(lang), "price": ""}
        revenue, points = first["revenue"], first["attainment_pp"]
        money = headline_measure(revenue, self.currency, lang).text(revenue, lang, signed=True)
        words = {
            "points": _data(points, whole_points(points, lang)) if points is not None else "",
            "revenue": _data(revenue, money),
            "n": _data(first["open_deals"], f"{first['open_deals']:,}"),
        }
        price = WORDS["dearest_points" if self.by_points else "dearest_revenue"].format(**words)
        answer = WORDS["dearest"].format(label=first["label"])
        return {"question": question.to(lang), "answer": answer.to(lang), "price": price.to(lang)}

    def proof(self) -> str:
        """How many conditions were compared, and how many of those found may be false."""
        lang, count = self.lang, self.found["looked_for"]
        share = WORDS["false_share"].format(p=PERCENT.words(self.found["false_share"])).to(lang)
        return share if count is None else WORDS["looked_for"].format(n=f"{count:,}").to(lang) + share

    def funnel(self) -> Funnel | None:
        """The stages of the past year, and what was won; None where no deal entered any."""
        steps = self.found["funnel"]
        if not steps:
            return None
        stages = [
            Stage(
                Text(step["stage"], step["stage"]),
                step["entered"],
                step["conversion"],
                None
                if step["days"] is None
                else (step["days"]["p25"], step["days"]["p50"], step["days"]["p75"]),
            )
            for step in steps
        ]
        if steps[-1]["to"] is None:
            stages.append(Stage(_WON, steps[-1]["advanced"]))
        return Funnel(name="funnel", title=WORDS["funnel_title"], stages=stages)

    def row(self, one: Answer) -> dict[str, Any]:
        """A bottleneck as a row of the table."""
        lang = self.lang
        low, high = (POINTS.number(value / 100, signed=True) for value in one["interval"])
        effect = cell(one["effect_pp"] / 100, POINTS, lang, signed=True, style="down")
        points = one["attainment_pp"]
        return {
            "id": one["id"],
            "label": one["label"],
            "address": self.asked.address("/deals", bottleneck=one["id"]),
            "effect": WORDS["effect_said"].format(effect=effect, low=low, high=high).to(lang),
            "rates": " / ".join(cell(one[f"win_rate_{name}"], PERCENT, lang) for name in ("with", "without")),
            "deals": cell(one["open_deals"], COUNT, lang),
            "has_deals": one["open_deals"] > 0,
            "approaching": cell(one["approaching_deals"], COUNT, lang),
            "points": "–" if points is None else _data(points, whole_points(points, lang)),
            "revenue": cell(one["revenue"], self.unit, lang, signed=True),
            "action": one["suggested_action"],
        }


def _data(value: float, words: str) -> str:
    """A number in a sentence, with its exact value; HTML."""
    return f'<data value="{value!r}">{words}</data>'
