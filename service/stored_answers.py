"""Which answers are there already? Each is made once per moment, period, scope and model, then read.

An answer stands for as long as nothing that it is made from changes. When a row is stored, what takes long
(the KPIs, what drives a goal, the comparison of people) goes on being read for a short while as it was, with
a warning that says so, while it is made anew; everything else is made when it is asked for. Each answer is
made by one caller, for whom others with the same question wait, and nobody else.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from cachetools import LRUCache

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cache import Cache
from service.logs import log_event
from service.model_state import ModelState
from service.representation import Representation
from service.serving_state import ServingState
from service.traces import part
from service.watched_thread import WatchedThread

_MOST_BYTES = 64 << 20
_OUTDATED_SECONDS = 60.0  # for which an answer may be read that does not know the newest rows
_ROUND_SECONDS = 60.0  # between two times that all of that is made anew for new rows
_CALM_SECONDS = 5.0  # without new rows, after which what nobody waits for is made anew
_PAUSE_SECONDS = 0.5
_ASKED_SECONDS = 900.0  # for which a question that was asked is answered anew before it is asked again
_MOST_ASKED = 5_000
_MAKING = 32  # answers just made, for callers that have waited for them
_OVERHEAD = 1_000  # bytes that an answer takes beside its own
_LOG = "sancho.answers"
BEING_RENEWED = "being_renewed"
_RENEWING_TEXT = Text(
    "少し前の回答です（as_of と data_as_of を参照）。直近に保存されたデータは反映されていないことがあります。"
    "反映した回答を準備中です。数秒後にもう一度お試しください。"
    "すぐに必要な場合は Cache-Control: no-cache を付けてください。",
    "This answer is of a moment ago (see as_of and data_as_of) and is being made anew: rows stored since may "
    "be missing. Ask again in a few seconds, or send Cache-Control: no-cache to wait.",
)
Answer = Mapping[str, Any]
Key = tuple[Hashable, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked in one language; `make` answers it from the state in service.

    `about` names it among those of its `name`, period and moment. `is_slow`: it takes so long that an
    outdated answer is of use. `also`: what else the answer depends on.
    """

    name: str
    about: tuple[Hashable, ...]
    period: str | None
    as_of: str | None
    lang: Language
    make: Callable[[], Answer]
    is_slow: bool = False
    also: Hashable = None


@dataclass(frozen=True)
class _Stored:
    """An answer as it is sent, and its basis: it holds for that and for nothing else."""

    basis: _Basis
    answer: Representation
    question: Question


class StoredAnswers:
    """The answers that have been made, and a thread that makes anew what is outdated."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving
        self._stored: LRUCache[Key, _Stored] = LRUCache(_MOST_BYTES, lambda one: one.answer.size + _OVERHEAD)
        self._making: Cache[tuple[Key, _Basis], Representation] = Cache(_MAKING)
        self._guard = threading.Lock()  # held for look-ups only, never while an answer is made
        self._asked_at: LRUCache[Key, float] = LRUCache(_MOST_ASKED)
        self._outdated_since: LRUCache[Key, float] = LRUCache(_MOST_ASKED)
        self._wanted: OrderedDict[Key, Question] = OrderedDict()
        self._usual: Callable[[bool], list[Question]] = lambda _: []
        self._make: Callable[[Question, Callable[[], bytes]], bytes] = lambda _, make: make()
        self._thread = WatchedThread("sancho-answers", self.renew)
        self._round: tuple[tuple[str, int, int] | None, Iterator[Question]] = (None, iter(()))
        self._round_at = -np.inf
        self._is_renewing = False

    def register(
        self,
        usual: Callable[[bool], list[Question]],
        make: Callable[[Question, Callable[[], bytes]], bytes] | None = None,
    ) -> None:
        """Sets which questions are answered before anybody asks, the most important first.

        They are asked for all of them where there is another model or "now", else for the foremost. `make`:
        what is called to make an answer, with how it is made.
        """
        self._usual = usual
        if make is not None:
            self._make = make

    def start(self) -> None:
        """Lets a thread make anew what is outdated."""
        self._is_renewing = True
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._is_renewing = False
        self._thread.stop()

    def stored(self, question: Question, outdated: bool = True) -> Representation | None:
        """The answer if it is there; where `outdated`, for a short while also one without the newest rows."""
        key, basis = self._place(question)
        now = time.monotonic()
        with self._guard:
            self._asked_at[key] = now
            found = self._stored.get(key)
        if found is None:
            return None
        if found.basis == basis:
            return found.answer
        is_of_use = outdated and question.is_slow and question.as_of is None and self._is_renewing
        if not (is_of_use and found.basis.differs_in_rows(basis)):
            return None
        with self._guard:
            since = self._outdated_since.setdefault(key, now)
            self._wanted.setdefault(key, question)
        if now - since > _OUTDATED_SECONDS:
            return None
        self._thread.wake()
        return _with_warning(found.answer.body, question.lang)

    def answer_to(self, question: Question, newest: bool = False) -> Representation:
        """The answer, made unless it is there; `newest`: with all rows that are stored by now."""
        if newest:
            self._serving.catch_up()
        key, basis = self._place(question)
        with self._guard:
            found = self._stored.get(key)
        if found is not None and found.basis == basis:
            return found.answer
        # What is made may know even more than its basis says, never less.
        answer = self._making.get((key, basis), lambda: self._made(question))
        with self._guard:
            if answer.size + _OVERHEAD < _MOST_BYTES:
                self._stored[key] = _Stored(basis, answer, question)
            self._outdated_since.pop(key, None)
            self._wanted.pop(key, None)
        return answer

    def _made(self, question: Question) -> Representation:
        with part("answer", question=question.name):
            body = self._make(question, lambda: orjson.dumps(question.make()))
        return Representation(body).prepared()

    def make_usual(self, seconds: float) -> None:
        """Makes what is likely to be asked of the state in service, begins nothing more after so long."""
        until = time.monotonic() + seconds
        for question in self._usual(True):
            if time.monotonic() > until:
                return
            with suppress(SanchoError):  # no question of this organisation
                self.answer_to(question)

    def renew(self) -> float:
        """One round of the thread: what somebody waits for, else one of what is asked often."""
        question = None
        try:
            question = self._next()
            if question is not None:
                self.answer_to(question)
        except SanchoError:  # not ready, or no longer a question (a team that is gone)
            pass
        except Exception as error:
            name = None if question is None else question.name
            log_event(_LOG, "warning", "answer_not_renewed", question=name, exc_info=error)
        return _PAUSE_SECONDS if question is None else 0.0

    def _next(self) -> Question | None:
        """What is to be made anew; nothing that nobody waits for while rows keep coming."""
        state = self._serving.current()
        with self._guard:
            if self._wanted:
                return self._wanted.popitem(last=False)[1]
        if time.monotonic() - state.loaded_at < _CALM_SECONDS:
            return None
        return next((one for one in self._expected(state) if self._is_outdated(one)), None)

    def _expected(self, state: ModelState) -> Iterator[Question]:
        """What is left of the questions that are likely to be asked of a state, the most important first."""
        of = (state.info.version, state.now, state.revision)
        before, now = self._round[0], time.monotonic()
        if of != before:
            is_all = before is None or before[:2] != of[:2]
            if is_all or now - self._round_at > _ROUND_SECONDS:
                self._round, self._round_at = (of, iter((*self._usual(is_all), *self._asked_lately()))), now
        return self._round[1]

    def _asked_lately(self) -> list[Question]:
        since = time.monotonic() - _ASKED_SECONDS
        with self._guard:
            return [
                one.question
                for key, one in self._stored.items()
                if one.question.as_of is None and self._asked_at.get(key, -np.inf) > since
            ]

    def _is_outdated(self, question: Question) -> bool:
        try:
            key, basis = self._place(question)
        except SanchoError:
            return False
        with self._guard:
            found = self._stored.get(key)
        return found is None or found.basis != basis

    def _place(self, question: Question) -> tuple[Key, _Basis]:
        """Under which key the answer is stored, and what it is made from now."""
        state = self._serving.current()
        moment = self._serving.moment(state, question.as_of)
        period = self._serving.period(state, question.period, moment).name
        key = (question.name, period, question.as_of, question.lang, *question.about)
        outages = tuple(text.en for text in self._serving.outages.reasons())
        also = (outages, question.also)
        model = (state.info.version, id(state.bundle))
        return key, _Basis(model, moment, state.revision_at(moment), also)


@dataclass(frozen=True)
class _Basis:
    """What an answer is made from: a model, what was known as of a moment by a revision, and more."""

    model: tuple[str, int]
    moment: int
    revision: int
    also: Hashable

    def differs_in_rows(self, other: _Basis) -> bool:
        """Whether only rows and the "now" are others."""
        return (self.model, self.also) == (other.model, other.also)


def _with_warning(body: bytes, lang: Language) -> Representation:
    answer = orjson.loads(body)
    answer["warnings"].append({"code": BEING_RENEWED, "message": _RENEWING_TEXT.to(lang)})
    return Representation(orjson.dumps(answer))
