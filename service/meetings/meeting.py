"""Weekly reviews and one-on-ones: what is looked at, and what is noted of it?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY, iso, last_known_day, start_of_day
from crm.periods import period_holding
from crm.store import StoredNotes
from crm.store.meetings import Meetings as StoredMeetings
from features import label_of
from service.callers import Caller
from service.meetings.agreements import Agreements
from service.meetings.common import WEEK_DAYS, now, saved_elsewhere, today, week_of, who
from service.meetings.moves import Window, counts, largest, moves, quiet_deals
from service.serving_state import AnswerContext, ServingState
from service.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    from service.schemas.meetings import NotesRequest

_OF_EACH_CHANGE = 40  # rows of a meeting, of one kind


class Meetings:
    """Weekly reviews and one-on-ones."""

    def __init__(self, serving: ServingState, agreements: Agreements) -> None:
        self._serving, self._agreements = serving, agreements

    # Weekly reviews.

    def review(
        self, week: str, scope: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """A week's review: what changed, notes, what was agreed before and what is agreed now.

        A week that is over is seen as of the day on which its notes were saved last, else of its last day.
        """
        scope, asked = sight.scope(scope), week_of(self._serving, week)
        stored = self._serving.store.meetings.review(scope, asked.name)
        context = self._context(asked.first, asked.last, stored, sight)
        agreed = [one for one in self._store.agreements(scope=scope) if "W" in one.meeting]
        previous = period_holding(asked.first - timedelta(WEEK_DAYS), "week").name
        before = [one for one in agreed if one.meeting < asked.name]
        return {
            "week": asked.name,
            "first": asked.first.isoformat(),
            "last": asked.last.isoformat(),
            "scope": scope,
            "name": context.forecast.names.scope(scope, lang),
            **self._notes(stored),
            **self._looked_at(context, scope, lang, sight),
            "carried": self._agreements.carried(context, before, previous, lang),
            "agreements": self._agreements.rows(
                context, [one for one in agreed if one.meeting == asked.name], lang
            ),
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def save_review(
        self,
        week: str,
        scope: str | None,
        request: NotesRequest,
        caller: Caller,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Saves the notes of a week's review in the place of the version that was read."""
        scope, asked = sight.scope(scope), week_of(self._serving, week)
        self._serving.context(None, None, sight).forecast.organisation.members(scope)
        made = _as_stored(request, caller)
        is_saved = self._store.save_review(scope, asked.name, made, request.version)
        if not is_saved:
            _refuse_other(self._store.review(scope, asked.name), made)
        return self.review(week, scope, lang, sight)

    # One-on-ones.

    def one_on_one(
        self, person: str, day: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """A person's one-on-one of a day (default today): facts of the week until then, notes, agreements."""
        scope = sight.scope(f"person:{person}")
        asked = self._day(day)
        stored = self._store.one_on_one(person, asked.isoformat())
        context = self._context(asked, asked, stored, sight)
        context.forecast.organisation.members(scope)
        agreed = self._store.agreements(person_id=person)
        days = self._store.one_on_one_days(person)
        previous = next((one for one in days if one < asked.isoformat()), None)
        here = [one for one in agreed if one.scope == scope and one.meeting == asked.isoformat()]
        begin = start_of_day(asked, context.zone)
        before = [one for one in agreed if one not in here and one.made_at < max(begin, 1)]
        looked_at = self._looked_at(context, scope, lang, sight)
        return {
            "person_id": person,
            "name": context.forecast.names.person(person),
            "scope": scope,
            "day": asked.isoformat(),
            "previous_day": previous,
            "days": days,
            **self._notes(stored),
            **looked_at,
            "quiet": quiet_deals(self._window(context, scope, sight)),
            "carried": self._agreements.carried(context, before, previous, lang),
            "agreements": self._agreements.rows(context, here, lang),
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def save_one_on_one(
        self,
        person: str,
        day: str | None,
        request: NotesRequest,
        caller: Caller,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Saves the notes of a one-on-one in the place of the version that was read."""
        scope, asked = sight.scope(f"person:{person}"), self._day(day)
        self._serving.context(None, None, sight).forecast.organisation.members(scope)
        made = _as_stored(request, caller)
        is_saved = self._store.save_one_on_one(person, asked.isoformat(), made, request.version)
        if not is_saved:
            _refuse_other(self._store.one_on_one(person, asked.isoformat()), made)
        return self.one_on_one(person, asked.isoformat(), lang, sight)

    # What they have in common.

    @property
    def _store(self) -> StoredMeetings:
        return self._serving.store.meetings

    def _day(self, day: str | None) -> date:
        if day is None:
            return today(self._serving)
        try:
            return date.fromisoformat(day)
        except ValueError:
            raise SanchoError(_NO_DAY.format(day=day), "bad_as_of") from None

    def _context(self, first: date, last: date, stored: StoredNotes | None, sight: Sight) -> AnswerContext:
        """The context in which a meeting looks: now, or the day on which a past one was saved last."""
        if last >= today(self._serving):
            return self._serving.context(None, None, sight)
        saved = None if stored is None else last_known_day(stored.saved_at, self._serving.zone())
        seen = last if saved is None else min(max(saved, first), last)
        return self._serving.context(seen.isoformat(), None, sight)

    def _window(self, context: AnswerContext, scope: str, sight: Sight) -> Window:
        forecast, organisation = context.forecast, context.forecast.organisation
        members = organisation.members(scope)
        owners: list[str | None] = [
            organisation.people[one] for one in members.tolist() if one < organisation.nobody
        ]
        if organisation.nobody in members and not sight.is_limited:
            owners.append(None)
        return Window(
            known=context.state.known_at(context.moment),
            since=context.moment - WEEK_DAYS * DAY,
            until=context.moment,
            owners=owners,
            may_see=sight.sees_deal,
            zone=context.zone,
            names=forecast.names,
        )

    def _looked_at(self, context: AnswerContext, scope: str, lang: Language, sight: Sight) -> dict[str, Any]:
        """What changed in the week before the moment, and how often."""
        window = self._window(context, scope, sight)
        rows, own = moves(window), set(window.deals()["deal_id"])
        chosen = [
            {
                "deal_id": one.deal_id,
                "action": one.action,
                "label": label_of(one.action).to(lang),
                "state": one.state,
                "at": iso(one.at, context.zone),
                "reason": one.reason,
            }
            for one in self._store.chosen(window.since)
            if one.deal_id in own and one.at < context.moment
        ]
        return {
            "period": context.forecast.period.name,
            "since": iso(window.since, context.zone),
            "is_past": context.moment != context.state.now,
            "moves": largest(rows, _OF_EACH_CHANGE),
            "counts": counts(rows),
            "chosen": context.forecast.names.with_deals(chosen),
        }

    def _notes(self, stored: StoredNotes | None) -> dict[str, Any]:
        if stored is None:
            return {"notes": {}, "version": 0, "saved_at": None, "saved_by": None}
        return {
            "notes": orjson.loads(stored.notes),
            "version": stored.version,
            "saved_at": iso(stored.saved_at, self._serving.zone()),
            "saved_by": stored.saved_by,
        }


def _as_stored(request: NotesRequest, caller: Caller) -> StoredNotes:
    notes = {block: text for block, text in sorted(request.notes.items()) if text.strip()}
    return StoredNotes(notes=orjson.dumps(notes).decode(), saved_at=now(), saved_by=who(caller))


def _refuse_other(now: StoredNotes | None, sent: StoredNotes) -> None:
    """Raises unless what is there by now is what was sent: nothing of either would be lost."""
    if now is None or now.notes != sent.notes:
        raise saved_elsewhere()


_NO_DAY = Text(
    "日付「{day}」を読めません。2026-11-30 のように書いてください。", "{day!r} is no date; write 2026-11-30."
)
