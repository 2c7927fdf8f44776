"""Which column is not used for prediction, and why? One sentence for each."""

from __future__ import annotations

from dataclasses import dataclass

from crm.i18n import Text
from crm.schema import TABLES
from training.leakage.columns import AskedColumn


@dataclass(frozen=True)
class Leak:
    """A column that is not used for prediction, and why.

    `attribute` is a column of deals by its name, one of another table as `accounts.type`. `reason`: fill,
    value, changed, number, date, follows, life, closing_day, one_outcome, too_good, stands_out, no_history or
    unscreened.
    """

    attribute: str
    reason: str
    text: Text
    table: str = "deals"

    @property
    def column(self) -> str:
        """The column as features name what they read: `deals.amount`, `accounts.type`."""
        return f"deals.{self.attribute}" if self.table == "deals" else self.attribute


def attribute_of(table: str, name: str) -> str:
    """A column as reports name it.

    >>> attribute_of("deals", "type"), attribute_of("accounts", "type")
    ('type', 'accounts.type')
    """
    return name if table == "deals" else f"{table}.{name}"


def label_of(table: str, name: str) -> Text:
    """A column in words."""
    known = TABLES[table].by_name
    label = known[name].label if name in known else Text(name, name)
    if table == "deals":
        return label
    of = TABLES[table].label
    return Text(f"{of.ja}の{label.ja}", f"{label.en} ({of.en.lower()})")


def leak_of(column: AskedColumn, reason: str, text: Text) -> Leak:
    """A column as a leak, for a reason in words."""
    return Leak(attribute_of(column.table, column.name), reason, text, column.table)
