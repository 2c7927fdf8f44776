"""How does the organisation's state change in one day?

`step` makes both the history and every replay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.business_days import calendar
from simulator.catalog import LOST, RECURRING, RENEWAL, WON
from simulator.contracts import draw_customers, step_contracts
from simulator.deals import step_deals
from simulator.demand import (
    APPOINTMENTS_PER_LEAD,
    HANDED_SHARE,
    OWN_SHARE,
    log_creation,
    step_leads,
)
from simulator.ground_truth import GroundTruth
from simulator.log import C_CONTRACTS, C_EVENTS, C_NEW_DEALS, Log, with_capacity
from simulator.organisation import Organisation, build_organisation, step_organisation
from simulator.random_stream import key_of
from simulator.settings import WorldSettings
from simulator.state_arrays import CONTRACT, CONTRACT_LOG, DEAL, FAR, LEAD, LEVERS, MARKET, Day
from simulator.world import State, World

STAGE_COUNT = 7
WORKDAYS_PER_YEAR = 242.0


def run(settings: WorldSettings, ground_truth: GroundTruth, last: int) -> World:
    """A world with the given truths, simulated from day 0 to day `last`."""
    key = key_of(settings.seed)
    organisation = build_organisation(key, settings.deals_per_day, settings.divisions, settings.styles)
    log = Log()
    state = _initial_state(key, settings, organisation, ground_truth, log)
    days = calendar(settings.start, settings.length, settings.fiscal_start_month)
    world = World(settings, organisation, ground_truth, days, state, log)
    while state.day <= last:
        step(state, world, log)
    return world


def _initial_state(
    key: int, settings: WorldSettings, organisation: Organisation, ground_truth: GroundTruth, log: Log
) -> State:
    """The state before the first day: nobody hired, no deals, the customers of earlier years."""
    market = np.zeros(1, MARKET)
    market["key"] = key
    market["moods"] = settings.moods
    accounts = organisation.accounts
    contracts = np.zeros(organisation.customers, CONTRACT)
    log.contracts = np.zeros(organisation.customers, CONTRACT_LOG)
    draw_customers(contracts, log.contracts, np.uint64(key), accounts)
    customers = np.zeros((1, len(accounts)), np.int16)
    np.add.at(customers[0], contracts["account"], 1)
    log.first_seen = np.full(len(accounts), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(log.first_seen, contracts["account"], contracts["started"] * 86_400)
    return State(
        day=0,
        market=market,
        teams=np.zeros((1, len(organisation.team_names))),
        seats=organisation.seats.copy().reshape(1, -1),
        next_person=np.zeros(1, np.int32),
        next_lead=np.zeros(1, np.int32),
        next_deal=0,
        next_contract=organisation.customers,
        customers=customers,
        deals=np.zeros(0, DEAL),
        leads=np.zeros(0, LEAD),
        contracts=contracts,
        levers=_levers(settings.deals_per_day),
        bottlenecks=ground_truth.bottlenecks.copy(),
    )


def _levers(deals_per_day: float) -> NDArray[np.void]:
    """Every factor 1. Leads per working day follow from the requested number of deals."""
    levers = np.ones(1, LEVERS)
    levers["skill"], levers["more"] = 0.0, -1
    # A nominal three years of growth average to `deals_per_day`, whatever the real length: a longer world
    # must begin like a shorter one.
    per_workday = deals_per_day * 365.25 / WORKDAYS_PER_YEAR / 1.075
    own = per_workday * OWN_SHARE
    handed = per_workday * HANDED_SHARE / APPOINTMENTS_PER_LEAD
    levers["leads"] = own + handed
    levers["own_share"] = own / (own + handed)
    return levers


def step(state: State, world: World, log: Log) -> NDArray[np.int64]:
    """Simulate one day: changes `state` and `log`; returns stages first reached, shape (worlds, stages)."""
    days, organisation, ground_truth = world.calendar, world.organisation, world.ground_truth
    today = days[state.day]
    worlds, seats = state.seats.shape
    cursor = log.cursor
    # An upper bound of the day's leads: 2.5 times the mean (market mood) plus six standard deviations.
    mean = 2.5 * float(state.levers["leads"][0] * state.levers["inflow"][0] * today["growth"])
    max_leads = int(worlds * (mean + 6.0 * mean**0.5 + 10)) if state.new_business else 0
    log.reserve(len(state.deals), len(state.leads), seats)
    if log.recording:
        log.leads = with_capacity(log.leads, int(state.next_lead[0]) + max_leads)
    new_deals = np.zeros(
        max_leads + len(state.leads) + len(state.contracts) if state.new_business else 0, DEAL
    )
    new_leads = np.zeros(max_leads, LEAD)
    new_contracts = np.zeros(len(state.deals), CONTRACT)
    funnel = np.zeros((worlds, STAGE_COUNT), np.int64)
    people = log.people if log.recording else log.people[:0]
    cursor[C_NEW_DEALS] = cursor[C_CONTRACTS] = arrived = 0
    day = Day(
        today=today,
        calendar=days,
        seats=state.seats,
        teams=state.teams,
        market=state.market,
        ranges=organisation.ranges,
        accounts=organisation.accounts,
        customers=state.customers,
        levers=state.levers,
        fit=ground_truth.fit,
        effects=ground_truth.effects,
        materials=ground_truth.materials,
        bottlenecks=state.bottlenecks,
        recurring=np.array(RECURRING),
        new_deals=new_deals,
        new_contracts=new_contracts,
        events=log.events,
        activities=log.activities,
        lead_log=log.leads if log.recording else log.leads[:0],
        wins=log.wins,
        cursor=cursor,
        funnel=funnel,
    )
    if today["workday"]:
        step_organisation(today, state.seats, state.teams, state.market, state.next_person, people, cursor)
        if log.recording:
            log.market_history.append(
                (state.day, float(state.market["level"][0]), float(state.market["inflow"][0]))
            )
    if state.new_business:
        arrived = step_leads(day, state.leads, new_leads, state.next_lead)
    if today["workday"]:
        if state.new_business:
            step_contracts(day, state.contracts)
        step_deals(day, state.deals)
    _apply_day(
        state,
        log,
        new_deals[: cursor[C_NEW_DEALS]],
        new_leads[:arrived],
        new_contracts[: cursor[C_CONTRACTS]],
        funnel,
    )
    state.day += 1
    return funnel


def _apply_day(
    state: State, log: Log, new_deals: NDArray[np.void], new_leads: NDArray[np.void],
    new_contracts: NDArray[np.void], funnel: NDArray[np.int64],
) -> None:  # fmt: skip
    """Add what the day created, remove what it ended."""
    new_deals = new_deals[np.argsort(new_deals["sec0"], kind="stable")]
    np.add.at(funnel, (new_deals["world"], new_deals["first_stage"]), 1)
    is_closed = np.isin(state.deals["status"], (WON, LOST))
    closed = state.deals[is_closed]
    ended = state.contracts[state.contracts["status"] == 1]
    # A renewal deal replaces its contract: whatever its outcome, the old contract has ended.
    renewals = closed[closed["kind"] == RENEWAL]
    np.subtract.at(state.customers, (ended["world"], ended["account"]), 1)
    np.subtract.at(state.customers, (renewals["world"], renewals["account"]), 1)
    np.add.at(state.customers, (new_contracts["world"], new_contracts["account"]), 1)
    if log.recording:
        new_deals["serial"] = state.next_deal + np.arange(len(new_deals))
        new_contracts["serial"] = state.next_contract + np.arange(len(new_contracts))
        _log_day(state, log, new_deals, new_leads, new_contracts, closed, ended, renewals)
        state.next_deal += len(new_deals)
        state.next_contract += len(new_contracts)
    if is_closed.any() or len(new_deals):
        state.deals = _filtered_and_extended(state.deals, ~is_closed, new_deals)
    working = state.leads["status"] == 0
    if len(new_leads) or not working.all():
        state.leads = _filtered_and_extended(state.leads, working, new_leads)
    running = state.contracts["status"] == 0
    if len(new_contracts) or not running.all():
        state.contracts = _filtered_and_extended(state.contracts, running, new_contracts)


def _filtered_and_extended(
    rows: NDArray[np.void], keep: NDArray[np.bool_], added: NDArray[np.void]
) -> NDArray[np.void]:
    """The kept rows, then the added ones: as raw bytes, because numpy copies structures field by field."""
    raw = np.dtype((np.void, rows.dtype.itemsize))
    return np.concatenate([rows.view(raw)[keep], added.view(raw)]).view(rows.dtype)


def _log_day(
    state: State, log: Log, new_deals: NDArray[np.void], new_leads: NDArray[np.void],
    new_contracts: NDArray[np.void], closed: NDArray[np.void], ended: NDArray[np.void],
    renewals: NDArray[np.void],
) -> None:  # fmt: skip
    """Record in the log what the day created and ended."""
    day = state.day
    log.events = with_capacity(log.events, int(log.cursor[C_EVENTS]) + 4 * len(new_deals))
    log_creation(new_deals, log.events, log.cursor)
    log.deals = with_capacity(log.deals, state.next_deal + len(new_deals))
    log.deals[new_deals["serial"]] = new_deals
    log.deals[closed["serial"]] = closed
    from_lead = new_deals[new_deals["lead"] >= 0]
    log.leads["deal"][from_lead["lead"]] = from_lead["serial"]
    log.contracts = with_capacity(log.contracts, state.next_contract + len(new_contracts))
    for name in ("account", "started", "monthly", "product", "kind"):
        log.contracts[name][new_contracts["serial"]] = new_contracts[name]
    log.contracts["ended"][new_contracts["serial"]] = FAR
    log.contracts["ended"][ended["serial"]] = day
    log.contracts["ended"][renewals["contract"]] = np.maximum(renewals["due"], renewals["closed_day"])
    np.minimum.at(log.first_seen, new_leads["account"], new_leads["day0"] * 86_400 + new_leads["sec0"])
    np.minimum.at(log.first_seen, new_deals["account"], new_deals["day0"] * 86_400 + new_deals["sec0"] - 1200)
