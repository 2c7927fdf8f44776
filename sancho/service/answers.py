"""What is the answer? A service with its store and champion model, fresh or about to be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import structlog
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.eventlog import EventLog
from sancho.crm.i18n import Language, Text
from sancho.crm.instants import DAY, as_of_instant, iso, last_known_day
from sancho.crm.periods import Period
from sancho.crm.store import Store
from sancho.features import build, compile_history, deeds_of
from sancho.models.actions import offers
from sancho.models.bundle import Bundle
from sancho.models.change import told
from sancho.service import paging, said
from sancho.service.actions import Choice, Target, choose
from sancho.service.asking import State
from sancho.service.history import fill_one, history
from sancho.service.insight import TREND_DAYS, Asked, Chances, insight
from sancho.service.recommending import Recommending
from sancho.service.room import Room, brought_between, open_room, owned_within, scores
from sancho.service.schemas import ScoreRequest
from sancho.service.sent import read_request
from sancho.service.settings import Settings
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
_INSIGHTS = 2_000
CHANGE_DAYS = 7  # the forecast tells what changed since so many days ago


@dataclass(frozen=True)
class Readiness:
    """Whether answers can be had, and why not."""

    fault: Text | None
    model_version: str = ""
    kept_rows: int = 0


class Answers(Recommending):
    """Answers questions from one store and one registry; any number of these can run side by side."""

    def __init__(
        self, settings: Settings, store: Store | None = None, registry: Registry | None = None
    ) -> None:
        super().__init__(settings)
        self._store = store if store is not None else Store.open(settings.store_url)
        self._registry = registry if registry is not None else Registry(settings.home)
        self._waiting = {}
        self._warm = False
        self._asked_champion = -np.inf
        self._refreshing = threading.Lock()
        self._watching = threading.Lock()
        self._watched: tuple[str, float, Watch] | None = None  # version, when, what became of it
        self._written: tuple[str, date] | None = None  # the period and day up to which history is complete
        self._log: Log = structlog.get_logger("sancho.answers")

    def close(self) -> None:
        """Writes down what waits to be, and gives up the store's connections."""
        self.write_recommendations()
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
                self._keep_recommendations()
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
                self._stored(state, room, deal_id, state.now, lang, keep=False)
        state.insights.clear()  # nobody asked for those: the first to ask is recommended something
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
            "errors": [
                {"line": f.line, "column": f.column, "value": f.value, "reason": f.reason.to(lang)}
                for f in result.errors
            ],
            "as_of": iso(as_of_instant(None, self.settings.zone), self.settings.zone),
            "model": None if self._state is None else said.model_of(self._state.info),
            "warnings": [{"code": "notice", "message": text.to(lang)} for text in result.notices],
        }

    def _stored(
        self, state: State, room: Room, deal_id: str, moment: int, lang: Language, keep: bool = True
    ) -> dict[str, Any]:
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
        choice = self._choice(state, room, row, asked.effect, lang)
        self._note(choice, keep and moment == state.now)
        similar = self._similar(state, room, row) if choice.told else []
        answer = self._insight(state, room, asked, choice, similar, lang)
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
        found = offers(
            bundle.actions, now, state.catalogue, bundle.levels, np.array([chances.ever]), deeds_of(live),
            np.zeros(1, np.int64), moment,
        )  # fmt: skip
        target = Target(asked.deal_id, 0, chances.ever, chances.by_end, asked.effect, float(amounts.mean()))
        choice = choose(
            target, found, bundle.actions, self.settings.actions, moment, state.info.version, zone, lang
        )
        similar = self._like(state, now, moment, -1) if choice.told else []
        told = [{**one, "recommendation_id": None} for one in choice.told]  # nothing of it is stored
        return self._insight(state, room, asked, replace(choice, told=told), similar, lang)

    def _chances(self, state: State, x: Floats, moment: int, period: Period) -> Chances:
        left = max((period.end(self.settings.zone) - moment) / DAY, 0.0)
        return Chances.of(state.bundle.win, x, moment, left)

    def _insight(
        self,
        state: State,
        room: Room,
        asked: Asked,
        choice: Choice,
        similar: list[dict[str, Any]],
        lang: Language,
    ) -> dict[str, Any]:
        answer = insight(state.bundle, state.catalogue, asked, self.settings.grades, lang)
        answer["actions"] = [{**one, "similar_deals": similar} for one in choice.told]
        answer["not_recommended"] = choice.refused
        warnings = [("held_out", said.HELD_OUT)] if choice.held_out else []
        if asked.effect is None:
            warnings.append(("no_target", said.no_target("company", room.period.name)))
        return {**answer, **self._about(state, asked.moment, lang, warnings)}

    def _currency(self, state: State, number: int) -> str:
        currency = state.log["deals"]["currency"].iloc[number]
        return str(currency) if isinstance(currency, str) and currency else self.settings.currency


def _levels(bundle: Bundle) -> Any:
    """Levels as features want them: lists of names; a kind (number, date) stays a word."""
    return {name: value if isinstance(value, str) else list(value) for name, value in bundle.levels.items()}
