"""Which revenue did somebody call for a period (宣言), what was forecast then, and how did both end?"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from crm.i18n import Language
from crm.instants import iso
from crm.periods import Period
from crm.store import StoredCall
from service.callers import Caller
from service.forecasts import Forecasts
from service.idempotency import named_id, refuse_reuse
from service.kpi_set_rows import key_of
from service.serving_state import ServingState
from service.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    from service.schemas.meetings import CallRequest


class Calls:
    """Calls of the revenue: each is kept as it was made, and marked when the period is over."""

    def __init__(self, serving: ServingState, forecasts: Forecasts) -> None:
        self._serving, self._forecasts = serving, forecasts

    def calls(
        self, period: str, scope: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """The calls for a scope in a period, oldest first, each with what was forecast when it was made."""
        scope = sight.scope(scope)
        context = self._serving.context(None, period, sight)
        forecast, asked = context.forecast, context.forecast.period
        forecast.organisation.members(scope)
        actual = self._actual(asked, period, scope, lang, sight)
        return {
            "period": asked.name,
            "scope": scope,
            "name": forecast.names.scope(scope, lang),
            "is_over": actual is not None,
            "actual": actual,
            "calls": [
                {
                    "call_id": one.call_id,
                    "amount": one.amount,
                    "confidence": one.confidence,
                    "reason": one.reason,
                    "made_at": iso(one.made_at, context.zone),
                    "made_by": one.made_by,
                    "made_by_name": forecast.names.person(one.made_by) or one.made_by,
                    "p10": one.p10,
                    "p50": one.p50,
                    "p90": one.p90,
                    "probability": one.probability,
                    "model_version": one.model_version,
                    "error": None if actual is None else one.amount - actual,
                    "forecast_error": None if actual is None else one.p50 - actual,
                }
                for one in self._serving.store.meetings.calls(scope, key_of(asked))
            ],
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def make(
        self,
        period: str,
        scope: str | None,
        request: CallRequest,
        caller: Caller,
        lang: Language,
        sight: Sight = EVERYTHING,
        *,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Stores a call beside what is forecast now; who says again what he said last adds nothing."""
        scope = sight.scope(scope)
        said = self._forecasts.forecast(period, scope, None, lang, sight=sight, parts=())
        asked = self._serving.context(None, period, sight).forecast.period
        revenue = said["revenue"]
        made = StoredCall(
            call_id=named_id(key, caller.name, "call") or uuid.uuid4().hex,
            scope=scope,
            period=key_of(asked),
            amount=request.amount,
            confidence=request.confidence,
            reason=request.reason,
            made_at=time.time_ns() // 1000,
            made_by=caller.person_id or caller.name,
            p10=revenue["p10"],
            p50=revenue["p50"],
            p90=revenue["p90"],
            probability=said["probability"],
            model_version=said["model"]["version"],
        )
        stored = self._serving.store.meetings.add_call(made)
        what = ("scope", "period", "amount", "confidence", "reason")
        refuse_reuse(all(getattr(stored, name) == getattr(made, name) for name in what))
        return self.calls(period, scope, lang, sight)

    def _actual(self, asked: Period, period: str, scope: str, lang: Language, sight: Sight) -> float | None:
        """What was won in a period that is over; None of one that is not."""
        if asked.end(self._serving.zone()) > self._serving.current().now:
            return None
        said = self._forecasts.forecast(period, scope, None, lang, sight=sight, parts=())
        return float(said["closed"])
