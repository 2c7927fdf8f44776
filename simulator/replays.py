"""What else could have happened? The world is continued from its true state many times with other draws.

Replays with the same seed use the same draws (common random numbers), so the difference between two
interventions has far less noise than either of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.catalog import ACTIONS, MORE, OPEN
from simulator.dynamics import step
from simulator.log import C_PERSONS, C_WINS, Log
from simulator.random_stream import key_of
from simulator.settings import Intervention
from simulator.state_arrays import WIN
from simulator.world import State, World

ROWS_AT_ONCE = 500_000
"""Deals, leads and contracts simulated side by side: what fits a small machine's memory and caches."""
LONGEST_DAYS = 1090
"""Open deals are followed for at most this long: far beyond the age at which sellers close them as lost."""


@dataclass(frozen=True)
class Replay:
    """What happened in `replays` continuations of a world from the day after `as_of`."""

    world: World
    as_of: date
    until: date
    replays: int
    open_deals: NDArray[np.int32]
    """Numbers of the deals open at as_of, shape (n,); `deal_ids` gives their ids."""
    wins: NDArray[np.void]
    """Every win (state_arrays.WIN) after as_of; of deals not open at as_of only up to `until`."""
    funnel: NDArray[np.int64]
    """Stages first reached, shape (replays, days from as_of to until, stages)."""

    @property
    def deal_ids(self) -> list[str]:
        """Ids of the open deals."""
        return [f"D{number + 1:07d}" for number in self.open_deals]

    def win_probability(self, by: date | None = None) -> NDArray[np.float64]:
        """Share of the replays in which each open deal is won (by the end of `by`, or ever), shape (n,)."""
        return np.asarray(self.won(by).sum(axis=0) / self.replays)

    def won(self, by: date | None = None) -> NDArray[np.bool_]:
        """Which open deal is won in which replay, shape (replays, n)."""
        wins = self.wins[self.wins["serial"] >= 0]
        if by is not None:
            wins = wins[wins["day"] <= self.world.day_of(by)]
        position = np.searchsorted(self.open_deals, wins["serial"])
        position = np.minimum(position, len(self.open_deals) - 1)
        out = np.zeros((self.replays, len(self.open_deals)), bool)
        known = self.open_deals[position] == wins["serial"] if len(self.open_deals) else np.zeros(0, bool)
        out[wins["world"][known], position[known]] = True
        return out

    def amount_if_won(self) -> NDArray[np.float64]:
        """Mean final amount of each open deal over the replays that win it (NaN if none does), shape (n,)."""
        wins = self.wins[self.wins["serial"] >= 0]
        wins = wins[np.isin(wins["serial"], self.open_deals)]
        position = np.searchsorted(self.open_deals, wins["serial"])
        count = np.bincount(position, minlength=len(self.open_deals))
        total = np.bincount(position, wins["amount"], len(self.open_deals))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def revenue(self, first: date, last: date) -> NDArray[np.float64]:
        """Revenue of the company in JPY from `first` to `last` (inclusive), shape (replays,)."""
        return np.asarray(self._revenue(first, last, None, 1)[:, 0])

    def revenue_by_team(self, first: date, last: date) -> NDArray[np.float64]:
        """The same for each team with all teams below it, shape (replays, teams)."""
        parent = self.world.organisation.parent
        out = self._revenue(first, last, "team", len(parent))
        for number in range(len(parent) - 1, 0, -1):
            out[:, parent[number]] += out[:, number]
        return out

    def revenue_by_person(self, first: date, last: date) -> NDArray[np.float64]:
        """For each person known at as_of, and last for all hired later, shape (replays, people + 1)."""
        return self._revenue(first, last, "person", int(self.world.log.cursor[C_PERSONS]) + 1)

    def _revenue(self, first: date, last: date, group: str | None, groups: int) -> NDArray[np.float64]:
        if last > self.until:
            raise ValueError(f"revenue: replayed until {self.until}, asked for {last}; replay until then")
        lo, hi = self.world.day_of(first), self.world.day_of(last)
        before = self.world.log.wins[: self.world.log.cursor[C_WINS]]
        before = before[(before["day"] >= lo) & (before["day"] <= hi)]
        after = self.wins[(self.wins["day"] >= lo) & (self.wins["day"] <= hi)]

        def of(wins: NDArray[np.void]) -> NDArray[Any]:
            return np.zeros(len(wins), int) if group is None else np.minimum(wins[group], groups - 1)

        closed = np.bincount(of(before), before["amount"], groups)
        cell = after["world"].astype(np.int64) * groups + of(after)
        drawn = np.bincount(cell, after["amount"], self.replays * groups)
        return np.asarray(closed + drawn.reshape(self.replays, groups))


def replay(
    world: World,
    until: date,
    replays: int = 400,
    seed: int = 0,
    intervention: Intervention | None = None,
    to_the_end: bool = True,
) -> Replay:
    """Continue `world` from its state to the end of `until`, `replays` times; `world` stays unchanged.

    With `to_the_end` the deals open now are followed beyond `until` to their end (without new deals then: no
    deal depends on another). Replay r of a seed uses the same draws whatever the intervention.
    """
    last = world.day_of(until)
    if last < world.state.day - 1:
        raise ValueError(f"until: expected {world.date_of(world.last_day)} or later, got {until}")
    if last + LONGEST_DAYS >= len(world.calendar):
        raise ValueError(f"until: the calendar ends before deals of {until} can end; ask for an earlier day")
    changed = _with_intervention(world, intervention or Intervention())
    rows = (
        len(changed.deals) + (len(changed.leads) + len(changed.contracts) + changed.customers.size // 8) // 4
    )
    batch = int(np.clip(ROWS_AT_ONCE // max(rows, 1), 1, replays))
    wins, funnels = [], []
    for first in range(0, replays, batch):
        numbers = np.arange(first, min(first + batch, replays))
        won, funnel = _run_batch(world, changed, last, numbers, seed, to_the_end)
        wins.append(won)
        funnels.append(funnel)
    open_now = world.state.deals["serial"][world.state.deals["status"] == OPEN]
    return Replay(
        world=world,
        as_of=world.date_of(world.last_day),
        until=until,
        replays=replays,
        open_deals=np.sort(open_now),
        wins=np.concatenate(wins) if wins else np.zeros(0, WIN),
        funnel=np.concatenate(funnels),
    )


def _run_batch(
    world: World, state: State, last: int, numbers: NDArray[np.int64], seed: int, to_the_end: bool
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Some replays side by side: their wins and their funnel."""
    tiled = _tiled(state, [key_of(seed, 1000 + int(number)) for number in numbers])
    log = Log(recording=False)
    funnel = np.zeros((len(numbers), max(last + 1 - tiled.day, 0), 7), np.int64)
    while tiled.day <= last:
        days_ahead = tiled.day - state.day
        funnel[:, days_ahead] = step(tiled, world, log)
    if to_the_end:
        tiled.new_business = False
        tiled.deals = tiled.deals[tiled.deals["serial"] >= 0]
        tiled.leads, tiled.contracts = tiled.leads[:0], tiled.contracts[:0]
        end = last + LONGEST_DAYS
        while len(tiled.deals) and tiled.day < end:
            step(tiled, world, log)
    wins = log.wins[: log.cursor[C_WINS]].copy()
    wins["world"] += numbers[0]
    return wins, funnel


def _tiled(state: State, keys: Sequence[int]) -> State:
    """The state copied once per key, side by side."""
    count = len(keys)
    out = copy(state)
    for name in ("market", "seats", "teams", "next_person", "next_lead", "customers"):
        setattr(out, name, np.repeat(getattr(state, name), count, axis=0))
    out.market["key"] = np.array(keys, np.uint64)
    for name in ("deals", "leads", "contracts"):
        rows = getattr(state, name)
        tiled = np.tile(rows, count)
        tiled["world"] = np.repeat(np.arange(count), len(rows))
        setattr(out, name, tiled)
    out.levers, out.bottlenecks = state.levers.copy(), state.bottlenecks.copy()
    return out


def _with_intervention(world: World, intervention: Intervention) -> State:
    """The world's state with the intervention applied (a copy where it differs)."""
    state = copy(world.state)
    state.deals = state.deals.copy()
    state.levers, state.bottlenecks = state.levers.copy(), state.bottlenecks.copy()
    state.levers["inflow"] *= intervention.lead_inflow
    state.levers["appointment"] *= intervention.appointment_rate
    state.levers["activity"] *= intervention.activity
    state.levers["amount"] *= intervention.amount
    state.levers["skill"] += intervention.skill
    if intervention.more is not None:
        name, times = intervention.more
        state.levers["more"], state.levers["times"] = MORE.index(name), times
    for number in intervention.drop_bottlenecks:
        if not 0 <= number < len(state.bottlenecks):
            highest = len(state.bottlenecks) - 1
            raise ValueError(f"drop_bottlenecks: expected 0 to {highest}, got {number}; see planted.json")
        state.bottlenecks["on"][number] = 0
    order = np.argsort(state.deals["serial"])
    numbers = state.deals["serial"][order]
    for name in ("force", "forbid"):
        assignments = getattr(intervention, name)
        if not assignments:
            continue
        serial = np.array([int(deal[1:]) - 1 for deal, _ in assignments])
        position = np.minimum(np.searchsorted(numbers, serial), len(numbers) - 1)
        row = order[position] if len(numbers) else position
        refused = np.ones(len(serial), bool) if not len(numbers) else (
            (numbers[position] != serial) | (state.deals["status"][row] != OPEN))  # fmt: skip
        if refused.any():
            got, day = assignments[int(refused.argmax())][0], world.date_of(world.last_day)
            raise ValueError(f"{name}: expected deals that are open on {day}, got {got}")
        state.deals[name][row] = [_action(action) for _, action in assignments]
        state.deals[f"{name}_until"][row] = world.last_day + intervention.within_days
    return state


def _action(name: str) -> int:
    if name not in ACTIONS:
        raise ValueError(f"action: expected one of {', '.join(ACTIONS)}, got {name}")
    return ACTIONS.index(name)
