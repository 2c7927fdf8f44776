"""What stands on the page on which KPIs are reviewed? Reached or not, what came of it, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm.i18n import Language, Text
from pictures.measure import PERCENT
from service.language import moment_text, number_text
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.kpi_review.words import WORDS
from service.pages.kpi_values import kpi_places, things
from service.pages.values import headline_measure

Answer = Mapping[str, Any]
PATH = "/kpis/review"
_LIKELY = 0.5


def review_view(
    lang: Language,
    review: Answer,
    scopes: Answer,
    *,
    asked: Asked,
    currency: str,
    period: str,
    before: str,
) -> dict[str, Any]:
    """The values of the page's template; `before`: the period before, as an address names it."""
    page = _Review(lang, review, asked, currency)
    return {
        **frame(lang, PATH, asked, review, scopes, currency),
        "places": kpi_places(asked, lang, "kpi_review"),
        "period": period,
        "scope_name": review["name"] or review["scope"],
        **page.answer(),
        "due": page.due(),
        "before_address": asked.address(PATH, period=before),
        "design_address": asked.address("/kpis/design"),
        "sets": [page.one(found) for found in review["sets"]],
        "notices": [one["message"] for one in review["warnings"] if one["code"] != "no_kpi_set"],
    }


@dataclass(frozen=True)
class _Review:
    lang: Language
    review: Answer
    asked: Asked
    currency: str

    def answer(self) -> dict[str, Any]:
        """How many were reached, and what to do with how many."""
        kpis = [kpi for one in self.review["sets"] for kpi in one["kpis"]]
        if not kpis:
            return {"answer": WORDS["none"].to(self.lang), "count": None, "verdicts": None}
        is_over = self.review["is_over"]
        good = [
            kpi for kpi in kpis if (kpi["reached"] if is_over else (kpi["probability"] or 0.0) >= _LIKELY)
        ]
        name = "over" if is_over else "runs"
        counts = {
            verdict: sum(kpi["verdict"] == verdict for kpi in kpis) for verdict in ("keep", "change", "drop")
        }
        return {
            "answer": WORDS[name].format(n=things(len(kpis)), k=things(len(good))).to(self.lang),
            "count": len(good),
            "verdicts": WORDS["verdicts"].format(**counts).to(self.lang),
        }

    def due(self) -> str | None:
        """Why a review is due, or that none is."""
        if not self.review["sets"]:
            return None
        why = (" " if self.lang == "en" else "").join(self.review["why_due"])
        return WORDS["due" if self.review["due"] else "not_due"].format(why=why).to(self.lang)

    def one(self, found: Answer) -> dict[str, Any]:
        """A set with its KPIs, and what to put in the place of those that are dropped."""
        at = moment_text(found["accepted_at"], self.lang)
        who = found["name"] or found["scope"]
        return {
            "title": WORDS["set_of"].format(who=who, version=found["version"], at=at).to(self.lang),
            "address": self.asked.address("/kpis/design", scope=found["scope"]),
            "rows": [self._kpi(kpi) for kpi in found["kpis"]],
            "put_in_place": [kpi["sentence"] for kpi in found["put_in_place"]],
        }

    def _kpi(self, kpi: Answer) -> dict[str, Any]:
        lang = self.lang
        marks = []
        if kpi["value_now"] is not None:
            marks.append(WORDS["change_to"].format(v=number_text(kpi["value_now"])).to(lang))
        if kpi["lost_relation"]:
            marks.append(WORDS["lost"].to(lang))
        if kpi["reached"] is not None:
            reached = WORDS["yes" if kpi["reached"] else "no"].to(lang)
        elif kpi["probability"] is not None:
            reached = WORDS["chance"].format(p=PERCENT.words(kpi["probability"])).to(lang)
        else:
            reached = "–"
        promised = kpi["revenue_promised"]
        return {
            "label": kpi["label"],
            "verdict": WORDS[f"verdict_{kpi['verdict']}"].to(lang),
            "marks": marks,
            "value": _number(kpi["value"]),
            "now": _number(kpi["now"]),
            "reached": reached,
            "is_short": kpi["reached"] is False,
            "came": WORDS[f"came_{kpi['came']}"].to(lang),
            "promised": None if promised is None else self._promised(promised),
            "sentence": kpi["sentence"],
            "padded": None
            if kpi["padded"] is None
            else WORDS["padded"].format(question=kpi["padded"]).to(lang),
        }

    def _promised(self, value: float) -> str:
        money: Text = headline_measure(value, self.currency, self.lang).words(value, signed=True)
        return WORDS["promised"].format(v=money).to(self.lang)


def _number(value: float | None) -> str:
    return "–" if value is None else f'<data value="{value!r}">{number_text(value)}</data>'
