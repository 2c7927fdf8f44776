"""How does a batch of rows go into the store? Validated slice by slice, upserted, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from crm.i18n import Text
from crm.importing import values as parse
from crm.importing.checked_rows import Context
from crm.importing.columns import QUARANTINE_ID
from crm.importing.conventions import plainly_written
from crm.importing.currencies_met import CurrenciesMet
from crm.importing.import_log import ImportLog
from crm.importing.missing_rows import ListedRows, removed_notice
from crm.importing.money_rows import with_defaults
from crm.importing.organisation_row import stored_organisation
from crm.importing.resubmitted import QuarantineTracker
from crm.importing.result import Counts
from crm.importing.row_errors import CellError
from crm.importing.row_versions import VersionRecorder, rounds
from crm.importing.source import Ints
from crm.importing.unknown_names import UnknownNames
from crm.importing.validate import Batch, Validator
from crm.importing.values import Bools
from crm.organisation import Organisation
from crm.schema import DEFAULT_OUTCOMES, TABLES, Table
from crm.store import Writer

_FEW = 20_000  # names up to which the store is asked for each, rather than for all it has
_STEP = 400_000  # rows validated and written at a time, which bounds memory
Progress = Callable[[Text, int, int | None], None]


class Permit(Protocol):
    """Which rows the one who sends them may write."""

    def refused(
        self, writer: Writer, table: str, columns: Mapping[str, pa.Array], sound: Bools
    ) -> list[CellError]:
        """What is wrong with sound rows of a table, in the form of storage."""

    def removable(self, writer: Writer, table: str, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """The keys of those stored rows that may be taken out."""


class Loader:
    """Writes the sound rows of batches within one transaction; `log` holds counts and errors."""

    def __init__(
        self,
        writer: Writer,
        zone: ZoneInfo,
        now: int,
        log: ImportLog,
        progress: Progress | None = None,
        whole: bool | None = False,
        given: Organisation | None = None,
        permit: Permit | None = None,
    ) -> None:
        self.permit = permit
        self.writer, self.zone, self.now, self.log = writer, zone, now, log
        self._progress = progress
        self._whole = whole  # True: what the rows do not name is gone; None: it may be, which is told
        self._listed = ListedRows(writer)
        self._stored = _StoredFacts(writer, given)
        self._quarantine = QuarantineTracker(writer)
        self.versions = VersionRecorder(writer, now)
        self._names = UnknownNames(writer)
        self._currencies = CurrenciesMet(writer, given)

    def load(self, batch: Batch) -> tuple[Counts, Bools]:
        """Loads a batch; its counts, and which of its rows were rejected."""
        table = TABLES[batch.table]
        if self.permit is None:
            self._quarantine.meet(table, batch.columns)
        columns = _own_columns(table, batch.columns)
        validator = Validator(batch, columns)
        size = columns.num_rows
        counts, rejected = Counts(read=size), np.zeros(size, bool)
        for number, rows in enumerate(rounds(table, columns, batch.zone or self.zone)):
            if number:
                self.versions.settle(batch.table)
            for start in range(0, len(rows), _STEP):
                part = rows[start : start + _STEP]
                self._report(table, counts.quarantined + counts.imported + counts.unchanged, size)
                sound, changed = self._load_part(validator, batch, columns, part)
                rejected[part] = ~sound
                counts.imported += changed
                counts.unchanged += int(sound.sum()) - changed
                counts.quarantined += int((~sound).sum())
        self._report(table, size, size)
        self.log.count_rows(batch.table, counts)
        self._stored.forget(batch.table)
        if batch.table == "organisation" and (said := stored_organisation(self.writer)) is not None:
            self.zone = said.zone  # of naive times in the tables that follow
        return counts, rejected

    def finish(self, tell: bool = True) -> None:
        """What is known only once all is loaded: unknown names, observed changes, quarantined rows fixed.

        `tell`: whether the changes are noted as those of this import.
        """
        result = self.log.result
        for notice in (*self._names.notices(), *self._currencies.notices()):
            result.note(notice)
        detected = self.versions.finish()
        result.detected_changes += detected
        if self._whole:
            result.removed = self._listed.remove_missing(self.versions)
        for table, count in result.removed.items():
            result.note(removed_notice(table, count))
        if self._whole is None:
            for notice in self._listed.notices(self.versions):
                result.note(notice)
        if tell and (detected or self.versions.changed_rows):
            # What is stored depends on when the import ran.
            self.log.digests.append(f"observed at {self.now}")
        if detected and tell:
            result.note(
                Text(
                    "前回から変わった項目が{n:,}件ありました。変更履歴がないため、今回の取り込み日時の変更として"
                    "記録しました。",
                    "{n:,} changes observed: no event records them, so they were recorded as of this import.",
                ).format(n=detected)
            )
        # Who may not write all rows takes none out of the quarantine but those that he has put right.
        errors, files = (result.errors, result.files) if self.permit is None else ((), ())
        result.resolved += self._quarantine.settle(errors, files)

    def _load_part(
        self, validator: Validator, batch: Batch, columns: pa.Table, rows: Ints
    ) -> tuple[Bools, int]:
        """Which of some rows (positions, ascending) are sound, and how many changed the store."""
        consecutive = rows[-1] - rows[0] + 1 == len(rows)
        part = columns.slice(int(rows[0]), len(rows)) if consecutive else columns.take(pa.array(rows))
        context = self._stored.context(batch.table, part, batch.zone or self.zone, self.now)
        checked = validator.validate(rows, part, context)
        if self.permit is not None:
            refused = self.permit.refused(self.writer, batch.table, checked.columns, checked.sound)
            checked.errors.extend(refused)
            checked.sound[[error.row for error in refused]] = False
            checked.stored[[error.row for error in refused]] = False
            self._quarantine.meet(TABLES[batch.table], part.filter(pa.array(checked.sound)))
        if self._whole is not False:
            self._listed.meet(TABLES[batch.table], checked.columns)
        stored = checked.columns if checked.stored.all() else _filtered(checked.columns, checked.stored)
        self._names.add(TABLES[batch.table], stored)
        self._currencies.add(batch.table, stored)
        self.versions.meet(TABLES[batch.table], stored)
        changed = self.writer.upsert(batch.table, stored)
        if checked.errors:
            part = plainly_written(part, checked.columns, batch.conventions)
        rejected = self.log.reject_rows(batch, part, rows, checked.errors)
        if batch.table == "deals":
            self._stored.quarantined_deals |= {texts.get("deal_id", "").strip() for texts in rejected}
        return checked.sound, changed

    def _report(self, table: Table, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(
                Text("{label}を取り込み中", "importing {label}").format(label=table.label), done, total
            )


class _StoredFacts:
    """What the store holds that rows are checked against, read once and again after it changed."""

    def __init__(self, writer: Writer, given: Organisation | None) -> None:
        self._writer, self._given = writer, given
        self._outcomes: dict[str, str | None] | None = None
        self._deals: pa.Array | None = None
        self.quarantined_deals: set[str] = set()

    def context(self, table: str, part: pa.Table, zone: ZoneInfo, now: int) -> Context:
        """What the rows of `part` are checked against."""
        if self._outcomes is None:
            stages = self._writer.rows("stages", ("stage", "outcome"))
            self._outcomes = dict(stages) or dict(DEFAULT_OUTCOMES)
        return Context(
            zone=zone,
            now=now,
            outcomes=self._outcomes,
            currency=self._own_currency() if table == "rates" else None,
            deals=self._deals_named(part) if table in ("deal_events", "activities") else None,
            quarantined_deals=frozenset(self.quarantined_deals),
            stored_columns=lambda names, keys: self._writer.rows("deals", names, keys),
            stored_keys=lambda keys: self._writer.known(table, keys),
            newest_known=self._writer.newest_known,
        )

    def _own_currency(self) -> str | None:
        """The organisation's currency, None where neither the store nor who opened it names one."""
        said = stored_organisation(self._writer, self._given) or self._given
        return None if said is None else said.currency

    def forget(self, table: str) -> None:
        """A table changed: what was read from it is read again."""
        if table == "stages":
            self._outcomes = None
        if table == "deals":
            self._deals = None

    def _deals_named(self, part: pa.Table) -> pa.Array | None:
        """Of the deals that rows name, those that exist; all that exist, where rows name many."""
        if "deal_id" not in part.column_names:
            return None
        if self._deals is None:
            ids = parse.as_text(part["deal_id"].unique()).drop_null()
            if len(ids) <= _FEW:
                return pa.array(sorted(self._writer.known("deals", ids.to_pylist())), pa.string())
            self._deals = self._writer.ids("deals")
        return self._deals


def _own_columns(table: Table, columns: pa.Table) -> pa.Table:
    """The columns without the quarantine's own, with defaults."""
    if QUARANTINE_ID in columns.column_names:
        columns = columns.drop_columns([QUARANTINE_ID])
    return with_defaults(table, columns)


def _filtered(columns: Mapping[str, pa.Array], mask: Bools) -> dict[str, pa.Array]:
    kept = pa.array(mask)
    return {name: array.filter(kept) for name, array in columns.items()}
