"""What do the pages of meetings have in common? Agreements, changes of deals and notes, put into words."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from crm.i18n import Language, Text
from crm.schema import ACTIVITY_KINDS
from pictures.measure import Measure
from service.language import known_day
from service.pages.meeting_words import WORDS
from service.pages.steps import chosen_rows
from service.pages.values import cell, money_measure, short_day

Answer = Mapping[str, Any]
_RESULTS = ("open", "done", "not_done")
_OF_EACH_CHANGE = 2  # rows of one kind that are shown at once
_MOST_FOLDED = 30
_DUE_DAYS = 7  # after which what is agreed is due, where nobody says when


@dataclass(frozen=True)
class MeetingView:
    """The parts of a meeting's page: `meeting` as REST answers it, `typed` what is typed in and not saved."""

    lang: Language
    meeting: Answer
    currency: str
    unit_asked: str | None = None
    typed: Mapping[str, str] | None = None

    def values(self, people: Sequence[Answer], deals: Mapping[str, str], can_write: bool) -> dict[str, Any]:
        """What every page of a meeting shows."""
        meeting, lang = self.meeting, self.lang
        settled = [one for one in meeting["carried"] if one["result"] == "done"]
        return {
            "carried": [self.agreement(one) for one in meeting["carried"]],
            "carried_said": WORDS["carried_said"].format(n=len(meeting["carried"]), k=len(settled)).to(lang),
            "chosen": chosen_rows(meeting["chosen"], lang),
            "agreed": [self.agreement(one) for one in meeting["agreements"]],
            "results": [{"name": name, "words": WORDS[f"result_{name}"].to(lang)} for name in _RESULTS],
            "activities": [{"name": kind, "words": words.to(lang)} for kind, words in ACTIVITY_KINDS.items()],
            "people": people,
            "deals": [{"id": deal_id, "name": name} for deal_id, name in deals.items()],
            "typed": self.typed or {"new_due": self.usual_due},
            "notes": meeting["notes"],
            "typed_notes": self.notes(),
            "version": meeting["version"],
            "key": secrets.token_hex(12),
            "can_write": can_write,
            "unit": self.unit.unit.to(lang),
        }

    @property
    def unit(self) -> Measure:
        """The one unit of amounts on the page."""
        amounts = [row["amount"] for row in self.meeting["moves"]]
        return money_measure(amounts, self.currency, self.lang, self.unit_asked)

    @property
    def usual_due(self) -> str:
        """When what is agreed now is due."""
        return (known_day(self.meeting["as_of"]) + timedelta(_DUE_DAYS)).isoformat()

    def notes(self) -> dict[str, str]:
        """The notes by block: what was typed in where that is not saved, else what is."""
        saved = dict(self.meeting["notes"])
        typed = self.typed or {}
        return saved | {
            name.removeprefix("note_"): text for name, text in typed.items() if name.startswith("note_")
        }

    def agreement(self, one: Answer) -> dict[str, Any]:
        """A row of agreements."""
        lang = self.lang
        state = "overdue" if one["is_overdue"] else one["result"]
        found = ""
        if one["times_found"] is not None:
            found = (
                WORDS["found"]
                .format(kind=one["activity_label"], n=one["times_found"], of=one["times"])
                .to(lang)
            )
        meeting = (
            WORDS["in_review"].format(n=int(one["week"].partition("W")[2]))
            if one["week"] is not None
            else WORDS["in_one_on_one"].format(day=Text(*(_day(one["day"], of) for of in ("ja", "en"))))
        )
        chosen = (self.typed or {}).get(f"result_{one['agreement_id']}", "")
        return {
            "id": one["agreement_id"],
            "who": one["person_name"] or one["person_id"] or "–",
            "what": one["what"],
            "deal": one["name"] or one["account_name"] or one["deal_id"],
            "due": one["due"],
            "due_words": _day(one["due"], lang),
            "from": meeting.to(lang),
            "found": found,
            "state": WORDS[f"state_{state}"].to(lang),
            "style": {"done": "up", "not_done": "down", "overdue": "down"}.get(state, ""),
            "stored": "open" if one["is_found"] else one["result"],
            "chosen": chosen or ("open" if one["is_found"] else one["result"]),
            "is_found": one["is_found"],
            "version": one["version"],
        }

    def change_counts(self) -> str:
        """How much changed, in one sentence."""
        return WORDS["moves_said"].format(**self.meeting["counts"]).to(self.lang)

    def moves(self) -> dict[str, list[dict[str, str]]]:
        """The largest changes of each kind, and the others."""
        first: list[Answer] = []
        others: list[Answer] = []
        seen: dict[str, int] = {}
        for row in self.meeting["moves"]:
            seen[row["change"]] = seen.get(row["change"], 0) + 1
            (first if seen[row["change"]] <= _OF_EACH_CHANGE else others).append(row)
        return {
            "first": [
                {
                    **self._move(row),
                    "extra": "extra" if at and first[at - 1]["change"] == row["change"] else "",
                }
                for at, row in enumerate(first)
            ],
            "others": [{**self._move(row), "extra": ""} for row in others[:_MOST_FOLDED]],
        }

    def _move(self, row: Answer) -> dict[str, str]:
        lang, change = self.lang, row["change"]
        kind = change
        if change == "expected_close_date":
            kind = "later" if _is_later(row) else "earlier"
        elif change == "amount":
            kind = "more" if float(row["value"] or 0) > float(row["old_value"] or 0) else "less"
        return {
            "deal": row["name"] or row["deal_id"],
            "who": row["actor_name"] or row["owner_name"] or "–",
            "kind": WORDS[f"change_{kind}"].to(lang),
            "style": {"won": "up", "more": "up", "lost": "down", "later": "down", "less": "down"}.get(
                kind, ""
            ),
            "what": self._what(row),
            "amount": cell(row["amount"], self.unit, lang),
            "on": short_day(datetime.fromisoformat(row["at"]).date(), lang),
        }

    def _what(self, row: Answer) -> str:
        """From what to what."""
        before, after = row["old_value"], row["value"]
        if row["change"] in ("won", "lost", "created"):
            return row["note"] or ""
        if row["change"] == "amount":
            before, after = (
                self.unit.text(None if one is None else float(one), self.lang) for one in (before, after)
            )
        elif row["change"] == "expected_close_date":
            before, after = (_day(one, self.lang) for one in (before, after))
        return f"{before} → {after}"


def _is_later(row: Answer) -> bool:
    return (row["value"] or "")[:10] > (row["old_value"] or "")[:10]


def _day(value: str | None, lang: Language) -> str:
    return "–" if not value else short_day(date.fromisoformat(value[:10]), lang)


def people_of(scopes: Sequence[Answer], scope: str) -> list[dict[str, str]]:
    """The people of a scope, by the answer of /v1/scopes."""
    inside, found = {scope}, []
    for row in scopes:
        if row["parent"] in inside or row["scope"] == scope:
            inside.add(row["scope"])
            if row["kind"] == "person":
                person = row["scope"].partition(":")[2]
                found.append({"id": person, "name": row["name"] or person})
    return found
