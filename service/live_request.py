"""Is the deal in a request sound, and what is it as arrays? Checked as an import is, where it need be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm.i18n import Text
from crm.instants import DAY, instant, iso
from crm.schema import ACTIVITY_KINDS
from features import History, compile_live_deal
from service.problems import RequestError
from service.schemas import ScoreRequest

_PLAIN_FIELDS = {"stage", "owner_id", "account_id", "product", "source", "name", "currency"}


def read_request(request: ScoreRequest, history: History, moment: int, zone: ZoneInfo) -> tuple[History, int]:
    """A request's deal as a history of its own that shares the organisation's past; when it was created."""
    deal: dict[str, Any] = request.deal.model_dump(exclude_none=True)  # type: ignore[attr-defined]
    events = [{"deal_id": deal["deal_id"], **row.model_dump(exclude_none=True)} for row in request.events]  # type: ignore[attr-defined]
    activities = [
        {"activity_id": f"sent-{at}", "deal_id": deal["deal_id"], **row.model_dump(exclude_none=True)}  # type: ignore[attr-defined]
        for at, row in enumerate(request.activities)
    ]
    account = None if request.account is None else request.account.model_dump(exclude_none=True)
    created = instant(deal["created_at"], zone)
    _belongs(deal, events, activities, account)
    if not _plainly_sound(deal, events, activities, account, moment, zone):
        _check(deal, events, activities, account, history, zone)
    if created >= moment:
        raise RequestError(
            Text(
                "商談の作成日時（{created}）が予測時点（{moment}）より後です。",
                "the deal was created at {created}, which is not before as_of {moment}.",
            ).format(created=iso(created, zone), moment=iso(moment, zone)),
            "created_after_as_of",
        )
    return compile_live_deal(history, deal, events, activities, account), created


def _belongs(deal: Mapping[str, Any], events: list[Any], activities: list[Any], account: Any) -> None:
    """Everything in a request is about its one deal."""
    own = deal["deal_id"]
    wrong = [
        (f"{table}.{at}.deal_id", Text(f"商談「{own}」の行ではありません。", f"is not about deal {own!r}."))
        for table, rows in (("events", events), ("activities", activities))
        for at, row in enumerate(rows)
        if row["deal_id"] != own
    ]
    if account is not None and deal.get("account_id") not in (None, account["account_id"]):
        wrong.append(
            (
                "account.account_id",
                Text("商談の account_id と一致しません。", "is not the account_id of the deal."),
            )
        )
    if wrong:
        raise _refused(wrong)


def _plainly_sound(
    deal: Mapping[str, Any],
    events: list[dict[str, Any]],
    activities: list[dict[str, Any]],
    account: Mapping[str, Any] | None,
    moment: int,
    zone: ZoneInfo,
) -> bool:
    """Whether nothing in the request could be a fault: then the full checks, which cost 20 ms, can be spared.

    Types, choices and signs are the request's own shape; what is left are rules between columns.
    """
    if {"closed_at", "outcome", "lost_reason"} & deal.keys():
        return False
    times = [deal["created_at"], *(row["at"] for row in events), *(row["at"] for row in activities)]
    if account is not None and "created_at" in account:
        times.append(account["created_at"])
    if any(instant(at, zone) > moment + DAY for at in times):
        return False
    if not all(row["field"] in _PLAIN_FIELDS for row in events):
        return False
    if not all(row["kind"] in ACTIVITY_KINDS for row in activities):
        return False
    return not any(
        "\0" in text for row in (deal, *events, *activities) for text in row.values() if isinstance(text, str)
    )


def _check(
    deal: Mapping[str, Any],
    events: list[dict[str, Any]],
    activities: list[dict[str, Any]],
    account: Mapping[str, Any] | None,
    history: History,
    zone: ZoneInfo,
) -> None:
    """The import's own checks; corrected values (a kind by its Japanese name) are put back."""
    from crm.importing import check_rows

    wrong = []
    parts: list[tuple[str, str, list[Any]]] = [
        ("deal", "deals", [deal]),
        ("events", "deal_events", events),
        ("activities", "activities", activities),
        ("account", "accounts", [] if account is None else [account]),
    ]
    outcomes = {
        str(stage): {1: "won", 0: "lost"}.get(int(code))
        for stage, code in zip(history.stages, history.deals.stages.outcome, strict=True)
    }
    for where, table, rows in parts:
        if not rows:
            continue
        texts = [{name: _text(value) for name, value in row.items()} for row in rows]
        frame, faults = check_rows(table, texts, zone, outcomes=outcomes)
        for fault in faults:
            place = where if where in ("deal", "account") else f"{where}.{(fault.line or 1) - 1}"
            wrong.append((f"{place}.{fault.column}" if fault.column else place, fault.reason))
        if table in ("deal_events", "activities") and not faults:
            for name in {"field", "value", "old_value", "kind"} & set(frame.columns):
                for row, value in zip(rows, frame[name], strict=True):
                    if isinstance(value, str):
                        row[name] = value
    if wrong:
        raise _refused(wrong)


def _refused(wrong: list[tuple[str, Text]]) -> RequestError:
    detail = Text(
        "{n}か所にエラーがあります。errors を確認してください。", "{n} fields are invalid; see errors."
    )
    return RequestError(detail.format(n=len(wrong)), "invalid_request", wrong)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
