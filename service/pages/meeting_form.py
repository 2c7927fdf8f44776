"""How does what was typed in on a meeting's page become notes, results, agreements and outcomes?

All of the page is one form: whichever button is pressed, nothing that was typed in is lost. What was sent
before (a double click, a reload) makes nothing twice: each page has a key, from which ids follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from crm.errors import SanchoError
from crm.i18n import Text
from crm.schema import ACTIVITY_KINDS
from service import questions
from service.api.access import caller_of
from service.meetings.agreements import Agreements
from service.pages.asking import Asking
from service.pages.forms import Form
from service.problems import invalid_field
from service.schemas.meetings import AgreementChange, AgreementRequest, NotesRequest

Answer = Mapping[str, Any]
MOST_ACTIONS = 20  # of those that a form can name
_NOTE = "note_"


@dataclass(frozen=True)
class MeetingForm:
    """A form of a meeting's page. `where` names the meeting as an agreement does: week and scope, or day."""

    page: Asking
    form: Form
    meeting: Answer
    where: Mapping[str, Any]

    async def carry_out(self, save: partial[Any]) -> str:
        """Stores what the form says; `save` saves notes that have changed. The word for what was done."""
        await self._settle()
        done = await self._add()
        done = await self._choose() or done
        notes = {
            name.removeprefix(_NOTE): text.replace("\r\n", "\n").rstrip()
            for name, text in self.form.items()
            if name.startswith(_NOTE)
        }
        if {name: text for name, text in notes.items() if text} != self.meeting["notes"]:
            sent = made(NotesRequest, notes=notes, version=self.form.get("version", "0"))
            await self.page.write(partial(save, sent))
        return done or "saved"

    async def add(self, key: str, **said: Any) -> None:
        """Stores an agreement of this meeting."""
        sent = made(AgreementRequest, **self.where, **said)
        await self.page.write(
            partial(self._agreements.add, sent, *self._who, key=f"{self.form.get('key', '')} {key}")
        )

    async def _settle(self) -> None:
        """Results that differ from what the page showed."""
        for name, result in self.form.items():
            agreement = name.removeprefix("result_")
            if agreement == name or result == self.form.get(f"was_{agreement}", result):
                continue
            sent = made(AgreementChange, result=result, version=self.form.get(f"version_{agreement}", "1"))
            await self.page.write(partial(self._agreements.change, agreement, sent, *self._who))

    async def _add(self) -> str:
        form = self.form
        what = form.get("new_what", "").strip()
        if not what:
            return ""
        if not form.get("new_person"):
            raise SanchoError(_NOBODY, "bad_request")
        await self.add(
            "new",
            person_id=form["new_person"],
            what=what,
            due=form.get("new_due", ""),
            activity=form.get("new_activity") or None,
            deal_id=form.get("new_deal") or None,
            times=form.get("new_times") or "1",
        )
        return "added"

    async def _choose(self) -> str:
        """An action that is taken or passed: the outcome of its recommendation."""
        choice, _, recommendation = self.form.get("do", "").partition(" ")
        if choice == "pass":
            reason = self.form.get(f"why_{recommendation}", "").strip() or None
            record = partial(
                self.page.cases.recommendations.record_outcome, recommendation, "dismissed", reason
            )
            await self.page.write(partial(record, self.page.lang, sight=self.page.sight))
            return "passed"
        if choice != "take":
            return ""
        action = await self._action(recommendation)
        await self.add(
            recommendation,
            person_id=action["owner_id"] or self.form.get("new_person", ""),
            what=action["label"],
            due=self.form.get("new_due", ""),
            activity=activity_of(action["action"]),
            deal_id=action["deal_id"],
            recommendation_id=recommendation,
        )
        return "taken"

    async def _action(self, recommendation: str) -> Answer:
        page = self.page
        answer = await page.ask(
            questions.actions(
                page.cases.recommendations, page.scope, None, page.asked.named_period, None, MOST_ACTIONS,
                page.lang, page.sight,
            )
        )  # fmt: skip
        found = [one for one in answer["actions"] if one["recommendation_id"] == recommendation]
        if not found:
            raise SanchoError(_GONE, "unknown_recommendation")
        return dict(found[0])

    @property
    def _agreements(self) -> Agreements:
        return self.page.cases.agreements

    @property
    def _who(self) -> tuple[Any, ...]:
        return caller_of(self.page.request), self.page.lang, self.page.sight


def activity_of(action: str) -> str | None:
    """The kind of activity that shows that an action was taken.

    >>> activity_of("visit_with_manager"), activity_of("material:Brochure"), activity_of("discount")
    ('visit', 'material', None)
    """
    kind = "visit" if action == "visit_with_manager" else action.partition(":")[0]
    return kind if kind in ACTIVITY_KINDS else None


def made(schema: Any, **fields: Any) -> Any:
    """What REST would be sent; SanchoError with the words for what does not fit."""
    try:
        return schema(**fields)
    except ValidationError as fault:
        raise SanchoError(invalid_field(fault, _CALLED), "bad_request") from None


_CALLED = {
    "due": Text("期日", "Due"),
    "what": Text("約束", "Agreement"),
    "times": Text("回数", "Times"),
    "notes": Text("メモ", "Notes"),
    "amount": Text("金額", "Amount"),
    "reason": Text("理由", "Reason"),
}
_NOBODY = Text(
    "約束の担当者が選ばれていません。担当者を選んでから、もう一度保存してください。",
    "nobody is chosen for the agreement; choose a person and save it again.",
)
_GONE = Text(
    "その打ち手は、もう勧められていません。ページを開き直してください。",
    "that action is no longer recommended; open the page again.",
)
