"""Which arrays is a history made of? Plain tuples of arrays, so that compiled code can read them.

CSR: what belongs to deal d stands in [start[d], start[d + 1]), oldest first; what happened at one instant
keeps the order in which it was recorded. Instants are int64 microseconds UTC, NEVER = not known. A "group"
is a seller, account, product or stage as the organisation's past (`Context`) numbers it.
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
    value: Floats  # from `at` on
    first: Floats  # per deal, before its first event; without events, always


class Status(NamedTuple):
    """When each deal closed or was reopened, and whose it was then. CSR by deal; a deal begins open."""

    start: Ints
    at: Ints
    entry: Ints  # (n, 7): OUTCOME and the columns below


# Columns of Status.entry. OUTCOME: 1 won, 0 lost, -1 open again. SELLER, ACCOUNT, PRODUCT, COMPANY: the group
# it belonged to at that moment, -1 = unknown. CYCLE: log1p(days from creation), AMOUNT: log1p(amount) or
# UNKNOWN, both in units of 1 / QUANTUM. A reopening repeats those of the closing it takes back.
OUTCOME, SELLER, ACCOUNT, PRODUCT, COMPANY, CYCLE, AMOUNT = range(7)


class Presence(NamedTuple):
    """When each open deal came to a seller (or account) and left again. CSR by deal."""

    start: Ints
    at: Ints
    group: Ints
    step: Ints  # +1 came, -1 left or closed


class Activities(NamedTuple):
    """What was done on each deal. CSR by deal."""

    start: Ints
    at: Ints
    entry: NDArray[np.int32]  # (n, 7): the columns below


# Columns of Activities.entry. KIND: position in KINDS, then the company's own by `levels`, then any other.
# ACTOR: local code of the person, -1 = unknown. INBOUND: 1 = the customer's doing. EFFECTIVE: 1 = an
# effective conversation. MATERIAL, RESULT: code into `levels`, their number for any other, -1 = none.
# SECONDS: its length.
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
    outcome: Ints  # 1 won, 0 lost, -1 goes on
    level: Floats
    group: Ints


class People(NamedTuple):
    """What each person's local code stands for."""

    since: Ints  # first instant of the day from which they are active
    style: Floats  # level
    team: Floats  # level
    manager: Ints  # 1 = their style is "manager"
    group: Ints


class Accounts(NamedTuple):
    """What each account's local code stands for."""

    entered: Ints  # 1 = there is a row of it
    created: Ints
    industry: Floats  # level
    region: Floats  # level
    employees: Floats
    group: Ints


class Products(NamedTuple):
    """What each product's local code stands for."""

    level: Floats
    group: Ints


class Deals(NamedTuple):
    """All that was recorded about some deals themselves."""

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
    own: Ints  # which deal of the organisation's past each one is, -1 = none of them


class RunningTotals(NamedTuple):
    """Running totals per group: `total[i]` holds everything above entry i, over all groups.

    Whole numbers, so that sums are exact and any part can be taken out again. The last group is empty.
    """

    start: Ints
    at: Ints
    total: Ints  # (entries + 1, columns)


class Context(NamedTuple):
    """The organisation's past, and the deals it was made of, so that a deal can be left out of it."""

    past: Deals
    by_company: RunningTotals  # closings, one group
    by_seller: RunningTotals  # closings
    by_account: RunningTotals  # closings
    by_product: RunningTotals  # closings
    account_deal: Ints  # the deal of each entry of `by_account`
    account_latest: Ints  # (entries of `by_account`, 2): the last entry up to it that was won, lost; or -1
    seller_load: RunningTotals  # open deals: NET, GAINED
    account_load: RunningTotals  # open deals: NET, GAINED
    seller_acts: RunningTotals  # no columns: the count is all
    seller_gaps: RunningTotals  # log1p(days between activities on a deal)
    stage_stays: RunningTotals  # log1p(days in the stage before moving on)
    contracts: RunningTotals  # BEGUN, ENDED, MONTHLY


# Columns of ledgers of closings; CYCLES over those won, AMOUNTS over those PRICED.
WON, LOST, CYCLES, PRICED, AMOUNTS = range(5)
# Columns of ledgers of open deals: how many now, how many came so far.
NET, GAINED = range(2)
# Columns of the ledger of contracts; MONTHLY: amount of those running, in hundredths.
BEGUN, ENDED, MONTHLY = range(3)

QUANTUM = float(2**20)
UNKNOWN = np.iinfo(np.int64).min

# Kinds of activities that the features know by name; a company's own follow.
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
    """The values as the one kind of integer array that compiled code is compiled for."""
    array: Ints = np.ascontiguousarray(values, np.int64)
    return array if array.flags.writeable else array.copy()


def floats(values: Any) -> Floats:
    """The values as the one kind of float array that compiled code is compiled for."""
    array: Floats = np.ascontiguousarray(values, np.float64)
    return array if array.flags.writeable else array.copy()
