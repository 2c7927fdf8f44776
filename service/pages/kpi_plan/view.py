"""What stands on the page of the plan? The change that reaches the target, and everyone's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm.i18n import Language
from pictures.measure import PERCENT, Measure
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.kpi_plan.asked import AskedPlan
from service.pages.kpi_plan.words import WORDS
from service.pages.kpi_values import effect_words, kpi_measure, kpi_places
from service.pages.values import cell, headline_measure

Answer = Mapping[str, Any]
_WHOLE = 1.0  # of the shortfall; a plan that adds many times of it says nothing by that
_MORE = 0.05  # per week, from which a number is above the usual pace


def plan_view(
    lang: Language,
    plan: Answer | None,
    about: Answer,
    scopes: Answer,
    *,
    asked: Asked,
    asked_plan: AskedPlan,
    currency: str,
    period: str,
) -> dict[str, Any]:
    """The values of the page's template; no `plan`: it is being computed. `about`: the scope's forecast."""
    also = asked_plan.fields()
    values = {
        **frame(lang, "/kpis/plan", asked, about, scopes, currency, also),
        "places": kpi_places(asked, lang, "kpi_plan"),
        "period": period,
        "scope_name": about["name"] or about["scope"],
        "percent": f"{asked_plan.percent:g}",
        "nearest": f"{min(max(5 * round(asked_plan.percent / 5), 50), 95)}",
        "wanted": f"{asked_plan.percent:g}%",
        "has_target": about["target"] is not None,
        "target": None,
    }
    if about["target"] is not None:
        values["target"] = headline_measure(about["target"], currency, lang).text(about["target"], lang)
    if plan is None:
        return {**values, "plan": None}
    return {**values, "plan": _Plan(lang, plan, asked_plan, currency, asked.unit).values()}


@dataclass(frozen=True)
class _Plan:
    lang: Language
    plan: Answer
    asked_plan: AskedPlan
    currency: str
    unit: str | None

    def values(self) -> dict[str, Any]:
        """The answer, the levers and the people."""
        plan, by_points = self.plan, self.plan["ranked_by"] != "revenue"
        people = [self._person(one) for one in plan["people"]]
        people = [one for one in people if one["rows"]]
        levers = [self._lever(row, by_points) for row in plan["levers"]]
        return {
            "now": cell(plan["current_probability"], PERCENT, self.lang),
            "then": cell(plan["probability"], PERCENT, self.lang),
            "said": self._said(),
            "adds": self._adds(),
            "counted": [self._counted(one) for one in plan["reachable"] or ()],
            "levers": levers,
            "people": people,
            "people_said": WORDS["people_said" if people else "people_none"]
            .format(n=len(people), k=sum(len(one["rows"]) for one in people))
            .to(self.lang),
        }

    def _said(self) -> str:
        plan, wanted = self.plan, self.asked_plan
        names = {
            "now": plan["current_probability"],
            "then": plan["probability"],
            "most": plan["maximum"],
        }
        words: dict[str, object] = {name: PERCENT.words(value) for name, value in names.items()}
        if wanted.shares:
            name = "tried"
        elif plan["current_probability"] >= plan["requested_probability"]:
            name = "already"
        else:
            name = "attained" if plan["attainable"] else "not_attained"
        return WORDS[name].format(**words, p=f"{wanted.percent:g}%").to(self.lang)

    def _adds(self) -> str:
        gain = effect_words(None, self.plan["revenue"], False, self.currency, self.lang)
        said = WORDS["adds"].format(gain=gain).to(self.lang)
        share = self.plan["gap_share"]
        if share is not None and 0 <= share <= _WHOLE:
            said += WORDS["closes"].format(share=f"{100 * share:,.0f}%").to(self.lang)
        return said

    def _counted(self, one: Answer) -> str:
        money = headline_measure(one["revenue"], self.currency, self.lang)
        return (
            WORDS["counted"]
            .format(p=PERCENT.words(one["confidence"]), v=money.words(one["revenue"]))
            .to(self.lang)
        )

    def _lever(self, row: Answer, by_points: bool) -> dict[str, str]:
        ends = (row["from"], row["to"], row["top"])
        measure = kpi_measure(row["unit"], ends, self.currency, self.lang, self.unit)
        texts = (f'<data value="{end!r}">{measure.text(end, self.lang)}</data>' for end in ends)
        now, then, top = texts
        alone = row["attainment_pp"] if by_points else row["revenue"]
        said = effect_words(row["attainment_pp"], row["revenue"], by_points, self.currency, self.lang)
        return {
            "name": row["lever"],
            "label": row["label"],
            "percent": f"{100 * row['share_of_step']:.0f}",
            "now": now,
            "then": then,
            "top": top,
            "alone": f'<data value="{alone!r}">{said}</data>',
        }

    def _person(self, one: Answer) -> dict[str, Any]:
        rows = [row for row in one["kpis"] if row["per_week"] - row["usual_per_week"] >= _MORE]
        return {"name": one["name"] or one["scope"], "rows": [self._kpi(row) for row in rows]}

    def _kpi(self, row: Answer) -> dict[str, str]:
        names = ("usual_per_week", "per_week", "per_day", "by_period_end")
        return {
            "label": row["label"],
            **{name: cell(row[name], _tenths(row["unit"], self.lang), self.lang) for name in names},
        }


def _tenths(unit: str, lang: Language) -> Measure:
    """In what a number per week or day is written."""
    return Measure(1.0, kpi_measure(unit, [0.1], "", lang).unit, 1)
