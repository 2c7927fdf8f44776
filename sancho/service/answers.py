"""What is the answer? A service's living state: store, champion model, and what was worked out from them.

Everything kept here can be thrown away: it is keyed by the store's revision and the model's version.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import structlog
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog
from sancho.crm.moment import DAY, as_of_instant, iso, last_known_day, start_of_day
from sancho.crm.period import Period, parse_period, period_holding
from sancho.crm.store import Store
from sancho.crm.text import Language, SanchoError, Text
from sancho.features import Feature, History, build, compile_history
from sancho.features.kpis import KPIS, Happenings, own_kpis
from sancho.models.bundle import Bundle
from sancho.models.change import told
from sancho.models.kpis import Ahead, Prospects
from sancho.models.levers import LEVERS
from sancho.models.organisation import COMPANY
from sancho.models.simulate import Simulation
from sancho.models.smart import Proposal
from sancho.models.what_if import Joining, Supposed, join, outlook, suppose
from sancho.service import paging, said
from sancho.service.history import fill_one, history
from sancho.service.insight import TREND_DAYS, Asked, Chances, insight
from sancho.service.kpis import kpi_rows
from sancho.service.levers import drive_of, drivers_of, planned, tree_of
from sancho.service.people import people_rows
from sancho.service.room import Room, brought_between, open_room, owned_within, scores
from sancho.service.schemas import CheckRequest, NewLevel, PlanRequest, ScoreRequest, WhatIfRequest
from sancho.service.sent import read_request
from sancho.service.settings import Settings
from sancho.service.smart import OWN_LEVER, Ground, checked
from sancho.training.fair import Handed, handed_deals
from sancho.training.promote import put_in_service, roll_back
from sancho.training.registry import ModelInfo, Registry
from sancho.training.score import feature_columns
from sancho.training.watch import Watch, watch

Floats = NDArray[np.float64]
Log = Any
# Score rows of the deals open at a moment: of a bundle, a log, the moment, a period and the model's version.
Scorer = Callable[[Bundle, EventLog, int, Period, str], pd.DataFrame]

_FRESH_SECONDS = 900.0  # "now" moves on at least this often
_CHAMPION_SECONDS = 15.0  # how often the registry is asked for the champion
_ROOMS, _INSIGHTS = 8, 2_000
_LATELY = 730 * DAY  # how much people differ is learned from so long
CHANGE_DAYS = 7  # the forecast tells what changed since so many days ago


@dataclass(frozen=True)
class State:
    """One revision of the store seen by one version of the model, at a "now" that all answers share."""

    bundle: Bundle
    info: ModelInfo
    revision: int
    log: EventLog
    history: History
    columns: np.ndarray  # of the model's features in the history's
    catalogue: tuple[Feature, ...]  # the model's features
    now: int
    born: float
    rooms: OrderedDict[tuple[int, str], Room] = field(default_factory=OrderedDict)
    grounds: dict[tuple[int, str], Ground] = field(default_factory=dict)
    drivers: dict[tuple[int, str, str, Language], list[dict[str, Any]]] = field(default_factory=dict)
    handed: dict[int, Handed] = field(default_factory=dict)
    insights: dict[tuple[str, int, str, Language], dict[str, Any]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True)
class Readiness:
    """Whether answers can be had, and why not."""

    fault: Text | None
    model_version: str = ""
    kept_rows: int = 0


class Answers:
    """Answers questions from one store and one registry; any number of these can run side by side."""

    def __init__(
        self, settings: Settings, store: Store | None = None, registry: Registry | None = None
    ) -> None:
        self.settings = settings
        self._store = store if store is not None else Store.open(settings.store_url)
        self._registry = registry if registry is not None else Registry(settings.home)
        self._kpis = (*KPIS, *own_kpis(settings.kpi))
        self._state: State | None = None
        self._fault: Text | None = None
        self._warm = False
        self._asked_champion = -np.inf
        self._refreshing = threading.Lock()
        self._watching = threading.Lock()
        self._watched: tuple[str, float, Watch] | None = None  # version, when, what became of it
        self._written: tuple[str, date] | None = None  # the period and day up to which history is complete
        self._log: Log = structlog.get_logger("sancho.answers")

    def close(self) -> None:
        """Gives up the store's connections."""
        self._store.close()

    @property
    def store(self) -> Store:
        """The store that is asked."""
        return self._store

    def keep_ready(self, stop: threading.Event) -> None:
        """Warms everything up, then looks for new data and models until stopped."""
        while not stop.is_set():
            try:
                self.refresh(warm=True)
                self._fault = None
                self._keep_history()
            except SanchoError as fault:
                self._fault = fault.text
                self._log.warning("not_ready", code=fault.code, reason=fault.text.en)
            except Exception as fault:
                self._fault = said.NOT_READY
                self._log.error("not_ready", exc_info=fault)
            stop.wait(self.settings.refresh_seconds if self._fault is None else 3.0)

    def refresh(self, warm: bool = False) -> None:
        """Takes up a new champion or new data. The old state answers until the new one can."""
        with self._refreshing:
            state = self._state
            revision = self._store.revision()
            model = self._new_champion(state)
            aged = state is None or time.monotonic() - state.born > _FRESH_SECONDS
            if state is None or model is not None or revision != state.revision or aged:
                began = time.perf_counter()
                fresh = self._make_state(model or (state.bundle, state.info), revision, state)  # type: ignore[union-attr]
                if warm:
                    self._warm_up(fresh)
                self._state, self._warm = fresh, warm or self._warm
                seconds = round(time.perf_counter() - began, 2)
                self._log.info("refreshed", revision=revision, model=fresh.info.version, seconds=seconds)
            elif warm and not self._warm:
                self._warm_up(state)
                self._warm = True

    def _keep_history(self) -> None:
        """Writes history down; where that fails, answers go on without it until tomorrow."""
        try:
            self.write_history()
        except Exception as fault:
            state = self._now()
            day = last_known_day(state.now, self.settings.zone)
            self._written = (self._period(None, state.now).name, day)
            self._log.warning("no_history", exc_info=fault)

    def write_history(self) -> None:
        """Writes today's outlook of the current quarter down, else that of one past week that is missing."""
        state = self._now()
        period, zone = self._period(None, state.now), self.settings.zone
        done = (period.name, last_known_day(state.now, zone))
        if self._written == done:
            return

        def room_of(moment: int) -> Room:
            if moment == state.now:
                return self._room(state, moment, period)
            return open_room(state.bundle, state.log, state.history, moment, period)

        if not fill_one(self._store, period, state.now, state.info.version, zone, room_of):
            self._written = done

    def readiness(self) -> Readiness:
        """Ready: a model is loaded, its kept rows score as in training, and everything is warm."""
        state = self._state
        if state is None or not self._warm:
            return Readiness(self._fault or said.STARTING)
        try:
            state.bundle.check()
        except SanchoError as fault:
            return Readiness(fault.text)
        return Readiness(None, state.info.version, len(state.bundle.kept.at))

    def _new_champion(self, state: State | None) -> tuple[Bundle, ModelInfo] | None:
        """The champion, proven, where it is not the one in service."""
        if state is not None and time.monotonic() - self._asked_champion < _CHAMPION_SECONDS:
            return None
        champion = self._registry.champion()
        self._asked_champion = time.monotonic()
        if champion is None:
            if state is not None:
                return None
            raise SanchoError(said.NO_MODEL, "no_model")
        if state is not None and champion.version == state.info.version:
            return None
        bundle, info = self._registry.load(champion.version)
        bundle.check()
        return bundle, info

    def _make_state(self, model: tuple[Bundle, ModelInfo], revision: int, before: State | None) -> State:
        bundle, info = model
        if before is not None and before.revision == revision:
            log = before.log
        else:
            log = self._store.read(self.settings.zone)
        if before is not None and before.log is log and before.bundle is bundle:
            history, columns = before.history, before.columns
        else:
            history = compile_history(log, bundle.calendar, _levels(bundle))
            columns = feature_columns(bundle, history)
        now = as_of_instant(None, self.settings.zone)
        catalogue = tuple(history.features[at] for at in columns)
        return State(bundle, info, revision, log, history, columns, catalogue, now, time.monotonic())

    def _warm_up(self, state: State) -> None:
        """Everything a first request would otherwise wait for."""
        room = self._room(state, state.now, self._period(None, state.now))
        room.forecast("company")
        self._change(state, room, "company", "ja")
        for deal_id in list(room.place)[:2]:
            for lang in ("ja", "en"):
                self._stored(state, room, deal_id, state.now, lang)
        self._sent(state, ScoreRequest.model_validate(said.WARMING_REQUEST), "ja")
        self._watch(state)

    def insight_of_stored(
        self, deal_id: str, as_of: str | None, period: str | None, lang: Language
    ) -> dict[str, Any]:
        """Insight for a deal of the store."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        return self._stored(state, room, deal_id, moment, lang)

    def insight_of_sent(self, request: ScoreRequest, lang: Language) -> dict[str, Any]:
        """Insight for a deal sent in a request; nothing is stored."""
        return self._sent(self._now(), request, lang)

    def is_quick(self, as_of: str | None, period: str | None) -> bool:
        """Whether a question about one deal needs no new simulation."""
        return as_of is None and period is None

    def forecast(
        self, period: str, scope: str, as_of: str | None, lang: Language, target: float | None = None
    ) -> dict[str, Any]:
        """The forecast of a scope for a period."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        answer = room.forecast(scope, target)
        warnings = [] if answer["target"] is not None else [("no_target", said.no_target(scope, period))]
        change = self._change(state, room, scope, lang) if target is None else None
        past = history(self._store, room.period, scope, moment, self.settings.zone)
        about = self._about(state, moment, lang, warnings)
        drivers = self._drivers(state, room, scope, lang) if target is None else []
        return {**answer, "period": period, "history": past, "drivers": drivers, "change": change, **about}

    def _change(self, state: State, room: Room, scope: str, lang: Language) -> dict[str, Any] | None:
        """What made a scope's outlook change since a week before; None without a target, or a week before."""
        since = room.moment - CHANGE_DAYS * DAY
        if room.facts.target(scope) is None or since <= int(state.history.created.min(initial=since)):
            return None
        then = self._room(state, since, room.period)
        found = told(room.changed_since(then, brought_between(state.log, since, room.moment)), scope)
        return None if found is None else said.change_of(found, iso(since, self.settings.zone), lang)

    def what_if(self, period: str, asked: WhatIfRequest, lang: Language) -> dict[str, Any]:
        """A forecast before and after something is supposed, in the same scenarios."""
        state = self._now()
        moment = self._moment(state, asked.as_of)
        room = self._room(state, moment, self._period(period, moment))
        before, scope = room.stand, asked.scope
        targets = {one.scope: one.value for one in asked.targets}
        for one in targets:
            room.organisation.members(one)  # an unknown scope is told
        supposed = Supposed(
            frozenset(asked.won),
            frozenset(asked.lost),
            {one.deal_id: one.days for one in asked.pushed},
            {one.deal_id: one.amount for one in asked.repriced},
            frozenset(asked.leaving),
            targets,
        )
        after = suppose(before, supposed, room.days_ahead)
        if asked.levels:
            after = replace(after, simulation=self._levelled(state, room, after.simulation, asked.levels))
        for number, newcomer in enumerate(asked.joining, 1):
            day = moment if newcomer.start is None else start_of_day(newcomer.start, self.settings.zone)
            name = said.NEWCOMER.format(number=number).say(lang)
            after = join(after, Joining(name, newcomer.team, max((day - moment) / DAY, 0.0)), room.days_ahead)
        there, sides = {scope, *room.organisation.children(scope)}, []
        for one in (scope, *after.simulation.organisation.children(scope)):
            now = outlook(after, one)
            then = outlook(before, one) if one in there else said.nothing_before(now)
            sides.append({"scope": one, "before": then, "after": now, **said.difference_of(then, now)})
        return {
            "period": period,
            **sides[0],
            "assumptions": said.assumptions_of(supposed, bool(asked.joining), bool(asked.levels), lang),
            "children": sides[1:],
            **self._about(state, moment, lang),
        }

    def kpis(self, period: str, scope: str, as_of: str | None, lang: Language) -> dict[str, Any]:
        """The KPIs of a scope in a period: so far, by its end, and how likely their targets are."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        return {
            "period": period,
            "scope": scope,
            "business_days_left": self._ground(state, room).prospects.ahead.working_days,
            "kpis": self._kpi_rows(state, room, scope, lang),
            **self._about(state, moment, lang),
        }

    def _kpi_rows(self, state: State, room: Room, scope: str, lang: Language) -> list[dict[str, Any]]:
        today = last_known_day(room.moment, self.settings.zone)
        month = self.settings.fiscal_start_month
        return kpi_rows(
            self._ground(state, room), scope, month, today, self._strongest(state, room, lang), lang
        )

    def check_kpis(self, asked: CheckRequest, lang: Language) -> dict[str, Any]:
        """Whether proposed KPIs are specific, measurable, achievable, relevant and time-bound."""
        state = self._now()
        moment = self._moment(state, asked.as_of)
        proposals, facts = [], []
        for one in asked.proposals:
            period = None if one.period is None else self._period_or_none(one.period)
            last = None if period is None else period.last
            proposal = Proposal(
                one.kpi, one.scope, one.value, one.unit, one.segment, one.period, last, one.reviewed
            )
            room = self._room(state, moment, period or self._period(None, moment))
            strongest = self._strongest(state, room, lang)
            known = self._ground(state, room).facts(proposal, strongest)
            proposals.append(proposal)
            facts.append(known if period is not None else replace(known, probability=None, goal_pp=None))
        today = last_known_day(moment, self.settings.zone)
        return {**checked(proposals, facts, today, lang), **self._about(state, moment, lang)}

    def people(self, period: str, scope: str, as_of: str | None, lang: Language) -> dict[str, Any]:
        """How people stand in a period, what their deals would have brought an average seller taken out."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        prospects = self._ground(state, room).prospects
        with state.lock:
            if moment not in state.handed:
                known = prospects.happenings.known
                state.handed.clear()
                state.handed[moment] = handed_deals(
                    state.bundle, state.history, state.columns, known, room.organisation, moment
                )
            every = state.handed[moment]
        zone = self.settings.zone
        mine = every.within(room.period.start(zone), min(room.period.end(zone), moment))
        found = people_rows(mine, every.within(moment - _LATELY, moment), prospects, scope, lang)
        return {"period": period, "scope": scope, **found, **self._about(state, moment, lang)}

    def _ground(self, state: State, room: Room) -> Ground:
        """What the KPIs and levers of a room's period are judged by."""
        key, zone = (room.moment, room.period.name), self.settings.zone
        with state.lock:
            if key not in state.grounds:
                known, organisation = state.log.as_of(room.moment), room.organisation
                happenings = Happenings(known, organisation.people)
                bounds = room.moment, room.period.start(zone), room.period.end(zone)
                ahead = Ahead.of(known, state.bundle.calendar, organisation, *bounds)
                prospects = Prospects(room.simulation, happenings, ahead, room.period)
                drive = drive_of(room, prospects, state.bundle)
                if len(state.grounds) >= _ROOMS:
                    state.grounds.clear()
                kpis = {kpi.id: kpi for kpi in self._kpis}
                state.grounds[key] = Ground(prospects, drive, room.facts.targets, kpis)
            return state.grounds[key]

    def _strongest(self, state: State, room: Room, lang: Language) -> tuple[Text, float] | None:
        """The lever that moves the company's goal most, and by how many points."""
        drivers = self._drivers(state, room, COMPANY, lang)
        if not drivers:
            return None
        label = next(lever.label for lever in LEVERS if lever.id == drivers[0]["lever"])
        return label, drivers[0]["attainment_pp"]

    def _period_or_none(self, name: str) -> Period | None:
        try:
            return self._period(name, 0)
        except SanchoError:
            return None

    def tree(self, period: str, scope: str, as_of: str | None, lang: Language) -> dict[str, Any]:
        """KGI, the drivers it depends on here, and the KPIs each shows in."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        target = room.facts.target(scope)
        rows = self._kpi_rows(state, room, scope, lang)
        goal = {"kpi": "revenue", **outlook(room.stand, scope)}
        warnings = [] if target is not None else [("no_target", said.no_target(scope, period))]
        return {
            "period": period,
            "scope": scope,
            **tree_of(self._drivers(state, room, scope, lang), rows, goal),
            **self._about(state, moment, lang, warnings),
        }

    def plan(self, asked: PlanRequest, lang: Language) -> dict[str, Any]:
        """The smallest change of levers that brings attainment to the asked probability."""
        state = self._now()
        moment = self._moment(state, asked.as_of)
        room = self._room(state, moment, self._period(asked.period, moment))
        target = room.facts.target(asked.scope) if asked.target is None else asked.target
        if target is None:
            raise SanchoError(said.no_target(asked.scope, asked.period), "no_target")
        ground = self._ground(state, room)
        found = planned(
            ground.drive, ground.prospects, asked.scope, asked.levers, target, asked.probability, lang
        )
        return {"period": asked.period, **found, **self._about(state, moment, lang)}

    def _drivers(self, state: State, room: Room, scope: str, lang: Language) -> list[dict[str, Any]]:
        """What one feasible step of each lever adds to a scope's attainment."""
        target = room.facts.target(scope)
        if target is None:
            return []
        key = (room.moment, room.period.name, scope, lang)
        with state.lock:
            if key not in state.drivers:
                people, drive = room.organisation.members(scope), self._ground(state, room).drive
                before = drive.probability({}, people, target)
                if len(state.drivers) >= _INSIGHTS:
                    state.drivers.clear()
                state.drivers[key] = drivers_of(drive, people, target, before, lang)
            return state.drivers[key]

    def _levelled(
        self, state: State, room: Room, simulation: Simulation, levels: Sequence[NewLevel]
    ) -> Simulation:
        """A simulation with KPIs of some people at other levels."""
        ground = self._ground(state, room)
        for one in levels:
            lever = OWN_LEVER.get(one.kpi, one.kpi)
            if lever not in ground.drive.levels:
                fine = ", ".join(dict.fromkeys([*OWN_LEVER, *ground.drive.levels]))
                raise SanchoError(said.NO_LEVEL.format(got=one.kpi, fine=fine), "bad_request")
            people = room.organisation.members(one.scope)
            simulation = replace(ground.drive, simulation=simulation).scaled(lever, one.times, people)
        return simulation

    def deals(
        self,
        scope: str,
        as_of: str | None,
        period: str | None,
        sort: str,
        cursor: str | None,
        limit: int | None,
        lang: Language,
        scorer: Scorer | None = None,
    ) -> dict[str, Any]:
        """Scored open deals of a scope, a page of them (all without a limit); `scorer` scores elsewhere."""
        state = self._now()
        moment = self._moment(state, as_of)
        within, version = self._period(period, moment), state.info.version
        if scorer is None:
            room = self._room(state, moment, within)
            frame = scores(room, state.bundle, version, iso(moment, self.settings.zone))
            mine = frame[frame["person"].isin(room.organisation.members(scope))].drop(columns="person")
        else:
            frame = scorer(state.bundle, state.log, moment, within, version)
            mine = frame[owned_within(state.log, moment, pd.Index(frame["deal_id"]), scope)]
        rows, following = paging.page(mine, sort, cursor, limit)
        return {"deals": rows, "next_cursor": following, **self._about(state, moment, lang)}

    def models(self, lang: Language) -> dict[str, Any]:
        """Registered versions, newest first."""
        state = self._now()
        listed = [said.model_row(info) for info in self._registry.list()]
        seen = self._watch(state)
        return {"models": listed, "watch": seen.to_json(lang), **self._about(state, state.now, lang)}

    def promote(self, version: str, lang: Language) -> dict[str, Any]:
        """Makes a version the champion, once its kept rows have scored as in training."""
        put_in_service(self._registry, version)
        return self._taken_up(lang)

    def rollback(self, from_version: str | None, lang: Language) -> dict[str, Any]:
        """Goes back to the champion before; nothing happens where `from_version` does not answer any more."""
        roll_back(self._registry, from_version)
        return self._taken_up(lang)

    def _taken_up(self, lang: Language) -> dict[str, Any]:
        self._asked_champion = -np.inf
        self.refresh(warm=True)
        return self.models(lang)

    def _watch(self, state: State) -> Watch:
        """What became of the model; looked at anew every quarter of an hour, however fast data come."""
        with self._watching:
            version, born, seen = self._watched or ("", -np.inf, None)
            if seen is None or version != state.info.version or time.monotonic() - born > _FRESH_SECONDS:
                seen = watch(state.bundle, state.history, state.now)
                self._watched = (state.info.version, time.monotonic(), seen)
            return seen

    def push(self, table: str, rows: Sequence[Mapping[str, Any]], lang: Language) -> dict[str, Any]:
        """Rows of a canonical table into the store; what became of them. Answers follow within a moment."""
        from sancho.crm.importing import push_rows

        result = push_rows(self._store, table, rows, self.settings.zone)
        counts = result.total
        return {
            "table": table,
            "read": counts.read,
            "imported": counts.imported,
            "unchanged": counts.unchanged,
            "quarantined": result.quarantined,
            "faults": [
                {"line": f.line, "column": f.column, "value": f.value, "reason": f.reason.say(lang)}
                for f in result.faults
            ],
            "as_of": iso(as_of_instant(None, self.settings.zone), self.settings.zone),
            "model": None if self._state is None else said.model_of(self._state.info),
            "warnings": [{"code": "notice", "message": text.say(lang)} for text in result.notices],
        }

    def _now(self) -> State:
        if self._state is None:
            raise SanchoError(self._fault or said.STARTING, "not_ready")
        return self._state

    def _moment(self, state: State, as_of: str | None) -> int:
        return state.now if as_of is None else as_of_instant(as_of, self.settings.zone)

    def _period(self, name: str | None, moment: int) -> Period:
        month = self.settings.fiscal_start_month
        if name is not None:
            return parse_period(name, month)
        return period_holding(last_known_day(moment, self.settings.zone), "quarter", month)

    def _room(self, state: State, moment: int, period: Period) -> Room:
        key = (moment, period.name)
        with state.lock:
            room = state.rooms.get(key)
            if room is None:
                _refuse_absurd(moment, period, self.settings)
                room = open_room(state.bundle, state.log, state.history, moment, period)
                state.rooms[key] = room
                if len(state.rooms) > _ROOMS:
                    state.rooms.pop(
                        next(key for key in state.rooms if key[0] != state.now or len(state.rooms) == 1)
                    )
            else:
                state.rooms.move_to_end(key)
            return room

    def _stored(self, state: State, room: Room, deal_id: str, moment: int, lang: Language) -> dict[str, Any]:
        key = (deal_id, moment, room.period.name, lang)
        kept = state.insights.get(key)
        if kept is not None:
            return kept
        row = room.place.get(deal_id)
        if row is None:
            raise self._not_open(state, deal_id, moment)
        number, scored = int(room.scored.deals[row]), room.scored
        since = max(moment - TREND_DAYS * DAY, int(state.history.created[number]) + 1)
        then = build(state.history, np.array([number]), np.array([since]))[0, state.columns]
        asked = Asked(
            deal_id,
            moment,
            since,
            scored.x[row],
            then,
            self._chances(state, scored.x[row], moment, room.period),
            scored.pipeline.amounts[row],
            room.effect(row),
            room.period.name,
            room.period.end(self.settings.zone),
            self._currency(state, number),
            room.references,
        )
        answer = self._insight(state, room, asked, lang)
        if len(state.insights) >= _INSIGHTS:
            state.insights.clear()
        state.insights[key] = answer
        return answer

    def _sent(self, state: State, request: ScoreRequest, lang: Language) -> dict[str, Any]:
        zone, bundle = self.settings.zone, state.bundle
        moment = as_of_instant(request.as_of, zone)
        period = self._period(request.period, moment)
        room_moment = state.now if request.as_of is None else moment
        live, created = read_request(request, state.history, moment, zone)
        since = min(max(moment - TREND_DAYS * DAY, created + 1), moment)
        x = build(live, np.zeros(2, np.int64), np.array([moment, since]))[:, state.columns]
        now = x[:1]
        chances = self._chances(state, now[0], moment, period)
        amounts = bundle.revenue.draws(now, bundle.amount_now(said.amount_of(live, moment)))[0]
        room = self._room(state, room_moment, period)
        asked = Asked(
            request.deal.deal_id,  # type: ignore[attr-defined]
            moment,
            since,
            now[0],
            x[1],
            chances,
            amounts,
            room.effect_of(request.deal.deal_id, chances.by_end, amounts),  # type: ignore[attr-defined]
            period.name,
            period.end(zone),
            request.deal.currency or self.settings.currency,  # type: ignore[attr-defined]
            room.references,
        )
        return self._insight(state, room, asked, lang)

    def _chances(self, state: State, x: Floats, moment: int, period: Period) -> Chances:
        left = max((period.end(self.settings.zone) - moment) / DAY, 0.0)
        return Chances.of(state.bundle.win, x, moment, left)

    def _insight(self, state: State, room: Room, asked: Asked, lang: Language) -> dict[str, Any]:
        answer = insight(state.bundle, state.catalogue, asked, self.settings.grades, lang)
        warnings = (
            [] if asked.effect is not None else [("no_target", said.no_target("company", room.period.name))]
        )
        return {**answer, **self._about(state, asked.moment, lang, warnings)}

    def _currency(self, state: State, number: int) -> str:
        currency = state.log["deals"]["currency"].iloc[number]
        return str(currency) if isinstance(currency, str) and currency else self.settings.currency

    def _not_open(self, state: State, deal_id: str, moment: int) -> SanchoError:
        found = state.history.deal_ids.get_indexer(pd.Index([deal_id]))[0]
        zone = self.settings.zone
        if found < 0 or state.history.created[found] >= moment:
            return SanchoError(said.unknown_deal(deal_id), "unknown_deal")
        return SanchoError(
            said.closed_deal(deal_id, iso(int(state.history.closed[found]), zone)), "deal_closed"
        )

    def _about(
        self, state: State, moment: int, lang: Language, also: Sequence[tuple[str, Text]] = ()
    ) -> dict[str, Any]:
        zone = self.settings.zone
        told = [(warned.code, warned.message) for warned in state.bundle.warnings]
        told += said.age_warnings(state.bundle.as_of, moment, zone)
        return {
            "as_of": iso(moment, zone),
            "model": {
                "name": state.info.name,
                "version": state.info.version,
                "trained_at": state.info.trained_at,
            },
            "warnings": [{"code": code, "message": text.say(lang)} for code, text in (*told, *also)],
        }


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


Ask = Callable[[Answers], Mapping[str, Any]]
