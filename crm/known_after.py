"""What was known at a moment, once rows of some deals are others? The view of before, theirs exchanged.

What comes of it says the same as the whole log as of the moment. Where a change reaches further than its
deals (the stages, the organisation, a merge, money in another currency), nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from crm.conversion import in_own_currency
from crm.eventlog import EventLog
from crm.exchanged_rows import Exchange, exchanged, rows_named
from crm.frames import own_columns_as_stored
from crm.known_rows import deals_as_of, leads_as_of, people_as_of, rows_known
from crm.schema import TABLES
from crm.standing_rows import standing_rows

_SHARED = ("stages", "organisation", "rates")  # read by all deals


def known_after(
    then: EventLog, log: EventLog, touched: Mapping[str, Collection[str]], deals: Collection[str]
) -> EventLog | None:
    """A stored log as of the moment of `then`, what was known then by an earlier state of the store.

    `touched`: by table the rows that differ between both states, by the first column of their key; `deals`:
    whose they are. None where all has to be looked at.
    """
    versions, recorded = log.versions, log.tables if log.recorded is None else log.recorded
    if any(touched.get(name) for name in _SHARED) or then.money is not None or log.money is not None:
        return None
    if "deal_events" in versions or any(
        (of.merged_into != None).any()  # noqa: E711 - of each value
        for of in (*versions.values(), *then.versions.values())
    ):
        return None
    known = {
        name: _table(recorded, log, name, then.moment, then) if touched.get(name) else then[name]
        for name in TABLES
        if name not in ("deals", "leads")
    }
    some = {
        name: recorded[name].iloc[rows_named(recorded[name]["deal_id"], deals)].reset_index(drop=True)
        for name in ("deals", "deal_events")
    }
    of_deals = {"deals": versions["deals"].of_rows(deals)} if "deals" in versions else {}
    some = standing_rows(some, of_deals, then.moment, log.zone)
    few = deals_as_of(some["deals"], some["deal_events"], known["stages"], then.moment)
    known["deals"] = _exchanged_deals(then["deals"], few, deals)
    if not _is_open(then["deals"]) or not _is_open(known["deals"]):  # all closed: a category of another kind
        return None
    known["leads"] = _leads(
        then, log, recorded["leads"], touched.get("leads", ()), deals, known["deals"], few
    )
    ordered = {name: known[name] for name in TABLES}
    converted, money = in_own_currency(ordered, then.organisation, then.moment, then.zone)
    if money is not None:
        return None
    return EventLog(converted, then.zone, versions, recorded, then.moment, log.default_organisation)


def _table(
    recorded: Mapping[str, pd.DataFrame], log: EventLog, name: str, moment: int, then: EventLog
) -> pd.DataFrame:
    """One table as of a moment, all of its rows."""
    of_table = {name: log.versions[name]} if name in log.versions else {}
    frame = standing_rows({name: recorded[name]}, of_table, moment, log.zone)[name]
    if name == "people":
        return people_as_of(frame, moment, then.zone)
    frame = rows_known(frame, TABLES[name], moment)
    return own_columns_as_stored(frame, TABLES[name]) if name == "accounts" else frame


def _exchanged_deals(then: pd.DataFrame, few: pd.DataFrame, deals: Collection[str]) -> pd.DataFrame:
    table = TABLES["deals"]
    exchange = Exchange.by_key(then["deal_id"], deals, few["deal_id"].tolist())
    frame = exchanged(then, few, exchange)
    standard = [column.name for column in table.columns]
    own = sorted(name for name in frame.columns if name not in table.by_name)
    return own_columns_as_stored(frame[[*standard, *own]], table)


def _is_open(deals: pd.DataFrame) -> bool:
    return bool(deals["outcome"].isna().any())


def _leads(
    then: EventLog,
    log: EventLog,
    recorded: pd.DataFrame,
    touched: Collection[str],
    deals: Collection[str],
    known: pd.DataFrame,
    few: pd.DataFrame,
) -> pd.DataFrame:
    """The leads: those that were written to, and those of deals that were."""
    ids = set(touched) | set(recorded["lead_id"].iloc[rows_named(recorded["deal_id"], deals)])
    if not ids:
        return then["leads"]
    of_leads = log.versions.get("leads")
    if of_leads is not None and len(of_leads.of_rows(ids)):  # may have been of other deals then
        every = standing_rows({"leads": recorded}, {"leads": of_leads}, then.moment, log.zone)["leads"]
        return leads_as_of(every, known, then.moment)
    rows = recorded.iloc[rows_named(recorded["lead_id"], ids)].reset_index(drop=True)
    fresh = leads_as_of(rows, few, then.moment)
    exchange = Exchange.by_key(then["leads"]["lead_id"], ids, fresh["lead_id"].tolist())
    return exchanged(then["leads"], fresh, exchange)
