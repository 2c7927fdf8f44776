"""Which people, accounts and stages do rows name that no table holds? Noted at the end, never refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from crm.i18n import Text
from crm.schema import DEFAULT_OUTCOMES, TABLES, Table
from crm.store import Writer

_TABLE_OF = {"owner_id": "people", "actor_id": "people", "account_id": "accounts", "stage": "stages"}
_SHOWN = 3  # names


class UnknownNames:
    """The names in the rows of one import, by the table that should hold them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._names: dict[str, set[str]] = {"people": set(), "accounts": set(), "stages": set()}

    def add(self, table: Table, columns: Mapping[str, pa.Array]) -> None:
        """Sound rows of a table, in the form of storage."""
        for column, home in _TABLE_OF.items():
            if column not in columns or column in table.key:
                continue
            array = columns[column]
            if array.null_count < len(array):
                levels = array.dictionary if pa.types.is_dictionary(array.type) else array.unique()
                self._names[home].update(level for level in levels.to_pylist() if level)

    def notices(self) -> Iterator[Text]:
        """One notice for each table that lacks names."""
        for home, names in self._names.items():
            unknown = names - self._writer.known(home, names)
            if home == "stages" and not self._writer.rows("stages", ("stage",)):
                unknown -= set(DEFAULT_OUTCOMES)
            if unknown:
                shown, are_all = sorted(unknown)[:_SHOWN], len(unknown) <= _SHOWN
                yield Text(
                    f"{TABLES[home].label.ja}の表にない名前が{len(unknown)}件あります"
                    f"（{'、'.join(shown)}{'' if are_all else ' など'}）。"
                    "行は取り込みました。",
                    f"Names that are not in the table {home}: {len(unknown)} ({', '.join(shown)}"
                    f"{'' if are_all else ', ...'}); their rows were imported.",
                )
