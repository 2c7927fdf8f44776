"""Who reads a channel, and so which scope is it told about? A person about what that person may see now.

An admin is told about the company, who leads a team about that team, everybody else about his own deals and
goal. Who has left, or has moved, is not told what he was told before. Channels without a person (a room of a
team, say) are told about the scope that they were added with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.alerts import Channel
from models.forecast.organisation import COMPANY, ScopeTree

_NO_PERSON = Text(
    "担当者「{person_id}」は在籍していません。担当者（people）の表を確認してください。",
    "{person_id!r} is nobody who is active now; see the table of people.",
)
_NO_MAIL = Text(
    "担当者「{person_id}」のメールアドレスがありません。担当者（people）の表の email に登録してください。",
    "{person_id!r} has no e-mail address; add it to the table of people (email).",
)


@dataclass(frozen=True)
class Reader:
    """An active person: what that person may see, and the e-mail address, if it is known."""

    scope: str
    email: str | None


def readers(people: pd.DataFrame, organisation: ScopeTree, today: date) -> dict[str, Reader]:
    """The people who are active on a day, by id; `active_to` is the last day."""
    day, begun, ended = pd.Timestamp(today), people["active_from"], people["active_to"]
    is_active = ~((begun.notna() & (begun > day)) | (ended.notna() & (ended < day)))
    found = {}
    for record in people[is_active].to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        found[str(row["person_id"])] = Reader(_scope(row, organisation), _given(row, "email"))
    return found


def reader_of(found: Mapping[str, Reader], person_id: str, needs_mail: bool) -> Reader:
    """One of them; an error where there is none, or no address."""
    reader = found.get(person_id)
    if reader is None:
        raise SanchoError(_NO_PERSON.format(person_id=person_id), "unknown_person")
    if needs_mail and not reader.email:
        raise SanchoError(_NO_MAIL.format(person_id=person_id), "no_email")
    return reader


def scopes_told(
    channels: Sequence[Channel], found: Mapping[str, Reader], organisation: ScopeTree
) -> dict[str, str]:
    """About which scope each channel is told, by its id; those that are told nothing are left out."""
    known = set(organisation.scopes())
    told = {}
    for channel in channels:
        if channel.person_id is None:
            scope = channel.scope
        else:
            reader = found.get(channel.person_id)
            scope = None if reader is None else reader.scope
        if scope in known:
            told[channel.channel_id] = str(scope)
    return told


def _scope(row: Mapping[str, Any], organisation: ScopeTree) -> str:
    role, team = _given(row, "role"), _given(row, "leads_team_id")
    if role == "admin":
        return COMPANY
    if role in ("manager", None) and team in organisation.teams:
        return f"team:{team}"
    return f"person:{row['person_id']}"


def _given(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return None if value is None or value is pd.NA or value != value or value == "" else str(value)
