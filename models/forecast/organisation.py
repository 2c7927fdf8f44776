"""Who belongs to which scope? People, teams and the tree along which forecasts add up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.frames import codes_in
from crm.i18n import Text
from features.arrays import Ints

COMPANY = "company"
UNASSIGNED = "unassigned"  # deals without an owner: shown so that children add up


@dataclass(frozen=True)
class ScopeTree:
    """People and teams, in fixed order; `team_of` and `parent` are positions, -1 = none.

    One more "person", number len(people), holds the deals without an owner.
    """

    people: tuple[str, ...]
    team_of: Ints
    teams: tuple[str, ...]
    parent: Ints

    @classmethod
    def of(cls, log: EventLog, owners: Sequence[str] = ()) -> ScopeTree:
        """The tree of a log; owners missing from the people table belong to no team."""
        people, teams = log["people"], log["teams"]
        team_ids = [str(team) for team in teams["team_id"]]
        of_person = [str(team) for team in people["team_id"].dropna().unique()]
        team_ids += sorted(set(of_person) - set(team_ids))
        index = pd.Index(team_ids, dtype=object)
        known = [str(person) for person in people["person_id"]]
        also = sorted({str(owner) for owner in owners} - set(known))
        parent = np.full(len(team_ids), -1, np.int64)
        parent[: len(teams)] = codes_in(teams["parent_team_id"], index)
        team_of = np.concatenate([codes_in(people["team_id"], index), np.full(len(also), -1, np.int64)])
        return cls((*known, *also), team_of, tuple(team_ids), _without_cycles(parent))

    def is_same(self, other: ScopeTree) -> bool:
        """Whether both have the same people and teams, in the same order and places."""
        return (
            self.people == other.people
            and self.teams == other.teams
            and np.array_equal(self.team_of, other.team_of)
            and np.array_equal(self.parent, other.parent)
        )

    @property
    def nobody(self) -> int:
        """The number of the bucket of deals without an owner."""
        return len(self.people)

    def person(self, owners: pd.Index) -> Ints:
        """Each owner's number, int64 (n,); `nobody` where there is none."""
        number = np.asarray(pd.Index(self.people, dtype=object).get_indexer(owners), np.int64)
        return np.where(number < 0, self.nobody, number)

    def owners_in(self, column: pd.Series) -> Ints:
        """The number of each owner in a column of codes, int64 (n,); `nobody` where there is none."""
        number = codes_in(column, pd.Index(self.people, dtype=object))
        return np.where(number < 0, self.nobody, number)

    def members(self, scope: str) -> Ints:
        """Numbers of the people in a scope, with all teams below it; the company includes `nobody`."""
        kind, _, name = scope.partition(":")
        if scope == COMPANY:
            return np.arange(len(self.people) + 1)
        if scope == UNASSIGNED:
            return np.array([self.nobody])
        if kind == "team" and name in self.teams:
            inside = self._below(self.teams.index(name))
            return np.flatnonzero(np.isin(self.team_of, inside))
        if kind == "person" and name in self.people:
            return np.array([self.people.index(name)])
        raise unknown_scope(scope)

    def has(self, scope: str) -> bool:
        """Whether there is such a scope."""
        try:
            self.members(scope)
        except SanchoError:
            return False
        return True

    def children(self, scope: str) -> list[str]:
        """Scopes directly below a scope; together they hold exactly its people."""
        kind, _, name = scope.partition(":")
        if kind in ("person", UNASSIGNED):
            return []
        if scope != COMPANY and (kind != "team" or name not in self.teams):
            raise unknown_scope(scope)
        above = -1 if scope == COMPANY else self.teams.index(name)
        teams = [f"team:{self.teams[t]}" for t in np.flatnonzero(self.parent == above)]
        people = [f"person:{self.people[p]}" for p in np.flatnonzero(self.team_of == above)]
        return teams + people + ([UNASSIGNED] if scope == COMPANY else [])

    def scopes(self) -> list[str]:
        """All scopes, from the company down."""
        teams = [f"team:{team}" for team in self.teams]
        return [COMPANY, *teams, *(f"person:{person}" for person in self.people)]

    def without_in_teams(self, people: Collection[str]) -> ScopeTree:
        """The same tree with some people in no team, and so in the company alone."""
        out = np.isin(np.arange(len(self.people)), [self.people.index(person) for person in people])
        return replace(self, team_of=np.where(out, -1, self.team_of))

    def _below(self, team: int) -> list[int]:
        inside, row = [team], [team]
        while row:
            row = [int(t) for t in np.flatnonzero(np.isin(self.parent, row))]
            inside += row
        return inside


def unknown_scope(scope: str) -> SanchoError:
    """The error of a scope that does not exist."""
    return SanchoError(
        Text(
            "対象「{scope}」が見つかりません。company、team:チームID、person:担当者ID のいずれかを"
            "指定してください。",
            "scope: {scope!r} is not known; write company, team:ID or person:ID.",
        ).format(scope=scope),
        "unknown_scope",
    )


def _without_cycles(parent: Ints) -> Ints:
    """Parents, with a team that is its own ancestor made a top team."""
    parents = parent.copy()
    for team in range(len(parents)):
        seen, at = {team}, int(parents[team])
        while at >= 0:
            if at in seen:
                parents[team] = -1
                break
            seen.add(at)
            at = int(parents[at])
    return parents
