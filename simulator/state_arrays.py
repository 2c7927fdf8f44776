"""Which state do a deal, lead, contract, seat and market carry from one day to the next?

One structured array per kind of unit; compiled functions write to its elements. `world` says which replay an
element belongs to (0 in the history itself). Days count from the world's first day; FAR = not yet;
`sec` are seconds since midnight; amounts are JPY. `Day` hands the arrays of one day to compiled functions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FAR = np.int64(-99_999)
"""A day that has not come yet."""
Int = int | np.int64
Rows = Any
"""A structured array; compiled functions read and write the fields of its elements as attributes."""

DEAL = np.dtype(
    [
        # who and what
        ("uid", "u8"),  # unit of its random stream
        ("world", "i4"),
        ("serial", "i4"),  # number in the log; -1 for deals created in a replay
        ("seat", "i4"),
        ("account", "i4"),
        ("lead", "i4"),  # the lead's number in the log, -1 = none
        ("contract", "i4"),  # renewals: the contract's number in the log
        ("due", "i4"),  # renewals: the day the contract ends
        ("day0", "i4"),
        ("sec0", "i4"),
        ("product", "i1"),
        ("source", "i1"),
        ("kind", "i1"),
        ("industry", "i1"),
        ("size", "i1"),
        ("stage", "i1"),
        ("first_stage", "i1"),
        ("status", "i1"),
        # latent: in no CRM
        ("need", "f4"),
        ("interest", "f4"),
        ("boost", "f4"),  # what sellers' actions added
        ("rival", "f4"),  # strength of a competitor, 0 = none
        ("power", "f4"),  # access to the decision maker
        ("urgency", "f4"),
        ("feel", "f4"),  # the seller's feeling about the customer's interest
        ("price", "f4"),  # what the customer would pay
        ("budget", "i1"),
        ("champion", "i1"),
        ("dead", "i1"),  # the customer has decided against it, silently
        ("doomed", "i1"),  # a planted bottleneck has made it unwinnable
        ("crossed", "i2"),  # one bit per planted bottleneck: the deal has exceeded its threshold
        ("cause", "i1"),  # true reason of the loss
        # what has been done so far
        ("last_out", "i4"),
        ("last_two_way", "i4"),
        ("momentum", "f4"),  # decayed count of real conversations
        ("inbound", "f4"),  # decayed count of the customer's own contacts
        ("done", "i4"),  # one bit per action: done at least once
        ("next_visit", "i4"),
        ("return_on", "i4"),  # RESTING: the day it is reopened
        # recorded
        ("since", "i4"),  # day of the last change of stage
        ("e_appointment", "i4"),
        ("e_visit", "i4"),
        ("e_proposal", "i4"),
        ("e_closing", "i4"),
        ("amount", "i4"),  # -1 = not entered yet
        ("amount0", "i4"),
        ("close", "i4"),
        ("close0", "i4"),
        ("pushes", "i4"),
        ("closed_day", "i4"),
        ("closed_sec", "i4"),
        ("owner", "i4"),  # person's number
        ("rival_seen", "i1"),
        ("budget_seen", "i1"),
        ("power_seen", "i1"),
        ("timing_seen", "i1"),
        ("certainty", "i1"),
        ("reason", "i1"),
        # today
        ("clock", "i4"),
        ("ticks", "i4"),
        # interventions
        ("force", "i1"),
        ("force_until", "i4"),
        ("forbid", "i1"),
        ("forbid_until", "i4"),
    ],
    align=True,
)

LEAD = np.dtype(
    [
        ("uid", "u8"),
        ("world", "i4"),
        ("serial", "i4"),
        ("seat", "i4"),
        ("account", "i4"),
        ("day0", "i4"),
        ("sec0", "i4"),
        ("contacted", "i4"),
        ("source", "i1"),
        ("status", "i1"),  # 0 in progress, 1 became a deal, 2 disqualified
        ("tries", "i2"),
        ("interest", "f4"),
    ],
    align=True,
)

CONTRACT = np.dtype(
    [
        ("uid", "u8"),
        ("world", "i4"),
        ("serial", "i4"),
        ("account", "i4"),
        ("started", "i4"),
        ("due", "i4"),
        ("monthly", "i4"),
        ("product", "i1"),
        ("kind", "i1"),
        ("status", "i1"),  # 0 running, 1 ended, 2 being renewed by a deal
        ("content", "f4"),  # the customer's contentment
    ],
    align=True,
)

SEAT = np.dtype(
    [
        ("uid", "u8"),  # unit of the person's random stream
        ("person", "i4"),  # number, -1 = vacant
        ("team", "i4"),
        ("style", "i4"),
        ("manager", "i4"),  # seat of the superior
        ("opens", "i4"),
        ("hired", "i4"),
        ("skill", "f4"),
        ("diligence", "f4"),
        ("pace", "f4"),
        ("optimism", "f4"),
        ("tidy", "f4"),
        ("tact", "f4"),
        ("discount", "f4"),
        ("busy", "f4"),
    ],
    align=True,
)

PERSON = np.dtype(
    [
        ("uid", "u8"),
        ("seat", "i4"),
        ("team", "i4"),
        ("style", "i4"),
        ("start", "i4"),
        ("end", "i4"),  # FAR = still there
        ("skill", "f4"),
        ("diligence", "f4"),
        ("pace", "f4"),
        ("optimism", "f4"),
        ("tidy", "f4"),
        ("tact", "f4"),
        ("discount", "f4"),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("uid", "u8"),
        ("industry", "i4"),
        ("size", "i4"),
        ("employees", "i4"),
        ("region", "i4"),
        ("affinity", "f4"),
    ],
    align=True,
)

MARKET = np.dtype([("key", "u8"), ("level", "f8"), ("inflow", "f8"), ("moods", "f8")], align=True)

BOTTLENECK = np.dtype(
    [
        ("interval", "i4"),  # 0 appointment -> visit, 1 visit -> proposal, 2 proposal -> closing
        ("days", "i4"),
        ("product", "i4"),  # -1 = any
        ("industry", "i4"),
        ("size", "i4"),
        ("kill", "f8"),  # chance that a deal in it becomes unwinnable
        ("on", "i4"),
    ],
    align=True,
)

LEVERS = np.dtype(
    [
        ("leads", "f8"),  # leads per working day at growth 1
        ("own_share", "f8"),  # share of them that field sellers find
        ("inflow", "f8"),
        ("appointment", "f8"),
        ("activity", "f8"),
        ("amount", "f8"),
        ("skill", "f8"),
        ("more", "i8"),  # what sellers do more of, a number of `catalog.MORE`; -1 = nothing
        ("times", "f8"),  # how many times as much
    ],
    align=True,
)

EVENT = np.dtype(
    [("at", "i4"), ("deal", "i4"), ("value", "i4"), ("old", "i4"), ("actor", "i4"), ("field", "i1")],
    align=True,
)
"""One row of deal_events. `value` and `old` are codes, days, persons or JPY by field; -1 = empty."""

ACTIVITY = np.dtype(
    [
        ("at", "i4"),
        ("deal", "i4"),
        ("lead", "i4"),
        ("account", "i4"),
        ("actor", "i4"),
        ("minutes", "i2"),
        ("kind", "i1"),
        ("inbound", "i1"),
        ("outcome", "i1"),
        ("effective", "i1"),  # -1 = not a conversation
        ("material", "i1"),
        ("subject", "i1"),
    ],
    align=True,
)

LEAD_LOG = np.dtype(
    [
        ("created", "i4"),
        ("contacted", "i4"),
        ("appointment", "i4"),
        ("meeting", "i4"),
        ("qualified", "i4"),
        ("disqualified", "i4"),
        ("owner", "i4"),
        ("handed", "i4"),
        ("deal", "i4"),
        ("source", "i1"),
    ],
    align=True,
)
"""Times in seconds since the first day's midnight, -1 = never."""

CONTRACT_LOG = np.dtype(
    [
        ("account", "i4"),
        ("started", "i4"),
        ("ended", "i4"),
        ("monthly", "i4"),
        ("product", "i1"),
        ("kind", "i1"),
    ],
    align=True,
)

WIN = np.dtype(
    [("world", "i4"), ("day", "i4"), ("serial", "i4"), ("team", "i4"), ("person", "i4"), ("amount", "i4")],
    align=True,
)
"""One won deal: world, day, number (-1 = created in the replay), team and person (numbered per world)."""


class Day(NamedTuple):
    """What compiled functions read and write on one day, as one argument. Rows of a unit come beside it."""

    today: Any  # the calendar's row
    calendar: Rows
    seats: Rows  # (worlds, seats)
    teams: NDArray[np.float64]  # mood, (worlds, teams)
    market: Rows  # (worlds,)
    ranges: NDArray[np.int64]  # first seat of each style and the end of the last, (5,)
    accounts: Rows
    customers: NDArray[np.int16]  # contracts of each account, (worlds, accounts)
    levers: Rows  # (1,)
    # ground truth
    fit: NDArray[np.float64]  # (industries, products)
    effects: NDArray[np.float64]  # (actions, industries, sizes, products)
    materials: NDArray[np.int64]
    bottlenecks: Rows
    recurring: NDArray[np.bool_]  # (products,)
    # what the day adds; `cursor` counts the rows that are filled
    new_deals: Rows
    new_contracts: Rows
    events: Rows
    activities: Rows
    lead_log: Rows
    wins: Rows
    cursor: NDArray[np.int64]
    funnel: NDArray[np.int64]  # stages first reached, (worlds, stages)


class NewDeal(NamedTuple):
    """A deal to be created; -1 = none, or for the product: to be drawn."""

    uid: Any  # uint64
    world: Int
    sec: Int
    seat: Int
    account: Int
    source: Int
    kind: Int
    lead: Int
    contract: Int
    due: Int
    quality: float  # the part of the customer's need already drawn
    stage: Int
    product: Int
