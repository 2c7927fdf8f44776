"""What is every question asked of? One state of store and model, with what was worked out from it.

Everything kept here can be thrown away: it is keyed by the store's revision and the model's version.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.eventlog import EventLog
from sancho.crm.i18n import Language, Text
from sancho.crm.instants import as_of_instant, iso, last_known_day
from sancho.crm.periods import Period, parse_period, period_holding
from sancho.features import Deeds, Feature, History
from sancho.features.kpis import KPIS, own_kpis
from sancho.models.actions import Offer
from sancho.models.bundle import Bundle
from sancho.models.similar import Past
from sancho.service import said
from sancho.service.room import Room, open_room
from sancho.service.settings import Settings
from sancho.service.smart import Ground
from sancho.training.fair import Handed
from sancho.training.registry import ModelInfo

Floats = NDArray[np.float64]
ROOMS = 8  # kept, of moments and periods asked about


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
    offers: dict[tuple[int, str], list[Offer]] = field(default_factory=dict)
    deeds: list[Deeds] = field(default_factory=list)
    past: list[Past | None] = field(default_factory=list)  # one, once it was asked for
    insights: dict[tuple[str, int, str, Language], dict[str, Any]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


class Asking:
    """What all answers share: which state, moment, period and room a question is about."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._kpis = (*KPIS, *own_kpis(settings.kpi))
        self._state: State | None = None
        self._fault: Text | None = None

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
                if len(state.rooms) > ROOMS:
                    state.rooms.pop(
                        next(key for key in state.rooms if key[0] != state.now or len(state.rooms) == 1)
                    )
            else:
                state.rooms.move_to_end(key)
            return room

    def _not_open(self, state: State, deal_id: str, moment: int) -> SanchoError:
        """Why a deal cannot be asked about: it is not known then, or closed."""
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
            "warnings": [{"code": code, "message": text.to(lang)} for code, text in (*told, *also)],
        }


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
