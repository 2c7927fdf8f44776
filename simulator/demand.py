"""Where do new deals come from: leads of inside sellers, or leads that field sellers find?

Draw ids 200 to 299 (a lead has another random stream than its deal).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import catalog as c
from simulator.crm_entries import planned_close, rounded_amount
from simulator.log import C_NEW_DEALS, log_activity, log_change
from simulator.organisation import draw_seat, replacement_seat
from simulator.random_stream import Record, compiled, mix, normal, poisson, sigmoid, stream_at, uniform
from simulator.state_arrays import FAR, Day, NewDeal

APPOINTMENTS_PER_LEAD = 0.308
"""Share of inside leads that agree to meet, measured over seeds; it determines the inflow of leads."""
HANDED_SHARE, OWN_SHARE = 0.63, 0.24
"""Shares of all deals that inside sellers hand over and that field sellers find; customers bring the rest."""

NONE = np.int64(-1)
"""No lead, no contract, no product yet: of one type in every `NewDeal`, so that it is compiled once."""

SOURCE_SHARE = np.array([0.30, 0.17, 0.15, 0.24, 0.0, 0.14, 0.0])
SOURCE_QUALITY = np.array([0.15, -0.10, 0.05, -0.15, 0.40, -0.30, 0.25])
PRICE = np.log(np.array([2.2e6, 1.0e6, 7.0e6, 1.1e6, 2.8e6]))
PRICE_BY_SIZE = np.array([-0.35, 0.0, 0.45])
PRODUCT_SHARE = np.array([
    [0.42, 0.20, 0.06, 0.20, 0.12],
    [0.32, 0.18, 0.16, 0.16, 0.18],
    [0.24, 0.16, 0.26, 0.12, 0.22],
])  # fmt: skip


@compiled
def step_leads(day: Day, leads: Any, new_leads: Any, next_lead: Any) -> Any:
    """One day of leads: new ones (into `new_leads`, their number is returned) and those in progress.

    On days off a few leads arrive and nobody works.
    """
    today, seats, market, ranges, accounts = day.today, day.seats, day.market, day.ranges, day.accounts
    customers, levers, lead_log = day.customers, day.levers[0], day.lead_log
    count = 0
    for w in range(seats.shape[0]):
        key = market[w].key
        day_stream = stream_at(key, np.uint64(1) << np.uint64(44), today.day)
        mean = levers.leads * levers.inflow * today.growth * today.season * np.exp(market[w].inflow)
        for k in range(poisson(mean * (1.0 if today.workday else 0.06), day_stream, 200)):
            uid = mix(key ^ (np.uint64(today.day) << np.uint64(32)) ^ np.uint64(k))
            stream = stream_at(key, uid, -1)
            account = int(accounts.shape[0] * uniform(stream, 201) ** 1.25)
            own = today.workday and uniform(stream, 202) < levers.own_share
            sec = (
                32_400 + int(32_000 * uniform(stream, 203))
                if today.workday
                else int(86_000 * uniform(stream, 203))
            )
            source = _source(own, customers[w, account] > 0, stream)
            if own:
                seat = draw_seat(seats, w, ranges[0], ranges[1], stream, 210, False)
            else:
                seat = draw_seat(seats, w, ranges[2], ranges[3], stream, 210, False)
            if seat < 0:
                continue
            serial = next_lead[w]
            next_lead[w] += 1
            if lead_log.shape[0] > 0:
                row = lead_log[serial]
                row.created, row.source, row.owner = today.day * 86_400 + sec, source, seats[w, seat].person
                row.contacted = row.appointment = row.meeting = row.qualified = row.disqualified = -1
                row.handed = row.deal = -1
            quality = SOURCE_QUALITY[source] + accounts[account].affinity + 0.85 * normal(stream, 204)
            if own:
                if lead_log.shape[0] > 0:
                    lead_log[serial].contacted = today.day * 86_400 + sec + 600
                kind = c.CROSS_SELL if customers[w, account] > 0 else c.NEW
                create_deal(
                    day,
                    NewDeal(
                        uid=mix(uid),
                        world=np.int64(w),
                        sec=sec + 900,
                        seat=seat,
                        account=account,
                        source=source,
                        kind=kind,
                        lead=np.int64(serial),
                        contract=NONE,
                        due=FAR,
                        quality=quality,
                        stage=c.LEAD,
                        product=NONE,
                    ),
                )
            else:
                lead = new_leads[count]
                count += 1
                lead.uid, lead.world, lead.serial, lead.seat, lead.account = uid, w, serial, seat, account
                lead.day0, lead.sec0, lead.contacted = today.day, sec, FAR
                lead.source, lead.status = source, 0
                lead.tries, lead.interest = 0, quality
    if today.workday:
        for i in range(leads.shape[0]):
            _work_lead(day, leads[i])
    return count


@compiled
def _source(own: Any, customer: Any, stream: Any) -> Any:
    """Where a lead comes from."""
    draw = uniform(stream, 205)
    if own:
        return c.CUSTOMER if customer and draw < 0.5 else (c.REFERRAL if draw < 0.55 else c.COLD_CALL)
    return min(int(np.searchsorted(np.cumsum(SOURCE_SHARE), draw)), 5)


@compiled
def _work_lead(day: Day, lead: Record) -> None:
    """An inside seller's day with one lead: tries to reach it, makes an appointment, or gives up.

    A lead's interest falls with its age: leads reached early agree more often.
    """
    today, seats, market, levers, lead_log = day.today, day.seats, day.market, day.levers[0], day.lead_log
    w = lead.world
    if seats[w, lead.seat].person < 0:
        other = replacement_seat(seats, w, lead.seat, day.ranges, lead.uid, 220)
        if other < 0:
            return
        lead.seat = other
        if lead_log.shape[0] > 0:
            lead_log[lead.serial].owner = seats[w, lead.seat].person
    seat = seats[w, lead.seat]
    stream = stream_at(market[w].key, lead.uid, today.day)
    age = today.day - lead.day0
    first = lead.contacted == FAR
    rate = (0.58 if first else 0.14) * seat.diligence * np.exp(-0.5 * seat.busy) * levers.activity
    at = today.day * 86_400 + max(32_400 + int(30_000 * uniform(stream, 221)), (lead.sec0 + 300) * (age == 0))
    if uniform(stream, 222) < rate / (1.0 + 0.12 * lead.tries * first):
        lead.tries += 1
        reached = uniform(stream, 223) < 0.28 + 0.35 * sigmoid(lead.interest)
        kind = c.K_CALL if first or uniform(stream, 224) < 0.6 else c.K_EMAIL
        cooled = 0.9 * lead.interest - 0.035 * age + 0.3 * seat.skill + market[w].level
        agreed = reached and uniform(stream, 225) < sigmoid(-1.35 + cooled) * levers.appointment
        outcome = c.O_ABSENT if kind == c.K_CALL else c.O_NO_REPLY
        if reached:
            outcome = c.O_APPOINTED if agreed else (c.O_REACHED if kind == c.K_CALL else c.O_REPLY)
        minutes = 3 + int(12 * uniform(stream, 226)) if reached else 1
        log_activity(day.activities, day.cursor, at, -1, lead.serial, lead.account, seat.person, kind, 0,
                     outcome, -1, minutes, 0, c.S_CALL)  # fmt: skip
        if reached and first:
            lead.contacted = today.day
            if lead_log.shape[0] > 0:
                lead_log[lead.serial].contacted = at
        if agreed:
            _hand_to_field(day, lead, at, stream)
            return
        if reached and uniform(stream, 227) < 0.10 + 0.25 * sigmoid(-1.5 * lead.interest - 0.5):
            lead.status = 2
    if age > 75 and uniform(stream, 228) < 0.12:
        lead.status = 2
    if lead.status == 2 and lead_log.shape[0] > 0:
        lead_log[lead.serial].disqualified = at + 1200


@compiled
def _hand_to_field(day: Day, lead: Record, at: Any, stream: Any) -> None:
    """The lead agreed to meet: a deal begins at the appointment stage, owned by a field seller.

    Managers give large companies to the better seller: skill and size of company are correlated in the log.
    """
    w = lead.world
    large = day.accounts[lead.account].size == 2
    owner = draw_seat(day.seats, w, day.ranges[0], day.ranges[1], stream, 230, large)
    if owner < 0:
        return
    lead.status = 1
    if day.lead_log.shape[0] > 0:
        row = day.lead_log[lead.serial]
        row.appointment, row.handed = at, day.seats[w, owner].person
    create_deal(
        day,
        NewDeal(
            uid=mix(lead.uid),
            world=np.int64(w),
            sec=at - day.today.day * 86_400 + 240,
            seat=owner,
            account=np.int64(lead.account),
            source=np.int64(lead.source),
            kind=c.CROSS_SELL if day.customers[w, lead.account] > 0 else c.NEW,
            lead=np.int64(lead.serial),
            contract=NONE,
            due=FAR,
            quality=0.65 * lead.interest + 0.35 * normal(stream, 231),
            stage=c.APPOINTMENT,
            product=NONE,
        ),
    )


@compiled
def create_deal(day: Day, new: NewDeal) -> Any:
    """Append a deal to the day's new ones; returns its row."""
    today = day.today
    deal = day.new_deals[day.cursor[C_NEW_DEALS]]
    day.cursor[C_NEW_DEALS] += 1
    stream = stream_at(new.uid, 0, -7)
    company, owner = day.accounts[new.account], day.seats[new.world, new.seat]
    kind, stage, product = new.kind, new.stage, new.product
    if product < 0:
        shares = np.cumsum(PRODUCT_SHARE[company.size])
        product = min(int(np.searchsorted(shares, uniform(stream, 240))), 4)
    deal.uid, deal.world, deal.serial = new.uid, new.world, -1
    deal.seat, deal.account = new.seat, new.account
    deal.lead, deal.contract, deal.due = new.lead, new.contract, new.due
    deal.day0, deal.sec0, deal.product, deal.source, deal.kind = today.day, new.sec, product, new.source, kind
    deal.industry, deal.size, deal.stage, deal.first_stage = company.industry, company.size, stage, stage
    deal.status = c.OPEN
    price_level = normal(stream, 241)
    upsell = -0.5 if kind == c.UPSELL else 0.0
    deal.price = (
        np.exp(PRICE[product] + PRICE_BY_SIZE[company.size] + upsell + 0.55 * price_level)
        * day.levers[0].amount
    )
    bonus = (
        1.3 if kind == c.RENEWAL else (0.40 if kind == c.UPSELL else (0.25 if kind == c.CROSS_SELL else 0.0))
    )
    deal.need = (
        new.quality
        - 0.22
        + day.fit[company.industry, product]
        + bonus
        - 0.12 * price_level
        + 0.25 * normal(stream, 242)
    )
    deal.interest = deal.need + 0.25 * normal(stream, 243)
    deal.boost = deal.momentum = deal.inbound = 0.0
    deal.rival = 0.4 + 0.9 * uniform(stream, 244) if uniform(stream, 245) < 0.2 and kind != c.RENEWAL else 0.0
    deal.power = (
        0.7 * normal(stream, 246)
        + (0.8 if kind == c.RENEWAL else -0.05)
        + (0.3 if company.size == 0 else 0.0)
    )
    deal.urgency = normal(stream, 247)
    deal.feel = 0.3 * deal.interest + 0.6 * normal(stream, 248) + 0.3 * owner.optimism
    deal.budget = 1 if kind == c.RENEWAL or uniform(stream, 249) < 0.5 else 0
    deal.champion = 1 if uniform(stream, 250) < 0.7 else 0
    deal.dead = deal.doomed = deal.crossed = deal.done = 0
    deal.cause = deal.reason = -1
    deal.last_out = deal.last_two_way = deal.since = today.day
    deal.next_visit = (
        today.day + 3 + int(14.0 * uniform(stream, 251) / (owner.pace * np.exp(-0.5 * owner.busy)))
    )
    deal.return_on = deal.e_appointment = deal.e_visit = deal.e_proposal = deal.e_closing = FAR
    if stage == c.APPOINTMENT:
        deal.e_appointment = today.day
    # Estimates are biased upwards; one in eight is left empty at first.
    estimate = rounded_amount(deal.price * np.exp(0.03 + 0.06 * owner.optimism + 0.18 * normal(stream, 252)))
    deal.amount = -1 if uniform(stream, 253) < 0.12 and kind != c.RENEWAL else estimate
    deal.amount0 = deal.amount
    deal.close = deal.close0 = planned_close(deal, owner, stream, today, day.calendar, 1.0)
    if kind == c.RENEWAL:
        deal.close = deal.close0 = max(min(new.due, day.calendar.shape[0] - 1), today.day + 1)
    deal.pushes = deal.ticks = deal.clock = 0
    deal.closed_day, deal.closed_sec, deal.owner = FAR, 0, owner.person
    deal.rival_seen = deal.budget_seen = deal.power_seen = 0
    stated = deal.urgency + 0.8 * normal(stream, 254)
    deal.timing_seen = 0 if uniform(stream, 255) < 0.3 else (
        1 if stated > 1.2 else (2 if stated > 0.2 else (3 if stated > -0.8 else 4)))  # fmt: skip
    deal.certainty = 1 if stage == c.LEAD else 2
    deal.force = deal.forbid = -1
    deal.force_until = deal.forbid_until = FAR
    return deal


@compiled
def log_creation(new_deals: Any, events: Any, cursor: Any) -> None:
    """Log the fields entered when the deals were created."""
    for i in range(new_deals.shape[0]):
        deal = new_deals[i]
        at = deal.day0 * 86_400 + deal.sec0
        log_change(events, cursor, deal.serial, at, c.F_STAGE, deal.stage, -1, deal.owner)
        log_change(events, cursor, deal.serial, at, c.F_OWNER, deal.owner, -1, deal.owner)
        log_change(events, cursor, deal.serial, at, c.F_CLOSE, deal.close, -1, deal.owner)
        if deal.amount >= 0:
            log_change(events, cursor, deal.serial, at, c.F_AMOUNT, deal.amount, -1, deal.owner)
