"""What becomes of contracts: do customers buy more, renew, or leave? Questions 300 to 339."""

from __future__ import annotations

from typing import Any

import numpy as np

from sancho.crm.world import catalog as c
from sancho.crm.world.chance import Record, compiled, mix, normal, spot, uniform
from sancho.crm.world.demand import NONE, birth
from sancho.crm.world.layout import FAR
from sancho.crm.world.organisation import colleague

MORE_PER_DAY = 0.00105
"""Chance per working day and contract that an averagely content customer thinks of buying more."""
RENEWAL_DEAL_SHARE = 0.25
"""Share of contracts whose renewal is negotiated; the others run on or are cancelled."""


@compiled
def step_contracts(
    today: Record, contracts: Any, seats: Any, market: Any, ranges: Any, calendar: Any, levers: Any,
    accounts: Any, fit: Any, born: Any, cursor: Any,
) -> None:  # fmt: skip
    """One working day of all running contracts: deals they give rise to, and ends."""
    first = ranges[1]
    last = first
    while last < ranges[2] and seats[0, last].opens <= today.day:
        last += 1
    for i in range(contracts.shape[0]):
        k = contracts[i]
        if k.status != 0 or today.day < k.started:
            continue
        w = k.world
        place = spot(market[w].key, k.uid, today.day)
        k.content += 0.01 * (0.35 - k.content) + 0.04 * normal(place, 300)
        sec = 32_400 + int(30_000 * uniform(place, 301))
        quality = 0.5 * k.content + accounts[k.account].affinity + 0.5 * normal(place, 302)
        if k.due - today.day <= 75 and uniform(spot(k.uid, 0, k.due), 303) < RENEWAL_DEAL_SHARE:
            seat = _keeper(seats, w, accounts[k.account].uid, first, last, ranges)
            if seat < 0:
                continue
            k.status = 2
            deal = birth(born, cursor, mix(place), np.int64(w), today, sec, seats, seat, accounts,
                         np.int64(k.account), c.CUSTOMER, c.RENEWAL, NONE, np.int64(k.serial),
                         np.int64(k.due), quality, c.APPOINTMENT, np.int64(k.product), fit,
                         calendar, levers)  # fmt: skip
            deal.price = 12.0 * k.monthly * np.exp(0.04 + 0.10 * normal(place, 304))
            deal.amount = max(50_000, 12 * k.monthly // 10_000 * 10_000)
            deal.amount0 = deal.amount
        elif today.day >= k.due:
            if uniform(place, 305) < 0.20 * np.exp(-0.7 * k.content):
                k.status = 1
            else:
                k.due += 365
        elif uniform(place, 306) < MORE_PER_DAY * np.exp(0.5 * k.content + market[w].level) * today.season:
            seat = _keeper(seats, w, accounts[k.account].uid, first, last, ranges)
            if seat < 0:
                continue
            more = uniform(place, 307) < 0.5
            birth(born, cursor, mix(place), np.int64(w), today, sec, seats, seat, accounts,
                  np.int64(k.account), c.CUSTOMER, c.UPSELL if more else c.CROSS_SELL, NONE, NONE, FAR,
                  quality, c.APPOINTMENT if uniform(place, 308) < 0.6 else c.LEAD,
                  np.int64(k.product) if more else NONE, fit, calendar, levers)  # fmt: skip


@compiled
def _keeper(seats: Any, w: Any, account: Any, first: Any, last: Any, ranges: Any) -> Any:
    """The route seller (seats first to last - 1) who looks after an account: one, while they stay."""
    if last == first:
        return -1
    seat = first + int(uniform(account, 320) * (last - first))
    return seat if seats[w, seat].person >= 0 else colleague(seats, w, seat, ranges, account, 321)


@compiled
def draw_customers(contracts: Any, log: Any, key: Any, accounts: Any) -> None:
    """The contracts of the first day's customers, up to three years old; all running."""
    for i in range(contracts.shape[0]):
        k = contracts[i]
        place = spot(key, np.uint64(1) << np.uint64(45), i)
        account = int(accounts.shape[0] * uniform(place, 1) ** 1.25)
        age = 1 + int(1090.0 * uniform(place, 2))
        k.uid, k.world, k.serial, k.account, k.status = place, 0, i, account, 0
        k.started = -age
        k.due = k.started + 365 * (1 + age // 365)
        k.product = 0 if uniform(place, 3) < 0.5 else (1 if uniform(place, 3) < 0.75 else 3)
        k.monthly = max(
            5_000, int(np.exp(11.2 + 0.3 * accounts[account].size + 0.6 * normal(place, 4))) // 1000 * 1000
        )
        k.kind, k.content = c.NEW, 0.35 + 0.35 * normal(place, 5)
        row = log[i]
        row.account, row.started, row.ended, row.monthly = account, k.started, FAR, k.monthly
        row.product, row.kind = k.product, c.NEW
