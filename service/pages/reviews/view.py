"""What stands on the page 週次会議? Review, forecast, KPIs and actions, in the meeting's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language, Text
from crm.kpi_units import MONEY, SHARE
from crm.periods import period_holding
from pictures.measure import PERCENT, POINTS, Measure
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.meeting_view import MeetingView, people_of
from service.pages.outlook.view import OutlookParts
from service.pages.reviews.words import WORDS
from service.pages.steps import step_rows
from service.pages.values import cell, money_measure, short_day

Answer = Mapping[str, Any]
MINUTES = {"numbers": 5, "moves": 5, "deals": 10, "kpis": 5, "decisions": 5}
PATH = "/reviews"
_MOST_KPIS = 5
_GOAL = "revenue"  # which is what KPIs lead to
_SHOWN_ACTIONS = 3
_LEAST_MORE = 0.1  # a week that a plan must ask for more, to become an agreement
_MOST_PLANNED = 24


@dataclass(frozen=True, kw_only=True)
class ReviewAnswers:
    """What REST answers of a week's review, its forecast, and the plan where that is asked for."""

    review: Answer
    forecast: Answer
    actions: Answer
    bottlenecks: Answer
    kpis: Answer
    scopes: Answer
    plan: Answer | None = None


def review_view(
    lang: Language,
    answers: ReviewAnswers,
    *,
    asked: Asked,
    currency: str,
    can_write: bool,
    mode: str,
    typed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values of the page's template."""
    review, forecast = answers.review, answers.forecast
    meeting = MeetingView(lang, review, currency, asked.unit, typed)
    outlook = OutlookParts(lang, forecast, currency, asked)
    week = _Week(review, asked, mode)
    by_points = forecast["ranked_by"] != "revenue" and forecast["target"] is not None
    change = outlook.change()
    actions = step_rows(answers.actions["actions"], review["chosen"], lang)
    people = people_of(answers.scopes["scopes"], review["scope"])
    return {
        **frame(lang, PATH, asked, {**forecast, "as_of": review["as_of"]}, answers.scopes, currency),
        "past": None,
        "choice": None,
        "choose": frame(lang, PATH, asked, review, answers.scopes, currency)["choice"],
        **meeting.values(people, _deals(answers), can_write),
        "week": week.words(lang),
        "scope_name": review["name"] or review["scope"],
        "answer": _answer(answers, outlook, lang),
        "address": week.address(),
        "before": week.address(-1),
        "after": week.address(1),
        "other_mode": week.address(mode="" if mode else "meeting"),
        "mode": mode,
        "minutes": MINUTES,
        "minutes_together": sum(MINUTES.values()),
        "past_day": None
        if not review["is_past"]
        else short_day(date.fromisoformat(review["as_of"][:10]), lang),
        "change": None if change is None else change.figure(lang),
        "quiet": outlook.quiet(),
        "by_points": by_points,
        "three": outlook.three(answers.actions["actions"], answers.bottlenecks["bottlenecks"], by_points),
        "moves_said": meeting.change_counts(),
        "moves": meeting.moves(),
        "kpis": _kpis(answers.kpis["kpis"], currency, lang),
        "kpis_said": _kpis_said(answers.kpis["kpis"], lang),
        "actions": actions,
        "plan": None if answers.plan is None else planned(answers.plan, lang),
        "plan_address": week.address(plan="1") + "#plan",
        "plan_chance": None
        if answers.plan is None
        else PERCENT.text(answers.plan["requested_probability"], lang),
        "json_address": f"/v1{PATH}/{review['week']}?{urlencode({'scope': review['scope']})}",
    }


@dataclass(frozen=True)
class _Week:
    review: Answer
    asked: Asked
    mode: str

    def words(self, lang: Language) -> str:
        first, last = (date.fromisoformat(self.review[name]) for name in ("first", "last"))
        number = self.review["week"].partition("W")[2].lstrip("0")
        return WORDS["week_words"].format(n=number, first=_day(first, lang), last=_day(last, lang)).to(lang)

    def address(self, weeks: int = 0, **other: str) -> str:
        day = date.fromisoformat(self.review["first"]) + timedelta(7 * weeks)
        query = {"scope": self.review["scope"], "unit": self.asked.unit, "mode": self.mode, **other}
        kept = {name: value for name, value in query.items() if value}
        return f"{PATH}/{period_holding(day, 'week').name}?{urlencode(kept)}"


def _day(day: date, lang: Language) -> str:
    return f"{day.month}/{day.day}" if lang == "ja" else short_day(day, lang)


def _answer(answers: ReviewAnswers, outlook: OutlookParts, lang: Language) -> str:
    """The review in one sentence."""
    review, forecast = answers.review, answers.forecast
    name = "answer" if review["carried"] else "answer_first"
    counts = {
        "n": len(review["carried"]),
        "k": sum(one["result"] == "done" for one in review["carried"]),
        "new": len(review["agreements"]),
    }
    if forecast["probability"] is None:
        middle = outlook.money(forecast["revenue"]["p50"])
        return WORDS[f"{name}_no_target"].format(p=middle, **counts).to(lang)
    change = forecast["change"]
    said = WORDS["no_change_yet"]
    if change is not None:
        said = POINTS.words(change["to"] - change["from"], signed=True)
    return WORDS[name].format(p=PERCENT.words(forecast["probability"]), change=said, **counts).to(lang)


def _deals(answers: ReviewAnswers) -> dict[str, str]:
    """The deals that the page names, for what is agreed about one of them."""
    rows = [
        *answers.forecast["deals"][:3],
        *answers.actions["actions"][:_SHOWN_ACTIONS],
        *answers.review["moves"],
    ]
    found = {row["deal_id"]: row["name"] or row["deal_id"] for row in rows if row.get("change") != "lost"}
    return dict(list(found.items())[:20])


def _with_target(kpis: Sequence[Answer]) -> list[Answer]:
    """KPIs with a target, the least likely first."""
    found = [
        one
        for one in kpis
        if one["target"] is not None and one["probability"] is not None and one["kpi"] != _GOAL
    ]
    return sorted(found, key=lambda one: (one["probability"], one["kpi"]))


def _kpis_said(kpis: Sequence[Answer], lang: Language) -> str | None:
    found = _with_target(kpis)
    if not found:
        return None
    missed = sum(one["probability"] < 0.5 for one in found)
    return WORDS["kpis_said"].format(n=len(found), k=missed).to(lang)


def _kpis(kpis: Sequence[Answer], currency: str, lang: Language) -> list[dict[str, str]]:
    rows = []
    for one in _with_target(kpis)[:_MOST_KPIS]:
        middle = None if one["forecast"] is None else one["forecast"]["p50"]
        measure = _measure(one, [one["value"], middle, one["target"]], currency, lang)
        rows.append(
            {
                "name": one["label"],
                "unit": measure.unit.to(lang),
                "value": cell(one["value"], measure, lang),
                "forecast": cell(middle, measure, lang),
                "target": cell(one["target"], measure, lang),
                "chance": cell(
                    one["probability"], PERCENT, lang, style="down" if one["probability"] < 0.5 else ""
                ),
                "per_day": cell(one["required_per_business_day"], _finer(measure), lang),
            }
        )
    return rows


def _measure(kpi: Answer, values: Sequence[float | None], currency: str, lang: Language) -> Measure:
    """In what a KPI is written: money in a unit that fits, shares in percent, all else as it is."""
    if kpi["unit"] == MONEY.to(lang):
        return money_measure(values, currency, lang)
    if kpi["unit"] == SHARE.to(lang):
        return Measure(0.01, PERCENT.unit)
    large = max((abs(value) for value in values if value is not None), default=0.0)
    return Measure(1.0, Text(kpi["unit"], kpi["unit"]), 0 if large >= 100 else 1)


def _finer(measure: Measure) -> Measure:
    return Measure(measure.size, measure.unit, max(1, measure.digits))


def planned(plan: Answer, lang: Language) -> list[dict[str, Any]]:
    """What the plan asks of each person in a week more than now, the largest steps first."""
    found = []
    for one in plan["people"]:
        person = one["scope"].partition(":")[2]
        for kpi in one["kpis"]:
            more = kpi["per_week"] - kpi["usual_per_week"]
            if one["scope"].startswith("person:") and more >= _LEAST_MORE:
                what = WORDS["plan_what"].format(
                    kpi=kpi["label"],
                    n=f"{kpi['per_week']:.1f}",
                    usual=f"{kpi['usual_per_week']:.1f}",
                    unit=kpi["unit"],
                )
                row = {"id": f"{person} {kpi['kpi']}", "person": person, "who": one["name"] or person}
                found.append({**row, "kpi": kpi["kpi"], "what": what.to(lang), "more": more})
    return sorted(found, key=lambda row: (-row["more"], row["id"]))[:_MOST_PLANNED]
