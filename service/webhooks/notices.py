"""What is news since it was last told: scores, goals, bottlenecks, the model, data that have stopped?

Compared is what the service answers now with what was last said of the same subject. The first look, and a
new period's goals, are no news: they are what later ones are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crm.errors import SanchoError
from crm.i18n import LANGUAGES, Text
from crm.instants import DAY, iso
from crm.store.webhooks import NewEvent
from models.forecast.attainment import probability_of
from service.bottlenecks import describe_bottleneck
from service.language import scope_label
from service.logs import log_event
from service.model_state import AnswerContext
from service.serving_state import ServingState
from service.webhooks.book import Webhooks
from service.webhooks.events import (
    ATTAINMENT_CROSSED,
    BOTTLENECK_FOUND,
    DATA_STALE,
    MODEL_PROMOTED,
    SCORE_CHANGED,
    new_event,
)
from training.log_age import QUIET_DAYS

SCORE_POINTS = 0.05  # of a chance, from which it is news
LINES = (0.25, 0.5, 0.75)
BEYOND = 0.02  # a line is crossed where it is left behind by so much, so that nobody is told to and fro
Key = tuple[str, str]
_STATE = ("state", "")  # under which stands up to where was last looked


@dataclass(frozen=True)
class _Seen:
    """What is to be said of a subject: the mark that is kept, and what an event would tell."""

    key: Key
    mark: Any
    data: Mapping[str, Any]


class Notices:
    """Looks what is new whenever the service has new data or another model, while there are webhooks."""

    def __init__(self, serving: ServingState, book: Webhooks, wake: Callable[[], None]) -> None:
        self._serving, self._book, self._wake = serving, book, wake
        self._looked_at: tuple[str, int, int] | None = None

    def look_if_possible(self) -> None:
        """Looks; where the queue's database is away, it is looked again at the next round."""
        try:
            self.look()
        except SanchoError as fault:
            log_event("sancho.webhooks", "warning", "not_looked", reason=fault.text.en)

    def look(self) -> int:
        """Queues what is new; how many deliveries that makes."""
        state = self._serving.current()
        at = (state.info.version, state.now, state.revision)
        if at == self._looked_at or not self._book.all(active=True):
            return 0
        context = self._serving.context_of(state, state.now, self._serving.period(state, None, state.now))
        position = [state.now, state.revision]

        def compare(said: dict[Key, Any]) -> tuple[list[NewEvent], dict[Key, Any], list[Key]]:
            before = said.get(_STATE)
            if before is not None and before > position:
                return [], {}, []  # another replica has seen newer data
            events, now, gone = news(context, said)
            return events, {**now, _STATE: position}, gone

        count = self._book.note(compare)
        self._looked_at = at
        if count:
            self._wake()
        return count


def news(context: AnswerContext, said: Mapping[Key, Any]) -> tuple[list[NewEvent], dict[Key, Any], list[Key]]:
    """Events of what changed since it was said, what is said now in its place, and what is gone."""
    happened_at = iso(context.moment, context.zone)
    events, marks = [], {}
    seen: set[Key] = set()
    for one in (
        *_scores(context),
        *_goals(context),
        *_bottlenecks(context),
        *_model(context),
        *_age(context),
    ):
        seen.add(one.key)
        kind, subject = one.key
        before = said.get(one.key)
        if before == one.mark:
            continue
        if before is None:
            marks[one.key] = one.mark
            is_new = _STATE in said and kind in (SCORE_CHANGED, BOTTLENECK_FOUND)
        else:
            mark, is_new = _compared(kind, before, one.mark)
            if mark != before:
                marks[one.key] = mark
        if is_new:
            events.append(new_event(kind, subject, happened_at, _event_data(one, before)))
    gone = [key for key in said if key not in seen and key != _STATE]
    return events, marks, gone


def _compared(kind: str, before: Any, now: Any) -> tuple[Any, bool]:
    """The mark that is kept in place of the one before, and whether it is news."""
    if kind == SCORE_CHANGED:
        moved = max(abs(new - old) for new, old in zip(now, before, strict=True)) >= SCORE_POINTS
        return (now, True) if moved else (before, False)
    if kind == ATTAINMENT_CROSSED:
        side = _side(now[0], before[1])
        return ([now[0], side], True) if side != before[1] else (before, False)
    if kind == DATA_STALE:
        return now, bool(now)
    return now, kind == MODEL_PROMOTED


def _side(probability: float, side: int) -> int:
    """How many lines lie below a probability, where so many did before: a line holds within `BEYOND`.

    >>> _side(0.51, 1), _side(0.53, 1), _side(0.49, 2), _side(0.47, 2), _side(0.1, 3)
    (1, 2, 2, 1, 0)
    """
    while side < len(LINES) and probability > LINES[side] + BEYOND:
        side += 1
    while side > 0 and probability < LINES[side - 1] - BEYOND:
        side -= 1
    return side


def _event_data(one: _Seen, before: Any) -> dict[str, Any]:
    kind = one.key[0]
    if kind == SCORE_CHANGED:
        names = ("win_probability", "win_by_period_end")
        return {**one.data, "before": None if before is None else dict(zip(names, before, strict=True))}
    if kind == ATTAINMENT_CROSSED:
        side = _side(one.mark[0], before[1])
        line = LINES[before[1]] if side > before[1] else LINES[side]
        return {
            **one.data,
            "before": before[0],
            "line": line,
            "direction": "up" if side > before[1] else "down",
        }
    if kind == MODEL_PROMOTED:
        return {**one.data, "before": before}
    return dict(one.data)


def _scores(context: AnswerContext) -> Iterator[_Seen]:
    forecast, version = context.forecast, context.state.info.version
    deal_ids = forecast.scored.pipeline.deal_ids.astype(str).tolist()
    names = forecast.names.deals(deal_ids)
    chances = zip(forecast.scored.ever.tolist(), forecast.scored.by_end.tolist(), strict=True)
    for deal_id, called, (ever, by_end) in zip(deal_ids, names, chances, strict=True):
        yield _Seen(
            (SCORE_CHANGED, deal_id),
            [round(ever, 6), round(by_end, 6)],
            {
                "deal_id": deal_id,
                **called,
                "period": forecast.period.name,
                "win_probability": ever,
                "win_by_period_end": by_end,
                "model_version": version,
            },
        )


def _goals(context: AnswerContext) -> Iterator[_Seen]:
    forecast = context.forecast
    for scope in forecast.organisation.scopes():
        target = forecast.facts.target(scope)
        people = forecast.organisation.members(scope)
        probability = probability_of(forecast.simulation, people, target)
        if probability is None:
            continue
        label = forecast.names.label(scope) if scope != "company" else scope_label(scope)
        yield _Seen(
            (ATTAINMENT_CROSSED, f"{forecast.period.name}/{scope}"),
            [round(probability, 6), sum(probability > line for line in LINES)],
            {
                "scope": scope,
                "label": _both(label),
                "period": forecast.period.name,
                "probability": probability,
                "target": target,
            },
        )


def _bottlenecks(context: AnswerContext) -> Iterator[_Seen]:
    state = context.state
    for bottleneck in state.bundle.bottlenecks:
        told = {lang: describe_bottleneck(bottleneck, state.catalogue, lang) for lang in LANGUAGES}
        yield _Seen(
            (BOTTLENECK_FOUND, bottleneck.id),
            True,
            {
                "id": bottleneck.id,
                "label": {lang: one["label"] for lang, one in told.items()},
                "effect_pp": told["en"]["effect_pp"],
                "interval": told["en"]["interval"],
            },
        )


def _model(context: AnswerContext) -> Iterator[_Seen]:
    info = context.state.info
    yield _Seen(
        (MODEL_PROMOTED, info.name),
        info.version,
        {"name": info.name, "version": info.version, "trained_at": info.trained_at},
    )


def _age(context: AnswerContext) -> Iterator[_Seen]:
    newest = context.state.newest_deal_record
    is_stale = context.moment - newest > QUIET_DAYS * DAY
    yield _Seen((DATA_STALE, ""), is_stale, {"newest_record_at": iso(newest, context.zone)})


def _both(text: Text) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}
