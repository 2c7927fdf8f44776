"""What stands on the page of a deal? Will it be won, when, what to do, why, and what has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from crm.i18n import Language, Text
from crm.periods import Period
from pictures.curve import Curve
from pictures.diverging import Diverging
from pictures.measure import PERCENT, POINTS
from pictures.spark import Spark
from pictures.waterfall import Part
from service.language import day_label, known_day, period_text
from service.pages.asked import USUAL_PERIOD, Asked
from service.pages.deal.events import timeline_of
from service.pages.deal.steps import steps_of
from service.pages.deal.words import REASONS, WORDS
from service.pages.deals.naming import WORRIES, deal_address, full_title, title
from service.pages.frame import frame
from service.pages.values import cell, chance, day_cell, headline_measure, whole_points

Answer = Mapping[str, Any]
_BARS = 7  # reasons that have a bar of their own
_BEYOND = timedelta(days=45)  # that the curve shows after the last date that is marked on it
_OPEN_STEPS = 2  # steps that are not folded


def deal_view(
    lang: Language,
    insight: Answer,
    row: Answer,
    timeline: Answer,
    *,
    asked: Asked,
    currency: str,
    in_period: Period,
    may_tell: bool,
) -> dict[str, Any]:
    """The values of the page of an open deal; `may_tell`: its reader may record outcomes."""
    page = _Deal(lang, insight, row, timeline, asked, currency, in_period)
    steps = steps_of(insight, timeline, currency, lang)
    query = {"period": insight["attainment"]["period"]} | (
        {} if asked.as_of is None else {"as_of": asked.as_of}
    )
    return {
        **_shared(lang, insight, timeline, asked, currency),
        **page.heading(),
        "said": page.said(),
        "facts": page.facts(),
        "flags": page.flags(),
        "curve": page.curve().figure(lang),
        "steps": steps[:_OPEN_STEPS],
        "more_steps": steps[_OPEN_STEPS:],
        "may_tell": may_tell and asked.as_of is None,
        "outcome_address": asked.address(f"/deals/{quote(insight['deal_id'], safe='')}/outcome"),
        "why_pass": [one.to(lang) for one in REASONS],
        "reasons": page.reasons().figure(lang),
        "made_of": page.made_of(),
        "bottlenecks": page.bottlenecks(),
        "history": None if (history := page.history()) is None else history.figure(lang),
        "similar": page.similar(),
        "not_recommended": insight["not_recommended"],
        "blind": (insight["blind"] or {}).get("text"),
        "notices": [warning["message"] for warning in insight["warnings"]],
        "json_address": f"/v1/deals/{quote(insight['deal_id'], safe='')}?" + urlencode(query),
    }


def closed_view(lang: Language, timeline: Answer, *, asked: Asked, currency: str) -> dict[str, Any]:
    """The values of the page of a deal of which nothing is left to predict."""
    day = date.fromisoformat(timeline["closed_at"][:10])
    said = WORDS["closed_said"].format(day=day_label(day), outcome=WORDS[timeline["outcome"]])
    before = asked.about(as_of=(day - timedelta(days=1)).isoformat(), period=USUAL_PERIOD)
    return {
        **_shared(lang, timeline, timeline, asked, currency),
        "question": WORDS["closed_question"].format(deal=full_title(timeline)).to(lang),
        "closed": said.to(lang),
        "before": deal_address(before, timeline["deal_id"]),
        "json_address": f"/v1/deals/{quote(timeline['deal_id'], safe='')}/timeline",
    }


def _shared(lang: Language, about: Answer, timeline: Answer, asked: Asked, currency: str) -> dict[str, Any]:
    """What the page of any deal has."""
    path = f"/deals/{quote(about['deal_id'], safe='')}"
    found = timeline_of(timeline, currency, lang)
    also = {} if asked.scope is None else {"scope": asked.scope}
    left = timeline["entries_left_off"]
    return {
        **frame(lang, path, asked, {**about, "scope": None}, {"scopes": []}, currency, also),
        "account": about["account_name"] or "",
        "name": about["name"] or about["deal_id"],
        "list_address": asked.address("/deals"),
        "closed": "",
        "timeline": None if found is None else found.figure(lang),
        "left_off": WORDS["left_off"].format(n=left).to(lang) if left else "",
    }


@dataclass(frozen=True)
class _Deal:
    lang: Language
    insight: Answer
    row: Answer
    timeline: Answer
    asked: Asked
    currency: str
    in_period: Period

    @property
    def year(self) -> int:
        return known_day(self.insight["as_of"]).year

    @property
    def by_end(self) -> float:
        """The probability of a win by the period's end."""
        return float(self.insight["win"]["by_period_end"])

    def heading(self) -> dict[str, Any]:
        """The question and its answer."""
        question = WORDS["question"].format(deal=full_title(self.insight)).to(self.lang)
        return {
            "question": question,
            "in_period": period_text(self.in_period, self.lang),
            "chance": chance(self.by_end, self.lang),
            "exact": repr(self.by_end),
        }

    def said(self) -> list[str]:
        """The change since last week, and what the deal does to the goal; HTML."""
        lang, goal, change = self.lang, self.insight["attainment"], self.row["change_pp"]
        said = [WORDS["said_new"].to(lang)]
        if change is not None:
            said = [WORDS["said_change"].format(change=_data(change, whole_points(change, lang))).to(lang)]
        if goal["ranked_by"] == "attainment":
            won, lost = goal["if_won_pp"], goal["if_lost_pp"]
            words = {
                "won": _data(won, whole_points(won, lang)),
                "lost": _data(lost, whole_points(lost, lang)),
            }
            said.append(WORDS["said_points"].format(**words).to(lang))
        elif goal["if_won_revenue"] is not None:
            words = {
                name: _data(goal[f"if_{name}_revenue"], self._money(goal[f"if_{name}_revenue"], signed=True))
                for name in ("won", "lost")
            }
            said.append(WORDS["said_revenue"].format(**words).to(lang))
        return said

    def facts(self) -> list[dict[str, str]]:
        """What is recorded of the deal, and when it will be won if it is; values are HTML but names."""
        lang, row, close = self.lang, self.row, self.insight["close_date"]
        amount = row["amount"]
        rows = [
            ("owner", row["owner_name"] or row["owner_id"] or "–", ""),
            ("stage", row["stage"], ""),
            ("amount", "", "–" if amount is None else _data(amount, self._money(amount))),
            ("planned", "", day_cell(row["planned_close_date"], lang, self.year)),
        ]
        if close is not None:
            days = {
                name: day_cell(close[key], lang, self.year)
                for name, key in (("low", "p10"), ("middle", "p50"), ("high", "p90"))
            }
            rows.append(("predicted", "", WORDS["predicted_said"].format(**days).to(lang)))
        ever = self.insight["win"]["probability"]
        rows.append(("ever", "", _data(ever, PERCENT.text(ever, lang))))
        return [{"label": WORDS[name].to(lang), "words": words, "html": html} for name, words, html in rows]

    def flags(self) -> list[dict[str, Any]]:
        """What to look at, each with since when."""
        return [
            {
                "words": flag["label"],
                "since": ""
                if flag["since"] is None
                else WORDS["since"].format(day=day_cell(flag["since"], self.lang, self.year)).to(self.lang),
                "is_worry": flag["code"] in WORRIES,
            }
            for flag in self.insight["flags"]
        ]

    def curve(self) -> Curve:
        """Won, open and lost over time, up to a little after the last date that is marked."""
        insight, planned = self.insight, self.row["planned_close_date"]
        start, points = known_day(insight["as_of"]), insight["win"]["curve"]
        close = insight["close_date"]
        likely = (
            None
            if close is None
            else tuple(date.fromisoformat(close[name]) for name in ("p10", "p50", "p90"))
        )
        typed = None if planned is None else date.fromisoformat(planned)
        marks = [self.in_period.last, *(likely or ()), *([] if typed is None else [typed])]
        until = max(marks) + _BEYOND
        days = [date.fromisoformat(point["date"]) for point in points]
        shown = next((number for number, day in enumerate(days) if day >= until), len(days) - 1) + 1
        return Curve(
            name="curve",
            title=WORDS["curve_title"],
            days=[start, *days[:shown]],
            won=[0.0, *(point["won"] for point in points[:shown])],
            lost=[0.0, *(point["lost"] for point in points[:shown])],
            typed=typed,
            end=self.in_period.last if self.in_period.last > start else None,
            likely=likely,  # type: ignore[arg-type]
        )

    def reasons(self) -> Diverging:
        """The reasons with the largest effects; all others are one more bar."""
        reasons = self._by_size()
        compared = reasons[0]["compared_with"] if reasons else ""
        reference = self.by_end - sum(one["effect_pp"] for one in reasons) / 100
        return Diverging(
            name="reasons",
            title=WORDS["reasons_title"],
            reference=Part(_both(compared), reference),
            result=Part(WORDS["this_deal"], self.by_end),
            reasons=[Part(_both(one["label"]), one["effect_pp"] / 100) for one in reasons[:_BARS]],
            controllable=[one["controllable"] for one in reasons[:_BARS]],
        )

    def _by_size(self) -> Sequence[Answer]:
        return sorted(self.insight["reasons"], key=lambda one: -abs(one["effect_pp"]))

    def made_of(self) -> list[dict[str, Any]]:
        """Each reason with its effect and the features that make up most of it."""
        colon = "：" if self.lang == "ja" else ": "
        return [
            {
                "label": one["label"],
                "effect": cell(one["effect_pp"] / 100, POINTS, self.lang, signed=True),
                "controllable": one["controllable"],
                "features": [each["label"] + colon + (each["value"] or "–") for each in one["features"]],
            }
            for one in self._by_size()
        ]

    def bottlenecks(self) -> list[dict[str, str]]:
        """The bottlenecks that it is in, each with where it is told of."""
        return [
            {
                "label": one["label"],
                "action": one["suggested_action"],
                "address": f"{self.asked.address('/process')}#{one['id']}",
            }
            for one in self.insight["bottlenecks"]
        ]

    def history(self) -> Spark | None:
        """What was said of it, day by day, with what is said now; None of fewer than three days."""
        period = self.insight["attainment"]["period"]
        scores = [one for one in self.timeline["scores"][::-1] if one["period"] == period]
        now = known_day(self.insight["as_of"])
        scores = [one for one in scores if date.fromisoformat(one["day"]) < now]
        if len(scores) < 2:
            return None
        return Spark(
            name="history",
            title=WORDS["history_title"],
            days=[*(date.fromisoformat(one["day"]) for one in scores), now],
            values=[*(one["win_by_period_end"] for one in scores), self.by_end],
        )

    def similar(self) -> list[dict[str, Any]]:
        """Closed deals that the model treats alike."""
        found: Sequence[Answer] = next((action["similar_deals"] for action in self.insight["actions"]), [])
        return [
            {
                "title": title(one),
                "account": one["account_name"] or "",
                "address": deal_address(self.asked, one["deal_id"]),
                "outcome": WORDS[one["outcome"]].to(self.lang),
                "similarity": cell(one["similarity"], PERCENT, self.lang),
            }
            for one in found
        ]

    def _money(self, amount: float, *, signed: bool = False) -> str:
        return headline_measure(amount, self.currency, self.lang).text(amount, self.lang, signed=signed)


def _data(value: float, words: str) -> str:
    """A number in a sentence, with its exact value; HTML."""
    return f'<data value="{value!r}">{words}</data>'


def _both(words: str) -> Text:
    """Words that are already in the reader's language."""
    return Text(words, words)
