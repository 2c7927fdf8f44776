"""What does every answer start from? One model and one revision of the store, kept fresh by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Language, Text
from crm.instants import as_of_instant, iso, last_known_day
from crm.periods import Period, parse_period, period_holding
from crm.store import Store
from features import ActionEvents, Feature, History, compile_history
from models.actions import CandidateAction
from models.bundle import Bundle
from models.scoring import feature_columns
from models.seller_attribution import AttributedDeals
from models.win.similar_deals import PastDeals
from service import messages
from service.cache import Cache
from service.kpi_check import KpiContext
from service.logs import log_event
from service.period_forecast import PeriodForecast, simulate_period
from service.settings import Settings
from service.watched_thread import WatchedThread
from training.registry import ModelVersion, Registry

_LOG = "sancho.serving"
_FRESH_SECONDS = 900.0  # "now" moves on at least this often
_CHAMPION_SECONDS = 15.0  # how often the registry is asked for the champion
_RETRY_SECONDS = 3.0  # after a refresh that failed
_PERIODS = 8  # moments and periods kept: each is a simulation
_MOMENTS = 2  # moments kept of what is known of every deal ever closed
_DRIVERS = 2_000
_INSIGHTS = 2_000
_REFRESH_STOPPED = Text(
    "データとモデルの更新が停止しました。自動で再開しています。",
    "taking up new data and models has stopped; it is being started again.",
)


@dataclass(frozen=True)
class Caches:
    """What was computed from one state. All of it can be thrown away."""

    forecasts: Cache[tuple[int, str], PeriodForecast] = field(default_factory=lambda: Cache(_PERIODS))
    kpi_contexts: Cache[tuple[int, str], KpiContext] = field(default_factory=lambda: Cache(_PERIODS))
    candidate_actions: Cache[tuple[int, str], list[CandidateAction]] = field(
        default_factory=lambda: Cache(_PERIODS)
    )
    attributed_deals: Cache[int, AttributedDeals] = field(default_factory=lambda: Cache(_MOMENTS))
    drivers: Cache[tuple[int, str, str, Language], list[dict[str, Any]]] = field(
        default_factory=lambda: Cache(_DRIVERS)
    )
    insights: Cache[tuple[str, int, str, Language], dict[str, Any]] = field(
        default_factory=lambda: Cache(_INSIGHTS)
    )
    action_events: Cache[None, list[ActionEvents]] = field(default_factory=lambda: Cache(1))
    closed_deals: Cache[None, PastDeals | None] = field(default_factory=lambda: Cache(1))


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """One revision of the store seen by one version of the model, at a "now" that all answers share."""

    bundle: Bundle
    info: ModelVersion
    revision: int
    log: EventLog
    history: History
    columns: NDArray[Any]  # of the model's features in the history's
    catalogue: tuple[Feature, ...]  # the model's features
    now: int
    made_at: float
    caches: Caches = field(default_factory=Caches)


@dataclass(frozen=True)
class AnswerContext:
    """What an answer is computed from: a state, the moment of prediction, a period's forecast as of then."""

    state: ModelState
    moment: int
    forecast: PeriodForecast

    @property
    def key(self) -> tuple[int, str]:
        """What caches know the moment and period by."""
        return self.moment, self.forecast.period.name


@dataclass(frozen=True)
class Readiness:
    """Whether answers can be had, and why not."""

    error: Text | None
    model_version: str = ""
    kept_rows: int = 0


class ServingState:
    """A store and a registry, with the state that answers; any number of these can run side by side."""

    def __init__(self, settings: Settings, store: Store, registry: Registry) -> None:
        self.settings = settings
        self.store = store
        self.registry = registry
        self._state: ModelState | None = None
        self._fault: Text | None = None
        self._warm = False
        self._champion_asked_at = -np.inf
        self._refreshing = threading.Lock()
        self._warm_ups: tuple[Callable[[ModelState], None], ...] = ()
        self._chores: tuple[Callable[[], None], ...] = ()
        self._thread = WatchedThread("sancho-ready", self._keep_ready)

    def register(
        self, warm_ups: Sequence[Callable[[ModelState], None]], chores: Sequence[Callable[[], None]]
    ) -> None:
        """What warms a fresh state up before it answers, and what is done after each look for new data."""
        self._warm_ups, self._chores = tuple(warm_ups), tuple(chores)

    def start(self) -> None:
        """Warms everything up in a thread, which then looks for new data and models until closed."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, and gives up the store's connections."""
        self._thread.stop()
        self.store.close()

    # what an answer is computed from

    def current(self) -> ModelState:
        """The state that answers now."""
        if self._state is None:
            raise SanchoError(self._fault or messages.STARTING, "not_ready")
        return self._state

    def model_info(self) -> ModelVersion | None:
        """Which model answers; None where none does yet."""
        return None if self._state is None else self._state.info

    def moment(self, state: ModelState, as_of: str | None) -> int:
        """The moment of prediction; without one, the state's "now"."""
        return state.now if as_of is None else as_of_instant(as_of, self.settings.zone)

    def period(self, name: str | None, moment: int) -> Period:
        """A period by name; without one, the quarter that holds the moment."""
        month = self.settings.fiscal_start_month
        if name is not None:
            return parse_period(name, month)
        return period_holding(last_known_day(moment, self.settings.zone), "quarter", month)

    def context(self, as_of: str | None, period: str | None) -> AnswerContext:
        """The context of an answer as of a moment, about a period, by the state that answers now."""
        state = self.current()
        moment = self.moment(state, as_of)
        return self.context_of(state, moment, self.period(period, moment))

    def context_of(self, state: ModelState, moment: int, period: Period) -> AnswerContext:
        """The context of an answer by a state; opens the period's forecast unless it is kept."""

        def compute() -> PeriodForecast:
            _refuse_absurd(moment, period, self.settings)
            return simulate_period(state.bundle, state.log, state.history, moment, period)

        return AnswerContext(state, moment, state.caches.forecasts.get((moment, period.name), compute))

    def is_quick(self, as_of: str | None, period: str | None) -> bool:
        """Whether a question about one deal needs no new simulation."""
        state = self._state
        if state is None:
            return True  # it is refused at once
        now = (state.now, self.period(None, state.now).name)
        return as_of is None and period is None and now in state.caches.forecasts

    def not_open(self, state: ModelState, deal_id: str, moment: int) -> SanchoError:
        """Why a deal cannot be asked about: it is not known then, or closed."""
        found = state.history.deal_ids.get_indexer(pd.Index([deal_id]))[0]
        zone = self.settings.zone
        if found < 0 or state.history.created[found] >= moment:
            return SanchoError(messages.unknown_deal(deal_id), "unknown_deal")
        return SanchoError(
            messages.closed_deal(deal_id, iso(int(state.history.closed[found]), zone)), "deal_closed"
        )

    def metadata(
        self, state: ModelState, moment: int, lang: Language, also: Sequence[tuple[str, Text]] = ()
    ) -> dict[str, Any]:
        """What goes with every answer: as_of, model and warnings."""
        zone = self.settings.zone
        warnings = [(warned.code, warned.message) for warned in state.bundle.warnings]
        warnings += messages.age_warnings(state.bundle.as_of, moment, zone)
        return {
            "as_of": iso(moment, zone),
            "model": messages.model_of(state.info),
            "warnings": [{"code": code, "message": text.to(lang)} for code, text in (*warnings, *also)],
        }

    # staying fresh

    def refresh(self, warm: bool = False) -> None:
        """Takes up a new champion or new data. The old state answers until the new one can."""
        with self._refreshing:
            state = self._state
            revision = self.store.revision()
            model = self._new_champion(state)
            aged = state is None or time.monotonic() - state.made_at > _FRESH_SECONDS
            if state is None or model is not None or revision != state.revision or aged:
                began = time.perf_counter()
                fresh = self._make_state(model or (state.bundle, state.info), revision, state)  # type: ignore[union-attr]
                if warm:
                    self._warm_up(fresh)
                self._state, self._warm = fresh, warm or self._warm
                seconds = round(time.perf_counter() - began, 2)
                log_event(
                    _LOG, "info", "refreshed", revision=revision, model=fresh.info.version, seconds=seconds
                )
            elif warm and not self._warm:
                self._warm_up(state)
                self._warm = True

    def switch_to_champion(self) -> None:
        """Answers with the champion from now on, whenever the registry was last asked for it."""
        self._champion_asked_at = -np.inf
        self.refresh(warm=True)

    def readiness(self) -> Readiness:
        """Ready: the model's kept rows score as in training, all is warm, and new data are taken up."""
        state = self._state
        if state is None or not self._warm:
            return Readiness(self._fault or messages.STARTING)
        if self._thread.is_dead:
            return Readiness(_REFRESH_STOPPED)
        try:
            state.bundle.check()
        except SanchoError as fault:
            return Readiness(fault.text)
        return Readiness(None, state.info.version, len(state.bundle.self_check.at))

    def _keep_ready(self) -> float:
        """One round of the thread: looks for new data and models; seconds until the next round."""
        try:
            self.refresh(warm=True)
            self._fault = None
            for chore in self._chores:
                chore()
        except SanchoError as fault:
            self._fault = fault.text
            log_event(_LOG, "warning", "not_ready", code=fault.code, reason=fault.text.en)
        except BaseException as fault:  # SystemExit too: a library that wants to end the process does not
            self._fault = messages.NOT_READY
            log_event(_LOG, "error", "not_ready", exc_info=fault)
        return self.settings.refresh_seconds if self._fault is None else _RETRY_SECONDS

    def _new_champion(self, state: ModelState | None) -> tuple[Bundle, ModelVersion] | None:
        """The champion, proven, where it is not the one in service."""
        if state is not None and time.monotonic() - self._champion_asked_at < _CHAMPION_SECONDS:
            return None
        try:
            champion = self.registry.champion()
            self._champion_asked_at = time.monotonic()
            if champion is None:
                if state is not None:
                    return None
                raise SanchoError(messages.NO_MODEL, "no_model")
            if state is not None and champion.version == state.info.version:
                return None
            bundle, info = self.registry.load(champion.version)
        except SanchoError as fault:
            if state is None or fault.code != "registry_unavailable":
                raise
            # The model in service goes on answering, and new data are taken up all the same.
            self._champion_asked_at = time.monotonic()
            log_event(_LOG, "warning", "registry_unavailable", reason=fault.text.en)
            return None
        bundle.check()
        return bundle, info

    def _make_state(
        self, model: tuple[Bundle, ModelVersion], revision: int, before: ModelState | None
    ) -> ModelState:
        bundle, info = model
        if before is not None and before.revision == revision:
            log = before.log
        else:
            log = self.store.read(self.settings.zone)
        if before is not None and before.log is log and before.bundle is bundle:
            history, columns = before.history, before.columns
        else:
            history = compile_history(log, bundle.calendar, _levels(bundle))
            columns = feature_columns(bundle, history)
        return ModelState(
            bundle=bundle,
            info=info,
            revision=revision,
            log=log,
            history=history,
            columns=columns,
            catalogue=tuple(history.features[at] for at in columns),
            now=as_of_instant(None, self.settings.zone),
            made_at=time.monotonic(),
        )

    def _warm_up(self, state: ModelState) -> None:
        """Everything a first request would otherwise wait for."""
        for warm_up in self._warm_ups:
            warm_up(state)


def _levels(bundle: Bundle) -> Any:
    """Levels as features want them: lists of names; a kind (number, date) stays a word."""
    return {name: value if isinstance(value, str) else list(value) for name, value in bundle.levels.items()}


def _refuse_absurd(moment: int, period: Period, settings: Settings) -> None:
    """Dates no calendar reaches."""
    low, high = date(1990, 1, 1), date(2090, 1, 1)
    day = last_known_day(moment, settings.zone)
    if not (low <= day < high and low <= period.first and period.last < high):
        raise SanchoError(
            Text(
                "1990年から2089年までの時点と期間を指定してください。",
                "as_of and period must lie between 1990 and 2089.",
            ),
            "bad_period",
        )
