"""What stands on the page KPIの見直し? The review of a period's KPIs, person by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.i18n import Language, Text
from pictures.bullet import Bullet
from pictures.measure import PERCENT
from service.language import day_text
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.kpi_review.words import VERDICTS, WORDS
from service.pages.kpi_values import kpi_measure, kpi_places
from service.pages.values import cell

Answer = Mapping[str, Any]
PATH = "/kpis/review"
_MOST_IN_FULL = 8  # sets that stand on one page with all their KPIs; of more, each is a row that leads on
_BULLET_WIDTH = 150.0


def review_view(
    lang: Language,
    review: Answer,
    scopes: Answer,
    *,
    asked: Asked,
    currency: str,
    period: str,
    before: tuple[str, str],
) -> dict[str, Any]:
    """The values of the page's template; `period` in words, the one `before` as asked and in words."""
    page = _Review(lang, review, scopes, asked, currency)
    return {
        **frame(lang, PATH, asked, review, scopes, currency),
        "places": kpi_places(asked, lang, "kpi_review"),
        "period": period,
        "scope_name": review["name"] or review["scope"],
        "answer": page.answer(),
        "quiet": page.quiet(),
        "due": page.due(),
        "before": {
            "address": asked.address(PATH, period=before[0]),
            "words": WORDS["period_before"].format(period=before[1]).to(lang),
        },
        "is_over": review["is_over"],
        "is_short": page.is_short,
        "sets": page.lines() if page.is_short else page.sets(),
        "design": asked.address("/kpis/design"),
        "notices": [one["message"] for one in review["warnings"] if one["code"] != "no_kpi_set"],
    }


@dataclass(frozen=True)
class _Review:
    lang: Language
    review: Answer
    scopes: Answer
    asked: Asked
    currency: str

    @property
    def is_short(self) -> bool:
        """Whether there are so many sets that each is one row."""
        return len(self.review["sets"]) > _MOST_IN_FULL

    def kpis(self) -> list[Answer]:
        """Every reviewed KPI."""
        return [kpi for one in self.review["sets"] for kpi in one["kpis"]]

    def answer(self) -> str:
        """How many to keep, change, replace, drop."""
        lang, kpis = self.lang, self.kpis()
        if not kpis:
            return WORDS["none"].to(lang)
        said = {"sets": len(self.review["sets"]), "n": len(kpis), "parts": self._verdicts(kpis)}
        return WORDS["answer"].format(**said).to(lang)

    def _verdicts(self, kpis: Sequence[Answer]) -> str:
        counted = Counter(kpi["verdict"] for kpi in kpis)
        parts = (
            WORDS["part"].format(verdict=WORDS[f"verdict_{name}"], n=counted[name]).to(self.lang)
            for name in VERDICTS
            if counted[name]
        )
        return ("、" if self.lang == "ja" else ", ").join(parts)

    def lines(self) -> list[dict[str, Any]]:
        """One row for each set, which leads to the review of that scope alone."""
        return [
            {
                "name": one["name"] or one["scope"],
                "address": self.asked.address(PATH, scope=one["scope"]),
                "count": len(one["kpis"]),
                "reached": sum(kpi["reached"] is True for kpi in one["kpis"]),
                "padded": sum(kpi["padded"] is not None for kpi in one["kpis"]),
                "verdicts": self._verdicts(one["kpis"]),
            }
            for one in self.review["sets"]
        ]

    def quiet(self) -> list[str]:
        """How many were reached; that the period still runs."""
        known = [kpi["reached"] for kpi in self.kpis() if kpi["reached"] is not None]
        quiet = []
        if known:
            quiet.append(WORDS["reached"].format(k=sum(known), n=len(self.kpis())).to(self.lang))
        if self.kpis() and not self.review["is_over"]:
            quiet.append(WORDS["still_runs"].to(self.lang))
        return quiet

    def due(self) -> str:
        """Whether a review is due, and why; nothing where there is nothing to review."""
        if not self.review["sets"]:
            return ""
        if not self.review["due"]:
            return WORDS["not_due"].to(self.lang)
        why = ("" if self.lang == "ja" else " ").join(self.review["why_due"])
        return WORDS["due"].format(why=why).to(self.lang)

    def sets(self) -> list[dict[str, Any]]:
        """Each person's or team's KPIs."""
        lang, names = self.lang, {row["scope"]: row["name"] for row in self.scopes["scopes"]}
        found = []
        for n, one in enumerate(self.review["sets"]):
            who = names.get(f"person:{one['accepted_by']}") or one["accepted_by"]
            day = day_text(datetime.fromisoformat(one["accepted_at"]).date(), lang)
            name = one["name"] or one["scope"]
            said = [WORDS["accepted"].format(version=one["version"], who=who, day=day).to(lang)]
            if one["reason"]:
                said.append(WORDS["why"].format(reason=one["reason"]).to(lang))
            found.append(
                {
                    "name": name,
                    "table": WORDS["table"].format(name=name).to(lang),
                    "said": said,
                    "rows": [self._row(kpi, f"bullet-{n}-{m}") for m, kpi in enumerate(one["kpis"])],
                    "in_place": [kpi["sentence"] for kpi in one["put_in_place"]],
                    "design": self.asked.address("/kpis/design", scope=one["scope"]),
                    "to_design": WORDS["to_design"].format(name=name).to(lang),
                }
            )
        return found

    def _row(self, kpi: Answer, name: str) -> dict[str, Any]:
        lang = self.lang
        values = [kpi["value"], kpi["now"], kpi["value_now"]]
        measure = kpi_measure(kpi["unit"], values, self.currency, lang, self.asked.unit)
        share = ""
        if kpi["share_interval"] is not None and kpi["came"] != "cannot_be_told":
            low, high = (PERCENT.text(end, lang, signed=True) for end in kpi["share_interval"])
            middle = PERCENT.text(kpi["share_of_promised"], lang, signed=True)
            share = WORDS["share"].format(share=middle, low=low, high=high, n=kpi["people"]).to(lang)
        to_value = ""
        if kpi["value_now"] is not None:
            to_value = WORDS["to_value"].format(value=measure.words(kpi["value_now"])).to(lang)
        bullet = Bullet(
            name=name,
            title=Text(kpi["label"], kpi["label"]),
            measure=measure,
            value=kpi["now"],
            target=kpi["value"],
        )
        is_low = kpi["probability"] is not None and kpi["probability"] < 0.5
        return {
            "label": kpi["label"],
            "bullet": bullet.svg(lang, _BULLET_WIDTH),
            "chance": None
            if self.review["is_over"]
            else cell(kpi["probability"], PERCENT, lang, style="down" if is_low else ""),
            "value": cell(kpi["value"], measure, lang),
            "now": cell(kpi["now"], measure, lang),
            "unit": measure.unit.to(lang),
            "reached": kpi["reached"],
            "came": WORDS[f"came_{kpi['came']}"].to(lang),
            "share": share,
            "verdict": WORDS[f"verdict_{kpi['verdict']}"].to(lang),
            "to_value": to_value,
            "padded": kpi["padded"],
            "sentence": kpi["sentence"],
        }
