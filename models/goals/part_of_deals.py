"""Which deals belong to a part of the revenue (new customers, a product, a region): open, won, to come?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import NEVER
from features.arrays import Flags, Floats, Ints
from features.kpis.count import rows_that_meet
from models.forecast.common_factors import sums_by_group
from models.forecast.organisation import ScopeTree
from models.forecast.part import Kind, of_kind, share_of_wins
from models.forecast.simulate import Simulation

OF_ACCOUNT = "accounts."  # before the name of a column of the deal's account
_YEARS = 2 * 365 * 86_400_000_000  # microseconds: wins so far back tell the share of those to come
Where = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class PartOfDeals:
    """Deals known at a moment (n,) and whether each is of the part."""

    deal_ids: np.ndarray
    is_in: Flags
    is_won: Flags
    closed: Ints
    amount: Floats
    person: Ints
    people: int
    first: int | None  # creation of the first deal, the start of the record

    @classmethod
    def of(cls, known: EventLog, tree: ScopeTree, where: Where) -> PartOfDeals:
        """By conditions on columns of deals, and of their accounts (`accounts.region`)."""
        deals = known["deals"]
        rows = deals
        of_accounts = [column for column, _ in where if column.startswith(OF_ACCOUNT)]
        if of_accounts:
            accounts = known["accounts"]
            at = codes_in(deals["account_id"], pd.Index(accounts["account_id"].astype(object)))
            names = [name for name in of_accounts if name.removeprefix(OF_ACCOUNT) in accounts]
            found = {
                name: accounts[name.removeprefix(OF_ACCOUNT)].astype(object).reindex(at).to_numpy(object)
                for name in names
            }
            rows = deals.assign(**found)
        closed = micros(deals["closed_at"])
        return cls(
            deal_ids=deals["deal_id"].astype(object).to_numpy(),
            is_in=rows_that_meet(rows, where),
            is_won=(deals["outcome"] == "won").to_numpy(bool) & (closed != NEVER),
            closed=closed,
            amount=deals["amount"].fillna(0.0).to_numpy(float),
            person=tree.person(pd.Index(deals["owner_id"].astype(object))),
            people=len(tree.people) + 1,
            first=int(micros(deals["created_at"]).min()) if len(deals) else None,
        )

    def won_between(self, start: int, end: int) -> Floats:
        """Revenue of the part by person (people,) in [start, end)."""
        use = self.is_in & self.is_won & (self.closed >= start) & (self.closed < end)
        return sums_by_group(self.person[use], self.amount[use], self.people)

    def known_at(self, moment: int) -> bool:
        """Whether the record starts before a moment."""
        return self.first is not None and self.first < moment

    def simulation(self, whole: Simulation, moment: int, start: int, end: int) -> Simulation:
        """The part of a simulation of [start, end) as of a moment (see `models.forecast.part`)."""
        lately = self.is_won & (self.closed >= moment - _YEARS) & (self.amount > 0)
        share, size = share_of_wins(self.person[lately], self.amount[lately], self.is_in[lately], self.people)
        at = codes_in(pd.Series(whole.pipeline.deal_ids, dtype=object), pd.Index(self.deal_ids))
        is_in = np.append(self.is_in, False)[at]
        return of_kind(whole, Kind(is_in, self.won_between(start, end), share, size))


def columns_without(known: EventLog, where: Where) -> Sequence[str]:
    """The columns of conditions that neither deals nor accounts have."""
    deals, accounts = known["deals"], known["accounts"]
    return [
        column
        for column, _ in where
        if (
            column.removeprefix(OF_ACCOUNT) not in accounts
            if column.startswith(OF_ACCOUNT)
            else column not in deals
        )
    ]
