"""Which model and data answer? One version and one revision of the store, refreshed by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Language, Text
from crm.instants import DAY, as_of_instant, end_of_day, iso, last_known_day, start_of_day
from crm.missing_rates import missing_rates
from crm.newest_record import RecordTimes
from crm.organisation import Organisation
from crm.periods import Period, period_holding, period_seen_from
from crm.store import Store
from crm.store.engine import store_failure
from features import ActionEvents, Calendar, Feature, History, compile_history
from features.kept_history import history_name, keep_history, kept_history
from features.levels import Levels
from models.actions import CandidateAction
from models.bundle import Bundle
from models.scoring import feature_columns
from models.seller_attribution import AttributedDeals
from models.win.model import table_only
from models.win.similar_deals import PastDeals
from service import messages
from service.cache import Cache
from service.explain import Reader
from service.kpi_check import KpiContext
from service.logs import log_event
from service.names import Names
from service.organisation import calendar_of, calendar_warnings, disagreements
from service.outages import REGISTRY, STORE, Outages
from service.period_forecast import PeriodForecast, simulate_period
from service.settings import Settings
from service.watched_thread import WatchedThread
from training.log_age import OLD_DAYS, newest_deal_record
from training.registry import ModelVersion, Registry

T = TypeVar("T")

_LOG = "sancho.serving"
_MAX_AGE_SECONDS = 900.0  # of "now"
_CHAMPION_SECONDS = 15.0  # between two looks for a new champion in the registry
_RETRY_SECONDS = 3.0  # after a refresh that failed
_PERIODS = 8  # cached moments and periods: each is a simulation
_PAST_STATES = 3  # cached states of what was known before a revision: each is a compiled history
_MOMENTS = 2  # cached moments of results of all closed deals
_DRIVERS = 2_000
_INSIGHTS = 2_000
_REFRESH_STOPPED = Text(
    "データとモデルの更新が停止しました。自動で再開しています。",
    "refreshing data and models has stopped; it is being started again.",
)


@dataclass(frozen=True)
class Caches:
    """Values computed from one state; any of them can be dropped."""

    forecasts: Cache[tuple[int, str], PeriodForecast] = field(default_factory=lambda: Cache(_PERIODS))
    kpi_contexts: Cache[tuple[int, str], KpiContext] = field(default_factory=lambda: Cache(_PERIODS))
    candidate_actions: Cache[tuple[int, str], list[CandidateAction]] = field(
        default_factory=lambda: Cache(_PERIODS)
    )
    attributed_deals: Cache[int, AttributedDeals] = field(default_factory=lambda: Cache(_MOMENTS))
    drivers: Cache[tuple[int, str, str, Language], list[dict[str, Any]]] = field(
        default_factory=lambda: Cache(_DRIVERS)
    )
    settled: Cache[tuple[int, str, str], Mapping[Language, dict[str, Any]]] = field(
        default_factory=lambda: Cache(_DRIVERS)
    )
    insights: Cache[tuple[str, int, str, Language], dict[str, Any]] = field(
        default_factory=lambda: Cache(_INSIGHTS)
    )
    past_states: Cache[int, ModelState] = field(default_factory=lambda: Cache(_PAST_STATES))
    stage_warnings: Cache[int, list[tuple[str, Text]]] = field(default_factory=lambda: Cache(_PERIODS))
    action_events: Cache[None, list[ActionEvents]] = field(default_factory=lambda: Cache(1))
    closed_deals: Cache[None, PastDeals | None] = field(default_factory=lambda: Cache(1))
    money_warnings: Cache[int, list[tuple[str, Text]]] = field(default_factory=lambda: Cache(_PERIODS))


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """One revision of the store with one version of the model, at a "now" that all answers share."""

    bundle: Bundle
    info: ModelVersion
    revision: int
    log: EventLog
    history: History
    columns: NDArray[np.int64]  # of the model's features among those of the history
    catalogue: tuple[Feature, ...]  # the model's features
    now: int
    newest_deal_record: int  # about a deal, before now
    loaded_at: float  # monotonic seconds
    caches: Caches = field(default_factory=Caches)

    def organisation(self, moment: int) -> Organisation:
        """What the organisation said as of a moment: its calendar is that of an answer."""
        return self.log.organisations.at(moment)

    def bundle_at(self, moment: int) -> Bundle:
        """The model that answers as of a moment: its stage table alone where the data are far older.

        Far: no deal that was won ever took as long as nothing has been heard of any deal. What the model has
        learned of deals at work says nothing of those.
        """
        return self._table if self.is_far_beyond_data(moment) else self.bundle

    def is_far_beyond_data(self, moment: int) -> bool:
        """Whether the newest record is older than the longest sales cycle, and than a quarter."""
        old = moment - self.newest_deal_record
        return old > OLD_DAYS * DAY and old > self.bundle.win.windows.longest_days * DAY

    @cached_property
    def record_times(self) -> RecordTimes:
        """When anything was recorded: up to when the data of an answer reach."""
        return RecordTimes.of(self.log)

    @cached_property
    def reader(self) -> Reader:
        """How the model's features are read."""
        return Reader.of(self.catalogue, self.bundle.levels, self.bundle.currency)

    @cached_property
    def _table(self) -> Bundle:
        return replace(self.bundle, win=table_only(self.bundle.win))


@dataclass(frozen=True)
class AnswerContext:
    """What an answer is computed from: a state, the moment of prediction, a period's forecast as of it."""

    state: ModelState
    moment: int
    forecast: PeriodForecast

    @property
    def key(self) -> tuple[int, str]:
        """The moment and period, as a key of caches."""
        return self.moment, self.forecast.period.name

    @property
    def organisation(self) -> Organisation:
        """What the organisation said as of the moment."""
        return self.state.organisation(self.moment)

    @property
    def zone(self) -> ZoneInfo:
        """The organisation's time zone as of the moment."""
        return self.organisation.zone

    @property
    def calendar(self) -> Calendar:
        """The calendar of the answer; the model's features keep the one it was trained with."""
        return calendar_of(self.organisation)


@dataclass(frozen=True)
class Readiness:
    """Whether the service can answer, and why not; `warnings`: what it cannot do meanwhile, by code."""

    error: Text | None
    model_version: str = ""
    kept_rows: int = 0
    warnings: tuple[tuple[str, Text], ...] = ()


def model_fields(info: ModelVersion) -> dict[str, str]:
    """The model of an answer: name, version, trained_at."""
    return {"name": info.name, "version": info.version, "trained_at": info.trained_at}


class ServingState:
    """A store and a registry, with the state that answers; any number of replicas can run side by side."""

    def __init__(self, settings: Settings, store: Store, registry: Registry) -> None:
        self.settings = settings
        self.store = store
        self.registry = registry
        self._state: ModelState | None = None
        self._error: Text | None = None
        self._warm = False
        self.outages = Outages()
        self._champion_asked_at = -np.inf
        self._refreshing = threading.Lock()
        self._warm_ups: tuple[Callable[[ModelState], None], ...] = ()
        self._chores: tuple[Callable[[], None], ...] = ()
        self._thread = WatchedThread("sancho-ready", self._keep_ready)

    def register(
        self, warm_ups: Sequence[Callable[[ModelState], None]], chores: Sequence[Callable[[], None]]
    ) -> None:
        """Sets what warms up a fresh state before it answers, and what is done after each refresh."""
        self._warm_ups, self._chores = tuple(warm_ups), tuple(chores)

    def start(self) -> None:
        """Warms up in a thread, which then takes up new data and models until closed."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and closes the store."""
        self._thread.stop()
        self.store.close()

    # the inputs of an answer

    def current(self) -> ModelState:
        """The state that answers now."""
        if self._state is None:
            raise SanchoError(self._error or messages.STARTING, "not_ready")
        return self._state

    def model_info(self) -> ModelVersion | None:
        """The model that answers; None before one is loaded."""
        return None if self._state is None else self._state.info

    def moment(self, state: ModelState, as_of: str | None) -> int:
        """The moment of prediction; without one, the state's "now"."""
        return state.now if as_of is None else state.log.instant(as_of)

    def zone(self) -> ZoneInfo:
        """The organisation's time zone now; the settings' before anything is loaded."""
        state = self._state
        return self.settings.zone if state is None else state.log.zone

    def period(self, state: ModelState, name: str | None, moment: int) -> Period:
        """A period by name or word (this-quarter), by the organisation's calendar as of the moment.

        Without a name, the quarter that holds the moment.
        """
        organisation = state.organisation(moment)
        today, month = last_known_day(moment, organisation.zone), organisation.fiscal_start_month
        if name is not None:
            return period_seen_from(name, today, month)
        return period_holding(today, "quarter", month)

    def context(self, as_of: str | None, period: str | None) -> AnswerContext:
        """The context of an answer as of a moment, about a period, from the state that answers now."""
        state = self.current()
        moment = self.moment(state, as_of)
        return self.context_of(state, moment, self.period(state, period, moment))

    def context_of(self, state: ModelState, moment: int, period: Period) -> AnswerContext:
        """The context of an answer from a state; simulates the period unless that is cached."""
        state = self.state_at(state, moment)

        def compute() -> PeriodForecast:
            _check_dates(moment, period, state.organisation(moment).zone)
            return simulate_period(state.bundle_at(moment), state.log, state.history, moment, period)

        return AnswerContext(state, moment, state.caches.forecasts.get((moment, period.name), compute))

    def day_of(self, state: ModelState, moment: int) -> int:
        """The beginning of the moment's day, whose simulation all moments of the day share.

        A moment at which a day has just ended belongs to that day, all of which is known by then.
        """
        zone = state.organisation(moment).zone
        day = last_known_day(moment, zone)
        return moment if moment == end_of_day(day, zone) else start_of_day(day, zone)

    def is_simulated(self, state: ModelState, moment: int, period: Period) -> bool:
        """Whether a period is simulated as of a moment."""
        revision = state.log.next_revision(moment)
        if revision is not None:
            if revision not in state.caches.past_states:
                return False
            state = self.state_at(state, moment)
        return (moment, period.name) in state.caches.forecasts

    def state_at(self, state: ModelState, moment: int) -> ModelState:
        """The state without what was revised (changed, taken back, added late) at the moment or later."""
        revision = state.log.next_revision(moment)
        if revision is None:
            return state

        def compute() -> ModelState:
            known = state.log.as_of(revision)
            history = compile_history(known, state.bundle.calendar, _levels(state.bundle))
            columns = feature_columns(state.bundle, history)
            catalogue = tuple(history.features[at] for at in columns)
            return replace(
                state, log=known, history=history, columns=columns, catalogue=catalogue, caches=Caches()
            )

        return state.caches.past_states.get(revision, compute)

    def is_quick(self, as_of: str | None, period: str | None) -> bool:
        """Whether an answer about one deal needs no new simulation."""
        state = self._state
        if state is None:
            return True  # the answer is an error
        now = (state.now, self.period(state, None, state.now).name)
        return as_of is None and period is None and now in state.caches.forecasts

    def not_open(self, state: ModelState, deal_id: str, moment: int) -> SanchoError:
        """Why a deal is not open at a moment: it is unknown then, or closed."""
        number = state.history.deal_ids.get_indexer(pd.Index([deal_id]))[0]
        if number < 0 or state.history.created[number] >= moment:
            return SanchoError(messages.unknown_deal(deal_id), "unknown_deal")
        deal, zone = Names.of(state.log).deal_label(deal_id), state.organisation(moment).zone
        return SanchoError(messages.closed_deal(deal, int(state.history.closed[number]), zone), "deal_closed")

    def metadata(
        self, state: ModelState, moment: int, lang: Language, also: Sequence[tuple[str, Text]] = ()
    ) -> dict[str, Any]:
        """The fields that every answer carries: as_of, model and warnings."""
        organisation = state.organisation(moment)
        zone = organisation.zone
        warnings = messages.model_warnings(state.bundle.warnings, state.info.version)
        far = state.is_far_beyond_data(moment)
        warnings += messages.age_warnings(state.bundle.as_of, state.newest_deal_record, moment, zone, far)
        warnings += self._money_warnings(state, moment)
        warnings += calendar_warnings(state.bundle, organisation)
        warnings += self.outages.warnings(state.info.version, zone)
        newest = state.record_times.newest(moment)
        return {
            "as_of": iso(moment, zone),
            "data_as_of": None if newest is None else iso(newest, zone),
            "model": model_fields(state.info),
            "warnings": [{"code": code, "message": text.to(lang)} for code, text in (*warnings, *also)],
        }

    def _money_warnings(self, state: ModelState, moment: int) -> list[tuple[str, Text]]:
        """What no rate converts, as of a moment, and whether other rates count than in training."""
        if state.log.money is None:
            return []

        def compute() -> list[tuple[str, Text]]:
            known = state.log.without("activities").as_of(moment)
            kind = known.organisation.rate_kind
            changed = [] if kind == state.bundle.rate_kind else [messages.other_rates(kind, state.bundle)]
            return [*missing_rates(known.money), *changed]

        return state.caches.money_warnings.get(moment, compute)

    # refreshing

    def refresh(self, warm: bool = False) -> None:
        """Takes up new data or a new champion. The old state answers until the new one can.

        New data come first, since a registry out of reach takes seconds to say so. Once a state answers, a
        store or a registry out of reach is no error: the state goes on answering, and its answers say so.
        """
        with self._refreshing:
            first = None if self._state is not None else self._new_champion(None)
            self._take_up_data(first, warm)
            state = self._state
            if first is None and state is not None and (model := self._new_champion(state)) is not None:
                self._renew(model, state.revision, state, warm)
            if warm and not self._warm and self._state is not None:
                self._warm_up(self._state)
                self._warm = True

    def from_store(self, ask: Callable[[], T], otherwise: T) -> T:
        """What the store answers; something else while it is out of reach, as the answer's warnings say."""
        if STORE in self.outages:
            return otherwise
        try:
            return ask()
        except Exception as fault:
            failure = store_failure(fault)
            if failure is None:
                raise
            self.outages.began(STORE, failure.text)
            return otherwise

    def _take_up_data(self, first: tuple[Bundle, ModelVersion] | None, warm: bool) -> None:
        """A state of the store's data as they are now, with the model in service or the first one."""
        state = self._state
        try:
            revision = self.store.revision()
            self.outages.ended(STORE)
            is_old = state is None or time.monotonic() - state.loaded_at > _MAX_AGE_SECONDS
            if state is None or revision != state.revision or is_old:
                self._renew(first or (state.bundle, state.info), revision, state, warm)  # type: ignore[union-attr]
        except Exception as fault:
            failure = store_failure(fault)
            if failure is None:
                raise
            if state is None:
                raise failure from fault
            self.outages.began(STORE, failure.text)
            if time.monotonic() - state.loaded_at > _MAX_AGE_SECONDS:  # "now" moves on all the same
                self._renew((state.bundle, state.info), state.revision, state, warm)

    def _renew(
        self, model: tuple[Bundle, ModelVersion], revision: int, before: ModelState | None, warm: bool
    ) -> None:
        """Puts a fresh state in the place of the one before."""
        began = time.perf_counter()
        fresh = self._make_state(model, revision, before)
        if warm:
            self._warm_up(fresh)
        self._state, self._warm = fresh, warm or self._warm
        seconds = round(time.perf_counter() - began, 2)
        log_event(_LOG, "info", "refreshed", revision=revision, model=fresh.info.version, seconds=seconds)

    def switch_to_champion(self) -> None:
        """Answers with the champion from now on, however recently the registry was asked for it."""
        self._champion_asked_at = -np.inf
        self.refresh(warm=True)

    def readiness(self) -> Readiness:
        """Ready: the model's kept rows score as in training, all is warm, and new data are taken up."""
        state = self._state
        if state is None or not self._warm:
            return Readiness(self._error or messages.STARTING)
        if self._thread.is_dead:
            return Readiness(_REFRESH_STOPPED)
        try:
            state.bundle.check()
        except SanchoError as error:
            return Readiness(error.text)
        organisation, version = state.organisation(state.now), state.info.version
        differ = disagreements(self.settings, organisation)
        changed = calendar_warnings(state.bundle, organisation)
        cannot = self.outages.warnings(version, organisation.zone)
        return Readiness(None, version, len(state.bundle.self_check.at), (*differ, *changed, *cannot))

    def _keep_ready(self) -> float:
        """One round of the thread: refreshes, then does the chores; the seconds until the next round."""
        try:
            self.refresh(warm=True)
            self._error = None
            self.outages.log_changes()
            for chore in () if STORE in self.outages else self._chores:
                chore()
        except SanchoError as error:
            self._error = error.text
            log_event(_LOG, "warning", "not_ready", code=error.code, reason=error.text.en)
        except BaseException as error:  # SystemExit too: no library ends the process from here
            self._error = messages.START_FAILED
            log_event(_LOG, "error", "not_ready", exc_info=error)
        is_well = self._error is None and STORE not in self.outages
        return (
            self.settings.refresh_seconds if is_well else max(_RETRY_SECONDS, self.settings.refresh_seconds)
        )

    def _new_champion(self, state: ModelState | None) -> tuple[Bundle, ModelVersion] | None:
        """The champion, checked, where it is not the version in service.

        While the registry is out of reach that one stays; at the start, the copy of the one last in service.
        """
        if state is not None and time.monotonic() - self._champion_asked_at < _CHAMPION_SECONDS:
            return None
        try:
            champion = self.registry.champion()
            if champion is None and state is None:
                raise SanchoError(messages.NO_MODEL, "no_model")
            is_new = champion is not None and (state is None or champion.version != state.info.version)
            model = self.registry.load(champion.version) if is_new and champion is not None else None
            self.outages.ended(REGISTRY)
        except SanchoError as error:
            if error.code != REGISTRY:
                raise
            self.outages.began(REGISTRY, error.text)
            model = self.registry.last_champion() if state is None else None
            if model is None and state is None:
                raise
        finally:
            self._champion_asked_at = time.monotonic()  # after the answer, which may have taken its time
        if model is not None:
            model[0].check()
        return model

    def _make_state(
        self, model: tuple[Bundle, ModelVersion], revision: int, before: ModelState | None
    ) -> ModelState:
        bundle, info = model
        if before is not None and before.revision == revision:
            log, history = before.log, None
        elif before is None:  # a refresh follows a change, as the next one will: only a start uses copies
            log, history = self._kept(bundle)
        else:
            bundle.check_currency(self._organisation())
            log, history = self.store.read(self.settings.zone), None
        if before is not None and before.log is log and before.bundle is bundle:
            history, columns = before.history, before.columns
        else:
            history = history or compile_history(log, bundle.calendar, _levels(bundle))
            columns = feature_columns(bundle, history)
        now = as_of_instant(None, self.settings.zone)
        return ModelState(
            bundle=bundle,
            info=info,
            revision=revision,
            log=log,
            history=history,
            columns=columns,
            catalogue=tuple(history.features[at] for at in columns),
            now=now,
            newest_deal_record=newest_deal_record(log, now),
            loaded_at=time.monotonic(),
        )

    def _kept(self, bundle: Bundle) -> tuple[EventLog, History]:
        """The log and its history, from their copies where nothing has changed; else copies are made."""
        folder, levels = self.settings.kept_folder, _levels(bundle)
        log, state = self.store.read_once(folder, self.settings.zone)
        bundle.check_currency(log.organisation)
        name = history_name(state, log, bundle.calendar, levels)
        history = kept_history(folder, name, bundle.calendar)
        if history is None:
            history = compile_history(log, bundle.calendar, levels)
            keep_history(folder, name, history)
        return log, history

    def _organisation(self) -> Organisation:
        """What the store says about the organisation, read without the rest of it."""
        return self.store.read(self.settings.zone, ("organisation",)).organisation

    def _warm_up(self, state: ModelState) -> None:
        """Does what the first request would otherwise wait for."""
        for warm_up in self._warm_ups:
            warm_up(state)


def _levels(bundle: Bundle) -> Levels:
    """Levels with lists of names; the kind of an attribute without levels (number, date) stays text."""
    return {name: value if isinstance(value, str) else list(value) for name, value in bundle.levels.items()}


def _check_dates(moment: int, period: Period, zone: ZoneInfo) -> None:
    """Raises for dates outside of any sensible calendar."""
    low, high = date(1990, 1, 1), date(2090, 1, 1)
    day = last_known_day(moment, zone)
    if not (low <= day < high and low <= period.first and period.last < high):
        raise SanchoError(
            Text(
                "1990年から2089年までの時点と期間を指定してください。",
                "as_of and period must lie between 1990 and 2089.",
            ),
            "bad_period",
        )
