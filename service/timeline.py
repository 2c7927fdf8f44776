"""What has happened to a deal, and what was said of it day by day? The newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.frames import micros, position_in
from crm.i18n import Language, Text
from crm.instants import NEVER, iso, last_known_day
from crm.schema import ACTIVITY_KINDS, OBSERVER, OUTCOMES, TABLES
from crm.store import Outcome, StoredScore
from features import label_of
from features.history import OUTCOME_CODE
from service import cursors, messages
from service.actions import VALID_DAYS
from service.frame_cells import text_or_none
from service.names import Names
from service.recommendation_ids import recommendation_id
from service.serving_state import ModelState, ServingState
from service.sight import EVERYTHING, Sight

CREATED, CHANGED, ACTIVITY, CLOSED = "created", "changed", "activity", "closed"
_ORDER = (CREATED, CHANGED, ACTIVITY, CLOSED)  # of what happened at one instant
_CREATED = Text("作成", "Created")
_OUTCOMES = dict(zip(OUTCOMES, (Text("受注", "Won"), Text("失注", "Lost")), strict=True))
Entry = dict[str, Any]


class Timelines:
    """The timeline of a deal, open or closed."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving

    def timeline(
        self,
        deal_id: str,
        as_of: str | None,
        limit: int,
        lang: Language,
        sight: Sight = EVERYTHING,
        *,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Its creation, changes, activities and closing as of a moment, and the scores stored of it.

        The newest up to `limit`, of those before the one that a `cursor` names.
        """
        sight.check_deal(deal_id)
        state = self._serving.current()
        moment = self._serving.moment(state, as_of)
        zone = state.organisation(moment).zone
        known = state.log.of_deal(deal_id).as_of(moment)
        if known["deals"].empty:
            raise SanchoError(messages.unknown_deal(deal_id), "unknown_deal")
        names = Names.of(known)
        entries = _in_order(_entries(known, names, lang))
        if cursor is not None:
            before = cursors.read(cursor, f"timeline {deal_id}", int, int, int)
            entries = [pair for pair in entries if pair[0] < before]
        none: list[StoredScore] = []
        scores = self._serving.from_store(lambda: self._serving.store.deal_scores(deal_id, moment), none)
        until = None if as_of is None else moment  # what has just been told may be after the state's now
        told = self._told(deal_id, state, until, {state.info.version, *(row.model_version for row in scores)})
        shown = entries[::-1][:limit]
        following = None
        if len(shown) < len(entries):
            following = cursors.written(f"timeline {deal_id}", shown[-1][0])
        [deal] = names.with_deals([{"deal_id": deal_id}])
        return {
            **deal,
            **_closing(state, deal_id, moment, zone),
            "entries": [{**entry, "at": iso(entry["at"], zone)} for _, entry in shown],
            "entries_left_off": len(entries) - len(shown),
            "next_cursor": following,
            "scores": [
                {
                    "day": row.day,
                    "as_of": iso(row.as_of, zone),
                    "period": row.period,
                    "win_probability": row.win_probability,
                    "win_by_period_end": row.win_by_period_end,
                    "expected_revenue": row.expected_revenue,
                    "expected_close_date": row.expected_close_date,
                    "model_version": row.model_version,
                }
                for row in reversed(scores)
            ],
            "outcomes": [
                {
                    "at": iso(one.at, zone),
                    "recommendation_id": one.recommendation_id,
                    "action": action,
                    "label": label_of(action).to(lang),
                    "state": one.state,
                    "reason": one.reason,
                }
                for action, one in reversed(told)
            ],
            **self._serving.metadata(state, moment, lang),
        }

    def _told(
        self, deal_id: str, state: ModelState, until: int | None, versions: Collection[str]
    ) -> list[tuple[str, Outcome]]:
        """What was told before an instant of the deal's recommendations that are valid; oldest first.

        What was recommended is found by the id that it had, whether or not the offer has been stored.
        """
        store, moment = self._serving.store, state.now if until is None else until
        today = last_known_day(moment, state.organisation(moment).zone)
        made = {
            recommendation_id(deal_id, known.action, today - timedelta(days), version): known.action
            for known in state.bundle.actions
            for days in range(VALID_DAYS + 1)
            for version in versions
        }
        if not made:
            return []
        none: list[Outcome] = []
        told = self._serving.from_store(lambda: store.outcomes_from(min(made)), none)
        return [
            (made[one.recommendation_id], one)
            for one in told
            if one.recommendation_id in made and (until is None or one.at < until)
        ]


def _closing(state: ModelState, deal_id: str, moment: int, zone: ZoneInfo) -> dict[str, str | None]:
    """When a deal had closed by a moment, and how: by its outcome or by its stage."""
    number = position_in(state.history.deal_ids, deal_id)
    closed = NEVER if number < 0 else int(state.history.closed[number])
    if closed == NEVER or closed >= moment:
        return {"closed_at": None, "outcome": None}
    outcome = next(name for name, code in OUTCOME_CODE.items() if code == state.history.outcome[number])
    return {"closed_at": iso(closed, zone), "outcome": outcome}


def _in_order(entries: Iterator[Entry]) -> list[tuple[tuple[int, int, int], Entry]]:
    """Entries by time, each with its place: instant, kind, and which of them as they are recorded."""
    found: Counter[tuple[int, int]] = Counter()
    placed = []
    for entry in entries:
        place = (entry["at"], _ORDER.index(entry["kind"]))
        placed.append(((*place, found[place]), entry))
        found[place] += 1
    return sorted(placed, key=lambda pair: pair[0])


def _entries(known: EventLog, names: Names, lang: Language) -> Iterator[Entry]:
    """All that is recorded of the one deal of a log; `at` in microseconds UTC."""
    [deal] = known["deals"].to_dict("records")
    yield _entry(int(micros(known["deals"]["created_at"])[0]), CREATED, _CREATED.to(lang))
    closed = int(micros(known["deals"]["closed_at"])[0])
    if closed != NEVER and text_or_none(deal["outcome"]) is not None:
        outcome = str(deal["outcome"])
        reason = text_or_none(deal["lost_reason"])
        yield _entry(closed, CLOSED, _OUTCOMES[outcome].to(lang), value=outcome, note=reason)
    events = known["deal_events"]
    for at, row in zip(micros(events["at"]).tolist(), events.to_dict("records"), strict=True):
        field = str(row["field"])
        actor = text_or_none(row["actor_id"])
        yield _entry(
            at,
            CHANGED,
            _field_label(field, lang),
            field=field,
            value=text_or_none(row["value"]),
            old_value=text_or_none(row["old_value"]),
            value_name=_name(field, text_or_none(row["value"]), names),
            old_value_name=_name(field, text_or_none(row["old_value"]), names),
            actor=None if actor == OBSERVER else actor,
            names=names,
        )
    activities = known["activities"]
    for at, row in zip(micros(activities["at"]).tolist(), activities.to_dict("records"), strict=True):
        kind = str(row["kind"])
        yield _entry(
            at,
            ACTIVITY,
            ACTIVITY_KINDS[kind].to(lang) if kind in ACTIVITY_KINDS else kind,
            value=kind,
            note=text_or_none(row["subject"]) or text_or_none(row["outcome"]),
            actor=text_or_none(row["actor_id"]),
            names=names,
        )


def _entry(
    at: int,
    kind: str,
    label: str,
    *,
    field: str | None = None,
    value: str | None = None,
    old_value: str | None = None,
    value_name: str | None = None,
    old_value_name: str | None = None,
    note: str | None = None,
    actor: str | None = None,
    names: Names | None = None,
) -> Entry:
    return {
        "at": at,
        "kind": kind,
        "label": label,
        "field": field,
        "value": value,
        "old_value": old_value,
        "value_name": value_name,
        "old_value_name": old_value_name,
        "note": note,
        "actor_id": actor,
        "actor_name": None if names is None else names.person(actor),
    }


def _field_label(field: str, lang: Language) -> str:
    columns: Mapping[str, Any] = TABLES["deals"].by_name
    return columns[field].label.to(lang) if field in columns else field


def _name(field: str, value: str | None, names: Names) -> str | None:
    """What an id is called that an event holds; None for what is no id."""
    if field == "owner_id":
        return names.person(value)
    return names.account(value) if field == "account_id" else None
