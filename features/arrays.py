"""Which arrays make up a history? Plain tuples of arrays, so that compiled code can read them.

CSR: the entries of deal d are at [start[d], start[d + 1]), oldest first; entries of one instant keep the
order in which they were recorded. Instants are int64 microseconds UTC, NEVER = unknown. A "group"
is a seller, account, product or stage, numbered as in the organisation's past (`Context`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Array = NDArray[Any]


class Track(NamedTuple):
    """One attribute of all deals over time. NaN = unknown; codes and day numbers are whole floats."""

    start: Ints
    at: Ints
    value: Floats  # valid from `at` on
    first: Floats  # per deal, before its first event; without events, always


class Status(NamedTuple):
    """When each deal closed or was reopened, and its groups at that time. CSR by deal; a deal begins open."""

    start: Ints
    at: Ints
    entry: Ints  # (n, 7): OUTCOME and the columns below


# Columns of Status.entry. OUTCOME: 1 won, 0 lost, -1 open again. SELLER, ACCOUNT, PRODUCT, COMPANY: its group
# at that moment, -1 = unknown. CYCLE: log1p(days from creation), AMOUNT: log1p(amount) or
# UNKNOWN, both in units of 1 / QUANTUM. A reopening repeats those of the closing it reverses.
OUTCOME, SELLER, ACCOUNT, PRODUCT, COMPANY, CYCLE, AMOUNT = range(7)


class Closings(NamedTuple):
    """What the rows of deals said about their ending over time. CSR by deal, one entry at least."""

    start: Ints
    known: Ints  # since when, NEVER = from the beginning
    closed: Ints
    outcome: Ints  # 1 won, 0 lost, -1 open


class Presence(NamedTuple):
    """When each open deal was assigned to a seller (or account) and when it left. CSR by deal."""

    start: Ints
    at: Ints
    group: Ints
    step: Ints  # +1 assigned, -1 left or closed


class Activities(NamedTuple):
    """The activities of each deal. CSR by deal."""

    start: Ints
    at: Ints
    entry: NDArray[np.int32]  # (n, 7): the columns below


# Columns of Activities.entry. KIND: position in KINDS, then the company's own by `levels`, then any other.
# ACTOR: local code of the person, -1 = unknown. INBOUND: 1 = by the customer. EFFECTIVE: 1 = an
# effective meeting. MATERIAL, RESULT: code into `levels`, their number for any other, -1 = none.
# SECONDS: its duration.
KIND, ACTOR, INBOUND, EFFECTIVE, MATERIAL, RESULT, SECONDS = range(7)


class Leads(NamedTuple):
    """The leads that became each deal. CSR by deal, oldest first."""

    start: Ints
    at: Ints  # (n, 5): CREATED, CONTACTED, APPOINTMENT, MEETING, QUALIFIED
    source: Floats  # level


CREATED, CONTACTED, APPOINTMENT, MEETING, QUALIFIED = range(5)


class Stages(NamedTuple):
    """What each stage's local code stands for."""

    position: Floats
    outcome: Ints  # 1 won, 0 lost, -1 neither
    level: Floats
    group: Ints


class People(NamedTuple):
    """What each person's local code stands for."""

    since: Ints  # first instant of the day from which they are active
    known: Ints  # since when they are known and active, NEVER = always
    style: Track  # level
    team: Track  # level
    manager: Track  # 1 = their style is "manager"
    group: Ints


class Accounts(NamedTuple):
    """What each account's local code stands for."""

    entered: Ints  # 1 = the accounts table has a row of it
    created: Ints
    known: Ints  # since when the row is known, NEVER = always
    industry: Track  # level
    region: Track  # level
    employees: Track
    group: Ints


class Products(NamedTuple):
    """What each product's local code stands for."""

    level: Floats
    group: Ints


class Deals(NamedTuple):
    """Everything recorded about some deals."""

    created: Ints
    stage: Track
    amount: Track
    close: Track  # day number of the expected close date
    owner: Track
    account: Track
    product: Track
    status: Status
    owned: Presence
    held: Presence  # by accounts
    activities: Activities
    leads: Leads
    stages: Stages
    people: People
    accounts: Accounts
    products: Products
    own: Ints  # position in the organisation's past, -1 = not in it


class RunningTotals(NamedTuple):
    """Running totals per group: `total[i]` is the sum of all entries before i, over all groups.

    Whole numbers, so that sums are exact and any part can be subtracted exactly. The last group is empty.
    """

    start: Ints
    at: Ints
    total: Ints  # (entries + 1, columns)


class Context(NamedTuple):
    """The organisation's past, and the deals it was computed from, so that a deal can be left out of it."""

    past: Deals
    by_company: RunningTotals  # closings, one group
    by_seller: RunningTotals  # closings
    by_account: RunningTotals  # closings
    by_product: RunningTotals  # closings
    account_deal: Ints  # the deal of each entry of `by_account`
    account_latest: Ints  # (entries of `by_account`, 2): the last entry up to it that was won, lost; or -1
    seller_load: RunningTotals  # open deals: NET, GAINED
    account_load: RunningTotals  # open deals: NET, GAINED
    seller_acts: RunningTotals  # no columns: only the count is used
    seller_gaps: RunningTotals  # log1p(days between activities on a deal)
    stage_stays: RunningTotals  # log1p(days in the stage before advancing)
    contracts: RunningTotals  # BEGUN, ENDED, MONTHLY


# Columns of totals of closings; CYCLES over won deals, AMOUNTS over those PRICED.
WON, LOST, CYCLES, PRICED, AMOUNTS = range(5)
# Columns of totals of open deals: open now, added so far.
NET, GAINED = range(2)
# Columns of totals of contracts; MONTHLY: amount of the active ones, in hundredths.
BEGUN, ENDED, MONTHLY = range(3)

QUANTUM = float(2**20)
UNKNOWN = np.iinfo(np.int64).min

# Kinds of activities that the features know by name; a company's custom kinds follow.
KINDS = (
    "call",
    "email",
    "visit",
    "web_meeting",
    "demo",
    "proposal",
    "quote",
    "material",
    "follow_up",
    "seminar",
)
CALL, EMAIL, VISIT, WEB, DEMO, PROPOSAL, QUOTE, SENDING, FOLLOW, SEMINAR = range(10)


def ints(values: Any) -> Ints:
    """The values as a contiguous, writeable int64 array, the type that kernels are compiled for."""
    array: Ints = np.ascontiguousarray(values, np.int64)
    return array if array.flags.writeable else array.copy()


def floats(values: Any) -> Floats:
    """The values as a contiguous, writeable float64 array, the type that kernels are compiled for."""
    array: Floats = np.ascontiguousarray(values, np.float64)
    return array if array.flags.writeable else array.copy()
