"""Is the deal in a request valid, and what are its arrays? It is checked like an import where needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from crm.i18n import Text
from crm.instants import DAY, NEVER, instant, is_within_years, iso
from crm.schema import DEAL_TYPES, TABLES, VERSION_COLUMNS, Kind
from features import DealStates, History, compile_live_deal, deal_states
from features.live_deal import micros_of
from service.messages import sent_closed_deal, sent_in_closing_stage
from service.request_error import RequestError

if TYPE_CHECKING:
    from service.schemas import ScoreRequest

Row = dict[str, Any]

_PLAIN_FIELDS = {"stage", "owner_id", "account_id", "product", "source", "name", "currency"}
_PLAIN_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2})?")  # has one meaning, whatever else a column holds
_PLAIN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_TEXT = re.compile("[\0\N{OBJECT REPLACEMENT CHARACTER}]")
_DIGITS = frozenset("0123456789")
_NAMES = 1_000  # fields, and sets of columns, whose meaning is kept


class SentDeal(NamedTuple):
    """A deal of a request: a history of its own, when it was created, and what was known at the moment."""

    history: History
    created: int
    stated: DealStates


def read_request(
    request: ScoreRequest, history: History, moment: int, zone: ZoneInfo, rate: float = 1.0
) -> SentDeal:
    """The deal of a request as a history of its own that shares the organisation's past.

    `rate`: units of the organisation's currency for one of the deal's, NaN = unknown. A deal that has ended
    by the moment is refused (`deal_closed`), as a stored one is.
    """
    sent = request.model_dump(exclude_none=True)
    deal: Row = sent["deal"]
    events: list[Row] = [{"deal_id": deal["deal_id"], **row} for row in sent["events"]]
    activities: list[Row] = [
        {"activity_id": f"sent-{at}", "deal_id": deal["deal_id"], **row}
        for at, row in enumerate(sent["activities"])
    ]
    account: Row | None = sent.get("account")
    created = instant(deal["created_at"], zone)
    _check_references(deal, events, activities, account)
    if not _needs_no_check(deal, events, activities, account, moment, zone):
        _check(deal, events, activities, account, history, zone)
    if created >= moment:
        raise RequestError(
            Text(
                "商談の作成日時（{created}）が予測時点（{moment}）より後です。",
                "the deal was created at {created}, which is not before as_of {moment}.",
            ).format(created=iso(created, zone), moment=iso(moment, zone)),
            "created_after_as_of",
        )
    if rate != 1.0:
        _convert(deal, events, rate)
    ending = _endings(history).get(deal["stage"])
    if ending is not None and "closed_at" in deal:
        deal.setdefault("outcome", ending)
    elif ending is not None and not _has_event_into(deal["stage"], events):
        raise RequestError(sent_in_closing_stage(deal["deal_id"], deal["stage"]), "deal_closed")
    deal_history = compile_live_deal(history, deal, events, activities, account, zone)
    stated = deal_states(deal_history, np.zeros(1, np.int64), np.array([moment]))
    outcome = int(stated.status[0])
    if outcome >= 0:
        closed = int(deal_history.closed[0])
        raise RequestError(
            sent_closed_deal(deal["deal_id"], outcome == 1, closed if closed != NEVER else created, zone),
            "deal_closed",
        )
    return SentDeal(deal_history, created, stated)


def _convert(deal: dict[str, Any], events: list[dict[str, Any]], rate: float) -> None:
    """Turns the amounts of a request into the organisation's currency."""
    amounts = [(deal, "amount")]
    amounts += [(row, name) for row in events if row["field"] == "amount" for name in ("value", "old_value")]
    for row, name in amounts:
        if row.get(name) not in (None, ""):
            row[name] = float(row[name]) * rate


def _check_references(
    deal: Mapping[str, Any],
    events: list[dict[str, Any]],
    activities: list[dict[str, Any]],
    account: Mapping[str, Any] | None,
) -> None:
    """Raises where a row of the request is about another deal."""
    deal_id = deal["deal_id"]
    wrong = [
        (
            f"{table}.{at}.deal_id",
            Text(f"商談「{deal_id}」の行ではありません。", f"is not about deal {deal_id!r}."),
        )
        for table, rows in (("events", events), ("activities", activities))
        for at, row in enumerate(rows)
        if row["deal_id"] != deal_id
    ]
    if account is not None and deal.get("account_id") not in (None, account["account_id"]):
        wrong.append(
            (
                "account.account_id",
                Text("商談の account_id と一致しません。", "is not the account_id of the deal."),
            )
        )
    if wrong:
        raise _invalid(wrong)


def _needs_no_check(
    deal: Row,
    events: list[Row],
    activities: list[Row],
    account: Row | None,
    moment: int,
    zone: ZoneInfo,
) -> bool:
    """Whether the full checks, which take 50 ms, could neither find an error nor change a value.

    The schema has checked types, choices and signs; what is left are rules between columns, and values of
    events, whose kind depends on their field. Activities get the known kinds for their names.
    """
    if {"closed_at", "outcome", "lost_reason"} & deal.keys():
        return False
    rows = [deal] if account is None else [deal, account]
    days = [value for row in rows for value in row.values() if isinstance(value, date)]
    times = [row["at"] for row in (*events, *activities)]
    if not all(map(is_within_years, (*days, *times))):
        return False
    known_until = moment + DAY
    made = [row["created_at"] for row in rows if "created_at" in row]
    instants = [micros_of(at, zone) for at in times]
    if max([*instants, *(micros_of(at, zone) for at in made)]) > known_until:
        return False
    if not all(map(_is_plain_event, events)):
        return False
    tables = {"deals": [deal], "deal_events": events, "activities": activities}
    tables["accounts"] = [] if account is None else [account]
    if not _texts_are_sound(tables) or not all(_is_named_kind(row["kind"]) for row in activities):
        return False
    for row, at in zip((*events, *activities), instants, strict=True):
        row["at"] = at
    for row in activities:
        row["kind"] = _kind_named(row["kind"])
    return True


def _is_plain_event(row: Row) -> bool:
    """Whether an event's values mean what they say, under a field that is called so."""
    field, is_sound = row["field"], _PLAIN_VALUES.get(row["field"])
    if field in _PLAIN_FIELDS:
        return True
    if is_sound is None:
        return _is_own_field(field)
    return all(row.get(name) is None or is_sound(row[name]) for name in ("value", "old_value"))


def _is_plain_day(text: str) -> bool:
    if not _PLAIN_DAY.fullmatch(text):
        return False
    try:
        return is_within_years(date.fromisoformat(text))
    except ValueError:
        return False


# Of events whose field is no text: which values are written as they are stored.
_PLAIN_VALUES: Mapping[str, Callable[[str], object]] = {
    "amount": _PLAIN_NUMBER.fullmatch,
    "expected_close_date": _is_plain_day,
    "deal_type": DEAL_TYPES.__contains__,
}


@lru_cache(_NAMES)
def _is_own_field(name: str) -> bool:
    """Whether a field of events is an attribute of the company's own, under this very name."""
    from crm.importing.columns import fields

    return name not in TABLES["deals"].by_name and name == name.strip() and name not in fields([name])[0]


@lru_cache(_NAMES)
def _are_own_columns(table: str, names: tuple[str, ...]) -> bool:
    """Whether further columns of a table are attributes of the company's own, under these very names."""
    from crm.importing.columns import headings

    schema = TABLES[table]
    meant = headings(schema, [*schema.key, *names])
    return meant.problem is None and all(
        name not in VERSION_COLUMNS and meant.names.get(name) == name for name in names
    )


def _texts_are_sound(tables: Mapping[str, list[Row]]) -> bool:
    """Whether no text holds a character that stands for none, and no id or code has lost its digits."""
    short = _short_form()
    texts: list[str] = []
    for table, rows in tables.items():
        codes, fixed = _codes(table), TABLES[table].by_name if TABLES[table].custom else None
        for row in rows:
            if fixed is not None and not row.keys() <= fixed.keys():
                own = tuple(name for name in row if name not in fixed)
                if not _are_own_columns(table, own):
                    return False
            for name in codes.intersection(row):
                value = row[name]
                if type(value) is str and value[:1] in _DIGITS and short.match(value):
                    return False
            texts += [value for value in row.values() if type(value) is str]
    return _NO_TEXT.search("\n".join(texts)) is None


@cache
def _codes(table: str) -> frozenset[str]:
    kinds = (Kind.ID,) if table == "deal_events" else (Kind.ID, Kind.CODE)
    return frozenset(column.name for column in TABLES[table].columns if column.kind in kinds)


@cache
def _short_form() -> re.Pattern[str]:
    from crm.importing.checked_rows import SHORT_FORM

    return re.compile(SHORT_FORM)


def _is_named_kind(kind: str) -> bool:
    return bool(kind) and kind == kind.strip()


@lru_cache(_NAMES)
def _kind_named(text: str) -> str:
    from crm.importing.row_checks import kind_named

    return kind_named(text)


def _check(
    deal: Row,
    events: list[Row],
    activities: list[Row],
    account: Row | None,
    history: History,
    zone: ZoneInfo,
) -> None:
    """Runs the importer's checks; its corrected values (a kind by its Japanese name) replace those sent."""
    from crm.importing import check_rows

    wrong = []
    parts: list[tuple[str, str, list[dict[str, Any]]]] = [
        ("deal", "deals", [dict(deal)]),
        ("events", "deal_events", events),
        ("activities", "activities", activities),
        ("account", "accounts", [] if account is None else [dict(account)]),
    ]
    outcomes = _endings(history)
    for where, table, rows in parts:
        if not rows:
            continue
        texts = [{name: _text(value) for name, value in row.items()} for row in rows]
        frame, errors = check_rows(table, texts, zone, outcomes=outcomes)
        for error in errors:
            location = where if where in ("deal", "account") else f"{where}.{(error.line or 1) - 1}"
            wrong.append((f"{location}.{error.column}" if error.column else location, error.reason))
        if table in ("deal_events", "activities") and not errors:
            for name in {"field", "value", "old_value", "kind"} & set(frame.columns):
                for row, value in zip(rows, frame[name], strict=True):
                    if isinstance(value, str):
                        row[name] = value
    if wrong:
        raise _invalid(wrong)


def _endings(history: History) -> dict[str, str | None]:
    """The outcome that each of the organisation's stages means; None where deals in it are open."""
    return {
        str(stage): {1: "won", 0: "lost"}.get(int(code))
        for stage, code in zip(history.stages, history.deals.stages.outcome, strict=True)
    }


def _has_event_into(stage: str, events: list[dict[str, Any]]) -> bool:
    """Whether an event says when the deal moved to a stage."""
    return any(row["field"] == "stage" and row["value"] == stage for row in events)


def _invalid(wrong: list[tuple[str, Text]]) -> RequestError:
    detail = Text(
        "{n}か所にエラーがあります。errors を確認してください。", "{n} fields are invalid; see errors."
    )
    return RequestError(detail.format(n=len(wrong)), "invalid_request", wrong)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
