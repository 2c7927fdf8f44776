"""How many accounts are customers, by their active contracts, and which deals are with customers?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import NEVER
from features.arrays import Flags, Ints


def customers_at(log: EventLog, at: Ints) -> Ints:
    """Number of accounts with an active contract at each instant (n,)."""
    running = _running(log)
    before = running.groupby("account")["running"].shift(fill_value=0).to_numpy()
    step = np.sign(running["running"].to_numpy()) - np.sign(before)
    order = np.argsort(running["at"].to_numpy(), kind="stable")
    count = np.concatenate([[0], np.cumsum(step[order])])
    return np.asarray(count[np.searchsorted(running["at"].to_numpy()[order], at, side="right")], np.int64)


def with_customers(log: EventLog) -> Flags:
    """Which of the log's deals (n,) were created while their account had an active contract."""
    table = log["deals"]
    deals = pd.DataFrame({"account": table["account_id"].astype(str), "at": micros(table["created_at"])})
    ordered, running = deals.sort_values("at", kind="stable"), _running(log).sort_values("at", kind="stable")
    last = pd.merge_asof(ordered, running, on="at", by="account", allow_exact_matches=False)
    return np.asarray(last["running"].set_axis(ordered.index).reindex(deals.index).to_numpy() > 0)


def _running(log: EventLog) -> pd.DataFrame:
    """By account and time: the number of active contracts from each start or end of a contract on."""
    table = log["contracts"]
    account, began, ended = (
        table["account_id"].astype(str),
        *(micros(table[column]) for column in ("started_at", "ended_at")),
    )
    over = ended != NEVER
    events = pd.DataFrame(
        {
            "account": pd.concat([account, account[over]], ignore_index=True),
            "at": np.concatenate([began, ended[over]]),
            "running": np.concatenate([np.ones(len(began), np.int64), np.full(over.sum(), -1)]),
        }
    )
    # A contract that starts at the instant another ends leaves no gap.
    events = events.sort_values(["account", "at", "running"], ascending=[True, True, False], kind="stable")
    events["running"] = events.groupby("account")["running"].cumsum()
    return events
