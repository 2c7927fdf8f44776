"""Do customers with a contract buy more, renew or leave? Draw ids 300 to 339."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import catalog as c
from simulator.demand import NONE, create_deal
from simulator.organisation import replacement_seat
from simulator.random_stream import compiled, mix, normal, stream_at, uniform
from simulator.state_arrays import FAR, Day, NewDeal

UPSELL_PER_DAY = 0.00105
"""Chance per working day and contract that a customer of average contentment considers buying more."""
RENEWAL_DEAL_SHARE = 0.25
"""Share of contracts whose renewal is negotiated; the others run on or are cancelled."""


@compiled
def step_contracts(day: Day, contracts: Any) -> None:
    """One working day of all running contracts: the deals that arise from them, and their ends."""
    today, seats, market, ranges, accounts = day.today, day.seats, day.market, day.ranges, day.accounts
    first = ranges[1]
    last = first
    while last < ranges[2] and seats[0, last].opens <= today.day:
        last += 1
    for i in range(contracts.shape[0]):
        contract = contracts[i]
        if contract.status != 0 or today.day < contract.started:
            continue
        w = contract.world
        stream = stream_at(market[w].key, contract.uid, today.day)
        contract.content += 0.01 * (0.35 - contract.content) + 0.04 * normal(stream, 300)
        sec = 32_400 + int(30_000 * uniform(stream, 301))
        quality = 0.5 * contract.content + accounts[contract.account].affinity + 0.5 * normal(stream, 302)
        if (
            contract.due - today.day <= 75
            and uniform(stream_at(contract.uid, 0, contract.due), 303) < RENEWAL_DEAL_SHARE
        ):
            seat = _route_seller(seats, w, accounts[contract.account].uid, first, last, ranges)
            if seat < 0:
                continue
            contract.status = 2
            deal = create_deal(
                day,
                NewDeal(
                    uid=mix(stream),
                    world=np.int64(w),
                    sec=sec,
                    seat=seat,
                    account=np.int64(contract.account),
                    source=c.CUSTOMER,
                    kind=c.RENEWAL,
                    lead=NONE,
                    contract=np.int64(contract.serial),
                    due=np.int64(contract.due),
                    quality=quality,
                    stage=c.APPOINTMENT,
                    product=np.int64(contract.product),
                ),
            )
            deal.price = 12.0 * contract.monthly * np.exp(0.04 + 0.10 * normal(stream, 304))
            deal.amount = max(50_000, 12 * contract.monthly // 10_000 * 10_000)
            deal.amount0 = deal.amount
        elif today.day >= contract.due:
            if uniform(stream, 305) < 0.20 * np.exp(-0.7 * contract.content):
                contract.status = 1
            else:
                contract.due += 365
        elif (
            uniform(stream, 306)
            < UPSELL_PER_DAY * np.exp(0.5 * contract.content + market[w].level) * today.season
        ):
            seat = _route_seller(seats, w, accounts[contract.account].uid, first, last, ranges)
            if seat < 0:
                continue
            is_upsell = uniform(stream, 307) < 0.5
            create_deal(
                day,
                NewDeal(
                    uid=mix(stream),
                    world=np.int64(w),
                    sec=sec,
                    seat=seat,
                    account=np.int64(contract.account),
                    source=c.CUSTOMER,
                    kind=c.UPSELL if is_upsell else c.CROSS_SELL,
                    lead=NONE,
                    contract=NONE,
                    due=FAR,
                    quality=quality,
                    stage=c.APPOINTMENT if uniform(stream, 308) < 0.6 else c.LEAD,
                    product=np.int64(contract.product) if is_upsell else NONE,
                ),
            )


@compiled
def _route_seller(seats: Any, w: Any, account: Any, first: Any, last: Any, ranges: Any) -> Any:
    """The route seller (seats first to last - 1) of an account: the same one as long as they stay."""
    if last == first:
        return -1
    seat = first + int(uniform(account, 320) * (last - first))
    return seat if seats[w, seat].person >= 0 else replacement_seat(seats, w, seat, ranges, account, 321)


@compiled
def draw_customers(contracts: Any, contract_log: Any, key: Any, accounts: Any) -> None:
    """The contracts of the first day's customers: all running, up to three years old."""
    for i in range(contracts.shape[0]):
        contract = contracts[i]
        stream = stream_at(key, np.uint64(1) << np.uint64(45), i)
        account = int(accounts.shape[0] * uniform(stream, 1) ** 1.25)
        age = 1 + int(1090.0 * uniform(stream, 2))
        contract.uid, contract.world, contract.serial = stream, 0, i
        contract.account, contract.status = account, 0
        contract.started = -age
        contract.due = contract.started + 365 * (1 + age // 365)
        contract.product = 0 if uniform(stream, 3) < 0.5 else (1 if uniform(stream, 3) < 0.75 else 3)
        contract.monthly = max(
            5_000, int(np.exp(11.2 + 0.3 * accounts[account].size + 0.6 * normal(stream, 4))) // 1000 * 1000
        )
        contract.kind, contract.content = c.NEW, 0.35 + 0.35 * normal(stream, 5)
        logged = contract_log[i]
        logged.account, logged.started, logged.ended = account, contract.started, FAR
        logged.monthly, logged.product, logged.kind = contract.monthly, contract.product, c.NEW
