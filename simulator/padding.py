"""What if a seller pads a KPI? Rows that nothing follows are added to a world's tables, and remembered.

As many rows are added as the seller has of that kind in the period: its volume doubles, as far as there is
room (a deal's stage can only be moved forward and back while it rests in a stage). No other row changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from simulator import catalog as c

_DAY = np.timedelta64(86_400, "s")
_SLOT_DAYS = 4  # that a stage moved forward and back takes at most
_END_DAYS = 3  # last days of a month in which a close date is pushed


@dataclass(frozen=True)
class Padding:
    """Who pads what, and when: from `first` to `last`, both included."""

    kind: str
    person_id: str
    first: date
    last: date


@dataclass(frozen=True)
class Padded:
    """Tables with planted rows; `ids`: of the activities or deals that were added or touched."""

    tables: Mapping[str, Any]
    padding: Padding
    ids: tuple[str, ...]


def pad(tables: Mapping[str, Any], padding: Padding, rng: np.random.Generator) -> Padded:
    """The tables of `crm_tables` with one KPI of one seller doubled by rows that nothing follows."""
    if padding.kind not in _PLANTED:
        raise ValueError(f"kind: expected one of {', '.join(_PLANTED)}, got {padding.kind!r}")
    added, ids = _PLANTED[padding.kind](tables, padding, rng)
    return Padded({**tables, **added}, padding, tuple(str(name) for name in ids))


def _activities(kind: str, outcome: str, effective: bool | None) -> Callable[..., Any]:
    """Copies of the seller's own activities of a kind, each soon after the one it copies."""

    def planted(tables: Mapping[str, Any], padding: Padding, rng: np.random.Generator) -> Any:
        acts = tables["activities"]
        own = acts[
            (acts["kind"] == kind)
            & (acts["actor_id"] == padding.person_id)
            & (acts["direction"] == "out")
            & _within(acts["at"], padding)
        ]
        # The same working hours: some minutes later.
        later = rng.integers(5, 90, len(own)).astype("timedelta64[m]")
        rows = own.assign(
            activity_id=[f"X{number:08d}" for number in range(len(own))],
            at=(own["at"].to_numpy("datetime64[s]") + later).astype("datetime64[s]"),
            outcome=outcome,
            effective=effective,
            minutes=1,
            material=None,
        )
        grown = pd.concat([acts, rows.astype(acts.dtypes.to_dict())]).sort_values("at", kind="stable")
        return {"activities": grown.reset_index(drop=True)}, rows["activity_id"]

    return planted


def _new_deals(tables: Mapping[str, Any], padding: Padding, rng: np.random.Generator) -> Any:
    """Deals that look like earlier ones of the seller, and are never touched."""
    deals, events = tables["deals"], tables["deal_events"]
    own = deals[(deals["owner_id"] == padding.person_id)]
    count = int(_within(own["created_at"], padding).sum())
    like = own.iloc[rng.integers(0, max(len(own), 1), count)]
    span = (padding.last - padding.first).days + 1
    at = np.datetime64(padding.first, "s") + (rng.integers(0, span, count) * _DAY)
    at = at + rng.integers(9 * 3600, 18 * 3600, count).astype("timedelta64[s]")
    ids = [f"X{number:07d}" for number in range(count)]
    ends = dict.fromkeys(("closed_at", "outcome", "lost_reason", "受注理由", "競合受注"))
    due = (at + rng.integers(40, 90, count) * _DAY).astype("datetime64[D]").astype("datetime64[s]")
    rows = like.assign(
        deal_id=ids, created_at=at, stage=c.STAGES[c.LEAD], expected_close_date=due, **{"確度": "10%"}, **ends
    )
    values = (
        ("stage", rows["stage"]),
        ("owner_id", rows["owner_id"]),
        ("expected_close_date", [str(day)[:10] for day in due]),
    )
    entered = [
        {"deal_id": name, "at": when, "field": field, "value": value, "actor_id": padding.person_id}
        for field, each in values
        for name, when, value in zip(ids, at, each, strict=True)
    ]
    grown = pd.concat([deals, rows.astype(deals.dtypes.to_dict())], ignore_index=True)
    return {"deals": grown, "deal_events": _with_events(events, entered)}, ids


def _stage_moves(tables: Mapping[str, Any], padding: Padding, rng: np.random.Generator) -> Any:
    """Deals at rest in a stage are moved to the next one, and back some days later."""
    events, position = tables["deal_events"], {name: at for at, name in enumerate(c.STAGES)}
    moves = events[(events["field"] == "stage")].sort_values(["deal_id", "at"], kind="stable")
    place = moves["value"].map(position).to_numpy(float)
    was = moves["old_value"].map(position).to_numpy(float)
    mine = (moves["actor_id"] == padding.person_id).to_numpy()
    forward = mine & (place > was) & (place < c.WON_STAGE) & (was < c.WON_STAGE)
    count = int((forward & _within(moves["at"], padding).to_numpy()).sum())
    begins, ends = _rests(moves, padding)
    slots = []
    for row in np.flatnonzero(mine & (place < c.CLOSING)):
        first = begins[row]
        while first + _SLOT_DAYS * _DAY <= ends[row]:
            slots.append((row, first))
            first = first + _SLOT_DAYS * _DAY
    chosen = rng.permutation(len(slots))[:count]
    entered, ids = [], []
    for row, first in (slots[one] for one in chosen):
        deal, stage = moves["deal_id"].iloc[row], int(place[row])
        there = first + rng.integers(3600, 80_000) * np.timedelta64(1, "s")
        back = first + rng.integers(100_000, 340_000) * np.timedelta64(1, "s")
        for at, to, before in ((there, stage + 1, stage), (back, stage, stage + 1)):
            entered.append(
                {
                    "deal_id": deal,
                    "at": at,
                    "field": "stage",
                    "value": c.STAGES[to],
                    "old_value": c.STAGES[before],
                    "actor_id": padding.person_id,
                }
            )
        ids.append(deal)
    return {"deal_events": _with_events(events, entered)}, ids


def _due_deals(tables: Mapping[str, Any], padding: Padding, rng: np.random.Generator) -> Any:
    """Deals due later are dated into the month, and back in its last days."""
    events, deals = tables["deal_events"], tables["deals"].set_index("deal_id")
    changes = events[(events["field"] == "expected_close_date")].sort_values(["deal_id", "at"], kind="stable")
    begins, ends = _rests(changes, None)
    closed = deals["closed_at"].reindex(changes["deal_id"]).to_numpy("datetime64[s]")
    ends = np.where(np.isnat(closed), ends, np.minimum(ends, closed))
    mine = (deals["owner_id"].reindex(changes["deal_id"]) == padding.person_id).to_numpy()
    due = pd.to_datetime(changes["value"]).to_numpy("datetime64[M]")
    entered, ids = [], []
    for month in np.unique(_days(padding).astype("datetime64[M]")):
        end = (month + 1).astype("datetime64[D]").astype("datetime64[s]")
        # Those due in the month when its last days begin; only those that stay as they are can be moved.
        count = int((mine & (due == month) & (begins < end - 5 * _DAY) & (ends > end - 5 * _DAY)).sum())
        free = np.flatnonzero(mine & (due > month) & (begins < end - 8 * _DAY) & (ends > end))
        for row in rng.permutation(free)[:count]:
            deal, day = changes["deal_id"].iloc[row], changes["value"].iloc[row]
            into = str((end - _DAY).astype("datetime64[D]"))
            earliest = max(begins[row], month.astype("datetime64[s]"))
            room = int((end - 7 * _DAY - earliest) / np.timedelta64(1, "s"))
            there = earliest + rng.integers(1, room) * np.timedelta64(1, "s")
            back = end - rng.integers(3600, _END_DAYS * 86_400) * np.timedelta64(1, "s")
            for at, to, before in ((there, into, day), (back, day, into)):
                entered.append(
                    {
                        "deal_id": deal,
                        "at": at,
                        "field": "expected_close_date",
                        "value": to,
                        "old_value": before,
                        "actor_id": padding.person_id,
                    }
                )
            ids.append(deal)
    return {"deal_events": _with_events(events, entered)}, ids


_PLANTED: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "calls": _activities("call", "不在", None),
        "visits": _activities("visit", "保留", False),
        "new_deals": _new_deals,
        "stage_moves": _stage_moves,
        "due_deals": _due_deals,
    }
)
PADDED = tuple(_PLANTED)
"""What can be padded."""


def _within(times: Any, padding: Padding) -> Any:
    first, last = np.datetime64(padding.first, "s"), np.datetime64(padding.last + timedelta(days=1), "s")
    return (times >= first) & (times < last)


def _days(padding: Padding) -> Any:
    return np.arange(np.datetime64(padding.first), np.datetime64(padding.last) + 1)


def _rests(changes: Any, padding: Padding | None) -> tuple[Any, Any]:
    """From when to when each change stood until the deal's next one, within the period if there is one."""
    at = changes["at"].to_numpy("datetime64[s]")
    deal = changes["deal_id"].to_numpy(object)
    far = np.datetime64("2200-01-01", "s")
    following = np.append(deal[1:], [None]) == deal
    ends = np.where(following, np.append(at[1:], far), far)
    if padding is None:
        return at, ends
    first, last = np.datetime64(padding.first, "s"), np.datetime64(padding.last + timedelta(days=1), "s")
    return np.maximum(at, first), np.minimum(ends, last)


def _with_events(events: Any, entered: list[dict[str, Any]]) -> Any:
    """The events with others, ordered by time."""
    if not entered:
        return events
    rows = pd.DataFrame(entered, columns=list(events.columns))
    rows["at"] = rows["at"].astype(events["at"].dtype)
    return pd.concat([events, rows]).sort_values("at", kind="stable").reset_index(drop=True)
