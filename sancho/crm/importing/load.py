"""How does a batch of rows go into the store? Checked, upserted, counted, its errors kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from sancho.crm.i18n import Text
from sancho.crm.importing import validate as checks
from sancho.crm.importing import values as parse
from sancho.crm.importing.change_detection import Observer
from sancho.crm.importing.columns import MENDED
from sancho.crm.importing.read import cell_text
from sancho.crm.importing.resubmitted import QuarantineTracker
from sancho.crm.importing.result import Counts, ImportResult
from sancho.crm.importing.row_errors import RowError, reason
from sancho.crm.importing.source import Ints
from sancho.crm.importing.validate import Known, check, custom_values
from sancho.crm.schema import TABLES, Table
from sancho.crm.store import Writer
from sancho.crm.store.tables import keyed_by_all

_FEW = 20_000  # names up to which the store is asked for each, rather than for all it has
_STEP = 400_000  # rows checked and written at a time, which bounds memory
Progress = Callable[[Text, int, int | None], None]


@dataclass(frozen=True)
class Batch:
    """Rows for one canonical table from one file, columns under canonical names (others: attributes)."""

    table: str
    file: str
    columns: pa.Table
    lines_of: Callable[[Ints], Ints]
    damaged: bool = False
    zone: ZoneInfo | None = None
    # For rows that a mapping made: errors it already found, by row.
    errors: tuple[tuple[int, str, str, dict[str, object]], ...] = ()


@dataclass
class Run:
    """An import under way within one transaction."""

    writer: Writer
    zone: ZoneInfo
    now: int
    result: ImportResult
    progress: Progress | None = None
    _outcomes: dict[str, str | None] | None = None
    _deals: pa.Array | None = None
    _bad_deals: set[str] = field(default_factory=set)
    digests: list[str] = field(default_factory=list)
    _rows: int = 0
    _unknown: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waiting = QuarantineTracker(self.writer)
        self._observer = Observer(self.writer)

    def take(self, batch: Batch) -> tuple[Counts, np.ndarray]:
        """Takes a batch in; its counts, and which of its rows were quarantined."""
        table = TABLES[batch.table]
        columns = self._own_columns(batch, table)
        size = columns.num_rows
        counts, bad = Counts(read=size), np.zeros(size, bool)
        clash, repeat = duplicates(table, columns)
        for start in range(0, size, _STEP):
            part = columns.slice(start, _STEP)
            rows = slice(start, start + part.num_rows)
            self._tell(table, counts.imported + counts.unchanged + counts.quarantined, size)
            sound, changed = self._take_part(batch, table, part, start, clash, repeat)
            bad[rows] = ~sound
            counts.imported += changed
            counts.unchanged += int(sound.sum()) - changed
            counts.quarantined += int((~sound).sum())
        self._tell(table, size, size)
        self.result.tables.setdefault(batch.table, Counts()).add(counts)
        self._forget_what_changed(batch.table)
        return counts, bad

    def refuse(self, file: str, error: RowError, rows: int) -> None:
        """A file that cannot be used as a whole."""
        self._rows += 1
        self.result.errors.append(replace(error, row=self._rows, rows=rows, line=error.line or 1))
        counts = Counts(read=rows, quarantined=rows)
        if error.table:
            self.result.tables.setdefault(error.table, Counts()).add(counts)
        self.result.files.setdefault(file, Counts()).add(counts)

    def broken_file(self, error: RowError) -> None:
        """A error of a whole file whose rows are counted elsewhere."""
        self._rows += 1
        self.result.errors.append(replace(error, row=self._rows))

    def broken(self, table: str, errors: list[RowError]) -> None:
        """Lines of a file that are no rows at all."""
        for error in errors:
            self._rows += 1
            self.result.errors.append(replace(error, table=table, row=self._rows))
        if errors:
            counts = Counts(read=len(errors), quarantined=len(errors))
            self.result.tables.setdefault(table, Counts()).add(counts)

    def finish(self) -> None:
        """What can be told only once all has been taken in: unknown names, rows mended."""
        self._note_unknown_names()
        self._observe()
        self.result.fixed = self._waiting.settle(self.result.errors, self.result.files)

    def _own_columns(self, batch: Batch, table: Table) -> pa.Table:
        """The batch's columns without notes; custom attributes as numbers where all their values are."""
        columns = batch.columns
        self._waiting.meet(table, columns)
        if MENDED in columns.column_names:
            columns = columns.drop_columns([MENDED])
        for place, name in enumerate(columns.column_names):
            if table.custom and name not in table.by_name:
                columns = columns.set_column(place, name, pa.chunked_array([custom_values(columns[name])]))
        return columns

    def _take_part(
        self,
        batch: Batch,
        table: Table,
        part: pa.Table,
        start: int,
        clash: Mapping[int, int],
        repeat: set[int],
    ) -> tuple[np.ndarray, int]:
        known = self._known(batch.zone or self.zone, table, part)
        checked = check(table, part, known, batch.damaged)
        mapped = {(row - start, column) for row, column, *_ in batch.errors}
        errors = [error for error in checked.errors.found if error[:2] not in mapped]
        sound = checked.sound
        inside = range(start, start + part.num_rows)
        for row, column, code, said in batch.errors:
            if row in inside:
                errors.append((row - start, column, code, said))
                sound[row - start] = False
        for row, first in clash.items():
            if row in inside and sound[row - start]:
                line = int(batch.lines_of(np.array([first]))[0])
                errors.append((row - start, table.key[0], "duplicate_id", {"first": line}))
                sound[row - start] = False
        self._new_rows_whole(table, checked.columns, sound, errors)
        used = sound.copy()
        used[[row - start for row in repeat if row in inside]] = False
        kept = checked.columns if used.all() else _filtered(checked.columns, used)
        self._note_unknown(table, kept)
        if table.name == "deals":
            self._observer.meet_deals(kept)
        changed = self.writer.upsert(table.name, kept)
        if table.name == "deal_events" and changed:
            self._observer.meet_events(kept)
        self._keep(batch, table, part, start, errors)
        return sound, changed

    def _known(self, zone: ZoneInfo, table: Table, part: pa.Table) -> Known:
        if self._outcomes is None:
            stages = self.writer.rows("stages", ("stage", "outcome"))
            self._outcomes = dict(stages) or dict(checks.DEFAULT_OUTCOMES)
        deals = self._deals_named(part) if table.name in ("deal_events", "activities") else None
        return Known(zone, self.now, self._outcomes, deals, frozenset(self._bad_deals), self._stored_deals)

    def _deals_named(self, part: pa.Table) -> pa.Array | None:
        """Of the deals that rows name, those there are; all there are, where rows name many."""
        if "deal_id" not in part.column_names:
            return None
        if self._deals is None:
            named = parse.as_text(part["deal_id"].unique()).drop_null()
            if len(named) <= _FEW:
                return pa.array(sorted(self.writer.known("deals", named.to_pylist())), pa.string())
            self._deals = self.writer.ids("deals")
        return self._deals

    def _stored_deals(self, names: Any, keys: Any) -> list[tuple[Any, ...]]:
        return self.writer.rows("deals", names, keys)

    def _new_rows_whole(
        self, table: Table, columns: Mapping[str, pa.Array], sound: np.ndarray, errors: list[Any]
    ) -> None:
        """Where the file lacks required columns, its rows can change stored ones but not be new."""
        lacking = [c.name for c in table.columns if c.required and c.name not in columns]
        if not lacking or keyed_by_all(table) or not sound.any():
            return
        keys = columns[table.key[0]].to_pylist()
        stored = self.writer.known(table.name, {keys[row] for row in np.flatnonzero(sound)})
        for row in np.flatnonzero(sound):
            if keys[row] not in stored:
                sound[row] = False
                errors.append((int(row), lacking[0], "new_row_incomplete", {"column": lacking[0]}))

    def _note_unknown(self, table: Table, columns: Mapping[str, pa.Array]) -> None:
        """Gathers people, accounts and stages that are named but not known, for a notice at the end."""
        for column in ("owner_id", "actor_id", "account_id", "stage"):
            if (
                column not in columns
                or column in table.key
                or not columns[column].null_count < len(columns[column])
            ):
                continue
            array = columns[column]
            levels = array.dictionary if pa.types.is_dictionary(array.type) else array.unique()
            self._unknown.setdefault(column, set()).update(level for level in levels.to_pylist() if level)

    def _note_unknown_names(self) -> None:
        """Tells of people, accounts and stages that rows name but no table holds."""
        named = {
            "people": self._unknown.get("owner_id", set()) | self._unknown.get("actor_id", set()),
            "accounts": self._unknown.get("account_id", set()),
            "stages": self._unknown.get("stage", set()),
        }
        lost = {home: names - self.writer.known(home, names) for home, names in named.items()}
        if not self.writer.rows("stages", ("stage",)):
            lost["stages"] -= set(checks.DEFAULT_OUTCOMES)
        for home, names in lost.items():
            if names:
                shown = sorted(names)[:3]
                self.result.note(
                    Text(
                        f"{TABLES[home].label.ja}の表にない名前が{len(names)}件あります"
                        f"（{'、'.join(shown)} など）。"
                        "行は取り込みました。",
                        f"{len(names)} names are not in the table {home} ({', '.join(shown)} ...); "
                        "their rows were imported.",
                    )
                )

    def _observe(self) -> None:
        """Changes that no event tells become history; what is kept depends on when the import ran."""
        self.result.observed = self._observer.settle(self.now)
        if self.result.observed:
            self.digests.append(f"observed at {self.now}")
            self.result.note(
                Text(
                    "前回から変わった項目が{n:,}件ありました。変更履歴がないため、今回の取り込み日時の変更として"
                    "記録しました。",
                    "{n:,} changes observed: no event tells them, so they were recorded as of this import.",
                ).format(n=self.result.observed)
            )

    def _keep(self, batch: Batch, table: Table, part: pa.Table, start: int, errors: list[Any]) -> None:
        """Keeps the errors of bad rows with their lines and texts."""
        if not errors:
            return
        rows = sorted({error[0] for error in errors})
        lines = dict(zip(rows, batch.lines_of(np.array(rows, np.int64) + start).tolist(), strict=True))
        texts = texts_of(part, rows)
        numbers = {row: self._rows + place for place, row in enumerate(rows, 1)}
        self._rows += len(rows)
        for row, column, code, said in sorted(errors, key=lambda error: error[0]):
            raw = texts[row]
            self.result.errors.append(
                RowError(
                    table.name, batch.file, lines[row], column, raw.get(column, ""), code,
                    reason(code, **said), numbers[row], raw,
                )
            )  # fmt: skip
        if table.name == "deals":
            self._bad_deals |= {texts[row].get("deal_id", "").strip() for row in rows}

    def _forget_what_changed(self, table: str) -> None:
        if table == "stages":
            self._outcomes = None
        if table == "deals":
            self._deals = None

    def _tell(self, table: Table, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(
                Text("{label}を取り込み中", "importing {label}").format(label=table.label), done, total
            )


def duplicates(table: Table, columns: pa.Table) -> tuple[dict[int, int], set[int]]:
    """Rows whose key came before: with other contents (row -> first row), and with the same ones."""
    if keyed_by_all(table) or not set(table.key) <= set(columns.column_names) or not columns.num_rows:
        return {}, set()
    keys = [parse.as_text(parse.whole(columns[name])) for name in table.key]
    filled = len(keys[0]) - keys[0].null_count
    if len(keys) == 1 and len(keys[0].drop_null().unique()) == filled:
        return {}, set()
    frame = pd.DataFrame({name: key.to_pandas() for name, key in zip(table.key, keys, strict=True)})
    frame = frame[frame.notna().all(axis=1)]
    again = frame[frame.duplicated(keep=False)]
    rows = again.index.to_numpy()
    texts = texts_of(columns, [int(row) for row in rows])
    clash, repeat, first = {}, set(), {}
    for row, key in zip(rows.tolist(), again.itertuples(index=False, name=None), strict=True):
        mine = {name: text.strip() for name, text in texts[row].items() if text.strip()}
        if key not in first:
            first[key] = (row, mine)
        elif first[key][1] == mine:
            repeat.add(row)
        else:
            clash[row] = first[key][0]
    return clash, repeat


def _filtered(columns: Mapping[str, pa.Array], mask: np.ndarray) -> dict[str, pa.Array]:
    kept = pa.array(mask)
    return {name: array.filter(kept) for name, array in columns.items()}


def texts_of(columns: pa.Table, rows: list[int]) -> dict[int, dict[str, str]]:
    """The named rows as texts, blanks left out."""
    chosen = columns.take(pa.array(rows, pa.int64())).to_pylist()
    texts = [{name: cell_text(value) for name, value in row.items()} for row in chosen]
    return {
        row: {name: text for name, text in found.items() if text is not None}
        for row, found in zip(rows, texts, strict=True)
    }
