"""Which state answers? The newest that is ready; a thread makes the next one while it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import as_of_instant, iso, last_known_day
from crm.missing_rates import missing_rates
from crm.periods import Period, period_holding, period_seen_from
from crm.store import Store
from crm.store.engine import store_failure
from features import compile_history
from models.scoring import feature_columns
from service import messages
from service.allowance import charge
from service.callers import Caller
from service.logs import log_event
from service.model_state import AnswerContext, Caches, ModelState, model_fields
from service.moments import shared_moment
from service.names import Names
from service.organisation import calendar_warnings, disagreements
from service.outages import STORE, Outages
from service.period_forecast import PeriodForecast, simulate_period
from service.settings import Settings
from service.sight import EVERYTHING, Sight, sees_everything, sight_of
from service.state_maker import StateMaker, levels_of
from service.traces import part
from service.watched_thread import WatchedThread
from training.registry import ModelVersion, Registry

__all__ = ["AnswerContext", "Caches", "ModelState", "Readiness", "ServingState", "model_fields"]

T = TypeVar("T")

_LOG = "sancho.serving"
_RETRY_SECONDS = 3.0  # after a refresh that failed
_LONGEST_YEARS = 5  # of a period that is asked about: what it takes grows with its days
_LONGEST_PERIOD = 366 * _LONGEST_YEARS
_REFRESH_STOPPED = Text(
    "データとモデルの更新が停止しました。自動で再開しています。",
    "refreshing data and models has stopped; it is being started again.",
)


@dataclass(frozen=True)
class Readiness:
    """Whether the service can answer, and why not; `warnings`: what it cannot do meanwhile, by code."""

    error: Text | None
    model_version: str = ""
    kept_rows: int = 0
    warnings: tuple[tuple[str, Text], ...] = ()


class ServingState:
    """A store and a registry, with the state that answers; any number of replicas can run side by side."""

    def __init__(self, settings: Settings, store: Store, registry: Registry) -> None:
        self.settings = settings
        self.store = store
        self.registry = registry
        self._state: ModelState | None = None
        self._error: Text | None = None
        self._error_code = ""
        self._warm = False
        self.outages = Outages()
        self._maker = StateMaker(settings, store, registry, self.outages)
        self._refreshing = threading.Lock()
        self._warm_ups: tuple[Callable[[ModelState], None], ...] = ()
        self._renewals: tuple[Callable[[ModelState], None], ...] = ()
        self._chores: tuple[Callable[[], None], ...] = ()
        self._thread = WatchedThread("sancho-ready", self._keep_ready)

    def register(
        self,
        warm_ups: Sequence[Callable[[ModelState], None]],
        chores: Sequence[Callable[[], None]],
        renewals: Sequence[Callable[[ModelState], None]] = (),
    ) -> None:
        """Sets what warms up a state of another model before it answers, and what is done after each refresh.

        `renewals`: what a state of newer rows does before it answers in the place of one that is warm.
        """
        self._warm_ups, self._chores, self._renewals = tuple(warm_ups), tuple(chores), tuple(renewals)

    def wake(self) -> None:
        """Looks for new rows at once."""
        self._thread.wake()

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

    @property
    def lacks_model(self) -> bool:
        """Whether nothing answers because no model was ever trained here."""
        return self._state is None and self._error is not None and self._error_code == "no_model"

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

    def sight(self, caller: Caller) -> Sight:
        """What a caller may see, as people, teams and deals are now."""
        if sees_everything(caller):
            return EVERYTHING
        state, who = self.current(), (caller.role, caller.person_id, caller.team_id)
        return state.caches.sights.get(who, lambda: sight_of(caller, state.hierarchy))

    def context(self, as_of: str | None, period: str | None, sight: Sight = EVERYTHING) -> AnswerContext:
        """The context of an answer as of a moment, about a period, from the state that answers now."""
        state = self.current()
        moment = self.moment(state, as_of)
        return self.context_of(state, moment, self.period(state, period, moment), sight)

    def context_of(
        self, state: ModelState, moment: int, period: Period, sight: Sight = EVERYTHING
    ) -> AnswerContext:
        """The context of an answer from a state; simulates the period unless that is cached."""
        state = self.state_at(state, moment)

        def compute() -> PeriodForecast:
            _check_dates(moment, period, state.organisation(moment).zone)
            charge()
            inputs = (state.bundle_at(moment), state.log, state.history, moment, period)
            before = state.caches.renewable.get((moment, period.name))
            # What is asked about now is asked of KPIs too, which need all tables as of the moment.
            known = state.known_at(moment) if moment == state.now else None
            with part("simulate", period=period.name):
                return simulate_period(*inputs, before=before, known=known)

        forecast = state.caches.forecasts.get((moment, period.name), compute)
        if not sight.once:
            return AnswerContext(state, moment, forecast, sight)
        outsiders = sight.outsiders(forecast.organisation)
        context = AnswerContext(state, moment, forecast, sight, outsiders)
        if not outsiders:
            return context
        seen = state.caches.seen_forecasts.get(context.key, lambda: forecast.without_in_teams(outsiders))
        return replace(context, forecast=seen)

    def shared_moment(self, state: ModelState, moment: int) -> int:
        """The moment whose simulation answers about one deal as of a moment, shared by all of its day."""
        zone = state.organisation(moment).zone
        return shared_moment(moment, state.now, as_of_instant(None, zone), zone)

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
            charge()
            known = state.log.as_of(revision)
            history = compile_history(known, state.bundle.calendar, levels_of(state.bundle))
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

    def open_row(self, context: AnswerContext, deal_id: str) -> int:
        """The row of a deal among those open at the moment; an error where it is not one that is seen.

        Of a past moment, neither is one that somebody had whom the reader does not see.
        """
        context.sight.check_deal(deal_id)
        forecast = context.forecast
        row = forecast.row_by_deal.get(deal_id)
        if row is None:
            raise self.not_open(context.state, deal_id, context.moment)
        person, people = int(forecast.simulation.pipeline.person[row]), forecast.organisation.people
        if not context.sight.sees_person(people[person] if person < len(people) else None):
            raise SanchoError(messages.unknown_deal(deal_id), "unknown_deal")
        return row

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
            first = None if self._state is not None else self._maker.new_champion(None)
            with part("read new rows"):
                state = self._maker.newer_data(self._state, first)
            if state is not None:
                self._put_in_service(state, warm)
            state = self._state
            if first is None and state is not None and (model := self._maker.new_champion(state)) is not None:
                self._put_in_service(self._maker.with_model(model, state), warm)
            if warm and not self._warm and self._state is not None:
                self._warm_up(self._state)
                self._warm = True

    def catch_up(self) -> None:
        """Takes up what is stored by now, before returning."""
        state = self.current()
        if self.from_store(self.store.revision, state.revision) != self.current().revision:
            self.refresh(self._warm)

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

    def _put_in_service(self, fresh: ModelState, warm: bool) -> None:
        """Puts a fresh state in the place of the one before."""
        began = time.perf_counter()
        before = self._state
        if warm and self._warm and before is not None and before.info.version == fresh.info.version:
            for renew in self._renewals:
                renew(fresh)
        elif warm:
            self._warm_up(fresh)
        self._state, self._warm = fresh, warm or self._warm
        seconds = round(time.perf_counter() - began, 2)
        log_event(
            _LOG, "info", "refreshed", revision=fresh.revision, model=fresh.info.version, seconds=seconds
        )

    def switch_to_champion(self) -> None:
        """Answers with the champion from now on, however recently the registry was asked for it."""
        self._maker.forget_champion()
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
            self._error, self._error_code = error.text, error.code
            log_event(_LOG, "warning", "not_ready", code=error.code, reason=error.text.en)
        except BaseException as error:  # SystemExit too: no library ends the process from here
            self._error = messages.START_FAILED
            log_event(_LOG, "error", "not_ready", exc_info=error)
        is_well = self._error is None and STORE not in self.outages
        return (
            self.settings.refresh_seconds if is_well else max(_RETRY_SECONDS, self.settings.refresh_seconds)
        )

    def _warm_up(self, state: ModelState) -> None:
        """Does what the first request would otherwise wait for."""
        for warm_up in self._warm_ups:
            warm_up(state)


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
    if period.days > _LONGEST_PERIOD:
        raise SanchoError(
            Text(
                "期間は{years}年以内にしてください（「{name}」は{days:,}日）。",
                "a period can have up to {years} years; {name} has {days:,} days.",
            ).format(years=_LONGEST_YEARS, name=period.name, days=period.days),
            "bad_period",
        )
