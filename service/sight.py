"""What may a caller see? Decided here alone, by who asks, and by who is in which team and owns what now.

Everything is seen by a program whose key is limited to no team, and by an admin. A manager, and a key with a
team, see the team and all teams below it, the people in them and those people's deals; everybody else who
signs in sees himself. Now decides, of answers about the past too: who has left a team is seen there no more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Language
from crm.missing_rates import MISSING_RATE
from models.forecast.organisation import COMPANY, ScopeTree, unknown_scope
from service import messages
from service.callers import Caller
from service.hierarchy import Hierarchy

ADMIN, MANAGER = "admin", "manager"  # roles; all others see themselves
# Fields that name a person, and those that go when it does.
_PEOPLE = {
    "owner_id": ("owner_name",),
    "actor_id": ("actor_name",),
    "person_id": ("name", "person_name"),
    "set_by": (),
}
_OWNERS = ("value", "old_value", "value_name", "old_value_name")  # of a change of a deal's owner
_TEAM_OF_DEALS = "seller_team"  # the column by which deals are divided by team
_WHO_DECIDED = ("promoted_by", "promoted_because")  # of a model, in the words of who did


class UnseenError(Exception):
    """A fault of ours: an answer would tell its reader what is kept from him."""


def sees_everything(caller: Caller) -> bool:
    """Whether nothing is kept from a caller."""
    if caller.person_id is None and caller.role is None:
        return caller.team_id is None
    return caller.role == ADMIN


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one caller may see: `people` and `teams` by id, and `widest`, the scope of all of it.

    `once` are people that were in these teams and are not now; `hierarchy` says who owns which deal.
    """

    widest: str
    people: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    once: frozenset[str] = frozenset()
    hierarchy: Hierarchy | None = field(default=None, repr=False, compare=False)

    @property
    def is_limited(self) -> bool:
        """Whether anything is kept from the caller."""
        return self.widest != COMPANY

    def scope(self, asked: str | None) -> str:
        """The scope that is asked for, by default the widest; one that is not seen is not known."""
        scope = self.widest if asked is None else asked
        if not self.sees_scope(scope):
            raise unknown_scope(scope)
        return scope

    def sees_scope(self, scope: str) -> bool:
        """Whether figures of a scope are seen."""
        if not self.is_limited:
            return True
        kind, _, name = scope.partition(":")
        return (kind == "person" and name in self.people) or (kind == "team" and name in self.teams)

    def sees_person(self, person_id: str | None) -> bool:
        """Whether a person is seen; nobody, as the owner of a deal, only by who sees everything."""
        return not self.is_limited or person_id in self.people

    def sees_deal(self, deal_id: str) -> bool:
        """Whether a deal is seen: whether its owner of now is."""
        if not self.is_limited:
            return True
        return self.hierarchy is not None and self.hierarchy.owner(deal_id) in self.people

    def deals(self) -> list[str]:
        """The deals that are seen by who does not see everything."""
        return [] if self.hierarchy is None else self.hierarchy.deals_of(self.people)

    def knows_deal(self, deal_id: str) -> bool:
        """Whether there was such a deal when the sight was made."""
        return self.hierarchy is not None and self.hierarchy.has_deal(deal_id)

    def check_deal(self, deal_id: str) -> None:
        """Raises for a deal that is not seen, as for one that does not exist."""
        if not self.sees_deal(deal_id):
            raise SanchoError(messages.unknown_deal(deal_id), "unknown_deal")

    def outsiders(self, tree: ScopeTree) -> frozenset[str]:
        """The people in the teams that are seen, by a tree of another moment, that are not seen now."""
        if not self.once:
            return frozenset()
        inside = {
            tree.people[person]
            for team in self.teams & set(tree.teams)
            for person in tree.members(f"team:{team}").tolist()
        }
        return frozenset(inside - self.people)

    def goal_of_deal(self, tree: ScopeTree, person: int) -> str:
        """The scope whose goal a deal of a person (a number of a tree) helps: the widest that it is in."""
        if not self.is_limited:
            return COMPANY
        if tree.has(self.widest) and person in tree.members(self.widest):
            return self.widest
        return f"person:{tree.people[person]}"

    def part_of(self, scope: str) -> tuple[str, ...]:
        """What tells an answer about a scope from the one of who sees everything; empty: it is the same.

        The answer about a team's past is another where people have left the team since.
        """
        if not (self.once and scope.startswith("team:")):
            return ()
        return (digest(self.people), digest(self.teams))

    @property
    def of_scopes(self) -> Sight:
        """The same, for questions about scopes: it knows no deals, and so keeps no state in memory."""
        return self if self.hierarchy is None else replace(self, hierarchy=None)

    def part_of_goal(self, scope: str) -> tuple[str, ...]:
        """The same where the answer tells of the widest goal that is seen, too."""
        return (self.widest, *self.part_of(scope)) if self.is_limited else ()

    def cut(self, answer: Mapping[str, Any], lang: Language, named: Collection[str] = ()) -> dict[str, Any]:
        """An answer without what is not seen: rows about others, and others' names beside what is.

        `named`: scopes that the caller's own question named or made.
        """
        if not self.is_limited:
            return dict(answer)
        return _Cut(self, lang, frozenset(named)).top(answer)


EVERYTHING = Sight(widest=COMPANY)


def sight_of(caller: Caller, hierarchy: Hierarchy) -> Sight:
    """What a caller may see of an organisation as it is now."""
    if sees_everything(caller):
        return EVERYTHING
    own = caller.person_id
    if own is None:
        return _of_team(caller.team_id or "", frozenset(), hierarchy)
    if not hierarchy.is_active(own):
        return Sight(widest=f"person:{own}", hierarchy=hierarchy)
    led = hierarchy.led_by(own) if caller.role == MANAGER else None
    if led is None:
        return Sight(widest=f"person:{own}", people=frozenset([own]), hierarchy=hierarchy)
    return _of_team(led, frozenset([own]), hierarchy)


def _of_team(team: str, also: frozenset[str], hierarchy: Hierarchy) -> Sight:
    """What is seen of a team and all below it; nothing where there is no such team."""
    teams, members = hierarchy.below(team), hierarchy.members(team)
    people = members | also
    return Sight(
        widest=f"team:{team}",
        people=people,
        teams=teams,
        once=hierarchy.ever_in(teams) - people,
        hierarchy=hierarchy,
    )


def digest(names: Collection[str]) -> str:
    """A short name for a set of names."""
    return sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Cut:
    """Takes out of an answer what a sight does not reach."""

    sight: Sight
    lang: Language
    named: frozenset[str]

    def top(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The answer itself, whose own scope or deal the question was allowed to name."""
        scope = answer.get("scope")
        if isinstance(scope, str) and not self._is_seen(scope):
            raise UnseenError("an answer is about a scope that its reader may not see")
        return self._fields(answer)

    def _fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        out = {name: self._value(value) for name, value in row.items()}
        for name, beside in _PEOPLE.items():
            if isinstance(out.get(name), str) and not self.sight.sees_person(out[name]):
                out |= {field: None for field in (name, *beside) if field in out}
        out |= {name: None for name in _WHO_DECIDED if name in out}
        if out.get("field") == "owner_id":
            self._hide_owners(out)
        if isinstance(scope := out.get("scope"), str) and scope in self.named and "name" in out:
            out["name"] = out["name"] if self.sight.sees_scope(scope) else None
        if out.get("code") == MISSING_RATE and "message" in out:
            out["message"] = messages.SOME_RATE_MISSING.to(self.lang)
        return out

    def _hide_owners(self, out: dict[str, Any]) -> None:
        for value in _OWNERS[:2]:
            if isinstance(out.get(value), str) and not self.sight.sees_person(out[value]):
                out |= {value: None, f"{value}_name": None}

    def _value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if not self._stays(value):
                raise UnseenError("an answer holds something that its reader may not see")
            return self._fields(value)
        if isinstance(value, list | tuple):
            return [self._value(one) for one in value if self._is_kept(one)]
        return value

    def _is_kept(self, one: Any) -> bool:
        """Whether a part of a list is about what is seen; of a sentence, whether it quotes no other team."""
        if isinstance(one, str):
            return not any(f"「{team}」" in one or repr(team) in one for team in self._other_teams)
        return not isinstance(one, Mapping) or self._stays(one)

    @property
    def _other_teams(self) -> frozenset[str]:
        return frozenset() if self.sight.hierarchy is None else self.sight.hierarchy.teams - self.sight.teams

    def _stays(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is about what is seen."""
        scope, deal, segment = row.get("scope"), row.get("deal_id"), row.get("segment")
        if row.get("kind") == _TEAM_OF_DEALS and row.get("level") not in self.sight.teams:
            return False
        if isinstance(scope, str) and not self._is_seen(scope):
            return False
        if isinstance(deal, str) and not self.sight.sees_deal(deal):
            return False
        return not (
            isinstance(segment, Mapping)
            and _TEAM_OF_DEALS in segment
            and segment[_TEAM_OF_DEALS] not in self.sight.teams
        )

    def _is_seen(self, scope: str) -> bool:
        # Who sees nothing still knows whose goal he has asked about: his own.
        return self.sight.sees_scope(scope) or scope in self.named or scope == self.sight.widest
