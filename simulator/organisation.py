"""Who sells, in which team and under which manager, and who joins and leaves?

A seat is a position in a team; people fill it one after another. Seats are created for the whole calendar at
the start (later ones open as the company grows), so the length of a world changes nothing before its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.business_days import GROWTH_PER_YEAR, YEARS
from simulator.catalog import (
    FIELD,
    INDUSTRY_SHARE,
    INSIDE,
    MANAGER,
    REGION_SHARE,
    ROUTE,
)
from simulator.log import C_PERSONS
from simulator.random_stream import Record, compiled, normal, sigmoid, stream_at, uniform
from simulator.settings import USUAL_STYLES
from simulator.state_arrays import ACCOUNT, FAR, SEAT

DEALS_PER_SELLER_YEAR = 112.0
TEAM_SIZE = 5
SEAT_UID, PERSON_UID, ACCOUNT_UID, TEAM_UID = 1 << 40, 1 << 41, 1 << 42, 1 << 43


@dataclass(frozen=True)
class Organisation:
    """What does not change. Teams 0 = 本社, then 事業部 (divisions), then teams; `parent` of 本社 is -1."""

    team_names: tuple[str, ...]
    parent: NDArray[np.int32]
    team_style: NDArray[np.int32]
    seats: NDArray[np.void]
    ranges: NDArray[np.int64]
    """First seat of each style and the end of the last, shape (5,): seats are sorted by style."""
    accounts: NDArray[np.void]
    customers: int
    """How many accounts have contracts from before the first day."""


def build_organisation(
    key: int,
    deals_per_day: float,
    divisions: bool = True,
    styles: tuple[float, float, float] = USUAL_STYLES,
) -> Organisation:
    """An organisation for that many deals per day: about 40 people for 10,000 deals in three years.

    `styles`: people of field, route and inside sales as shares of the sellers.
    """
    yearly = deals_per_day * 365.25
    sellers = max(2, round(yearly / DEALS_PER_SELLER_YEAR))
    counts = {
        style: max(1, round(sellers * share))
        for style, share in zip((FIELD, ROUTE, INSIDE), styles, strict=True)
    }
    names, parent, style, teams_of = _teams(counts, divisions)
    final = (1.0 + GROWTH_PER_YEAR) ** YEARS
    rows = []
    for kind, count in counts.items():
        for k in range(int(np.ceil(count * final))):
            opens = 0 if k < count else int(365.25 * np.log(k / count) / np.log(1.0 + GROWTH_PER_YEAR)) + 20
            rows.append((kind, opens, teams_of[kind][k % len(teams_of[kind])]))
    rows += [(MANAGER, 0, team) for team in range(len(names))]
    seats = np.zeros(len(rows), SEAT)
    seats["style"], seats["opens"], seats["team"] = np.array(rows).T
    seats["person"], seats["hired"] = -1, FAR
    manager_of = {int(seats["team"][i]): i for i in np.flatnonzero(seats["style"] == MANAGER)}
    for i, seat in enumerate(seats):
        team = int(seat["team"])
        above = int(parent[team]) if seat["style"] == MANAGER and parent[team] >= 0 else team
        seats["manager"][i] = manager_of[above]
    ranges = np.searchsorted(seats["style"], np.arange(5))
    size = int(0.8 * deals_per_day * 1096) + 60
    return Organisation(
        team_names=tuple(names),
        parent=np.array(parent, np.int32),
        team_style=np.array(style, np.int32),
        seats=seats,
        ranges=ranges.astype(np.int64),
        accounts=_accounts(key, size),
        customers=min(size, int(0.30 * yearly) + 4),
    )


def _teams(
    counts: dict[int, int], with_divisions: bool
) -> tuple[list[str], list[int], list[int], dict[int, list[int]]]:
    """Names, parents and styles of teams, and the teams of each style."""
    team_counts = {kind: max(1, round(count / TEAM_SIZE)) for kind, count in counts.items()}
    total = sum(team_counts.values())
    field_divisions = min(12, max(1, round(team_counts[FIELD] / 4)))
    names, parent, style = ["本社"], [-1], [MANAGER]
    divisions: dict[int, list[int]] = {kind: [] for kind in counts}
    for kind, label, count in (
        (FIELD, "法人営業", field_divisions),
        (ROUTE, "既存顧客", min(6, max(1, round(team_counts[ROUTE] / 4)))),
        (INSIDE, "インサイドセールス", min(6, max(1, round(team_counts[INSIDE] / 4)))),
    ):
        if total <= 3 or not with_divisions:
            break
        for k in range(count):
            divisions[kind].append(len(names))
            names.append(f"{label}第{k + 1}事業部" if count > 1 else f"{label}事業部")
            parent.append(0)
            style.append(kind)
    teams_of: dict[int, list[int]] = {kind: [] for kind in counts}
    for kind, label in ((FIELD, "営業"), (ROUTE, "ルート"), (INSIDE, "IS")):
        for k in range(team_counts[kind]):
            teams_of[kind].append(len(names))
            names.append(f"{label}第{k + 1}チーム")
            parent.append(divisions[kind][k % len(divisions[kind])] if divisions[kind] else 0)
            style.append(kind)
    return names, parent, style, teams_of


def _accounts(key: int, size: int) -> NDArray[np.void]:
    """All companies of the market, already known to the organisation or not, shape (size,)."""
    accounts = np.zeros(size, ACCOUNT)
    _draw_accounts(
        accounts, np.uint64(key), np.cumsum(np.array(INDUSTRY_SHARE)), np.cumsum(np.array(REGION_SHARE))
    )
    return accounts


@compiled
def _draw_accounts(accounts: Any, key: Any, industry: Any, region: Any) -> None:
    for i in range(accounts.shape[0]):
        account = accounts[i]
        stream = stream_at(key, np.uint64(ACCOUNT_UID + i), 0)
        account.uid = stream
        account.industry = min(np.searchsorted(industry, uniform(stream, 1)), industry.shape[0] - 1)
        account.region = min(np.searchsorted(region, uniform(stream, 2)), region.shape[0] - 1)
        # Manufacturers and banks are larger than shops and services.
        middle = 5.2 if account.industry == 0 or account.industry == 3 else 4.6
        account.employees = max(3, int(np.exp(middle + 1.5 * normal(stream, 3))))
        account.size = 0 if account.employees < 100 else (1 if account.employees < 1000 else 2)
        account.affinity = 0.35 * normal(stream, 4)


@compiled
def step_organisation(
    today: Record, seats: Any, teams: Any, market: Any, next_person: Any, people: Any, cursor: Any
) -> None:
    """One working day of market mood, team mood, people leaving and joining.

    seats (worlds, seats), teams (worlds, teams), market (worlds,). Moods are first-order autoregressions with
    a half-life of about five months (company) and three (teams).
    """
    for w in range(seats.shape[0]):
        key = market[w].key
        stream = stream_at(key, np.uint64(TEAM_UID), today.day)
        m = market[w]
        m.level = 0.9935 * m.level + 0.020 * m.moods * normal(stream, 1)
        m.inflow = 0.992 * m.inflow + 0.010 * normal(stream, 1) + 0.013 * normal(stream, 2)
        for t in range(teams.shape[1]):
            teams[w, t] = 0.989 * teams[w, t] + 0.022 * m.moods * normal(
                stream_at(key, np.uint64(TEAM_UID + 1 + t), today.day), 1
            )
        for i in range(seats.shape[1]):
            seat = seats[w, i]
            if today.day < seat.opens:
                continue
            stream = stream_at(key, np.uint64(SEAT_UID + i), today.day)
            seat.busy = 0.95 * seat.busy + 0.12 * normal(stream, 3)
            if seat.person < 0:
                if today.day == 0 or seat.style == 3 or uniform(stream, 1) < 1.0 / 18.0:
                    back = int(2400.0 * uniform(stream, 2) ** 1.5) if today.day == 0 else 0
                    _hire(seat, i, stream, today.day - back, next_person, w, people, cursor)
            else:
                leaving = 0.00042 * today.turnover * (0.3 if seat.style == 3 else 1.0)
                leaving *= 1.8 if today.day - seat.hired < 400 else 0.9
                if today.day > 0 and uniform(stream, 1) < leaving:
                    if people.shape[0] > 0:
                        people[seat.person].end = today.day
                    seat.person = -1


@compiled
def _hire(
    seat: Record, number: Any, stream: Any, day: Any, next_person: Any, w: Any, people: Any, cursor: Any
) -> None:
    """Fill a seat with a new person, with their own skills and habits."""
    seat.uid = stream
    seat.person = next_person[w]
    next_person[w] += 1
    seat.hired = day
    seat.skill = normal(stream, 11)
    # Diligence and skill are slightly correlated, so activity in the log is confounded with skill.
    seat.diligence = np.exp(0.22 * normal(stream, 12) + 0.06 * seat.skill)
    seat.pace = np.exp(0.38 * normal(stream, 13))
    seat.optimism = 0.6 * normal(stream, 14)
    seat.tidy = np.exp(0.35 * normal(stream, 15))
    seat.tact = np.exp(0.3 * normal(stream, 16))
    seat.discount = np.exp(0.5 * normal(stream, 17) - 0.2 * seat.skill)
    if people.shape[0] > 0:
        person = people[seat.person]
        person.uid, person.seat, person.team, person.style, person.start, person.end = (
            stream,
            number,
            seat.team,
            seat.style,
            day,
            FAR,
        )
        person.skill, person.diligence, person.pace, person.optimism = (
            seat.skill,
            seat.diligence,
            seat.pace,
            seat.optimism,
        )
        person.tidy, person.tact, person.discount = seat.tidy, seat.tact, seat.discount
        cursor[C_PERSONS] = seat.person + 1


@compiled
def draw_seat(seats: Any, w: Any, first: Any, last: Any, stream: Any, draw_id: Any, prefer: Any) -> Any:
    """An occupied seat of a style (seats first to last - 1); the more skilled of two when `prefer`.

    Draws until one is occupied; -1 if nobody is there.
    """
    chosen, candidates = -1, 0
    for k in range(60):
        i = first + int(uniform(stream, draw_id + 17 * k) * (last - first))
        if seats[w, i].person < 0:
            continue
        # Busy sellers get fewer.
        if uniform(stream, draw_id + 17 * k + 7) > sigmoid(1.5 - 1.5 * seats[w, i].busy):
            continue
        if candidates == 0 or seats[w, i].skill > seats[w, chosen].skill:
            chosen = i
        candidates += 1
        if candidates == (2 if prefer else 1):
            return chosen
    if chosen >= 0:
        return chosen
    for i in range(first, last):
        if seats[w, i].person >= 0:
            return i
    return -1


@compiled
def replacement_seat(seats: Any, w: Any, seat: Any, ranges: Any, stream: Any, draw_id: Any) -> Any:
    """The seat that takes over from a vacant one: of the same team, else of the same style, else -1."""
    style, team = seats[w, seat].style, seats[w, seat].team
    first, last = ranges[style], ranges[style + 1]
    offset = int(uniform(stream, draw_id) * (last - first))
    other = -1
    for k in range(last - first):
        i = first + (offset + k) % (last - first)
        if seats[w, i].person >= 0:
            if seats[w, i].team == team:
                return i
            if other < 0:
                other = i
    return other
