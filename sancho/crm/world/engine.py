"""What is the state of the organisation, and what is it one day later?

`step` is the only dynamics there is: the history is made by it, and so is every replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.world.catalog import LOST, RECURRING, RENEWAL, WON
from sancho.crm.world.chance import key_of
from sancho.crm.world.contracts import draw_customers, step_contracts
from sancho.crm.world.days import calendar
from sancho.crm.world.deals import step_deals
from sancho.crm.world.demand import (
    APPOINTMENTS_PER_LEAD,
    HANDED_SHARE,
    OWN_SHARE,
    announce,
    step_leads,
)
from sancho.crm.world.layout import CONTRACT, CONTRACT_LOG, DEAL, FAR, LEAD, LEVERS, MARKET
from sancho.crm.world.organisation import Organisation, lay_out, step_organisation
from sancho.crm.world.planted import Planted, plant
from sancho.crm.world.record import C_BORN, C_CONTRACTS, C_EVENTS, Log, grown
from sancho.crm.world.settings import WorldSettings

STAGE_COUNT = 7
WORKDAYS_PER_YEAR = 242.0


@dataclass
class State:
    """Everything that tomorrow depends on, for one world or for many replays side by side.

    Structured arrays as in `layout`: market (worlds,), seats (worlds, seats), teams (worlds, teams),
    customers (worlds, accounts), else one element per thing with its `world`. `day` is the next to live.
    """

    day: int
    market: NDArray[np.void]
    teams: NDArray[np.float64]
    seats: NDArray[np.void]
    next_person: NDArray[np.int32]
    next_lead: NDArray[np.int32]
    next_deal: int
    next_contract: int
    customers: NDArray[np.int16]
    deals: NDArray[np.void]
    leads: NDArray[np.void]
    contracts: NDArray[np.void]
    levers: NDArray[np.void]
    bottlenecks: NDArray[np.void]
    new_business: bool = True
    """Whether leads arrive and contracts give rise to deals: without it open deals are lived to their end."""


@dataclass
class World:
    """A simulated organisation: settings, truths, and all that has happened (latent state included)."""

    settings: WorldSettings
    organisation: Organisation
    planted: Planted
    calendar: NDArray[np.void]
    state: State
    log: Log

    @property
    def last_day(self) -> int:
        """The last day lived, counted from the first (0)."""
        return self.state.day - 1

    def date_of(self, day: int) -> date:
        """The date of a day."""
        return self.settings.start + timedelta(days=int(day))

    def day_of(self, when: date) -> int:
        """The day of a date."""
        return (when - self.settings.start).days

    def tables(self) -> dict[str, Any]:
        """The canonical tables as pandas frames: what a CRM would have recorded up to the last day."""
        from sancho.crm.world.tables import frames

        return frames(self)


def simulate(settings: WorldSettings, until: date | None = None) -> World:
    """Live from the first day to `until` (inclusive; default the settings' last day)."""
    last = settings.length - 1 if until is None else (until - settings.start).days
    if not -1 <= last < settings.length:
        raise ValueError(f"until: expected {settings.start} to {settings.end}, got {until}")
    planted = plant(settings.seed, settings.bottlenecks, settings.bottleneck_pp)
    return live(settings, planted, last)


def live(settings: WorldSettings, planted: Planted, last: int) -> World:
    """A world with given truths, lived from day 0 to day `last`."""
    key = key_of(settings.seed)
    organisation = lay_out(key, settings.deals_per_day)
    world = World(
        settings, organisation, planted, calendar(settings.start, settings.length), None, Log()  # type: ignore[arg-type]
    )  # fmt: skip
    world.state = _beginning(key, settings, world)
    while world.state.day <= last:
        step(world.state, world, world.log)
    return world


def _beginning(key: int, settings: WorldSettings, world: World) -> State:
    """The state before the first day: nobody hired, no deals, the customers of earlier years."""
    organisation = world.organisation
    market = np.zeros(1, MARKET)
    market["key"] = key
    accounts = organisation.accounts
    contracts = np.zeros(organisation.customers, CONTRACT)
    world.log.contracts = np.zeros(organisation.customers, CONTRACT_LOG)
    draw_customers(contracts, world.log.contracts, np.uint64(key), accounts)
    customers = np.zeros((1, len(accounts)), np.int16)
    np.add.at(customers[0], contracts["account"], 1)
    world.log.seen = np.full(len(accounts), np.iinfo(np.int32).max, np.int32)
    np.minimum.at(world.log.seen, contracts["account"], contracts["started"] * 86_400)
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
        bottlenecks=world.planted.bottlenecks.copy(),
    )


def _levers(deals_per_day: float) -> NDArray[np.void]:
    """As it is: every factor 1. Leads per working day follow from the deals wanted."""
    levers = np.ones(1, LEVERS)
    levers["skill"] = 0.0
    # A nominal three years of growth average to `deals_per_day`, whatever the real length: a longer world
    # must begin like a shorter one.
    per_workday = deals_per_day * 365.25 / WORKDAYS_PER_YEAR / 1.075
    own = per_workday * OWN_SHARE
    handed = per_workday * HANDED_SHARE / APPOINTMENTS_PER_LEAD
    levers["leads"] = own + handed
    levers["own_share"] = own / (own + handed)
    return levers


def step(state: State, world: World, log: Log) -> NDArray[np.int64]:
    """Live one day: `state` and `log` move on. Returns stages first reached today, shape (worlds, stages)."""
    days, organisation, planted = world.calendar, world.organisation, world.planted
    today = days[state.day]
    worlds, seats = state.seats.shape
    cursor = log.cursor
    # Most leads a day can bring: the mean, its mood and six standard deviations.
    mean = 2.5 * float(state.levers["leads"][0] * state.levers["inflow"][0] * today["growth"])
    most = int(worlds * (mean + 6.0 * mean**0.5 + 10)) if state.new_business else 0
    log.reserve(len(state.deals), len(state.leads), seats)
    if log.recording:
        log.leads = grown(log.leads, int(state.next_lead[0]) + most)
    born = np.zeros(most + len(state.leads) + len(state.contracts) if state.new_business else 0, DEAL)
    fresh = np.zeros(most, LEAD)
    signed = np.zeros(len(state.deals), CONTRACT)
    funnel = np.zeros((worlds, STAGE_COUNT), np.int64)
    people = log.people if log.recording else log.people[:0]
    lead_log = log.leads if log.recording else log.leads[:0]
    cursor[C_BORN] = cursor[C_CONTRACTS] = arrived = 0
    if today["workday"]:
        step_organisation(today, state.seats, state.teams, state.market, state.next_person, people, cursor)
        if log.recording:
            log.moods.append((state.day, float(state.market["level"][0]), float(state.market["inflow"][0])))
    if state.new_business:
        arrived = step_leads(
            today, state.leads, fresh, state.seats, state.market, organisation.ranges, days,
            state.levers, organisation.accounts, state.customers, planted.fit, born, log.activities, lead_log,
            state.next_lead, cursor,
        )  # fmt: skip
    if today["workday"]:
        if state.new_business:
            step_contracts(
                today, state.contracts, state.seats, state.market, organisation.ranges, days, state.levers,
                organisation.accounts, planted.fit, born, cursor,
            )  # fmt: skip
        step_deals(
            today, state.deals, state.seats, state.teams, state.market, organisation.ranges, days,
            state.levers, planted.effects, planted.materials, state.bottlenecks, np.array(RECURRING), signed,
            log.events, log.activities, lead_log, log.wins, cursor, funnel,
        )  # fmt: skip
    _join(state, log, born[: cursor[C_BORN]], fresh[:arrived], signed[: cursor[C_CONTRACTS]], funnel)
    state.day += 1
    return funnel


def _join(
    state: State, log: Log, born: NDArray[np.void], fresh: NDArray[np.void], signed: NDArray[np.void],
    funnel: NDArray[np.int64],
) -> None:  # fmt: skip
    """Take up what the day brought, put away what it ended."""
    born = born[np.argsort(born["sec0"], kind="stable")]
    np.add.at(funnel, (born["world"], born["first_stage"]), 1)
    over = np.isin(state.deals["status"], (WON, LOST))
    closed = state.deals[over]
    ended = state.contracts[state.contracts["status"] == 1]
    # A renewal deal holds its contract: whatever came of it, the old contract is over.
    renewals = closed[closed["kind"] == RENEWAL]
    np.subtract.at(state.customers, (ended["world"], ended["account"]), 1)
    np.subtract.at(state.customers, (renewals["world"], renewals["account"]), 1)
    np.add.at(state.customers, (signed["world"], signed["account"]), 1)
    if log.recording:
        born["serial"] = state.next_deal + np.arange(len(born))
        signed["serial"] = state.next_contract + np.arange(len(signed))
        _record(state, log, born, fresh, signed, closed, ended, renewals)
        state.next_deal += len(born)
        state.next_contract += len(signed)
    if over.any() or len(born):
        state.deals = _renewed(state.deals, ~over, born)
    working = state.leads["status"] == 0
    if len(fresh) or not working.all():
        state.leads = _renewed(state.leads, working, fresh)
    running = state.contracts["status"] == 0
    if len(signed) or not running.all():
        state.contracts = _renewed(state.contracts, running, signed)


def _renewed(rows: NDArray[np.void], keep: NDArray[np.bool_], added: NDArray[np.void]) -> NDArray[np.void]:
    """Rows that stay, then those added: as raw bytes, for numpy copies structures field by field."""
    raw = np.dtype((np.void, rows.dtype.itemsize))
    return np.concatenate([rows.view(raw)[keep], added.view(raw)]).view(rows.dtype)


def _record(
    state: State, log: Log, born: NDArray[np.void], fresh: NDArray[np.void], signed: NDArray[np.void],
    closed: NDArray[np.void], ended: NDArray[np.void], renewals: NDArray[np.void],
) -> None:  # fmt: skip
    """What the day's births and ends leave in the log."""
    day = state.day
    log.events = grown(log.events, int(log.cursor[C_EVENTS]) + 4 * len(born))
    announce(born, log.events, log.cursor)
    log.deals = grown(log.deals, state.next_deal + len(born))
    log.deals[born["serial"]] = born
    log.deals[closed["serial"]] = closed
    led = born[born["lead"] >= 0]
    log.leads["deal"][led["lead"]] = led["serial"]
    log.contracts = grown(log.contracts, state.next_contract + len(signed))
    for name in ("account", "started", "monthly", "product", "kind"):
        log.contracts[name][signed["serial"]] = signed[name]
    log.contracts["ended"][signed["serial"]] = FAR
    log.contracts["ended"][ended["serial"]] = day
    log.contracts["ended"][renewals["contract"]] = np.maximum(renewals["due"], renewals["closed_day"])
    np.minimum.at(log.seen, fresh["account"], fresh["day0"] * 86_400 + fresh["sec0"])
    np.minimum.at(log.seen, born["account"], born["day0"] * 86_400 + born["sec0"] - 1200)


def current_deals(world: World) -> NDArray[np.void]:
    """Every deal so far as it stands, latent state included, by number: shape (deals,)."""
    deals = world.log.deals[: world.state.next_deal].copy()
    deals[world.state.deals["serial"]] = world.state.deals
    return deals
