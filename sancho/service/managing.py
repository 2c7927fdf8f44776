"""What do managers ask? KPIs, drivers, plans, people, and what if."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.eventlog import codes_in
from sancho.crm.i18n import Language, Text
from sancho.crm.instants import DAY, last_known_day, start_of_day
from sancho.crm.periods import Period
from sancho.features.kpis import Happenings
from sancho.models.kpis import Ahead, Prospects
from sancho.models.levers import LEVERS
from sancho.models.organisation import COMPANY
from sancho.models.simulate import Simulation
from sancho.models.smart import Proposal
from sancho.models.what_if import Joining, Supposed, join, outlook, suppose
from sancho.service import said
from sancho.service.asking import ROOMS, Asking, State
from sancho.service.bottlenecks import bottleneck_rows, flow_rows
from sancho.service.kpis import kpi_rows
from sancho.service.levers import drive_of, drivers_of, planned, tree_of
from sancho.service.people import people_rows
from sancho.service.room import Room
from sancho.service.schemas import CheckRequest, NewLevel, PlanRequest, WhatIfRequest
from sancho.service.smart import OWN_LEVER, Ground, checked
from sancho.training.fair import handed_deals

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LATELY = 730 * DAY  # how much people differ is learned from so long
_MOST_KEPT = 2_000  # answers about drivers


class Managing(Asking):
    """Answers about a goal and what leads to it."""

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
            name = said.NEWCOMER.format(number=number).to(lang)
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

    def bottlenecks(
        self, scope: str, period: str | None, as_of: str | None, lang: Language
    ) -> dict[str, Any]:
        """Bottlenecks of the process with what they cost a scope's goal, and its funnel."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        people = room.organisation.members(scope)
        found, levels = state.bundle.bottlenecks, state.bundle.levels
        return {
            "period": room.period.name,
            "scope": scope,
            "bottlenecks": bottleneck_rows(found, room, state.catalogue, levels, scope, lang),
            "flow": flow_rows(state.history, room, self._owned(state, room, people)),
            **self._about(state, moment, lang, [] if found else [("no_bottleneck", said.NO_BOTTLENECK)]),
        }

    def _owned(self, state: State, room: Room, people: Ints) -> Flags:
        """Which deals of the history belong to some people at a room's moment."""
        known = self._ground(state, room).prospects.happenings.known["deals"]
        owners = known["owner_id"].astype(object).where(known["owner_id"].notna(), None)
        mine = np.isin(room.organisation.person(pd.Index(owners)), people)
        out = np.zeros(len(state.history.created), bool)
        out[codes_in(known["deal_id"], state.history.deal_ids)[mine]] = True
        return out

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
                if len(state.drivers) >= _MOST_KEPT:
                    state.drivers.clear()
                state.drivers[key] = drivers_of(drive, people, target, before, lang)
            return state.drivers[key]

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
                if len(state.grounds) >= ROOMS:
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

    def _period_or_none(self, name: str) -> Period | None:
        try:
            return self._period(name, 0)
        except SanchoError:
            return None
