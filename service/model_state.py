"""What answers: one revision of the store with one version of the model, and what an answer is made from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.i18n import Language, Text
from crm.instants import DAY
from crm.known_after import known_after
from crm.newest_record import RecordTimes
from crm.organisation import Organisation
from features import ActionEvents, Calendar, Feature, History
from features.arrays import Ints
from models.actions import CandidateAction
from models.bundle import Bundle
from models.kpi_sets.candidates import Candidate
from models.kpis import KpiForecasts
from models.padding import Padding
from models.seller_attribution import AttributedDeals
from models.win.model import table_only
from models.win.similar_deals import PastDeals
from service.cache import Cache
from service.explain import Reader
from service.hierarchy import Hierarchy
from service.kpi_check import KpiContext
from service.kpis import KpiFigures
from service.organisation import calendar_of
from service.period_forecast import PeriodForecast
from service.sight import EVERYTHING, Sight, digest
from training.log_age import OLD_DAYS
from training.registry import ModelVersion

if TYPE_CHECKING:
    from service.deal_facts import DealFacts

PERIODS = 8  # cached moments and periods: each is a simulation
_PAST_STATES = 3  # cached states of what was known before a revision: each is a compiled history
_MOMENTS = 2  # cached moments of results of all closed deals
_DRIVERS = 2_000
_INSIGHTS = 2_000
_SIGHTS = 1_000


@dataclass(frozen=True)
class KnownBefore:
    """What an earlier state knew as of a moment, and by table the rows that differ since; whose they are."""

    log: EventLog
    touched: Mapping[str, frozenset[str]]
    deals: frozenset[str]

    def also(self, touched: Mapping[str, frozenset[str]], deals: frozenset[str]) -> KnownBefore:
        """The same before more rows had changed."""
        names = self.touched.keys() | touched.keys()
        none: frozenset[str] = frozenset()
        both = {name: self.touched.get(name, none) | touched.get(name, none) for name in names}
        return replace(self, touched=both, deals=self.deals | deals)


@dataclass(frozen=True)
class Caches:
    """Values computed from one state; any of them can be dropped."""

    forecasts: Cache[tuple[int, str], PeriodForecast] = field(default_factory=lambda: Cache(PERIODS))
    kpi_contexts: Cache[tuple[int, str], KpiContext] = field(default_factory=lambda: Cache(PERIODS))
    candidate_actions: Cache[tuple[int, str], list[CandidateAction]] = field(
        default_factory=lambda: Cache(PERIODS)
    )
    deal_facts: Cache[tuple[int, str], DealFacts] = field(default_factory=lambda: Cache(PERIODS))
    attributed_deals: Cache[int, AttributedDeals] = field(default_factory=lambda: Cache(_MOMENTS))
    drivers: Cache[tuple[int, str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: Cache(_DRIVERS)
    )
    settled: Cache[tuple[int, str, str], Mapping[Language, dict[str, Any]]] = field(
        default_factory=lambda: Cache(_DRIVERS)
    )
    kpi_figures: Cache[tuple[int, str, str], list[KpiFigures]] = field(
        default_factory=lambda: Cache(_DRIVERS)
    )
    planned_values: Cache[tuple[int, str, str], Mapping[tuple[str, str], float]] = field(
        default_factory=lambda: Cache(PERIODS)
    )
    kpi_candidates: Cache[tuple[Hashable, ...], Mapping[str, list[Candidate]]] = field(
        default_factory=lambda: Cache(PERIODS)
    )
    kpi_measures: Cache[tuple[int, str], tuple[Mapping[str, float], Mapping[str, float]]] = field(
        default_factory=lambda: Cache(PERIODS)
    )
    padding: Cache[tuple[int, str], Padding] = field(default_factory=lambda: Cache(PERIODS))
    insights: Cache[tuple[str, int, str, Language], dict[str, Any]] = field(
        default_factory=lambda: Cache(_INSIGHTS)
    )
    known: Cache[int, EventLog] = field(default_factory=lambda: Cache(_MOMENTS))
    past_states: Cache[int, ModelState] = field(default_factory=lambda: Cache(_PAST_STATES))
    stage_warnings: Cache[int, list[tuple[str, Text]]] = field(default_factory=lambda: Cache(PERIODS))
    action_events: Cache[None, list[ActionEvents]] = field(default_factory=lambda: Cache(1))
    closed_deals: Cache[None, PastDeals | None] = field(default_factory=lambda: Cache(1))
    money_warnings: Cache[int, list[tuple[str, Text]]] = field(default_factory=lambda: Cache(PERIODS))
    sights: Cache[tuple[str | None, ...], Sight] = field(default_factory=lambda: Cache(_SIGHTS))
    seen_forecasts: Cache[tuple[int, str], PeriodForecast] = field(default_factory=lambda: Cache(PERIODS))

    # Of an earlier state, to be renewed.
    renewable: Mapping[tuple[int, str], PeriodForecast] = field(default_factory=dict)
    renewable_kpis: Mapping[tuple[int, str], KpiForecasts] = field(default_factory=dict)

    def of_moments_up_to(self, moment: int, places: Ints | None = None) -> Caches:
        """New caches that hold what is said as of these moments and of no other.

        `places`: where the deals are in the history now, -1 = nowhere; None where all are where they were.
        """
        past = Caches()
        past.past_states.take(self.past_states, lambda revision: revision <= moment)
        if places is not None:
            for key, forecast in self.forecasts.items():
                if key[0] <= moment and (there := forecast.in_places(places)) is not None:
                    past.forecasts.put(key, there)
        else:
            past.forecasts.take(self.forecasts, lambda key: key[0] <= moment)
            past.kpi_contexts.take(self.kpi_contexts, lambda key: key[0] <= moment)
            past.drivers.take(self.drivers, lambda key: key[0] <= moment)
            past.settled.take(self.settled, lambda key: key[0] <= moment)
            past.kpi_figures.take(self.kpi_figures, lambda key: key[0] <= moment)
            past.padding.take(self.padding, lambda key: key[0] <= moment)
        return past

    def without_past_states(self) -> Caches:
        """The same for a state that is itself past: those before it are looked up in the newest one's."""
        return replace(self, past_states=Cache(_PAST_STATES))

    def renewed(self, known_from: int, now: int, now_after: int, places: Ints | None = None) -> Caches:
        """Caches of a state after this one: what it said as of past moments, and its forecasts to renew.

        Up to `known_from` nothing has changed; `now` and `now_after` are those of both states. `places`: see
        `of_moments_up_to`.
        """
        past = self.of_moments_up_to(min(known_from, now - 1), places)
        if now_after != now:
            return past
        of_now = {key: forecast for key, forecast in self.forecasts.items() if key[0] == now}
        newest = list({**self.renewable, **of_now}.items())[-PERIODS:]
        kpis = {key: each.prospects for key, each in self.kpi_contexts.items() if key[0] == now}
        of_kpis = list({**self.renewable_kpis, **kpis}.items())[-PERIODS:]
        return replace(past, renewable=dict(newest), renewable_kpis=dict(of_kpis))


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """One revision of the store with one version of the model, at a "now" that all answers share.

    `known_before`: what an earlier state knew as of now, where only rows of some deals have changed since.
    `settled`: when rows changed what was known as of earlier moments, newest first: the moment from which on
    answers may differ, and the revision by which they do.
    """

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
    settled: tuple[tuple[int, int], ...] = ()
    caches: Caches = field(default_factory=Caches)
    known_before: KnownBefore | None = None  # as of now, by an earlier state

    def organisation(self, moment: int) -> Organisation:
        """What the organisation said as of a moment: its calendar is that of an answer."""
        return self.log.organisations.at(moment)

    def known_at(self, moment: int) -> EventLog:
        """The log as of a moment, kept for the few that were asked for last."""
        return self.caches.known.get(moment, lambda: self._known_at(moment))

    def _known_at(self, moment: int) -> EventLog:
        before = self.known_before
        if before is not None and before.log.moment == moment == self.now:
            known = known_after(before.log, self.log, before.touched, before.deals)
            if known is not None:
                return known
        return self.log.as_of(moment)

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

    def revision_at(self, moment: int) -> int:
        """The newest revision that changed what is known as of a moment, as far as that is known."""
        if not self.settled:
            return self.revision
        return next((revision for since, revision in self.settled if since < moment), self.settled[-1][1])

    @cached_property
    def record_times(self) -> RecordTimes:
        """When anything was recorded: up to when the data of an answer reach."""
        return RecordTimes.of(self.log)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Who is in which team and owns what now."""
        return Hierarchy.of(self.known_at(self.now))

    @cached_property
    def reader(self) -> Reader:
        """How the model's features are read."""
        return Reader.of(self.catalogue, self.bundle.levels, self.bundle.currency)

    @cached_property
    def _table(self) -> Bundle:
        return replace(self.bundle, win=table_only(self.bundle.win))


@dataclass(frozen=True)
class AnswerContext:
    """What an answer is computed from: a state, the moment of prediction, a period's forecast as of it.

    `sight` is what its reader may see; of teams it knows no people that are in none of them any more
    (`outsiders`).
    """

    state: ModelState
    moment: int
    forecast: PeriodForecast
    sight: Sight = EVERYTHING
    outsiders: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[int, str]:
        """The moment, the period and who is left out of teams, as a key of caches."""
        period = self.forecast.period.name
        return self.moment, f"{period} without {digest(self.outsiders)}" if self.outsiders else period

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


def model_fields(info: ModelVersion) -> dict[str, str]:
    """The model of an answer: name, version, trained_at."""
    return {"name": info.name, "version": info.version, "trained_at": info.trained_at}
