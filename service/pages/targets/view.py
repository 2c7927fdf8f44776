"""What stands on the page on which a target is shared out? Each person's target and chance under each way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from pictures.measure import PERCENT, POINTS, Measure
from pictures.ways import Way, Ways
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.kpi_values import kpi_places
from service.pages.targets.asked import KINDS, ROUND_TO, WAYS, AskedShare, field_of
from service.pages.targets.words import WORDS
from service.pages.values import cell, headline_measure, money_measure

Answer = Mapping[str, Any]
PATH = "/targets"
_STRIP_WIDTH = 160.0


@dataclass(frozen=True, kw_only=True)
class ShareAnswers:
    """What REST answers: of the levels, of sharing out (None with the `fault`), of past quarters if asked."""

    levels: Answer
    share: Answer | None
    fault: SanchoError | None
    past: Answer | None
    scopes: Answer


def targets_view(
    lang: Language,
    answers: ShareAnswers,
    *,
    asked: Asked,
    typed: AskedShare,
    currency: str,
    period: str,
    can_write: bool,
) -> dict[str, Any]:
    """The values of the page's template; `typed`: what the form says."""
    page = _Sharing(lang, answers, asked, typed, currency)
    levels, share, fields = answers.levels, answers.share, typed.fields()
    return {
        **frame(lang, PATH, asked, levels, answers.scopes, currency, fields),
        "places": kpi_places(asked, lang, "targets"),
        "period": period,
        "scope_name": levels["name"] or levels["scope"],
        "currency": currency,
        "total_words": None if share is None else page.money(share["total"]),
        "fault": None if answers.fault is None else answers.fault.text.to(lang),
        "reference": page.reference(),
        "total": fields.get("total", ""),
        "ways_offered": [_option(name, f"way_{name}", typed.way, lang) for name in WAYS],
        "rounding": page.rounding(),
        "share": None if share is None else page.shared(share),
        "can_save": can_write and asked.as_of is None,
        "why_not": WORDS["only_now" if asked.as_of else "no_right"].to(lang),
        "fields": fields,
        "kinds": [_option(name, f"kind_{name}", "", lang) for name in KINDS],
        "differences": [one["message"] for one in (share or levels)["differences"]],
        "fairness": None if answers.past is None else page.past(answers.past),
        "past_address": asked.address(PATH, **fields, past="1") + "#past",
    }


@dataclass(frozen=True)
class _Sharing:
    lang: Language
    answers: ShareAnswers
    asked: Asked
    typed: AskedShare
    currency: str

    def money(self, value: float) -> str:
        """An amount in a sentence."""
        return headline_measure(value, self.currency, self.lang).text(value, self.lang)

    def reference(self) -> str:
        """What would be safe, and what a toss-up."""
        by_chance = {one["confidence"]: one["value"] for one in self.answers.levels["levels"]}
        said = {"safe": self.money(by_chance[0.8]), "likely": self.money(by_chance[0.5])}
        return WORDS["levels_said"].format(**said).to(self.lang)

    def rounding(self) -> list[dict[str, Any]]:
        """To what targets can be rounded."""
        return [
            {
                "name": f"{step:.0f}",
                "words": money_measure([step], self.currency, self.lang).text(step, self.lang),
                "is_chosen": step == self.typed.round_to,
            }
            for step in ROUND_TO
        ]

    def shared(self, share: Answer) -> dict[str, Any]:
        """The answer, the rows, their sums, and how even each way is."""
        unit = money_measure(
            [one["value"] for one in share["targets"]], self.currency, self.lang, self.asked.unit
        )
        chosen = next(one for one in share["ways"] if one["is_chosen"])
        return {
            **self._sentence(share, chosen),
            "rows": [self._row(one, share, unit) for one in share["targets"]],
            "sums": self._sums(share, unit),
            "unit": unit.unit.to(self.lang),
            "count": len(share["targets"]),
            "ways": [self._way(one) for one in share["ways"]],
            "left_out": [
                {
                    "name": one["name"] or one["scope"],
                    "reason": one["reason"],
                    "expected": self.money(one["expected"]),
                }
                for one in share["left_out"]
            ],
            "assumptions": share["assumptions"],
        }

    def _sentence(self, share: Answer, chosen: Answer) -> dict[str, Any]:
        lang, low = self.lang, chosen["lowest"]
        if low is None:
            return {"headline": WORDS["nobody"].to(lang), "said": []}
        ends = {"low": PERCENT.words(low), "high": PERCENT.words(chosen["highest"])}
        name = "same" if ends["low"] == ends["high"] else "spread"
        others = [one for one in share["ways"] if not one["is_chosen"] and one["way"] in ("even", "chance")]
        other = others[0]
        said = [
            WORDS["beside"].format(
                way=WORDS[f"way_{chosen['way']}"],
                other=WORDS[f"way_{other['way']}"],
                low=PERCENT.words(other["lowest"]),
                high=PERCENT.words(other["highest"]),
            )
        ]
        whole = PERCENT.words(share["probability"])
        if share["growth"] is None:
            said.append(WORDS["whole_alone"].format(p=whole))
        else:
            growth = Measure(0.01, PERCENT.unit, 1).words(share["growth"], signed=True)
            said.append(WORDS["whole"].format(p=whole, growth=growth))
        return {"headline": WORDS[name].format(**ends).to(lang), "said": [text.to(lang) for text in said]}

    def _row(self, one: Answer, share: Answer, unit: Measure) -> dict[str, Any]:
        lang, scope = self.lang, one["scope"]
        name = one["name"] or scope
        by_way = {way["way"]: way["probability"] for way in one["ways"]}
        strip = Ways(
            name=f"ways-{scope.replace(':', '-')}",
            title=Text(name, name),
            ways=[Way(WORDS[f"way_{way}"], by_way[way]) for way in WAYS],
            chosen=WAYS.index(share["way"]),
        )
        marks = []
        if one["is_new"]:
            marks.append(WORDS["is_new"].to(lang))
        if one["away"]:
            marks.append(WORDS["away"].format(p=f"{100 * one['away']:.0f}%").to(lang))
        fixed = self.typed.fixed.get(scope)
        return {
            "name": name,
            "is_team": not scope.startswith("person:"),
            "marks": marks,
            "value": cell(one["value"], unit, lang),
            "strip": strip.svg(lang, _STRIP_WIDTH),
            "chances": [cell(by_way[way], PERCENT, lang) for way in WAYS],
            "stored": cell(one["stored"], unit, lang),
            "expected": cell(one["expected"], unit, lang),
            "field": field_of(scope),
            "fixed": "" if fixed is None else self.typed.fields()[field_of(scope)],
        }

    def _sums(self, share: Answer, unit: Measure) -> list[dict[str, str]]:
        """What those right below and all people add up to, and the difference to the target."""
        parents = {row["scope"]: row["parent"] for row in self.answers.scopes["scopes"]}
        below = [one["value"] for one in share["targets"] if parents.get(one["scope"]) == share["scope"]]
        people = [one["value"] for one in share["targets"] if one["scope"].startswith("person:")]
        sums = {"sum_below": below} if len(below) < len(share["targets"]) else {}
        return [self._sum(name, values, share, unit) for name, values in {**sums, "sum": people}.items()]

    def _sum(self, name: str, values: Sequence[float], share: Answer, unit: Measure) -> dict[str, str]:
        total = round(sum(values), 2)
        said = unit.text(round(total - share["total"], 2), self.lang, signed=True)
        return {
            "name": WORDS[name].to(self.lang),
            "value": cell(total, unit, self.lang),
            "difference": WORDS["difference"].format(v=said).to(self.lang),
        }

    def _way(self, one: Answer) -> dict[str, Any]:
        return {
            "name": WORDS[f"way_{one['way']}"].to(self.lang),
            "is_chosen": one["is_chosen"],
            **_spread(one, self.lang),
        }

    def past(self, past: Answer) -> list[dict[str, str]]:
        """How fair the targets of past quarters were."""
        return [
            {
                "period": one["period"],
                "people": cell(float(one["people"]), Measure(1.0, Text("", "")), self.lang),
                **_spread(one, self.lang),
                "reached": cell(one["reached"], Measure(0.01, PERCENT.unit), self.lang)
                + ("" if one["reached"] is None else "%"),
            }
            for one in past["quarters"]
            if one["people"]
        ]


def _spread(one: Answer, lang: Language) -> dict[str, str]:
    points = None if one["spread_pp"] is None else one["spread_pp"] / 100
    spread = "–" if points is None else f'<data value="{one["spread_pp"]!r}">{POINTS.number(points)}</data>'
    return {
        **{name: cell(one[name], PERCENT, lang) for name in ("lowest", "median", "highest")},
        "spread": spread,
    }


def _option(name: str, words: str, chosen: str, lang: Language) -> dict[str, Any]:
    return {"name": name, "words": WORDS[words].to(lang), "is_chosen": name == chosen}
