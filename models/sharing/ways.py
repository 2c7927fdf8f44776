"""Who carries a target, and what does each way of sharing go by? Equal chances, and three usual ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.instants import DAY
from features.arrays import Flags, Floats
from models.forecast.new_business import employment_days
from models.forecast.organisation import UNASSIGNED, ScopeTree
from models.forecast.period_facts import PeriodFacts, WonDeals
from models.forecast.simulate import Simulation
from models.sharing.curves import Curve, Proportion, Quantiles
from models.sharing.parts import Part

CHANCE, EVEN, HISTORY, PIPELINE = WAYS = ("chance", "even", "history", "pipeline")
PERSON, TEAM = LEVELS = ("person", "team")
YEAR = 365
_LEAST_THERE = 0.25  # of the year: with less, a rep's revenue a year is not known
_BESIDE = ("inside", "manager")  # styles that usually carry no revenue target
_ADMIN = "admin"  # a role that carries none where there are no deals of one's own
_OWN_WINS = 3  # won in a year, from which they do
Bounds = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Sellers:
    """Who can carry a target (people + 1,), and what each usual way goes by (people + 1,)."""

    carries: Flags
    weights: Mapping[str, Floats]

    @classmethod
    def of(
        cls, known: EventLog, simulation: Simulation, facts: PeriodFacts, also: Sequence[str] = ()
    ) -> Sellers:
        """As of the moment of a log: who is there and has deals, won some in a year, or joined a team in it.

        `also`: scopes of people who get a target in any case. Last year's revenue is per year of being there;
        who has been there for less than a quarter counts like the mean.
        """
        tree, moment = simulation.organisation, facts.moment
        wins = WonDeals.of(known, tree)
        lately = (wins.at >= moment - YEAR * DAY) & (wins.at < moment)
        count = np.bincount(wins.person[lately], minlength=wins.people)
        revenue = wins.between(moment - YEAR * DAY, moment)
        today = int(moment // DAY)
        since, until = employment_days(known, tree)
        there = (since <= today) & (until > today)
        has_open = np.bincount(simulation.pipeline.person, minlength=wins.people) > 0
        beside = np.isin(_of_people(known, tree, "style"), _BESIDE)
        in_team = np.append(tree.team_of, -1) >= 0
        joined = (today - since < YEAR) & in_team & (_of_people(known, tree, "role") != _ADMIN)
        sells = has_open | (count > 0) | joined
        carries = there & np.where(beside, count >= _OWN_WINS, sells)
        carries[[tree.people.index(one.partition(":")[2]) for one in also]] = True
        carries[tree.nobody] = False
        share_there = np.clip((today - np.maximum(since, today - YEAR)) / YEAR, 0.0, 1.0)
        usual = share_there >= _LEAST_THERE
        yearly = revenue / np.maximum(share_there, _LEAST_THERE)
        settled = carries & usual
        mean = float(yearly[settled].mean()) if settled.any() else 1.0
        pipeline = facts.closed + facts.stage_weighted
        weights = {
            EVEN: np.ones(wins.people),
            HISTORY: np.where(usual, yearly, mean),
            PIPELINE: pipeline,
        }
        return cls(carries, {way: _some(weight, carries) for way, weight in weights.items()})


def curves_of(way: str, simulation: Simulation, sellers: Sellers) -> dict[int, Curve]:
    """By the number of each person who carries a target, the curve of a way."""
    people = np.flatnonzero(sellers.carries).tolist()
    if way == CHANCE:
        return {one: Quantiles.of(simulation.total(np.array([one]))) for one in people}
    return {one: Proportion(float(sellers.weights[way][one])) for one in people}


def tree_of(
    way: str, simulation: Simulation, sellers: Sellers, scope: str, level: str, bounds: Bounds
) -> Part:
    """The parts below a scope, down to its people, or to the teams right below it (`level`).

    Teams in which nobody carries a target get none.
    """
    curves = curves_of(way, simulation, sellers)
    tree = simulation.organisation

    def part(child: str) -> Part | None:
        lo, hi = bounds.get(child, (0.0, np.inf))
        kind = child.partition(":")[0]
        members = [one for one in tree.members(child).tolist() if one in curves]
        if child == UNASSIGNED or not members:
            return None
        if kind == PERSON:
            return Part(scope=child, curve=curves[members[0]], lo=lo, hi=hi)
        if level == TEAM:
            return Part(
                scope=child, curve=_team_curve(way, simulation, sellers, child, members), lo=lo, hi=hi
            )
        return Part(scope=child, parts=below(child), lo=lo, hi=hi)

    def below(parent: str) -> tuple[Part, ...]:
        return tuple(found for child in tree.children(parent) if (found := part(child)) is not None)

    return Part(scope=scope, parts=below(scope))


def _team_curve(
    way: str, simulation: Simulation, sellers: Sellers, team: str, members: Sequence[int]
) -> Curve:
    if way == CHANCE:
        return Quantiles.of(simulation.total(simulation.organisation.members(team)))
    return Proportion(float(sellers.weights[way][members].sum()))


def _some(weight: Floats, carries: Flags) -> Floats:
    """Weights; even ones where all are 0."""
    return weight if weight[carries].sum() > 0 else np.ones(len(weight))


def _of_people(known: EventLog, tree: ScopeTree, column: str) -> np.ndarray:
    """What a column of people says of each (people + 1,); empty where it says nothing."""
    found = np.full(len(tree.people) + 1, "", object)
    table = known["people"]
    at = tree.person(pd.Index(table["person_id"], dtype=object))
    found[at] = table[column].astype(object).where(table[column].notna(), "").to_numpy()
    return found
