"""Who is in which team now, who leads one, who has left, who owns which deal; and who was ever where?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from crm.eventlog import EventLog
from crm.frames import position_in
from models.forecast.organisation import ScopeTree

Links = Mapping[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """The people and teams of an organisation as of a moment.

    `leads`: the team that a person leads. `was_in` has the people that were ever in a team, `was_below` the
    teams that ever were right below one.
    """

    tree: ScopeTree
    leads: Mapping[str, str]
    left: frozenset[str]
    was_in: Links
    was_below: Links
    deals: pd.DataFrame = field(repr=False)  # deal_id, owner_id

    @classmethod
    def of(cls, known: EventLog) -> Hierarchy:
        """Of a log as of a moment, which knows of changes before it."""
        people, recorded = known["people"], known.tables if known.recorded is None else known.recorded
        leads = people[people["leads_team_id"].notna().to_numpy(bool)]
        return cls(
            tree=ScopeTree.of(known),
            leads=dict(zip(leads["person_id"].astype(str), leads["leads_team_id"].astype(str), strict=True)),
            left=frozenset(people["person_id"][people["active_to"].notna().to_numpy(bool)].astype(str)),
            was_in=_ever(known, recorded["people"], "people", "person_id", "team_id"),
            was_below=_ever(known, recorded["teams"], "teams", "team_id", "parent_team_id"),
            deals=known["deals"][["deal_id", "owner_id"]],
        )

    def is_active(self, person: str) -> bool:
        """Whether a person is there, and has not left."""
        return person in self._people and person not in self.left

    def led_by(self, person: str) -> str | None:
        """The team that a person leads, where there is such a team."""
        team = self.leads.get(person)
        return team if team in self.teams else None

    def below(self, team: str) -> frozenset[str]:
        """A team and all below it; none where there is no such team.

        >>> import numpy as np
        >>> tree = ScopeTree(("P1",), np.array([1]), ("T1", "T2"), np.array([-1, 0]))
        >>> some = Hierarchy(tree=tree, leads={}, left=frozenset(), was_in={}, was_below={}, deals=None)
        >>> sorted(some.below("T1")), sorted(some.below("T3"))
        (['T1', 'T2'], [])
        """
        if team not in self.teams:
            return frozenset()
        parents = self.tree.parent.tolist()
        links: dict[str, set[str]] = {}
        for at, parent in enumerate(parents):
            if parent >= 0:
                links.setdefault(self.tree.teams[parent], set()).add(self.tree.teams[at])
        return _reached([team], links)

    def members(self, team: str) -> frozenset[str]:
        """The people in a team and in all below it."""
        if team not in self.teams:
            return frozenset()
        return frozenset(self.tree.people[person] for person in self.tree.members(f"team:{team}").tolist())

    def ever_in(self, teams: Iterable[str]) -> frozenset[str]:
        """Everybody who may ever have been in some teams, or in one that was ever below them."""
        reached = _reached(teams, self.was_below)
        return frozenset().union(*(self.was_in.get(team, frozenset()) for team in reached))

    def owner(self, deal_id: str) -> str | None:
        """Who owns a deal; None where nobody does, or there is no such deal."""
        at = position_in(self._deal_ids, deal_id)
        owner = None if at < 0 else self.deals["owner_id"].array[at]
        return None if owner is None or pd.isna(owner) else str(owner)

    def deals_of(self, people: Iterable[str]) -> list[str]:
        """The deals of some people."""
        theirs = self.deals["owner_id"].isin(list(people)).to_numpy(bool)
        return [str(deal) for deal in self.deals["deal_id"].array[theirs]]

    def has_deal(self, deal_id: str) -> bool:
        """Whether there is such a deal."""
        return position_in(self._deal_ids, deal_id) >= 0

    @cached_property
    def _people(self) -> frozenset[str]:
        return frozenset(self.tree.people)

    @cached_property
    def teams(self) -> frozenset[str]:
        """All teams."""
        return frozenset(self.tree.teams)

    @cached_property
    def _deal_ids(self) -> pd.Index:
        ids: pd.Index = pd.Index(self.deals["deal_id"].astype(object))
        return ids


def _reached(first: Iterable[str], links: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """What links lead to from some names, those included; circles end."""
    found: set[str] = set()
    waiting = list(first)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += links.get(name, ())
    return frozenset(found)


def _ever(known: EventLog, rows: pd.DataFrame, table: str, key: str, column: str) -> Links:
    """By each value that a column has ever had, the rows that had it."""
    now = rows[[key, column]].astype(object)
    pairs = list(zip(now[key], now[column], strict=True))
    changes = known.changes(table)
    changes = changes[(changes["field"] == column).to_numpy(bool)]
    for value in ("value", "old_value"):
        pairs += zip(changes["key"], changes[value], strict=True)
    found: dict[str, set[str]] = {}
    for name, group in pairs:
        if group is not None and not pd.isna(group) and group != "":
            found.setdefault(str(group), set()).add(str(name))
    return {group: frozenset(names) for group, names in found.items()}
