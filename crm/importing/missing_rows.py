"""Which stored rows does a list no longer name? A whole list takes them out; of any other it is told."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from crm.i18n import Text
from crm.importing.row_versions import VersionRecorder, row_keys_of
from crm.schema import TABLES, Table
from crm.store import Writer
from crm.store.tables import keyed_by_all

_WHOLE_SHARE = 0.5  # of the open deals: a list that names fewer is a part, of which nothing is missing


class ListedRows:
    """The keys of the rows that an import's files name, by table; quarantined rows are named too."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._keys: dict[str, set[str]] = {}

    def meet(self, table: Table, columns: Mapping[str, pa.Array]) -> None:
        """Notes rows in the form of storage, sound or not."""
        if not keyed_by_all(table) and set(table.key) <= set(columns):
            self._keys.setdefault(table.name, set()).update(row_keys_of(table, columns))

    def remove_missing(self, versions: VersionRecorder) -> dict[str, int]:
        """Takes out what the files do not name, of the tables they are of; how many rows of each."""
        removed = {}
        for name, named in self._keys.items():
            missing = self._writer.keys(name) - named
            if missing and (count := versions.remove(name, sorted(missing))):
                removed[name] = count
        return removed

    def notices(self, versions: VersionRecorder) -> list[Text]:
        """What is told of open deals that a list of deals does not name."""
        named = self._keys.get("deals")
        if not named:
            return []
        still_open = self._writer.open_deals() - versions.gone("deals")
        missing = still_open - named
        if not missing or len(missing) > _WHOLE_SHARE * len(still_open):
            return []
        shown = sorted(missing)
        more = ("など", " ...") if len(shown) > 3 else ("", "")
        some = "、".join(shown[:3]) + more[0], ", ".join(shown[:3]) + more[1]
        return [
            Text(
                "進行中の商談{n:,}件がこの一覧にありません（{some}）。削除・統合された商談なら、"
                "全件の一覧を --full を付けて取り込むと、その時点で対象から外れます。",
                "Open deals missing from this list: {n:,} ({some}). If they were deleted or merged, import "
                "the whole list with --full: they are gone from then on.",
            ).format(n=len(missing), some=Text(*some))
        ]


def removed_notice(table: str, count: int) -> Text:
    """What is told of rows that a whole list no longer names."""
    label = TABLES[table].label
    return Text(
        "一覧にない{label}{n:,}件を、この取り込みの時点で削除されたものとしました"
        "（それ以前の時点の集計には残ります）。",
        "{label} that the list no longer names: {n:,}. They are gone as of this import (answers about "
        "earlier moments still know them).",
    ).format(n=count, label=label)
