"""What happens to a deal in one working day?

`step_deals` is the day of every open deal: the customer's interest, the seller's actions, the CRM entries,
and whether the deal advances, is won or is lost. Competing risks per day; draw ids 130 to 179.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import catalog as c
from simulator.crm_entries import (
    agreed_amount,
    planned_close,
    quoted_amount,
    set_amount,
    set_close,
    update_fields,
)
from simulator.customer import apply_bottlenecks, update_customer
from simulator.log import C_CONTRACTS, C_WINS, advance_clock, log_activity, log_change
from simulator.organisation import replacement_seat
from simulator.random_stream import Record, compiled, sigmoid, stream_at, uniform
from simulator.seller_actions import customer_contact, deliberate_actions, hold_conversation, routine_contact
from simulator.state_arrays import FAR, Day

ADVANCE = np.array([0.050, 0.0, 0.033, 0.029, 0.043])
"""Chance per working day that a customer of average interest takes the next step (the last: signs)."""
REFUSAL = np.array([0.007, 0.004, 0.0075, 0.0095, 0.0140])
"""Chance per working day of an open refusal."""
OLD_DAYS = 540
"""A deal older than this is likely to be closed as lost whatever the seller's feeling."""


@compiled
def step_deals(day: Day, deals: Any) -> None:
    """One working day of all deals (n,)."""
    today, seats, events, activities, cursor = day.today, day.seats, day.events, day.activities, day.cursor
    levers, effects, materials = day.levers[0], day.effects, day.materials
    for i in range(deals.shape[0]):
        deal = deals[i]
        if deal.status == c.WON or deal.status == c.LOST:
            continue
        w = deal.world
        stream = stream_at(day.market[w].key, deal.uid, today.day)
        deal.clock = 32_400 + int(16_000 * uniform(stream, 130))
        deal.ticks = 0
        if deal.status == c.RESTING:
            if today.day >= deal.return_on:
                _reopen(deal, stream, today, events, cursor)
            continue
        if seats[w, deal.seat].person < 0:
            _hand_over(deal, seats, w, day.ranges, stream, today, events, cursor)
            if seats[w, deal.seat].person < 0:
                continue
        seat = seats[w, deal.seat]
        mood = day.market[w].level + day.teams[w, seat.team]
        update_customer(deal, stream, mood, today)
        apply_bottlenecks(deal, day.bottlenecks, day.market[w].key, today.day)
        routine_contact(deal, seat, stream, today, levers, effects, materials, activities, cursor)
        deliberate_actions(
            deal, seat, seats[w], stream, today, levers, effects, materials, activities, cursor
        )
        customer_contact(deal, seat, stream, today, activities, cursor)
        update_fields(deal, seat, stream, today, day.calendar, events, cursor)
        _progress(deal, seat, mood, stream, day)


@compiled
def _hand_over(
    deal: Record, seats: Any, w: Any, ranges: Any, stream: Any, today: Record, events: Any, cursor: Any
) -> None:
    """The seller has left: a colleague takes over, and the customer's interest drops a little."""
    other = replacement_seat(seats, w, deal.seat, ranges, stream, 131)
    if other < 0:
        return
    boss = seats[w, seats[w, other].manager].person
    new = seats[w, other].person
    at = advance_clock(deal, stream, today.day, 1, 10)
    log_change(events, cursor, deal.serial, at, c.F_OWNER, new, deal.owner, boss)
    deal.seat, deal.owner = other, new
    deal.interest -= 0.25
    deal.feel *= 0.5


@compiled
def _reopen(deal: Record, stream: Any, today: Record, events: Any, cursor: Any) -> None:
    """A customer who had refused comes back: the deal is reopened."""
    at = advance_clock(deal, stream, today.day, 1, 60)
    log_change(events, cursor, deal.serial, at, c.F_STAGE, c.PROPOSAL, c.LOST_STAGE, deal.owner)
    deal.status, deal.stage, deal.since = c.OPEN, c.PROPOSAL, today.day
    deal.closed_day, deal.closed_sec = FAR, 0
    if deal.e_proposal == FAR:
        deal.e_proposal = today.day
    deal.dead, deal.cause, deal.rival, deal.reason = 0, -1, 0.0, -1
    deal.interest, deal.feel = deal.need + 0.7, deal.need + 0.5
    deal.last_two_way, deal.last_out = today.day, today.day
    deal.inbound += 1.0


@compiled
def _enter_stage(
    deal: Record, stage: Any, stream: Any, today: Record, events: Any, cursor: Any, funnel: Any
) -> Any:
    """Record a new stage; returns the second at which it was entered."""
    at = advance_clock(deal, stream, today.day, 3, 40)
    log_change(events, cursor, deal.serial, at, c.F_STAGE, stage, deal.stage, deal.owner)
    deal.stage, deal.since = stage, today.day
    if stage <= c.WON_STAGE:
        first_time = (
            (stage == c.APPOINTMENT and deal.e_appointment == FAR)
            or (stage == c.VISIT and deal.e_visit == FAR)
            or (stage == c.PROPOSAL and deal.e_proposal == FAR)
            or (stage == c.CLOSING and deal.e_closing == FAR)
            or stage == c.WON_STAGE
        )
        if first_time:
            funnel[stage] += 1
    if stage == c.APPOINTMENT and deal.e_appointment == FAR:
        deal.e_appointment = today.day
    elif stage == c.VISIT and deal.e_visit == FAR:
        deal.e_visit = today.day
    elif stage == c.PROPOSAL and deal.e_proposal == FAR:
        deal.e_proposal = today.day
    elif stage == c.CLOSING and deal.e_closing == FAR:
        deal.e_closing = today.day
    return at


@compiled
def _progress(deal: Record, seat: Record, mood: Any, stream: Any, day: Day) -> None:
    """Next step, win, open refusal or recorded loss: at most one of them in a day."""
    today, levers, events, cursor = day.today, day.levers[0], day.events, day.cursor
    funnel = day.funnel[deal.world]
    tenure = min(max(today.day - seat.hired, 0), 250) / 250.0
    skill = (seat.skill + levers.skill) * (0.5 + 0.5 * tenure) - 0.5 * (1.0 - tenure)
    z = deal.interest + deal.boost + 0.34 * skill + mood
    # Open refusal: more likely with a rival.
    refusal = REFUSAL[deal.stage] * np.exp(-0.7 * min(z, 1.5)) * (1.0 + 0.8 * deal.rival)
    refusal *= 1.8 if deal.doomed == 1 else 1.0
    if uniform(stream, 140) < refusal:
        cause = deal.cause if deal.cause >= 0 else (c.R_RIVAL if deal.rival > 0.5 else c.R_PRICE)
        _lose(deal, cause, stream, today, events, cursor, funnel)
        return
    # Silent refusal: recorded when the seller admits it, mostly towards the end of a quarter.
    if deal.dead == 1 or today.day - deal.day0 > OLD_DAYS:
        admitting = 0.030 * seat.tidy * (2.2 if today.left_quarter <= 6 else 1.0)
        admitting *= 1.4 if deal.feel < -0.3 else 0.8
        admitting *= 3.0 if today.day - deal.day0 > OLD_DAYS else 1.0
        if uniform(stream, 141) < admitting:
            _lose(deal, deal.cause if deal.cause >= 0 else c.R_SILENT, stream, today, events, cursor, funnel)
            return
    alive = 0.12 if deal.dead == 1 else 1.0
    speed = seat.pace * np.exp(-0.5 * seat.busy)
    if deal.stage == c.LEAD:
        if uniform(stream, 142) < ADVANCE[0] * np.exp(0.4 * z) * alive * levers.appointment:
            _enter_stage(deal, c.APPOINTMENT, stream, today, events, cursor, funnel)
            deal.last_two_way = today.day
            deal.next_visit = today.day + 3 + int(14.0 * uniform(stream, 143) / speed)
    elif deal.stage == c.APPOINTMENT:
        _visit(deal, seat, speed, stream, day)
    elif deal.stage == c.VISIT:
        sooner = levers.times if levers.more == c.M_TO_PROPOSAL else 1.0
        if uniform(stream, 144) < ADVANCE[2] * np.exp(0.25 * z) * alive * speed * sooner:
            _propose(deal, seat, stream, day)
    elif deal.stage == c.PROPOSAL:
        sooner = levers.times if levers.more == c.M_TO_CLOSING else 1.0
        if uniform(stream, 145) < ADVANCE[3] * np.exp(0.40 * z) * alive * (0.6 + 0.4 * speed) * sooner:
            _enter_stage(deal, c.CLOSING, stream, today, events, cursor, funnel)
            if uniform(stream, 146) < 0.6:
                set_close(
                    deal,
                    planned_close(deal, seat, stream, today, day.calendar, 1.0),
                    stream,
                    today,
                    events,
                    cursor,
                )
        elif uniform(stream, 147) < 0.0025:
            _enter_stage(deal, c.VISIT, stream, today, events, cursor, funnel)
    elif deal.stage == c.CLOSING:
        chance = ADVANCE[4] * np.exp(0.45 * min(z, 2.0)) * today.rush
        chance *= 1.5 if -4 <= deal.close - today.day <= 4 else 0.85
        # Without a budget or access to the decision maker, closing is unlikely.
        chance *= 1.0 if deal.budget == 1 else 0.10
        chance *= 0.35 + 0.75 * sigmoid(2.2 * deal.power)
        if deal.dead == 1 or deal.doomed == 1:
            chance = 0.0
        if uniform(stream, 148) < chance:
            _win(deal, seat, stream, day)
        elif uniform(stream, 149) < 0.003:
            _enter_stage(deal, c.PROPOSAL, stream, today, events, cursor, funnel)


@compiled
def _visit(deal: Record, seat: Record, speed: Any, stream: Any, day: Day) -> None:
    """The day of the appointment: the visit takes place or is postponed."""
    today, events, cursor, lead_log = day.today, day.events, day.cursor, day.lead_log
    funnel = day.funnel[deal.world]
    if today.day < deal.next_visit:
        return
    if uniform(stream, 150) > (0.45 if deal.dead == 1 else 0.86):
        deal.next_visit = today.day + 3 + int(9.0 * uniform(stream, 151) / speed)
        if deal.dead == 1 and uniform(stream, 152) < 0.3:
            _lose(deal, deal.cause, stream, today, events, cursor, funnel)
        return
    online = 0.45 if seat.style == c.FIELD else 0.2
    kind = c.K_WEB if uniform(stream, 153) < online else c.K_VISIT
    effective = hold_conversation(deal, seat, stream, 154, today.day)
    deal.last_out = today.day
    at = advance_clock(deal, stream, today.day, 20, 90)
    outcome = c.O_GOOD if effective else c.O_HOLD
    log_activity(day.activities, cursor, at, deal.serial, -1, deal.account, seat.person, kind, 0, outcome,
                 1 if effective else 0, 60, c.M_COMPANY, c.S_FIRST)  # fmt: skip
    at = _enter_stage(deal, c.VISIT, stream, today, events, cursor, funnel)
    if lead_log.shape[0] > 0 and deal.lead >= 0 and lead_log[deal.lead].meeting < 0:
        lead_log[deal.lead].meeting = at


@compiled
def _propose(deal: Record, seat: Record, stream: Any, day: Day) -> None:
    """The proposal: usually with a better amount and close date; sometimes closing begins at once."""
    today, events, cursor, lead_log = day.today, day.events, day.cursor, day.lead_log
    funnel = day.funnel[deal.world]
    at = advance_clock(deal, stream, today.day, 20, 90)
    outcome = c.O_GOOD if uniform(stream, 160) < sigmoid(deal.interest - deal.dead) else c.O_HOLD
    log_activity(day.activities, cursor, at, deal.serial, -1, deal.account, seat.person, c.K_PROPOSAL, 0,
                 outcome, -1, 60, c.M_PROPOSAL, c.S_PROPOSAL)  # fmt: skip
    deal.last_out, deal.last_two_way = today.day, today.day
    at = _enter_stage(deal, c.PROPOSAL, stream, today, events, cursor, funnel)
    if deal.amount < 0 or uniform(stream, 161) < 0.6:
        set_amount(deal, quoted_amount(deal, stream), stream, today, events, cursor)
    if uniform(stream, 162) < 0.35:
        set_close(
            deal, planned_close(deal, seat, stream, today, day.calendar, 1.0), stream, today, events, cursor
        )
    if deal.budget == 1 and lead_log.shape[0] > 0 and deal.lead >= 0 and lead_log[deal.lead].qualified < 0:
        lead_log[deal.lead].qualified = at
    if uniform(stream, 163) < (0.18 if deal.kind == c.RENEWAL else 0.04):
        _enter_stage(deal, c.CLOSING, stream, today, events, cursor, funnel)


@compiled
def _lose(
    deal: Record, cause: Any, stream: Any, today: Record, events: Any, cursor: Any, funnel: Any
) -> None:
    """Record the loss; the reason entered is the true one in at least 60 % of cases."""
    at = _enter_stage(deal, c.LOST_STAGE, stream, today, events, cursor, funnel)
    deal.reason = cause if uniform(stream, 170) < 0.6 else int(6.0 * uniform(stream, 171))
    deal.status, deal.closed_day, deal.closed_sec = c.LOST, today.day, at - today.day * 86_400
    if deal.kind != c.RENEWAL and deal.stage >= 0 and uniform(stream, 172) < 0.018:
        deal.status = c.RESTING
        deal.return_on = today.day + 25 + int(90.0 * uniform(stream, 173))


@compiled
def _win(deal: Record, seat: Record, stream: Any, day: Day) -> None:
    """Record the win: final discount, then the stage; a recurring product starts a contract."""
    today, events, cursor = day.today, day.events, day.cursor
    if deal.amount < 0:
        set_amount(deal, quoted_amount(deal, stream), stream, today, events, cursor)
    if uniform(stream, 174) < 0.55:
        set_amount(deal, agreed_amount(deal, seat, stream, today), stream, today, events, cursor)
    at = _enter_stage(deal, c.WON_STAGE, stream, today, events, cursor, day.funnel[deal.world])
    deal.status, deal.closed_day, deal.closed_sec = c.WON, today.day, at - today.day * 86_400
    row = day.wins[cursor[C_WINS]]
    cursor[C_WINS] += 1
    row.world, row.day, row.serial = deal.world, today.day, deal.serial
    row.team, row.person, row.amount = seat.team, seat.person, deal.amount
    if day.recurring[deal.product]:
        contract = day.new_contracts[cursor[C_CONTRACTS]]
        cursor[C_CONTRACTS] += 1
        contract.uid, contract.world, contract.account, contract.product = (
            deal.uid ^ np.uint64(0xC0_17AC7),
            deal.world,
            deal.account,
            deal.product,
        )
        contract.started = max(today.day, deal.due) if deal.kind == c.RENEWAL else today.day
        contract.due, contract.monthly, contract.kind = (
            contract.started + 365,
            max(1000, deal.amount // 12),
            deal.kind,
        )
        contract.status, contract.serial = 0, -1
        contract.content = 0.5 * (deal.need + deal.interest)
