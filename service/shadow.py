"""What would another model have said? It answers beside the one in service, behind it, and is never shown.

Deals that are asked for are put in a bounded queue, which a thread of its own empties: when the queue is full
they are dropped and counted, and what the shadow does wrong is counted and logged. No answer waits for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from cachetools import LRUCache
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.instants import DAY
from crm.periods import Period
from crm.store import ShadowAnswer
from crm.store.engine import store_failure
from features import History, build_features, compile_history, deal_states
from models.bundle import Bundle
from models.scoring import feature_columns
from service.cache import Cache
from service.insight import DealProbabilities
from service.live_request import read_request
from service.logs import log_event
from service.outages import STORE
from service.serving_state import ModelState, ServingState
from service.watched_thread import WatchedThread
from training.registry import ModelVersion

if TYPE_CHECKING:
    from service.schemas import ScoreRequest

MAX_WAITING = 1_000  # deals that wait to be scored by the shadow
_AT_ONCE = 200  # deals scored between two writes to the store
_LOOK_SECONDS = 15.0  # between two looks for another shadow in the registry
_PAUSE_SECONDS = 0.5
_KNOWN = 10_000  # answers that need not be scored again
_LOG = "sancho.shadow"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A deal that was asked for, with what the model in service said; `request` where it was sent."""

    state: ModelState
    moment: int
    asked_at: int
    period: Period
    deal_id: str
    ever: float
    by_end: float
    request: ScoreRequest | None = None
    rate: float = 1.0


@dataclass(frozen=True)
class _View:
    """The organisation's past as the shadow reads it."""

    history: History
    columns: NDArray[np.int64]


class Shadow:
    """The version with the alias `shadow`, scoring what is asked for behind the answers."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving
        self._model: tuple[Bundle, ModelVersion] | None = None
        self._looked_at = -np.inf
        self._waiting: queue.Queue[Asked] = queue.Queue(MAX_WAITING)
        self._views: Cache[tuple[str, int, int | None], _View] = Cache(2)
        self._known: LRUCache[tuple[str, int, str, str], None] = LRUCache(_KNOWN)
        self._counting = threading.Lock()
        self._counts = {"scored": 0, "dropped": 0, "failed": 0}
        self._thread = WatchedThread("sancho-shadow", self.work)

    def start(self) -> None:
        """Starts the thread that scores."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; what still waits is not scored."""
        self._thread.stop()

    @property
    def answers(self) -> bool:
        """Whether there is a shadow that wants to be offered deals."""
        return self._model is not None

    @property
    def counts(self) -> dict[str, int]:
        """Of this process since its start: scored, dropped because too many waited, failed; and waiting."""
        with self._counting:
            return {**self._counts, "waiting": self._waiting.qsize()}

    def offer(
        self,
        state: ModelState,
        moment: int,
        period: Period,
        answer: Mapping[str, Any],
        request: ScoreRequest | None = None,
    ) -> None:
        """Puts a deal that was answered in the queue, if there is a shadow; neither waits nor raises.

        Only moments that are new to both models are of use: each would know the outcome of older ones.
        """
        model = self._model
        if model is None:
            return
        try:
            bundle, info = model
            old = moment < max(bundle.as_of, state.bundle.as_of) or state.is_far_beyond_data(moment)
            if old or info.version == state.info.version:
                return
            original = None if request is None else answer["revenue"]["original"]
            rate = 1.0 if original is None else original["rate"]
            asked = Asked(
                state=state,
                moment=moment,
                asked_at=time.time_ns() // 1000,
                period=period,
                deal_id=answer["deal_id"],
                ever=answer["win"]["probability"],
                by_end=answer["win"]["by_period_end"],
                request=request,
                rate=np.nan if rate is None else rate,
            )
            self._waiting.put_nowait(asked)
        except queue.Full:
            self._count("dropped")
        except Exception as error:  # whatever is wrong here, the answer has been made
            self._failed(error)

    def look(self) -> None:
        """Takes up the version that has the alias now, however recently it was looked for."""
        self._looked_at = time.monotonic()
        info = self._serving.registry.shadow()
        if info is None:
            self._model = None
        elif self._model is None or self._model[1].version != info.version:
            bundle, info = self._serving.registry.load(info.version)
            bundle.check()
            self._model = bundle, info

    def work(self) -> float:
        """One round: scores what waits, and stores it; the seconds until the next round."""
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            try:
                self.look()
            except SanchoError as error:
                log_event(_LOG, "warning", "shadow_not_loaded", code=error.code, reason=error.text.en)
        rows = []
        for asked in self._taken():
            try:
                row = self._score(asked)
            except Exception as error:
                self._failed(error)
                continue
            if row is not None:
                rows.append(row)
        self._store(rows)
        return _PAUSE_SECONDS if self._waiting.empty() else 0.0

    def _taken(self) -> list[Asked]:
        taken: list[Asked] = []
        while len(taken) < _AT_ONCE:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return taken

    def _score(self, asked: Asked) -> ShadowAnswer | None:
        """What the shadow says; None where it has said so already, or there is no shadow any more."""
        model, state, moment = self._model, asked.state, asked.moment
        if model is None:
            return None
        bundle, info = model
        key = (asked.deal_id, moment, state.info.version, info.version)
        if key in self._known:
            return None
        zone = state.organisation(moment).zone
        view = self._view(model, state, moment)
        if asked.request is None:
            number = int(view.history.deal_ids.get_indexer(pd.Index([asked.deal_id]))[0])
            history = view.history
        else:
            number = 0
            history = read_request(asked.request, view.history, moment, zone, asked.rate).history
        one, at = np.array([number], np.int64), np.array([moment], np.int64)
        x = build_features(history, one, at)[0, view.columns]
        end = asked.period.end(zone)
        said = DealProbabilities.of(bundle.win, x, moment, max((end - moment) / DAY, 0.0))
        code = int(deal_states(history, one, at).stage[0])
        stages = bundle.levels.get("stage", ())
        self._known[key] = None
        return ShadowAnswer(
            deal_id=asked.deal_id,
            as_of=moment,
            version=state.info.version,
            shadow_version=info.version,
            asked_at=asked.asked_at,
            period_end=end,
            stage=str(stages[code]) if 0 <= code < len(stages) else "",
            ever=asked.ever,
            by_end=asked.by_end,
            shadow_ever=said.ever,
            shadow_by_end=said.by_end,
        )

    def _view(self, model: tuple[Bundle, ModelVersion], state: ModelState, moment: int) -> _View:
        bundle, info = model
        known = self._serving.state_at(state, moment)

        def compute() -> _View:
            history = compile_history(known.log, bundle.calendar, bundle.levels)
            return _View(history, feature_columns(bundle, history))

        return self._views.get((info.version, state.revision, state.log.next_revision(moment)), compute)

    def _store(self, rows: list[ShadowAnswer]) -> None:
        """Stores a round's answers; where that fails they are lost, and counted."""
        if not rows:
            return
        try:
            if STORE in self._serving.outages:  # else each try would take seconds
                self._count("dropped", len(rows))
                return
            self._serving.store.save_shadow_answers(rows)
            self._count("scored", len(rows))
        except Exception as error:
            failure = store_failure(error)
            why = {"exc_info": error} if failure is None else {"reason": failure.text.en}
            log_event(_LOG, "warning", "shadow_answers_not_stored", **why)
            self._count("dropped", len(rows))

    def _failed(self, error: Exception) -> None:
        self._count("failed")
        log_event(_LOG, "warning", "shadow_failed", exc_info=error)

    def _count(self, what: str, by: int = 1) -> None:
        with self._counting:
            self._counts[what] += by
