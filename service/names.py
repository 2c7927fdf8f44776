"""What are the people, teams, deals and accounts of an answer called? Names beside their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from crm.eventlog import EventLog
from crm.frames import position_in
from crm.i18n import Language, Text
from models.forecast.organisation import COMPANY, UNASSIGNED
from service.language import scope_label

_FEW = 20  # ids up to which each is looked up by itself
_WITHOUT_ROW = {COMPANY: Text("全社", "Company"), UNASSIGNED: Text("担当者未設定", "Unassigned")}


@dataclass(frozen=True)
class Names:
    """The names known at a moment; None where none is recorded.

    Names are for reading: nothing is computed from them.
    """

    _deals: pd.DataFrame  # deal_id, name, account_id
    _accounts: pd.DataFrame  # account_id, name
    _people: pd.DataFrame  # person_id, name
    _teams: pd.DataFrame  # team_id, name

    @classmethod
    def of(cls, known: EventLog) -> Names:
        """The names of a log as of a moment."""
        return cls(
            known["deals"][["deal_id", "name", "account_id"]],
            known["accounts"][["account_id", "name"]],
            known["people"][["person_id", "name"]],
            known["teams"][["team_id", "name"]],
        )

    def scope(self, scope: str, lang: Language) -> str | None:
        """What a scope is called: the company, a team, a person."""
        if scope in _WITHOUT_ROW:
            return _WITHOUT_ROW[scope].to(lang)
        kind, _, name = scope.partition(":")
        return (self._team_names if kind == "team" else self._person_names).get(name)

    def person(self, person_id: str | None) -> str | None:
        """What a person is called."""
        return None if person_id is None else self._person_names.get(person_id)

    def account(self, account_id: str | None) -> str | None:
        """What an account is called."""
        return _looked_up(self._account_ids, self._account_names, [account_id])[0]

    def deals(self, deal_ids: Sequence[str]) -> list[dict[str, str | None]]:
        """`name` and `account_name` of each deal (n)."""
        rows = _rows_of(self._deal_ids, deal_ids)
        names, accounts = (_at(rows, values) for values in (self._deal_names, self._accounts_of_deals))
        called = _looked_up(self._account_ids, self._account_names, accounts)
        return [{"name": name, "account_name": account} for name, account in zip(names, called, strict=True)]

    def with_deals(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows of an answer with the names of their `deal_id` right after it."""
        rows = list(rows)
        named = self.deals([str(row["deal_id"]) for row in rows])
        return [_after(row, "deal_id", names) for row, names in zip(rows, named, strict=True)]

    def with_scope(self, row: Mapping[str, Any], lang: Language) -> dict[str, Any]:
        """An answer, or a row of one, with the name of its `scope` right after it."""
        return _after(row, "scope", {"name": self.scope(str(row["scope"]), lang)})

    def label(self, scope: str) -> Text:
        """A scope in both languages, for a sentence: by its name, else as it is written."""
        name = self.scope(scope, "ja")
        return scope_label(scope) if name is None or scope in _WITHOUT_ROW else Text(name, name)

    def deal_label(self, deal_id: str) -> Text:
        """A deal in both languages, for a sentence: its account and name with its id, else the id."""
        (known,) = self.deals([deal_id])
        name, account = known["name"], known["account_name"]
        if account and account not in (name or ""):
            name = f"{account} {name}" if name else account
        return Text(f"{name}（{deal_id}）", f"{name} ({deal_id})") if name else Text(deal_id, deal_id)

    @cached_property
    def _person_names(self) -> dict[str, str]:
        return _as_dict(self._people["person_id"], self._people["name"])

    @cached_property
    def _team_names(self) -> dict[str, str]:
        return _as_dict(self._teams["team_id"], self._teams["name"])

    @cached_property
    def _deal_names(self) -> pd.Series:
        return self._deals["name"]

    @cached_property
    def _accounts_of_deals(self) -> pd.Series:
        return self._deals["account_id"]

    @cached_property
    def _account_names(self) -> pd.Series:
        return self._accounts["name"]

    @cached_property
    def _deal_ids(self) -> pd.Index:
        ids: pd.Index = pd.Index(self._deals["deal_id"])
        return ids

    @cached_property
    def _account_ids(self) -> pd.Index:
        ids: pd.Index = pd.Index(self._accounts["account_id"])
        return ids


def _after(row: Mapping[str, Any], key: str, new: Mapping[str, Any]) -> dict[str, Any]:
    """The row with more fields right after one of its own."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        out[name] = value
        if name == key:
            out |= new
    return out


def _as_dict(ids: pd.Series, names: pd.Series) -> dict[str, str]:
    known = names.notna().to_numpy(bool)
    return dict(zip(ids[known].astype(str), names[known].astype(str), strict=True))


def _looked_up(ids: pd.Index, values: pd.Series, wanted: Sequence[str | None]) -> list[str | None]:
    """The value of each wanted id, None where it is not known or has none."""
    return _at(_rows_of(ids, wanted), values)


def _rows_of(ids: pd.Index, wanted: Sequence[str | None]) -> list[int]:
    """The row of each wanted id, -1 where it is not known."""
    if not len(ids) or not len(wanted):
        return [-1] * len(wanted)
    if len(wanted) <= _FEW:
        return [position_in(ids, name) for name in wanted]
    # An index of another type would be converted whole, each time.
    rows: list[int] = ids.get_indexer(pd.Index(list(wanted), dtype=ids.dtype)).tolist()
    return rows


def _at(rows: list[int], values: pd.Series) -> list[str | None]:
    """The value of each row, None where there is no row or no value."""
    if len(rows) <= _FEW or not len(values):
        found = [None if row < 0 else values.array[row] for row in rows]
    else:
        found = list(values.array.take(rows))
    return [
        None if row < 0 or pd.isna(value) or not value else str(value)
        for row, value in zip(rows, found, strict=True)
    ]
