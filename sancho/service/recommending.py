"""What to do next, what became of it, and does it help? Recommendations from the choice to the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Language
from sancho.crm.instants import as_of_instant
from sancho.crm.store import Outcome, Recommended, Store
from sancho.features import deeds_of
from sancho.models.actions import Offer, offers
from sancho.models.attainment import Effect
from sancho.models.organisation import COMPANY
from sancho.models.similar import past_deals
from sancho.models.simulate import attain_given
from sancho.service import said
from sancho.service.actions import Choice, Target, choose, per_hour
from sancho.service.asking import ROOMS, State
from sancho.service.lift import lift_report
from sancho.service.managing import Managing
from sancho.service.room import Room

Ints = NDArray[np.int64]

_MOST_WAITING = 20_000  # recommendations not yet written down


class Recommending(Managing):
    """Answers about next actions, kept with what became of them."""

    _store: Store
    _waiting: dict[str, Recommended]

    def actions(
        self,
        scope: str,
        deal_id: str | None,
        period: str | None,
        as_of: str | None,
        limit: int,
        lang: Language,
    ) -> dict[str, Any]:
        """The best next action of each open deal of a scope, the most points of its goal per hour first."""
        state = self._now()
        moment = self._moment(state, as_of)
        room = self._room(state, moment, self._period(period, moment))
        people = room.organisation.members(scope)
        rows = np.flatnonzero(np.isin(room.simulation.pipeline.person, people))
        if deal_id is not None:
            if deal_id not in room.place:
                raise self._not_open(state, deal_id, moment)
            rows, scope = np.array([room.place[deal_id]]), COMPANY
        effects = self._effects_on(room, scope, rows)
        found, refused, held = [], [], 0
        for row, effect in zip(rows.tolist(), effects, strict=True):
            choice = self._choice(state, room, row, effect, lang)
            held += choice.held_out
            told = choice.told if deal_id is not None else choice.told[:1]
            found += [self._whose(room, row) | one for one in told]
            refused += choice.refused if deal_id is not None else []
            self._note(choice, moment == state.now)
        found.sort(key=lambda one: per_hour(one), reverse=True)
        if deal_id is not None:
            found = [{**one, "similar_deals": self._similar(state, room, int(rows[0]))} for one in found]
        self._keep_recommendations()
        warnings = [] if state.bundle.actions else [("no_actions", said.NO_ACTIONS)]
        if room.facts.target(scope) is None:
            warnings.append(("no_target", said.no_target(scope, room.period.name)))
        return {
            "period": room.period.name,
            "scope": scope,
            "open_deals": len(rows),
            "held_out": held,
            "actions": found[:limit],
            "not_recommended": refused,
            **self._about(state, moment, lang, warnings),
        }

    def outcome(
        self, recommendation_id: str, outcome: str, reason: str | None, lang: Language
    ) -> dict[str, Any]:
        """Writes down what became of a recommendation."""
        self.write_recommendations()
        at = as_of_instant(None, self.settings.zone)
        if not self._store.save_outcome(Outcome(recommendation_id, outcome, at, reason)):
            raise SanchoError(said.unknown_recommendation(recommendation_id), "unknown_recommendation")
        state = self._now()
        return {
            "recommendation_id": recommendation_id,
            "state": outcome,
            "reason": reason,
            **self._about(state, state.now, lang),
        }

    def lift(self, lang: Language) -> dict[str, Any]:
        """What recommendations came to: shown, accepted, dismissed, done, and won against the hold-out."""
        self.write_recommendations()
        state = self._now()
        made, outcomes = self._store.recommendations()
        report = lift_report(made, outcomes, state.history, self._deeds(state))
        warnings = [] if report["hold_out"] is not None else [("no_hold_out", said.NO_HOLD_OUT)]
        return {**report, **self._about(state, state.now, lang, warnings)}

    def write_recommendations(self) -> None:
        """Writes down what waits to be."""
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            try:
                self._store.save_recommendations(list(waiting.values()))
            except Exception:
                self._waiting = {**waiting, **self._waiting}  # for the next time
                raise

    def _keep_recommendations(self) -> None:
        """The same; where the store cannot be written to, answers go on and it is tried again later."""
        try:
            self.write_recommendations()
        except Exception as fault:
            structlog.get_logger("sancho.answers").warning("recommendations_not_kept", exc_info=fault)

    def _note(self, choice: Choice, is_now: bool) -> None:
        """A recommendation made now is kept; one asked of the past is none."""
        if is_now and choice.log is not None and len(self._waiting) < _MOST_WAITING:
            self._waiting[choice.log.recommendation_id] = choice.log

    def _choice(self, state: State, room: Room, row: int, effect: Effect | None, lang: Language) -> Choice:
        scored = room.scored
        target = Target(
            str(room.simulation.pipeline.deal_ids[row]),
            row,
            float(scored.ever[row]),
            float(scored.by_end[row]),
            effect,
            float(scored.pipeline.amounts[row].mean()),
        )
        return choose(
            target,
            self._offers(state, room),
            state.bundle.actions,
            self.settings.actions,
            room.moment,
            state.info.version,
            self.settings.zone,
            lang,
        )

    def _offers(self, state: State, room: Room) -> list[Offer]:
        """What every action would do on every open deal of a room."""
        key = (room.moment, room.period.name)
        with state.lock:
            if key not in state.offers:
                if len(state.offers) >= ROOMS:
                    state.offers.clear()
                scored, bundle = room.scored, state.bundle
                state.offers[key] = offers(
                    bundle.actions,
                    scored.x,
                    state.catalogue,
                    bundle.levels,
                    scored.ever,
                    self._deeds(state),
                    scored.deals,
                    room.moment,
                )
            return state.offers[key]

    def _deeds(self, state: State) -> Any:
        with state.lock:
            if not state.deeds:
                state.deeds.extend(deeds_of(state.history))
            return state.deeds

    def _effects_on(self, room: Room, scope: str, rows: Ints) -> list[Effect | None]:
        """What each open deal does to the goal of a scope."""
        target = room.facts.target(scope)
        if target is None or not len(rows):
            return [None] * len(rows)
        if scope == COMPANY:
            return [room.effect(int(row)) for row in rows]
        total = room.simulation.total(room.organisation.members(scope))
        won, lost, overall = attain_given(room.simulation, rows, total, target)
        return [Effect(*one) for one in zip(overall.tolist(), won.tolist(), lost.tolist(), strict=True)]

    def _whose(self, room: Room, row: int) -> dict[str, Any]:
        person = int(room.simulation.pipeline.person[row])
        people = room.organisation.people
        return {
            "deal_id": str(room.simulation.pipeline.deal_ids[row]),
            "owner_id": str(people[person]) if person < len(people) else None,
            "by_period_end": float(room.scored.by_end[row]),
        }

    def _similar(self, state: State, room: Room, row: int) -> list[dict[str, Any]]:
        """Closed deals that the win model cannot tell from this one."""
        return self._like(state, room.scored.x[row : row + 1], room.moment, int(room.scored.deals[row]))

    def _like(self, state: State, x: Any, moment: int, but: int) -> list[dict[str, Any]]:
        with state.lock:
            if not state.past:
                state.past.append(past_deals(state.bundle.win, state.history, state.columns))
        past = state.past[0]
        leaves = None if past is None else state.bundle.win.leaves(x, np.array([moment], np.int64))
        if past is None or leaves is None:
            return []
        return [
            {
                "deal_id": str(state.history.deal_ids[deal]),
                "outcome": "won" if won else "lost",
                "similarity": share,
            }
            for deal, won, share in past.like(leaves[0], moment, but)
        ]
