"""What stands on the page 見通し? The answers about a target, put into words and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language, Text
from crm.periods import Period
from pictures.bullet import Bullet
from pictures.dots import Dots
from pictures.fan import Fan
from pictures.measure import PERCENT, Measure
from pictures.spark import Spark
from pictures.waterfall import Part, Waterfall
from service.interval_proof import IntervalProof, kind_of
from service.language import known_day, period_text, points_text
from service.pages.asked import Asked
from service.pages.deals.naming import deal_address
from service.pages.exports import export_links
from service.pages.frame import frame
from service.pages.outlook.words import WORDS
from service.pages.values import cell, chance, headline_measure, money_measure, whole_points
from service.pages.words import WORDS as COMMON
from service.pages.words import verdict

Answer = Mapping[str, Any]
_BULLET_WIDTH = 150.0
_CHANGES = {  # what changed a forecast, short enough for a picture
    "moved": Text("担当変更", "moved"),
    "deleted": Text("削除・統合", "deleted"),
    "won": Text("受注", "won"),
    "lost": Text("失注", "lost"),
    "slipped": Text("期ずれ", "slipped"),
    "advanced": Text("前進", "moved ahead"),
    "amount": Text("金額", "amount"),
    "new_deals": Text("新規案件", "new deals"),
    "new_business": Text("今後の新規", "to come"),
    "target": Text("目標変更", "target"),
}
_LEAST_POINTS = 1.0  # that one of the three must move


def outlook_view(
    lang: Language,
    forecast: Answer,
    actions: Answer,
    bottlenecks: Answer,
    scopes: Answer,
    *,
    asked: Asked,
    currency: str,
    period: Period,
    intervals: IntervalProof,
) -> dict[str, Any]:
    """The values of the page's template; `intervals`: which ranges may be shown."""
    page = OutlookParts(lang, forecast, currency, asked, intervals)
    by_points = forecast["ranked_by"] != "revenue" and forecast["target"] is not None
    address = {"period": forecast["period"], "scope": forecast["scope"]}
    past = {} if asked.as_of is None else {"as_of": asked.as_of}
    return {
        **frame(lang, "/", asked, forecast, scopes, currency),
        **page.headline(period),
        "quiet": page.quiet(),
        "dots": page.dots().figure(lang),
        "fan": page.fan().figure(lang),
        "change": None if (change := page.change()) is None else change.figure(lang),
        "spark": None if (spark := page.spark()) is None else spark.figure(lang),
        "by_points": by_points,
        "three": page.three(actions["actions"], bottlenecks["bottlenecks"], by_points),
        "parts": page.parts(),
        "unit": page.unit.unit.to(lang),
        "notices": [warning["message"] for warning in forecast["warnings"]],
        "json_address": (
            json_address := f"/v1/forecasts/{address['period']}?"
            + urlencode({"scope": address["scope"], **past})
        ),
        "exports": export_links(
            "quarter", forecast["period"], forecast["scope"], asked.as_of, lang, json_address
        ),
    }


@dataclass(frozen=True)
class OutlookParts:
    """The parts of the page, of which a weekly review shows some, too."""

    lang: Language
    forecast: Answer
    currency: str
    asked: Asked
    intervals: IntervalProof = field(default_factory=IntervalProof)

    @property
    def unit(self) -> Measure:
        """The one unit of the pictures and the table."""
        forecast = self.forecast
        return money_measure(
            [forecast["target"], forecast["revenue"]["p50"]], self.currency, self.lang, self.asked.unit
        )

    def money(self, value: float) -> str:
        """An amount in a sentence."""
        return headline_measure(value, self.currency, self.lang).text(value, self.lang)

    def headline(self, period: Period) -> dict[str, Any]:
        """The question and its answer."""
        forecast, lang, probability = self.forecast, self.lang, self.forecast["probability"]
        target = forecast["target"]
        return {
            "period": period_text(period, lang),
            "scope_name": forecast["name"] or forecast["scope"],
            "target": None if target is None else self.money(target),
            "probability": None if probability is None else chance(probability, lang),
            "exact": None if probability is None else repr(probability),
            "verdict": None if probability is None else verdict(probability).to(lang),
            "middle": self.money(forecast["revenue"]["p50"]),
        }

    def quiet(self) -> list[dict[str, str]]:
        """What stands in one quiet line below the answer."""
        forecast, lang, revenue = self.forecast, self.lang, self.forecast["revenue"]
        said = []
        if (change := forecast["change"]) is not None:
            points = 100 * (change["to"] - change["from"])
            usual = forecast["usual_change_pp"]
            after = "" if usual is None else WORDS["usual" if abs(points) <= usual else "unusual"].to(lang)
            said.append(_part(WORDS["since_week"].to(lang), points, after, lang))
        first = next(
            (row["probability"] for row in forecast["history"] if row["probability"] is not None), None
        )
        if first is not None and forecast["probability"] is not None:
            points = 100 * (forecast["probability"] - first)
            said.append(_part(WORDS["since_begin"].to(lang), points, "", lang))
        progress = forecast["progress"]
        won = WORDS["won_so_far"].format(v=self.money(forecast["closed"])).to(lang)
        if progress is not None:
            won += WORDS["progress"].format(p=f"{100 * progress:.0f}%").to(lang)
        words = [won]
        if forecast["probability"] is not None:
            low, middle, high = (self.money(revenue[name]) for name in ("p10", "p50", "p90"))
            text = WORDS["forecast_range" if self.shows(forecast["scope"], 0.8) else "forecast_middle"]
            words.append(text.format(low=low, middle=middle, high=high).to(lang))
        days = (date.fromisoformat(forecast["pace"][-1]["date"]) - known_day(forecast["as_of"])).days
        if days > 0:
            words.append(WORDS["days_left"].format(n=days).to(lang))
        return [*said, *({"words": one, "change": "", "after": "", "style": ""} for one in words)]

    def shows(self, scope: str, level: float) -> bool:
        """Whether past forecasts let the ranges of a scope be shown."""
        return self.intervals.shows(kind_of(scope), level)

    def dots(self) -> Dots:
        """Equally likely outcomes against the target."""
        forecast = self.forecast
        outcomes = forecast["revenue"]["outcomes"]
        return Dots(
            name="dots",
            title=WORDS["dots_title"].format(n=len(outcomes), share=100 // len(outcomes)),
            outcomes=outcomes,
            measure=self.unit,
            target=forecast["target"],
            probability=forecast["probability"],
        )

    def fan(self) -> Fan:
        """How the period gets there."""
        pace = _until_now(self.forecast)
        known = sum(row["closed"] is not None for row in pace)

        def ahead(name: str) -> list[float | None]:
            return [row[name] if number >= known - 1 else None for number, row in enumerate(pace)]

        hidden: list[float | None] = [None] * len(pace)
        levels = {"p10": 0.8, "p25": 0.5, "p75": 0.5, "p90": 0.8}
        scope = self.forecast["scope"]
        bands: dict[str, list[float | None]] = {"p50": ahead("p50")}
        bands |= {name: ahead(name) if self.shows(scope, level) else hidden for name, level in levels.items()}
        return Fan(
            name="fan",
            title=WORDS["fan_title"].format(unit=self.unit.unit),
            days=[date.fromisoformat(row["date"]) for row in pace],
            closed=[row["closed"] for row in pace],
            measure=self.unit,
            target=self.forecast["target"],
            **bands,
        )

    def change(self) -> Waterfall | None:
        """What changed since last week; None where that is not known, or there is no target."""
        change = self.forecast["change"]
        if change is None:
            return None
        parts = [
            Part(_CHANGES.get(one["code"], _both(one["label"])), one["effect_pp"] / 100)
            for one in change["contributions"]
        ]
        shown = [part for part in parts if abs(part.value) >= 0.5e-2]
        step = change["to"] - change["from"]
        small = step - sum(part.value for part in shown)
        if abs(small) >= 0.5e-2:
            shown.append(Part(Text("その他", "others"), small))
        elif shown:
            largest = max(range(len(shown)), key=lambda one: abs(shown[one].value))
            shown[largest] = replace(shown[largest], value=shown[largest].value + small)
        return Waterfall(
            name="change",
            title=WORDS["change_title"],
            start=Part(WORDS["last_week"], change["from"]),
            end=Part(WORDS["now"], change["from"] + sum(part.value for part in shown)),
            parts=shown,
        )

    def spark(self) -> Spark | None:
        """The probability by week; None of fewer than three."""
        now = {**self.forecast, "computed_later": False}
        day = known_day(now["as_of"])
        before = [row for row in self.forecast["history"] if known_day(row["as_of"]) < day]
        rows = [row for row in (*before, now) if row["probability"] is not None]
        if len(rows) < 3:
            return None
        usual = self.forecast["usual_change_pp"]
        return Spark(
            name="history",
            title=WORDS["history_title"],
            days=[known_day(row["as_of"]) for row in rows],
            values=[row["probability"] for row in rows],
            later=[row["computed_later"] for row in rows],
            usual=None if usual is None else usual / 100,
        )

    def three(
        self, actions: Sequence[Answer], bottlenecks: Sequence[Answer], by_points: bool
    ) -> list[Answer]:
        """At most one deal, one action and one bottleneck: what moves the target, or the forecast, most."""
        found = []
        if deals := self.forecast["deals"]:
            found.append(self._deal(deals[0], by_points))
        if actions:
            found.append(self._action(actions[0], by_points))
        if bottlenecks:
            found.append(self._bottleneck(bottlenecks[0], by_points))
        if by_points:
            found = [one for one in found if abs(one["points"] or 0.0) >= _LEAST_POINTS]
        return sorted(
            found, key=lambda one: -(abs(one["points"] or 0.0) if by_points else one["revenue"] or 0.0)
        )

    def _deal(self, deal: Answer, by_points: bool) -> dict[str, Any]:
        lang, won = self.lang, PERCENT.words(deal["by_period_end"])
        if by_points:
            said = WORDS["deal_said"].format(p=won, swing=whole_points(deal["swing_pp"], lang, signed=False))
        else:
            said = WORDS["deal_said_revenue"].format(p=won, revenue=self.money(deal["revenue"]))
        title = deal["name"] or deal["deal_id"]
        address = deal_address(self.asked, deal["deal_id"])
        return self._one("deal", title, address, said, deal["swing_pp"], deal["revenue"], by_points)

    def _action(self, action: Answer, by_points: bool) -> dict[str, Any]:
        lang = self.lang
        said = WORDS["action_said"].format(
            who=action["owner_name"] or action["owner_id"] or "–",
            label=action["label"],
            uplift=points_text(action["uplift_pp"], lang),
            reliability=COMMON[f"reliability_{action['reliability']}"],
        )
        title = action["name"] or action["deal_id"]
        address = f"{deal_address(self.asked, action['deal_id'])}#next"
        return self._one(
            "action", title, address, said, action["attainment_pp"], action["revenue"], by_points
        )

    def _bottleneck(self, found: Answer, by_points: bool) -> dict[str, Any]:
        said = WORDS["bottleneck_said"].format(n=found["open_deals"], action=found["suggested_action"] or "")
        address = f"{self.asked.address('/process')}#{found['id']}"
        return self._one(
            "bottleneck", found["label"], address, said, found["attainment_pp"], found["revenue"], by_points
        )

    def _one(
        self,
        kind: str,
        title: str,
        address: str,
        said: Text,
        points: float | None,
        revenue: float | None,
        by_points: bool,
    ) -> dict[str, Any]:
        signed = kind != "deal"  # a deal's swing has two sides
        amount = whole_points(points, self.lang, signed=signed) if by_points else self.money(revenue or 0.0)
        return {
            "kind": kind,
            "title": title,
            "address": address,
            "said": said.to(self.lang),
            "amount": amount,
            "points": points,
            "revenue": revenue,
        }

    def parts(self) -> list[dict[str, str]]:
        """The parts of the scope, by need: the lowest probability times the size of what is missing."""
        children = [
            child for child in self.forecast["children"] if child["target"] or child["revenue"]["p90"]
        ]
        ends = [value for child in children for value in (child["target"], child["revenue"]["p90"]) if value]
        return [self._row(child, max(ends)) for child in sorted(children, key=_need)]

    def _row(self, child: Answer, end: float) -> dict[str, str]:
        lang, revenue, target, probability = (
            self.lang,
            child["revenue"],
            child["target"],
            child["probability"],
        )
        name = child["name"] or child["scope"]
        shown = self.shows(child["scope"], 0.8)
        bullet = Bullet(
            name=f"bullet-{child['scope'].replace(':', '-')}",
            title=_both(name),
            measure=self.unit,
            value=child["closed"],
            p10=revenue["p10"] if shown else None,
            p50=revenue["p50"],
            p90=revenue["p90"] if shown else None,
            target=target,
            end=end,
        )
        short = probability is not None and probability < 0.5
        gap = None if target is None else revenue["mean"] - target
        return {
            "name": name,
            "address": self.asked.address("/", scope=child["scope"]),
            "chance": cell(probability, PERCENT, lang, style="down" if short else ""),
            "bullet": bullet.svg(lang, _BULLET_WIDTH),
            "won": cell(child["closed"], self.unit, lang),
            "middle": cell(revenue["p50"], self.unit, lang),
            "target": cell(target, self.unit, lang),
            "gap": cell(gap, self.unit, lang, signed=True),
        }


def _until_now(forecast: Answer) -> list[Answer]:
    """The pace with a point at the moment itself, between what is past and what is to come."""
    pace, day = list(forecast["pace"]), known_day(forecast["as_of"]).isoformat()
    known = sum(row["closed"] is not None for row in pace)
    if known == len(pace) or not known or pace[known - 1]["date"] >= day:
        return pace
    names = ("closed", "p10", "p25", "p50", "p75", "p90")
    return [*pace[:known], {"date": day, **dict.fromkeys(names, forecast["closed"])}, *pace[known:]]


def _need(child: Answer) -> tuple[float, str]:
    """What sorts first: the least likely and largest gap; without a target last."""
    if child["probability"] is None:
        return 0.0, child["scope"]
    return -(1 - child["probability"]) * max(child["target"] - child["revenue"]["p50"], 0.0) - 1e-9, child[
        "scope"
    ]


def _part(words: str, points: float, after: str, lang: Language) -> dict[str, str]:
    style = "up" if points >= 0.5 else "down" if points <= -0.5 else ""
    return {"words": words, "change": whole_points(points, lang), "after": after, "style": style}


def _both(words: str) -> Text:
    """Words that are already in the reader's language."""
    return Text(words, words)
