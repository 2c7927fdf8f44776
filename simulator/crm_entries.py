"""Which fields does a seller update in the CRM: amount, expected close date, qualification, certainty?

Expected close dates are too early for optimists, set to month and quarter ends, and pushed when they have
passed. Amounts are first estimates, later a quote, at the end a discount. Draw ids 80 to 129.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import catalog as c
from simulator.log import advance_clock, log_change
from simulator.random_stream import Record, compiled, normal, uniform

PLANNED_DAYS = np.array([70.0, 60.0, 46.0, 30.0, 16.0])
"""Days to closing that a seller expects, by stage."""


@compiled
def rounded_amount(amount: Any) -> Any:
    """Rounded to two or three figures, as people write prices; at least 50,000 JPY."""
    unit = 10_000.0 if amount < 3e6 else (50_000.0 if amount < 1e7 else 100_000.0)
    return max(50_000, int(np.floor(min(amount, 9e8) / unit + 0.5) * unit))


@compiled
def planned_close(deal: Record, seat: Record, stream: Any, today: Record, calendar: Any, stretch: Any) -> Any:
    """The close date entered today: `stretch` times the usual days ahead, mostly set to a month's end."""
    days = PLANNED_DAYS[deal.stage] * stretch * np.exp(0.35 * normal(stream, 80) - 0.25 * seat.optimism)
    days *= 1.25 if deal.size == 2 else 1.0
    day = min(today.day + max(4, int(days)), calendar.shape[0] - 40)
    snapped = uniform(stream, 82)
    if snapped < 0.68:
        day = calendar[day].month_end
        if snapped < 0.18:
            # The month that ends the quarter.
            ahead = (3 - calendar[day].month % 3) % 3
            day = calendar[min(day + 31 * ahead, calendar.shape[0] - 1)].month_end
    while calendar[day].workday == 0 or day <= today.day:
        day += 1
    return day


@compiled
def set_close(deal: Record, day: Any, stream: Any, today: Record, events: Any, cursor: Any) -> None:
    """Enter another close date."""
    if day == deal.close:
        return
    at = advance_clock(deal, stream, today.day, 1, 30)
    log_change(events, cursor, deal.serial, at, c.F_CLOSE, day, deal.close, deal.owner)
    if day > deal.close:
        deal.pushes += 1
    deal.close = day


@compiled
def set_amount(deal: Record, amount: Any, stream: Any, today: Record, events: Any, cursor: Any) -> None:
    """Enter another amount (the first one if it was missing)."""
    if amount == deal.amount:
        return
    at = advance_clock(deal, stream, today.day, 1, 20)
    log_change(events, cursor, deal.serial, at, c.F_AMOUNT, amount, deal.amount, deal.owner)
    if deal.amount0 < 0:
        deal.amount0 = amount
    deal.amount = amount


@compiled
def quoted_amount(deal: Record, stream: Any) -> Any:
    """The amount on the quote: roughly what the customer would pay."""
    return rounded_amount(deal.price * np.exp(0.09 * normal(stream, 84)))


@compiled
def agreed_amount(deal: Record, seat: Record, stream: Any, today: Record) -> Any:
    """The amount finally agreed: less a discount that grows with rivals, quarter's end and habit."""
    haste = 1.6 if today.left_quarter <= 5 else 1.0
    cut = 0.030 * seat.discount * haste * (1.0 + 0.9 * deal.rival) * (0.3 + 1.4 * uniform(stream, 86))
    return rounded_amount(deal.amount * (1.0 - min(cut, 0.35)))


@compiled
def update_fields(
    deal: Record, seat: Record, stream: Any, today: Record, calendar: Any, events: Any, cursor: Any
) -> None:
    """What is entered without a change of stage."""
    if deal.amount < 0 and deal.stage >= 2 and uniform(stream, 90) < 0.05:
        set_amount(
            deal,
            rounded_amount(deal.price * np.exp(0.15 * normal(stream, 84))),
            stream,
            today,
            events,
            cursor,
        )
    elif deal.stage == 4 and deal.amount > 0 and uniform(stream, 91) < 0.022 * (1.0 + 0.7 * deal.rival):
        # The price is negotiated down; sometimes the customer orders more instead.
        factor = (
            1.0 - 0.12 * uniform(stream, 92)
            if uniform(stream, 93) < 0.8
            else 1.0 + 0.15 * uniform(stream, 92)
        )
        set_amount(deal, rounded_amount(deal.amount * factor), stream, today, events, cursor)
    if deal.close < today.day:
        # Passed and still open: pushed on the day the seller updates it.
        if uniform(stream, 94) < min(0.42 * seat.tidy, 0.9):
            stretch = 0.55 if deal.feel > 0.5 else 0.9
            set_close(
                deal,
                planned_close(deal, seat, stream, today, calendar, stretch),
                stream,
                today,
                events,
                cursor,
            )
    elif (
        deal.close - today.day < 12
        and deal.stage < 4
        and uniform(stream, 95) < (0.09 if deal.feel < 0.0 else 0.03)
    ):
        # The seller knows that the deal will not close in time.
        set_close(
            deal, planned_close(deal, seat, stream, today, calendar, 0.9), stream, today, events, cursor
        )
    _qualify(deal, stream, today, events, cursor)
    hope = -0.6 + 0.55 * deal.stage + 0.8 * deal.feel + 0.4 * seat.optimism
    deal.certainty = min(max(int(hope + 0.8 * normal(stream, 96)), 0), 4)


@compiled
def _qualify(deal: Record, stream: Any, today: Record, events: Any, cursor: Any) -> None:
    """Competitor, budget and decision maker are entered some days after they could be known."""
    if deal.rival_seen <= 1 and deal.stage >= 2:
        if deal.rival > 0.0 and uniform(stream, 100) < 0.035:
            seen = 2 + int(4.0 * uniform(stream, 101))
            at = advance_clock(deal, stream, today.day, 1, 20)
            log_change(events, cursor, deal.serial, at, c.F_RIVAL, seen, deal.rival_seen, deal.owner)
            deal.rival_seen = seen
        elif deal.rival == 0.0 and deal.rival_seen == 0 and uniform(stream, 102) < 0.015:
            at = advance_clock(deal, stream, today.day, 1, 20)
            log_change(events, cursor, deal.serial, at, c.F_RIVAL, 1, 0, deal.owner)
            deal.rival_seen = 1
    if deal.budget_seen < 2 and deal.stage >= 2:
        known = 2 if deal.budget == 1 else 1
        if known > deal.budget_seen and uniform(stream, 103) < 0.05:
            at = advance_clock(deal, stream, today.day, 1, 20)
            log_change(events, cursor, deal.serial, at, c.F_BUDGET, known, deal.budget_seen, deal.owner)
            deal.budget_seen = known
    if deal.power_seen == 0 and deal.stage >= 2 and deal.power > 0.3 and uniform(stream, 104) < 0.05:
        at = advance_clock(deal, stream, today.day, 1, 20)
        log_change(events, cursor, deal.serial, at, c.F_POWER, 1, 0, deal.owner)
        deal.power_seen = 1
