"""What may a person ask about himself: what is stored and computed, who read it? And how does he answer?"""

from __future__ import annotations

import time
import uuid
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY, as_of_instant, iso
from crm.schema import TABLES
from crm.store import PersonAnswer
from service.goals import Goals
from service.padding import PaddingQuestions
from service.recommendations import Recommendations
from service.serving_state import ServingState, model_fields

_READERS_DAYS = 90
_USUAL_PERIOD = "this-quarter"
_NO_FIGURES = ("no_model", "not_ready", "currency_changed", "unknown_scope")
_LABELS = {
    "versions": Text("担当者情報の履歴", "History of the person's row"),
    "outlooks": Text("日々の予測", "Daily forecasts"),
    "deal_scores": Text("日々の商談スコア", "Daily scores of deals"),
    "recommendations": Text("打ち手の推奨", "Recommendations"),
    "kpi_sets": Text("決定したKPIセット", "Accepted sets of KPIs"),
    "reviews": Text("週次会議の記録", "Notes of weekly reviews"),
    "one_on_ones": Text("1on1の記録", "Notes of one-on-ones"),
    "agreements": Text("約束", "Agreements"),
    "calls": Text("宣言", "Calls"),
    "audit": Text("監査記録", "Audit"),
    "person_answers": Text("本人の回答", "Own answers"),
}
_NOT_YET = Text(
    "数値はまだ計算されていません（{why}）。",
    "figures are not computed yet ({why}).",
)


class PersonRecords:
    """What is stored about people, for themselves."""

    def __init__(
        self, serving: ServingState, goals: Goals, recommendations: Recommendations, padding: PaddingQuestions
    ) -> None:
        self._serving, self._goals, self._recommendations = serving, goals, recommendations
        self._padding = padding

    def record(self, person: str, period: str | None, lang: Language) -> dict[str, Any]:
        """Everything about a person, in his own language."""
        since = time.time_ns() // 1000 - _READERS_DAYS * DAY
        about, zone = self._serving.store.about_person(person, since), self._serving.zone()
        figures, warnings = self._figures(person, period or _USUAL_PERIOD, lang)
        return {
            "person_id": person,
            "person": None if about.row is None else dict(about.row),
            "rows": [
                {"table": table, "column": column, "label": _label(table).to(lang), "rows": count}
                for (table, column), count in about.counts.items()
            ],
            "figures": figures,
            "readers": [{**one, "last_at": iso(one["last_at"], zone)} for one in about.readers],
            "answers": [self._told(one) for one in about.answers],
            **self._metadata(warnings),
        }

    def answer(self, person: str, subject: str, period: str | None, answer: str) -> dict[str, Any]:
        """Stores an answer, which stands beside the figure from now on."""
        made = PersonAnswer(
            answer_id=uuid.uuid4().hex,
            person_id=person,
            subject=subject.strip(),
            period=period,
            answer=answer.strip(),
            at=time.time_ns() // 1000,
        )
        self._serving.store.save_person_answer(made)
        return self._told(made)

    def answers(self, person: str) -> dict[str, Any]:
        """What a person answered, for those who may see his figures."""
        found = [self._told(one) for one in self._serving.store.person_answers(person)]
        return {"person_id": person, "answers": found, **self._metadata([])}

    def _figures(
        self, person: str, period: str, lang: Language
    ) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
        """What is computed about him; None, with a warning, where nothing can be."""
        scope = f"person:{person}"
        try:
            compared = self._goals.people(period, scope, None, lang)
            kpis = self._goals.kpis(period, scope, None, lang)
            found = self._recommendations.bottlenecks(scope, period, None, lang)["bottlenecks"]
            asked = self._padding.padding(period, scope, None, lang)["questions"]
        except SanchoError as fault:
            if fault.code not in _NO_FIGURES:
                raise
            text = _NOT_YET.format(why=fault.text)
            return None, [{"code": fault.code, "message": text.to(lang)}]
        own = [row for row in compared["people"] if row["scope"] == scope]
        figures = {
            "period": compared["period"],
            "comparison": own[0] if own else None,
            "kpis": kpis["kpis"],
            "bottlenecks": [row for row in found if person in row["segment"].values()],
            "questions": asked,
        }
        return figures, compared["warnings"]

    def _told(self, answer: PersonAnswer) -> dict[str, Any]:
        return {**vars(answer), "at": iso(answer.at, self._serving.zone())}

    def _metadata(self, warnings: list[dict[str, str]]) -> dict[str, Any]:
        zone, info = self._serving.zone(), self._serving.model_info()
        return {
            "as_of": iso(as_of_instant(None, zone), zone),
            "model": None if info is None else model_fields(info),
            "warnings": warnings,
        }


def _label(table: str) -> Text:
    return TABLES[table].label if table in TABLES else _LABELS[table]
