"""Which of two models predicts better, and what does the one say that answers without being shown?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import iso, last_known_day
from features import compile_history
from service.cache import Cache
from service.organisation import calendar_of
from service.serving_state import ServingState
from service.shadow import Shadow
from training.registry import SHADOW

if TYPE_CHECKING:
    from training.model_comparison import Contestant, ModelComparison

_KEPT = 32  # comparisons
Key = tuple[str, str, int, str]


class ModelComparisons:
    """Registered versions compared with each other, and the shadow with the version in service."""

    def __init__(self, serving: ServingState, shadow: Shadow) -> None:
        self._serving = serving
        self._shadow = shadow
        self._compared: Cache[Key, ModelComparison] = Cache(_KEPT)

    def compare(self, a: str, b: str, until: str | None, lang: Language) -> dict[str, Any]:
        """Two versions (numbers or aliases) on the rows that neither was fitted on."""
        return self.answer(self.compared(a, b, until), lang)

    def compared(self, a: str, b: str, until: str | None) -> ModelComparison:
        """The comparison of two versions; computed once for a pair, a revision of the store and a day."""
        from training.model_comparison import compare_models

        state = self._serving.current()
        moment = self._serving.moment(state, until)
        one, other = self.contestant(a), self.contestant(b)
        if one.version == other.version:
            raise SanchoError(_SAME.format(v=one.version), "same_model")
        day = last_known_day(moment, state.organisation(moment).zone).isoformat() if until is None else until
        key = (one.version, other.version, state.revision, day)
        return self._compared.get(key, lambda: compare_models(one, other, state.log, moment))

    def contestant(self, which: str) -> Contestant:
        """A registered version by number or alias."""
        from training.model_comparison import Contestant

        if which == SHADOW and self._serving.registry.shadow() is None:
            raise SanchoError(NO_SHADOW, "no_shadow")
        bundle, info = self._serving.registry.load(which)
        return Contestant.registered(bundle, info.version)

    def answer(self, found: ModelComparison, lang: Language) -> dict[str, Any]:
        """A comparison as REST answers it."""
        state = self._serving.current()
        zone = state.organisation(state.now).zone
        return {**found.to_json(lang, zone), **self._serving.metadata(state, state.now, lang)}

    def set_shadow(self, version: str | None, lang: Language) -> dict[str, Any]:
        """Lets a version answer beside the one in service without being shown; None ends that."""
        from training.promote import put_in_shadow

        registry = self._serving.registry
        if version is None:
            registry.set_shadow(None)
        else:
            put_in_shadow(registry, version)
        self._shadow.look()
        return self.shadow(lang)

    def shadow(self, lang: Language) -> dict[str, Any]:
        """The shadow: which version, how its answers differ from those shown, and who is right so far."""
        from training.shadow_comparison import shadow_report

        state = self._serving.current()
        zone = state.organisation(state.now).zone
        info = self._serving.registry.shadow()
        common = {"queue": self._shadow.counts, **self._serving.metadata(state, state.now, lang)}
        if info is None:
            return {"version": None, "text": NO_SHADOW.to(lang), "report": None, **common}
        answers = self._serving.store.shadow_answers(info.version)
        known = state.log.as_of(state.now)
        history = compile_history(known, calendar_of(state.organisation(state.now)))
        found = shadow_report(answers, known, history, state.now)
        judged = found.comparison
        report = {
            "answers": found.answers,
            "deals": found.deals,
            "first": None if found.first is None else iso(found.first, zone),
            "last": None if found.last is None else iso(found.last, zone),
            "difference_in_the_end": found.in_the_end,
            "difference_by_period_end": found.by_period_end,
            "stages": found.stages,
            "verdict": None if judged is None else judged.verdict,
            "outcome_rows": 0 if judged is None else judged.rows,
            "outcome_deals": 0 if judged is None else judged.deals,
            "log_loss_difference": None if judged is None else judged.difference.to_json(),
        }
        return {
            "version": info.version,
            "text": found.text(info.version).to(lang),
            "report": report,
            **common,
        }


NO_SHADOW = Text(
    "シャドーのモデルは設定されていません。sancho models shadow バージョン で設定できます。",
    "No model answers beside the one in service; set one with sancho models shadow VERSION.",
)
_SAME = Text(
    "どちらもバージョン{v}です。別のモデルを指定してください（sancho models list）。",
    "Both are version {v}; name two different ones (sancho models list).",
)
