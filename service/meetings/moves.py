"""What has changed in deals within some days? Won, lost, new, and who moved a stage, an amount, a date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import DAY, NEVER, iso
from crm.schema import OBSERVER, OUTCOMES
from service.frame_cells import text_or_none
from service.names import Names

CREATED = "created"
FIELDS = ("stage", "amount", "expected_close_date")
PUSHED_BACK = "pushed_back"
CHANGES = (*OUTCOMES, *FIELDS, CREATED)
QUIET_DAYS = 21  # without an activity or change, after which an open deal is named
_MOST_QUIET = 5
Deal = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """What was known at `until`, and since when one asks; `owners`: ids of people, None = unassigned too."""

    known: EventLog
    since: int
    until: int
    owners: Collection[str | None]
    may_see: Callable[[str], bool]
    zone: ZoneInfo
    names: Names

    def deals(self) -> pd.DataFrame:
        """The deals that the people own."""
        deals = self.known["deals"]
        owner = deals["owner_id"]
        own = owner.isin([one for one in self.owners if one is not None])
        if None in self.owners:
            own |= owner.isna() | (owner == "")
        found = deals[own.to_numpy(bool)]
        return found[np.array([self.may_see(str(deal_id)) for deal_id in found["deal_id"]], bool)]


def moves(window: Window) -> list[dict[str, Any]]:
    """What changed, a row for each deal and kind of change: from its first value to its last.

    In the order of CHANGES, the largest deals first.
    """
    deals = window.deals()
    rows = [*_ended_and_created(window, deals), *_changed(window, deals)]
    order = {change: place for place, change in enumerate(CHANGES)}
    rows.sort(key=lambda row: (order[row["change"]], *_by_amount(row)))
    return window.names.with_deals(
        {**row, "at": iso(row["at"], window.zone), "owner_name": window.names.person(row["owner_id"])}
        for row in rows
    )


def counts(rows: Collection[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows there are of each kind of change, and how many deals were pushed back."""
    found = Counter(row["change"] for row in rows)
    later = sum(
        row["change"] == "expected_close_date" and (row["value"] or "")[:10] > (row["old_value"] or "")[:10]
        for row in rows
    )
    return {**{change: found[change] for change in CHANGES}, PUSHED_BACK: later}


def largest(rows: Collection[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """The first rows of each kind of change, in their order."""
    found: Counter[str] = Counter()
    kept = []
    for row in rows:
        found[row["change"]] += 1
        if found[row["change"]] <= most:
            kept.append(row)
    return kept


def quiet_deals(window: Window) -> list[dict[str, Any]]:
    """The largest open deals of which nothing was recorded for weeks: no activity, no change."""
    deals = window.deals()
    deals = deals[micros(deals["closed_at"]) == NEVER]
    ids = pd.Index(deals["deal_id"])
    last = micros(deals["created_at"]).copy()
    for table in ("activities", "deal_events"):
        rows = window.known[table]
        place = codes_in(rows["deal_id"], ids)
        np.maximum.at(last, place[place >= 0], micros(rows["at"])[place >= 0])
    days = (window.until - last) // DAY
    found = [
        {
            "deal_id": str(deal["deal_id"]),
            "owner_id": text_or_none(deal["owner_id"]),
            "amount": _number(deal["amount"]),
            "stage": text_or_none(deal["stage"]),
            "quiet_days": int(silent),
        }
        for deal, silent in zip(_records(deals[days >= QUIET_DAYS]), days[days >= QUIET_DAYS], strict=True)
    ]
    found.sort(key=_by_amount)
    return window.names.with_deals(found[:_MOST_QUIET])


def _ended_and_created(window: Window, deals: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for column in ("closed_at", "created_at"):
        at = micros(deals[column])
        within = (at >= window.since) & (at < window.until)
        for deal, when in zip(_records(deals[within]), at[within].tolist(), strict=True):
            outcome = text_or_none(deal["outcome"])
            if column == "created_at":
                rows.append(_row(deal, CREATED, when))
            elif outcome in OUTCOMES:
                rows.append(_row(deal, outcome, when, note=text_or_none(deal["lost_reason"])))
    return rows


def _changed(window: Window, deals: pd.DataFrame) -> list[dict[str, Any]]:
    events = window.known["deal_events"]
    at = micros(events["at"])
    wanted = (at >= window.since) & (at < window.until) & events["field"].isin(FIELDS).to_numpy(bool)
    wanted &= codes_in(events["deal_id"], pd.Index(deals["deal_id"])) >= 0
    changes: dict[tuple[str, str], list[Deal]] = {}
    for when, event in zip(at[wanted].tolist(), _records(events[wanted]), strict=True):
        changes.setdefault((event["deal_id"], event["field"]), []).append({**event, "at": when})
    about = {deal_id for deal_id, _ in changes}
    of_id = {deal["deal_id"]: deal for deal in _records(deals[deals["deal_id"].isin(about).to_numpy(bool)])}
    ended = {deal_id for deal_id, deal in of_id.items() if _is_within(window, deal["closed_at"])}
    rows = []
    for (deal_id, name), found in changes.items():
        if name == "stage" and deal_id in ended:
            continue  # that it was won or lost says so
        found.sort(key=lambda one: int(one["at"]))
        before, after, actor = (
            text_or_none(value)
            for value in (found[0]["old_value"], found[-1]["value"], found[-1]["actor_id"])
        )
        if before is not None and before != after:  # what it was from the beginning is no change
            who = None if actor == OBSERVER else actor
            by = {"actor_id": who, "actor_name": window.names.person(who)}
            rows.append(
                {**_row(of_id[deal_id], name, found[-1]["at"]), "old_value": before, "value": after, **by}
            )
    return rows


def _is_within(window: Window, at: Any) -> bool:
    return not pd.isna(at) and window.since <= at.value // 1000 < window.until


def _by_amount(row: Mapping[str, Any]) -> tuple[float, str]:
    return -(row["amount"] or 0.0), row["deal_id"]


def _records(frame: pd.DataFrame) -> list[Deal]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _row(deal: Deal, change: str, at: int, *, note: str | None = None) -> dict[str, Any]:
    return {
        "deal_id": str(deal["deal_id"]),
        "owner_id": text_or_none(deal["owner_id"]),
        "change": change,
        "at": at,
        "old_value": None,
        "value": None,
        "note": note,
        "amount": _number(deal["amount"]),
        "actor_id": None,
        "actor_name": None,
    }


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
