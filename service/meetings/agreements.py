"""Who agreed to do what until when, and what came of it?"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.instants import DAY, iso, last_known_day
from crm.schema import ACTIVITY_KINDS
from crm.store import StoredAgreement
from crm.store.meetings import FULFILLED, OPEN
from service import messages
from service.callers import Caller
from service.idempotency import named_id, refuse_reuse
from service.meetings.common import WEEK_DAYS, now, saved_elsewhere, week_of, who
from service.meetings.results import Recorded, Result
from service.recommendations import Recommendations
from service.serving_state import AnswerContext, ServingState
from service.sight import EVERYTHING, Sight

if TYPE_CHECKING:
    from service.schemas.meetings import AgreementChange, AgreementRequest


class Agreements:
    """What was agreed in reviews and one-on-ones."""

    def __init__(self, serving: ServingState, recommendations: Recommendations) -> None:
        self._serving, self._recommendations = serving, recommendations

    def listed(
        self, scope: str | None, result: str | None, lang: Language, sight: Sight = EVERYTHING
    ) -> dict[str, Any]:
        """The agreements of the people of a scope, newest first; with a result, where one is named."""
        scope = sight.scope(scope)
        context = self._serving.context(None, None, sight)
        organisation = context.forecast.organisation
        inside = {
            organisation.people[one] for one in organisation.members(scope) if one < organisation.nobody
        }
        agreed = [one for one in self._serving.store.meetings.agreements() if one.person_id in inside]
        rows = self.rows(context, agreed, lang)
        return {
            "scope": scope,
            "name": context.forecast.names.scope(scope, lang),
            "agreements": [row for row in rows if result in (None, row["result"])],
            **self._serving.metadata(context.state, context.moment, lang),
        }

    def add(
        self,
        request: AgreementRequest,
        caller: Caller,
        lang: Language,
        sight: Sight = EVERYTHING,
        *,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Stores what somebody does until when, agreed in a week's review or in a one-on-one."""
        person = f"person:{request.person_id}"
        sight.scope(person)
        context = self._serving.context(None, None, sight)
        context.forecast.organisation.members(person)
        if (request.week is None) == (request.day is None):
            raise SanchoError(_ONE_MEETING, "bad_request")
        self._check_named(context, request, sight)
        scope, meeting = person, "" if request.day is None else request.day.isoformat()
        if request.week is not None:
            scope, meeting = sight.scope(request.scope), week_of(self._serving, request.week).name
            context.forecast.organisation.members(scope)
        made = StoredAgreement(
            agreement_id=named_id(key, caller.name, "agreement") or uuid.uuid4().hex,
            person_id=request.person_id,
            what=request.what,
            due=request.due.isoformat(),
            scope=scope,
            meeting=meeting,
            made_at=now(),
            made_by=who(caller),
            activity=request.activity,
            deal_id=request.deal_id,
            account_id=request.account_id,
            times=request.times,
            recommendation_id=request.recommendation_id,
        )
        stored = self._serving.store.meetings.add_agreement(made)
        refuse_reuse(replace(stored, made_at=0) == replace(made, made_at=0) or stored.version > 1)
        if request.recommendation_id is not None and stored is made:
            self._recommendations.record_outcome(request.recommendation_id, "accepted", None, lang, sight)
        return self._answer(context, stored, lang)

    def change(
        self,
        agreement_id: str,
        request: AgreementChange,
        caller: Caller,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> dict[str, Any]:
        """Says what came of an agreement, or words it anew, in the place of the version that was read."""
        known = self._serving.store.meetings.agreement(agreement_id)
        if known is None or not sight.sees_scope(f"person:{known.person_id}"):
            raise SanchoError(_NO_AGREEMENT.format(id=agreement_id), "unknown_agreement")
        said = request.model_dump(exclude_none=True, exclude={"version"}, mode="json")
        changed = replace(known, **said, version=request.version + 1)
        if "result" in said and said["result"] != known.result:
            is_open = said["result"] == OPEN
            changed = replace(
                changed, result_at=None if is_open else now(), result_by=None if is_open else who(caller)
            )
        context = self._serving.context(None, None, sight)
        if replace(changed, version=known.version) == known:  # said before, perhaps by this very request
            return self._answer(context, known, lang)
        if known.version != request.version or not self._serving.store.meetings.change_agreement(changed):
            raise saved_elsewhere()
        if changed.result == FULFILLED != known.result and known.recommendation_id is not None:
            self._recommendations.record_outcome(known.recommendation_id, "done", None, lang, sight)
        return self._answer(context, changed, lang)

    def carried(
        self,
        context: AnswerContext,
        before: Sequence[StoredAgreement],
        previous: str | None,
        lang: Language,
    ) -> list[dict[str, Any]]:
        """Of what was agreed before: what is open, what ended in the past week, all of the last meeting."""
        results = self._results(context, before)
        since = context.moment - WEEK_DAYS * DAY
        shown = [
            one
            for one in before
            if results[one.agreement_id].result == OPEN
            or one.meeting == previous
            or (results[one.agreement_id].at or 0) >= since
        ]
        shown.sort(key=lambda one: (one.due, one.person_id, one.agreement_id))
        return [self._row(context, one, results[one.agreement_id], lang) for one in shown]

    def rows(
        self, context: AnswerContext, agreed: Sequence[StoredAgreement], lang: Language
    ) -> list[dict[str, Any]]:
        """Agreements as they are answered, each with what came of it as of a moment."""
        results = self._results(context, agreed)
        return [self._row(context, one, results[one.agreement_id], lang) for one in agreed]

    @staticmethod
    def _results(context: AnswerContext, agreed: Sequence[StoredAgreement]) -> Mapping[str, Result]:
        known = context.state.known_at(context.moment)
        recorded = Recorded.of(known, context.moment, context.zone, agreed)
        return {one.agreement_id: recorded.result(one) for one in agreed}

    def _answer(self, context: AnswerContext, one: StoredAgreement, lang: Language) -> dict[str, Any]:
        [row] = self.rows(context, [one], lang)
        return {**row, **self._serving.metadata(context.state, context.moment, lang)}

    @staticmethod
    def _row(context: AnswerContext, one: StoredAgreement, found: Result, lang: Language) -> dict[str, Any]:
        names = context.forecast.names
        deal = {"name": None, "account_name": None} if one.deal_id is None else names.deals([one.deal_id])[0]
        kind = None if one.activity is None else ACTIVITY_KINDS.get(one.activity)
        today = last_known_day(context.moment, context.zone).isoformat()
        is_week = "W" in one.meeting
        return {
            "agreement_id": one.agreement_id,
            "person_id": one.person_id,
            "person_name": names.person(one.person_id),
            "what": one.what,
            "due": one.due,
            "scope": one.scope,
            "week": one.meeting if is_week else None,
            "day": None if is_week else one.meeting,
            "activity": one.activity,
            "activity_label": one.activity if kind is None else kind.to(lang),
            "deal_id": one.deal_id,
            "name": deal["name"],
            "account_name": deal["account_name"] or names.account(one.account_id),
            "account_id": one.account_id,
            "times": one.times,
            "times_found": found.times,
            "recommendation_id": one.recommendation_id,
            "result": found.result,
            "result_at": None if found.at is None else iso(found.at, context.zone),
            "result_by": None if found.is_found else one.result_by,
            "is_found": found.is_found,
            "is_overdue": found.result == OPEN and one.due < today,
            "made_at": iso(one.made_at, context.zone),
            "made_by": one.made_by,
            "version": one.version,
        }

    def _check_named(self, context: AnswerContext, request: AgreementRequest, sight: Sight) -> None:
        """Raises for an activity, a deal or an account that there is not."""
        known = context.state.known_at(context.moment)
        kinds = {*ACTIVITY_KINDS, *known["activities"]["kind"].dropna().unique().tolist()}
        if request.activity is not None and request.activity not in kinds:
            raise SanchoError(
                _NO_KIND.format(kind=request.activity, kinds=", ".join(ACTIVITY_KINDS)), "unknown_activity"
            )
        if request.deal_id is not None:
            sight.check_deal(request.deal_id)
            if not (known["deals"]["deal_id"] == request.deal_id).any():
                raise SanchoError(messages.unknown_deal(request.deal_id), "unknown_deal")
        if (
            request.account_id is not None
            and not (known["accounts"]["account_id"] == request.account_id).any()
        ):
            raise SanchoError(_NO_ACCOUNT.format(id=request.account_id), "unknown_account")


_NO_AGREEMENT = Text(
    "約束「{id}」はありません。GET /v1/agreements で確認してください。",
    "there is no agreement {id!r}; see GET /v1/agreements.",
)
_ONE_MEETING = Text(
    "どの会議の約束か、week（週次会議の週）か day（1on1の日）のどちらかを指定してください。",
    "say in which meeting it was agreed: give either week (of a review) or day (of a one-on-one).",
)
_NO_KIND = Text(
    "活動の種別「{kind}」はありません。{kinds} などから指定してください。",
    "there is no kind of activity {kind!r}; give one such as {kinds}.",
)
_NO_ACCOUNT = Text(
    "取引先「{id}」はありません。IDを確認してください。", "there is no account {id!r}; check the id."
)
