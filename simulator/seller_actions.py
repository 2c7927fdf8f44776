"""What do sellers do on a deal in one working day, and what does it do to the customer?

What sellers do depends on their preferences, on what the log shows and on their feeling about the customer,
which is nowhere in the log. Decoys (two materials) and the seminar invitation change nothing that a later
draw depends on, so their effect is exactly zero. Draw ids 20 to 79.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import catalog as c
from simulator.catalog import (
    A_CALL,
    A_DECOY_FEELING,
    A_DECOY_LOG,
    A_DEMO,
    A_EMAIL,
    A_FOLLOW,
    A_INDUSTRY,
    A_PRODUCT,
    A_QUOTE,
    A_SEMINAR,
    A_SUPERIOR,
)
from simulator.ground_truth import QUICK_QUOTE_DAYS
from simulator.log import advance_clock, log_activity
from simulator.random_stream import Record, compiled, mix, normal, sigmoid, uniform
from simulator.state_arrays import FAR

RATE = np.array([0.13, 0.10, 0.13, 0.14, 0.19])
"""Contacts per working day that an average seller makes on an average deal, by stage."""
REPEATED = 0.3
"""Share of its effect that an action has from the second time on."""

ACTIONS = 11


@compiled
def action_preference(uid: Any, action: Any) -> Any:
    """A person's preference for an action: a factor with median 1."""
    return np.exp(0.55 * normal(mix(uid), 400 + action))


@compiled
def hold_conversation(deal: Record, seat: Record, stream: Any, draw_id: Any, day: Any) -> Any:
    """A conversation; returns whether it was about real needs. It updates the seller's feeling."""
    chance = sigmoid(0.25 + 0.95 * (deal.interest + deal.boost) + 0.25 * seat.skill - 1.2 * deal.dead)
    effective = uniform(stream, draw_id) < chance
    deal.last_two_way = day
    if effective:
        deal.momentum += 1.0
        deal.power += 0.12
    sensed = deal.interest + deal.boost + (0.75 / seat.tact) * normal(stream, draw_id + 1)
    deal.feel += 0.4 * (sensed - deal.feel)
    return effective


@compiled
def routine_contact(
    deal: Record, seat: Record, stream: Any, today: Record, levers: Record, effects: Any, materials: Any,
    activities: Any, cursor: Any,
) -> None:  # fmt: skip
    """The seller's ordinary contacts (call, mail, visit, web meeting), more where the seller is hopeful."""
    gap = min(max(today.day - deal.last_out, 0), 30)
    rate = RATE[deal.stage] * seat.diligence * np.exp(-0.5 * seat.busy) * levers.activity
    rate *= 0.35 + 1.1 * sigmoid(1.3 * deal.feel)
    rate *= 0.45 if gap < 3 else 1.0 + 0.03 * gap
    if 0 <= deal.close - today.day <= 10:
        rate *= 1.35
    if today.left_quarter <= 8:
        rate *= 1.15
    early = deal.stage <= 1
    online = 0.25 if seat.style == 0 else (0.12 if seat.style == 1 else 0.55)
    if levers.more >= A_FOLLOW:
        further_contact(
            deal, seat, stream, today, levers, effects, materials, activities, cursor, rate, online
        )
    if uniform(stream, 20) >= rate:
        return
    draw = uniform(stream, 21)
    if draw < (0.40 if early else 0.26):
        if deal.forbid == A_CALL and today.day <= deal.forbid_until:
            return
        action_call(deal, seat, stream, today, activities, cursor)
    elif draw < (0.82 if early else 0.46):
        if deal.forbid == A_EMAIL and today.day <= deal.forbid_until:
            return
        perform_action(A_EMAIL, deal, seat, stream, today, effects, materials, activities, cursor)
    elif draw < (0.92 if early else 0.56):
        if deal.forbid == A_FOLLOW and today.day <= deal.forbid_until:
            return
        perform_action(A_FOLLOW, deal, seat, stream, today, effects, materials, activities, cursor)
    elif not early:
        kind = c.K_WEB if uniform(stream, 22) < online else c.K_VISIT
        meet(kind, deal, seat, stream, today, activities, cursor)


@compiled
def meet(
    kind: Any, deal: Record, seat: Record, stream: Any, today: Record, activities: Any, cursor: Any
) -> None:
    """A visit or web meeting, where the customer meets at all."""
    deal.last_out = today.day
    # A customer who has decided against it often does not meet any more.
    if uniform(stream, 23) < (0.55 if deal.dead == 1 else 0.93):
        effective = hold_conversation(deal, seat, stream, 24, today.day)
        outcome = c.O_GOOD if effective else (c.O_HOLD if uniform(stream, 26) < 0.7 else c.O_COLD)
        at = advance_clock(deal, stream, today.day, 20, 90)
        subject = c.S_TERMS if deal.stage == 4 else c.S_HEARING
        minutes = 30 + 10 * int(4 * uniform(stream, 27))
        log_activity(activities, cursor, at, deal.serial, -1, deal.account, seat.person, kind, 0, outcome,
                     1 if effective else 0, minutes, 0, subject)  # fmt: skip


@compiled
def further_contact(
    deal: Record, seat: Record, stream: Any, today: Record, levers: Record, effects: Any, materials: Any,
    activities: Any, cursor: Any, rate: Any, online: Any,
) -> None:  # fmt: skip
    """Another contact of the kind of which a replay lets sellers do more, beside the usual ones."""
    early = deal.stage <= 1
    share = 0.0
    if levers.more == A_CALL:
        share = 0.40 if early else 0.26
    elif levers.more == A_EMAIL:
        share = 0.42 if early else 0.20
    elif levers.more == A_FOLLOW:
        share = 0.10
    elif levers.more == c.M_VISIT and not early:
        share = 0.44 * (1.0 - online)
    elif levers.more == c.M_WEB and not early:
        share = 0.44 * online
    if uniform(stream, 34) >= rate * share * (levers.times - 1.0):
        return
    if levers.more == A_CALL:
        action_call(deal, seat, stream, today, activities, cursor)
    elif levers.more == A_EMAIL or levers.more == A_FOLLOW:
        perform_action(levers.more, deal, seat, stream, today, effects, materials, activities, cursor)
    else:
        kind = c.K_VISIT if levers.more == c.M_VISIT else c.K_WEB
        meet(kind, deal, seat, stream, today, activities, cursor)


@compiled
def action_call(deal: Record, seat: Record, stream: Any, today: Record, activities: Any, cursor: Any) -> None:
    """A telephone call; whether it is answered depends a little on the customer's interest."""
    deal.last_out = today.day
    reached = uniform(stream, 28) < 0.35 + 0.3 * sigmoid(deal.interest - 0.9 * deal.dead)
    at = advance_clock(deal, stream, today.day, 2, 60)
    effective = 0
    if reached:
        deal.last_two_way = today.day
        deal.feel += 0.15 * (deal.interest + deal.boost + 1.0 * normal(stream, 29) - deal.feel)
        effective = 1 if uniform(stream, 31) < 0.15 + 0.2 * sigmoid(deal.interest) else 0
    outcome = c.O_REACHED if reached else c.O_ABSENT
    minutes = 3 + int(15 * uniform(stream, 32)) if reached else 1
    log_activity(activities, cursor, at, deal.serial, -1, deal.account, seat.person, c.K_CALL, 0, outcome,
                 effective, minutes, 0, c.S_CALL)  # fmt: skip


@compiled
def action_rate(deal: Record, seat: Record, action: Any, levers: Record) -> Any:
    """The chance that the seller does an action on this deal today without an intervention.

    Depends on what the log shows (stage, conversations, inbound contacts) and on the seller's feeling: a
    little for most actions, and on the feeling alone for A_DECOY_FEELING.
    """
    stage, repeated = deal.stage, (deal.done >> action) & 1
    eagerness = 0.5 + sigmoid(deal.feel)
    rate = 0.0
    if action == A_DEMO:
        rate = (0.022 if stage == 2 else 0.016) * eagerness if 2 <= stage <= 3 else 0.0
        rate *= 0.25 if repeated else 1.0
    elif action == A_SUPERIOR:
        rate = (0.016 if deal.size == 2 else 0.007) * eagerness if stage >= 3 else 0.0
        rate *= 0.3 if repeated else 1.0
    elif action == A_QUOTE:
        rate = 0.022 if stage == 2 else (0.035 if stage == 3 else 0.0)
        rate *= 0.1 if repeated else 1.0
    elif action in (A_INDUSTRY, A_PRODUCT):
        rate = 0.012 * eagerness if 1 <= stage <= 3 else 0.0
        rate *= 0.2 if repeated else 1.0
    elif action == A_DECOY_LOG:
        # Top sellers, on deals that the log shows going well.
        seen_well = deal.momentum + deal.inbound > 1.0 and stage >= 2
        rate = (0.09 if seat.skill > 0.7 else 0.02) if seen_well else 0.003
        rate *= 0.3 if repeated else 1.0
    elif action == A_DECOY_FEELING:
        rate = 0.10 * sigmoid(2.6 * (deal.feel - 0.75)) if stage >= 2 else 0.0
        rate *= 0.3 if repeated else 1.0
    elif action == A_SEMINAR:
        rate = 0.004 if stage <= 3 else 0.0
    if action == levers.more:
        rate *= levers.times
    return rate * action_preference(seat.uid, action) * levers.activity


@compiled
def deliberate_actions(
    deal: Record, seat: Record, seats: Any, stream: Any, today: Record, levers: Record, effects: Any,
    materials: Any, activities: Any, cursor: Any,
) -> None:  # fmt: skip
    """The actions a recommender may suggest: by own choice, or forced by an intervention."""
    for action in range(ACTIONS):
        forced = deal.force == action and today.day <= deal.force_until
        if forced:
            # On a random day before the deadline, on the deadline at the latest.
            left = deal.force_until - today.day
            do = left <= 4 or uniform(stream, 40 + action) < 1.6 / left
            if do:
                deal.force = -1
        else:
            do = uniform(stream, 40 + action) < action_rate(deal, seat, action, levers)
            if deal.forbid == action and today.day <= deal.forbid_until:
                do = False
        if do and action == A_CALL:
            action_call(deal, seat, stream, today, activities, cursor)
        elif do:
            perform_action(action, deal, seat, stream, today, effects, materials, activities, cursor)
            if action == A_SUPERIOR:
                boss = seats[seat.manager]
                if boss.person >= 0:
                    at = today.day * 86_400 + deal.clock + deal.ticks
                    log_activity(activities, cursor, at, deal.serial, -1, deal.account, boss.person,
                                 c.K_VISIT, 0, c.O_NONE, -1, 60, 0, c.S_SUPERIOR)  # fmt: skip


@compiled
def perform_action(
    action: Any, deal: Record, seat: Record, stream: Any, today: Record, effects: Any, materials: Any,
    activities: Any, cursor: Any,
) -> None:  # fmt: skip
    """Do one action: its effect on the customer and its row in the log."""
    size = effects[action, deal.industry, deal.size, deal.product]
    if action == A_QUOTE and (deal.e_visit == FAR or today.day - deal.e_visit > QUICK_QUOTE_DAYS):
        size = 0.0
    deal.boost += size * (REPEATED if (deal.done >> action) & 1 else 1.0)
    deal.done |= 1 << action
    at = advance_clock(deal, stream, today.day, 10, 75)
    kind, outcome, effective, minutes, material, subject = c.K_MATERIAL, c.O_NONE, -1, 0, 0, c.S_MATERIAL
    warm = deal.interest - 1.0 * deal.dead
    if action in (A_DEMO, A_SUPERIOR):
        deal.last_out = today.day
        good = hold_conversation(deal, seat, stream, 60 + 3 * action, today.day)
        kind = c.K_DEMO if action == A_DEMO else c.K_VISIT
        subject = c.S_DEMO if action == A_DEMO else c.S_SUPERIOR
        effective = 1 if good else 0
        outcome = c.O_GOOD if good else c.O_HOLD
        minutes = 60
        if action == A_SUPERIOR:
            deal.power += 0.5
    elif action == A_QUOTE:
        deal.last_out = today.day
        kind, material, subject = c.K_QUOTE, c.M_QUOTE, c.S_QUOTE
        outcome = c.O_REPLY if uniform(stream, 66) < 0.3 + 0.4 * sigmoid(warm) else c.O_NO_REPLY
    elif action == A_FOLLOW:
        deal.last_out = today.day
        kind, subject = c.K_FOLLOW, c.S_CHECK
        if uniform(stream, 67) < 0.25 + 0.4 * sigmoid(warm):
            outcome = c.O_REPLY
            deal.last_two_way = today.day
        else:
            outcome = c.O_NO_REPLY
    elif action == A_EMAIL:
        deal.last_out = today.day
        kind, subject = c.K_EMAIL, c.S_CHECK
        outcome = c.O_REPLY if uniform(stream, 68) < 0.12 + 0.35 * sigmoid(warm) else c.O_NO_REPLY
    elif action == A_SEMINAR:
        kind, material, subject = c.K_SEMINAR, c.M_INVITATION, c.S_SEMINAR
        outcome = c.O_CAME if uniform(stream, 69) < 0.35 else c.O_MISSED
    else:
        material = materials[action - A_INDUSTRY]
        outcome = c.O_OPENED if uniform(stream, 70) < 0.35 + 0.3 * sigmoid(warm) else c.O_UNOPENED
    log_activity(activities, cursor, at, deal.serial, -1, deal.account, seat.person, kind, 0, outcome,
                 effective, minutes, material, subject)  # fmt: skip


@compiled
def customer_contact(
    deal: Record, seat: Record, stream: Any, today: Record, activities: Any, cursor: Any
) -> None:
    """The customer calls or writes: the more interested, the more often."""
    if deal.dead == 1 or uniform(stream, 75) >= min(
        0.028 * np.exp(0.75 * (deal.interest + deal.boost)), 0.18
    ):
        return
    deal.last_two_way = today.day
    deal.inbound += 1.0
    deal.feel += 0.15 * (deal.interest + deal.boost - deal.feel)
    kind = c.K_EMAIL if uniform(stream, 76) < 0.65 else c.K_CALL
    at = advance_clock(deal, stream, today.day, 5, 80)
    minutes = 0 if kind == c.K_EMAIL else 5 + int(10 * uniform(stream, 77))
    log_activity(activities, cursor, at, deal.serial, -1, deal.account, seat.person, kind, 1, c.O_ASKED, -1,
                 minutes, 0, c.S_ASK)  # fmt: skip
