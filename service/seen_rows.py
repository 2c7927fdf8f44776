"""Which rows may be written by who sees a part of the organisation? Those about what is seen.

A row is refused where it names somebody or a deal that is not seen, where it would be nobody's, or where the
row that is stored under its key is not seen. What is of the whole organisation (its teams, people, stages,
accounts, products and rates) is written by who sees all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import Permit
from crm.importing.row_errors import CellError
from crm.importing.row_versions import row_keys_of
from crm.importing.values import Bools
from crm.schema import TABLES
from crm.store import Writer
from crm.store.tables import keyed_by_all
from service.sight import Sight

DEAL, LEAD, PERSON, SCOPE = "deal", "lead", "person", "scope"  # what a column names


@dataclass(frozen=True)
class _Rule:
    """What the columns of a table name; a row needs one of `whose`, the first of which says whose it is."""

    names: Mapping[str, str]
    whose: tuple[str, ...]


_RULES: Mapping[str, _Rule] = {
    "deals": _Rule({"owner_id": PERSON, "merged_into": DEAL}, ("owner_id",)),
    "deal_events": _Rule({"deal_id": DEAL, "actor_id": PERSON}, ("deal_id",)),
    "deal_contacts": _Rule({"deal_id": DEAL}, ("deal_id",)),
    "deal_products": _Rule({"deal_id": DEAL}, ("deal_id",)),
    "activities": _Rule(
        {"deal_id": DEAL, "lead_id": LEAD, "actor_id": PERSON}, ("deal_id", "lead_id", "actor_id")
    ),
    "leads": _Rule(
        {"owner_id": PERSON, "handed_to": PERSON, "deal_id": DEAL, "merged_into": LEAD}, ("owner_id",)
    ),
    "absences": _Rule({"person_id": PERSON}, ("person_id",)),
    "targets": _Rule({"scope": SCOPE, "set_by": PERSON}, ("scope",)),
}
WRITABLE = tuple(_RULES)
_OF_ALL = Text(
    "「{table}」は組織全体のデータのため、閲覧範囲が一部に限られている場合は書き込めません。"
    "書き込めるのは {names} です。",
    "{table} is of the whole organisation, of which you see a part; what you may write is {names}.",
)


def check_table(table: str, sight: Sight) -> None:
    """Raises for a table that only who sees everything may write to."""
    if sight.is_limited and table not in _RULES:
        text = _OF_ALL.format(table=TABLES[table].label, names=", ".join(WRITABLE))
        raise SanchoError(text, "not_allowed")


def permit_of(sight: Sight) -> Permit | None:
    """Which rows a caller may write; None: any."""
    return SeenRows(sight) if sight.is_limited else None


class SeenRows:
    """The rows that a sight reaches, in one transaction of writing."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def refused(
        self, writer: Writer, table: str, columns: Mapping[str, pa.Array], sound: Bools
    ) -> list[CellError]:
        """What is wrong with sound rows of a table, in the form of storage."""
        rule, rows = _RULES[table], np.flatnonzero(sound).tolist()
        used = {name: columns[name].to_pylist() for name in columns if name in _needed(table, rule)}
        given = {row: {name: values[row] for name, values in used.items()} for row in rows}
        keys = row_keys_of(TABLES[table], columns)
        found = not keyed_by_all(TABLES[table])
        stored = writer.rows_named(table, {keys[row] for row in rows}) if found else {}
        is_seen = self._seen(writer, [*given.values(), *stored.values()], rule)
        errors = []
        for row, values in given.items():
            wrong = self._wrong(rule, values, stored.get(keys[row]), is_seen)
            if wrong is not None:
                errors.append(
                    CellError(row, wrong, "unknown_deal" if rule.names.get(wrong) == DEAL else "unseen")
                )
        return errors

    def removable(self, writer: Writer, table: str, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """The keys of those stored rows that may be taken out."""
        rule = _RULES[table]
        is_seen = self._seen(writer, list(rows.values()), rule)
        return [key for key, values in rows.items() if _is_of(rule, values, is_seen)]

    def _wrong(
        self,
        rule: _Rule,
        values: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        is_seen: Callable[[str, str], bool],
    ) -> str | None:
        """The column for which a row is refused; None: it may be written."""
        if before is not None and not _is_of(rule, before, is_seen):
            return rule.whose[0]
        for column, kind in rule.names.items():
            name = values.get(column)
            if name is not None and not is_seen(kind, str(name)):
                return column
        if values.get("field") == "owner_id":
            for column in ("value", "old_value"):
                name = values.get(column)
                if (column == "value" or name is not None) and not self._sight.sees_person(name):
                    return column
        after = {**(before or {}), **values}
        return None if _is_of(rule, after, is_seen) else rule.whose[0]

    def _seen(
        self, writer: Writer, rows: Iterable[Mapping[str, Any]], rule: _Rule
    ) -> Callable[[str, str], bool]:
        """Whether what a row names is seen; its stored row tells of a deal that answers do not know yet."""
        named: dict[str, set[str]] = {DEAL: set(), LEAD: set()}
        for values in rows:
            for column, kind in rule.names.items():
                if kind in named and values.get(column) is not None:
                    named[kind].add(str(values[column]))
        owners = {
            DEAL: dict(writer.rows("deals", ("deal_id", "owner_id"), sorted(named[DEAL]))),
            LEAD: dict(writer.rows("leads", ("lead_id", "owner_id"), sorted(named[LEAD]))),
        }

        def is_seen(kind: str, name: str) -> bool:
            if kind == SCOPE:
                return self._sight.sees_scope(name)
            if kind == DEAL and self._sight.knows_deal(name):
                return self._sight.sees_deal(name)
            return self._sight.sees_person(name if kind == PERSON else owners[kind].get(name))

        return is_seen


def _is_of(rule: _Rule, values: Mapping[str, Any], is_seen: Callable[[str, str], bool]) -> bool:
    """Whether the one that a row is about is seen; a row about nobody is not."""
    first = next((column for column in rule.whose if values.get(column) is not None), None)
    return first is not None and is_seen(rule.names[first], str(values[first]))


def _needed(table: str, rule: _Rule) -> set[str]:
    """The columns that decide about a row."""
    also = {"field", "value", "old_value"} if table == "deal_events" else set()
    return {*rule.names, *TABLES[table].key, *also}
