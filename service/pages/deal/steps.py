"""Which next steps does the page of a deal offer, on what evidence, and what has been told of each?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from crm.i18n import Language, Text
from pictures.fan import day_words
from pictures.measure import PERCENT, POINTS
from service.pages.deal.words import WORDS
from service.pages.values import headline_measure, whole_points
from service.pages.words import WORDS as COMMON

Answer = Mapping[str, Any]
_TOLD = ("accepted", "dismissed", "done")  # by a person; that it was shown is no answer


def steps_of(insight: Answer, timeline: Answer, currency: str, lang: Language) -> list[dict[str, Any]]:
    """The recommended steps, best first."""
    by_points = insight["attainment"]["ranked_by"] == "attainment"
    told = {}
    for outcome in reversed(timeline["outcomes"]):  # the newest of an action counts
        if outcome["state"] in _TOLD:
            told[outcome["action"]] = outcome
    return [
        {
            "id": action["recommendation_id"],
            "label": action["label"],
            "gain": _gain(action, by_points, currency, lang),
            "effect": _effect(action, lang),
            "evidence": _evidence(action["evidence"], lang),
            "adjusted": WORDS["adjusted"].format(what=action["evidence"]["adjusted_for"]).to(lang),
            "told": _told(told.get(action["action"]), lang),
            "state": told.get(action["action"], {"state": ""})["state"],
        }
        for action in insight["actions"]
    ]


def _gain(action: Answer, by_points: bool, currency: str, lang: Language) -> str:
    """What the step adds to the goal: points, or revenue where those say nothing; HTML."""
    name, value = "gain_points", action["attainment_pp"]
    words = whole_points(value, lang)
    if not by_points or value is None:
        name, value = "gain_revenue", action["revenue"]
        words = headline_measure(value, currency, lang).text(value, lang, signed=True)
    return WORDS[name].format(gain=f'<data value="{value!r}">{escape(words)}</data>').to(lang)


def _effect(action: Answer, lang: Language) -> str:
    low, high = (POINTS.number(value / 100, signed=True) for value in action["interval"])
    parts = [
        WORDS["uplift"].format(uplift=whole_points(action["uplift_pp"], lang), low=low, high=high),
        WORDS["reliability"].format(level=COMMON[f"reliability_{action['reliability']}"]),
        WORDS["minutes"].format(n=f"{action['effort_minutes']:.0f}"),
    ]
    return Text("、".join(part.ja for part in parts), ", ".join(part.en for part in parts)).to(lang)


def _evidence(evidence: Answer, lang: Language) -> Sequence[str]:
    rates = [PERCENT.words(evidence[f"win_rate_{name}"]) for name in ("with", "without")]
    said = [
        WORDS["evidence"].format(
            n=f"{evidence['deals_with']:,}", m=f"{evidence['deals_without']:,}", p=rates[0], q=rates[1]
        )
    ]
    top, other = evidence["top_sellers_share"], evidence["other_sellers_share"]
    if top is not None and other is not None:
        said.append(WORDS["top_sellers"].format(p=PERCENT.words(top), q=PERCENT.words(other)))
    return [one.to(lang) for one in said]


def _told(outcome: Answer | None, lang: Language) -> str:
    if outcome is None:
        return ""
    day = day_words(date.fromisoformat(outcome["at"][:10]))
    words = WORDS[f"told_{outcome['state']}"]
    return words.format(day=day, reason=outcome["reason"] or "–").to(lang)
