"""What has happened to a deal, as lanes on one axis of time?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from crm.i18n import Language, Text
from pictures.fan import day_words
from pictures.timeline import Lane, Mark, Stretch, Timeline
from service.language import known_day, money_text
from service.pages.deal.words import WORDS

Answer = Mapping[str, Any]
_OWN_LANES = ("stage", "amount", "expected_close_date")


def timeline_of(answer: Answer, currency: str, lang: Language) -> Timeline | None:
    """The timeline of a deal; None where nothing is known of it."""
    entries: Sequence[Answer] = answer["entries"][::-1]
    if not entries:
        return None
    first = _day(entries[0])
    closed = next((one for one in entries if one["kind"] == "closed"), None)
    ended = answer["closed_at"]
    last = max(
        known_day(answer["as_of"]) if ended is None else date.fromisoformat(ended[:10]), _day(entries[-1])
    )

    def changes(field: str) -> list[Answer]:
        return [one for one in entries if one["kind"] == "changed" and one["field"] == field]

    others = [one for one in entries if one["kind"] == "changed" and one["field"] not in _OWN_LANES]
    lanes = (
        Lane(WORDS["lane_stage"], _stages(changes("stage"), first, last), _closings(closed)),
        Lane(WORDS["lane_amount"], marks=[_amount(one, currency, lang) for one in changes("amount")]),
        Lane(WORDS["lane_planned"], marks=[_planned(one) for one in changes("expected_close_date")]),
        Lane(WORDS["lane_fields"], marks=[Mark(_day(one), _told(one, one["label"])) for one in others]),
        Lane(
            WORDS["lane_activities"], marks=[_activity(one) for one in entries if one["kind"] == "activity"]
        ),
        Lane(WORDS["lane_actions"], marks=[_action(one) for one in answer["outcomes"]]),
    )
    return Timeline(
        name="timeline",
        title=WORDS["timeline_title"],
        lanes=[lane for lane in lanes if len(lane)],
        first=first,
        last=last,
    )


def _stages(changes: Sequence[Answer], first: date, last: date) -> list[Stretch]:
    """From each change of the stage to the next one; before the first, the stage that it changed from."""
    stretches = []
    if changes and changes[0]["old_value"] and _day(changes[0]) > first:
        stretches.append(Stretch(first, _day(changes[0]), _both(changes[0]["old_value"])))
    for one, following in zip(changes, [*changes[1:], None], strict=False):
        end = last if following is None else _day(following)
        stretches.append(Stretch(_day(one), end, _both(one["value"] or "–")))
    return stretches


def _closings(closed: Answer | None) -> list[Mark]:
    if closed is None:
        return []
    told = WORDS["closed"].format(outcome=closed["label"])
    if closed["note"]:
        told = WORDS["named"].format(what=told, more=closed["note"])
    return [Mark(_day(closed), told, is_bad=closed["value"] == "lost")]


def _amount(change: Answer, currency: str, lang: Language) -> Mark:
    old, new = _number(change["old_value"]), _number(change["value"])
    words = [
        _both("–" if value is None else money_text(value, currency, lang, short=True)) for value in (old, new)
    ]
    is_less = old is not None and new is not None and new < old
    return Mark(_day(change), _by(change, _from_to(old is not None, *words)), words[1], is_less)


def _planned(change: Answer) -> Mark:
    old, new = (None if not change[name] else change[name][:10] for name in ("old_value", "value"))
    words = [_both("–" if day is None else day_words(date.fromisoformat(day))) for day in (old, new)]
    is_later = old is not None and new is not None and new > old
    return Mark(_day(change), _by(change, _from_to(old is not None, *words)), words[1], is_later)


def _told(change: Answer, what: str) -> Text:
    """A change of any other field, with its old and new value, by name where it is an id."""
    old, new = (change[f"{name}_name"] or change[name] for name in ("old_value", "value"))
    more = _from_to(bool(old), _both(old or "–"), _both(new or "–"))
    return _by(change, WORDS["named"].format(what=what, more=more))


def _activity(entry: Answer) -> Mark:
    told = _both(entry["label"])
    if entry["note"] and entry["note"] != entry["label"]:
        told = WORDS["named"].format(what=told, more=entry["note"])
    return Mark(_day(entry), _by(entry, told))


def _action(outcome: Answer) -> Mark:
    told = WORDS[f"told_{outcome['state']}"].format(
        day=day_words(_day(outcome)), reason=outcome["reason"] or "–"
    )
    return Mark(_day(outcome), WORDS["named"].format(what=outcome["label"], more=told))


def _from_to(had_value: bool, old: Text, new: Text) -> Text:
    return WORDS["from_to"].format(old=old, new=new) if had_value else new


def _by(entry: Answer, what: Text) -> Text:
    """What happened, and who did it where that is recorded and seen."""
    who = entry["actor_name"] or entry["actor_id"]
    return WORDS["by"].format(what=what, who=who) if who else what


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _day(entry: Answer) -> date:
    """The day of an entry by the organisation's clock, in which the answer writes it."""
    return date.fromisoformat(entry["at"][:10])


def _both(words: str) -> Text:
    """Words that are already in the reader's language, or names."""
    return Text(words, words)
