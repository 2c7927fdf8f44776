"""What frames every import? One transaction, a line in the log, the quarantine brought up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from crm.importing.import_log import ImportLog
from crm.importing.load import Loader, Permit, Progress
from crm.importing.organisation_row import change_notices, fill_organisation, stored_organisation
from crm.importing.quarantine import quarantine_rows
from crm.importing.result import ImportResult
from crm.instants import instant
from crm.store import Store, Writer


@contextmanager
def session(
    store: Store,
    source: str,
    zone: ZoneInfo,
    mapping: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    now: int | None = None,
    whole: bool | None = False,
    permit: Permit | None = None,
) -> Iterator[Loader]:
    """An import from beginning to end: what is loaded is kept as a whole, or not at all.

    Its moment is taken once no other import can write, and lies after those of all before it. `whole`: the
    rows are all there are (None: perhaps), so that what they do not name is gone (or told to be missing).
    `zone`: the organisation's where the store does not say it. `permit`: which rows may be written.
    """
    result = ImportResult(source, dry_run=dry_run)
    log = ImportLog(result)
    with store.transaction(keep=not dry_run) as writer:
        moment = _moment(writer, zone) if now is None else now
        before = stored_organisation(writer, store.organisation)
        zone = zone if before is None else before.zone
        loader = Loader(writer, zone, moment, log, progress, whole, store.organisation, permit)
        if before is None and writer.any_rows("deals") and store.organisation is not None:
            # Data from before the row existed: what the settings said has held until now.
            fill_organisation(writer, loader.versions, store.organisation)
            loader.versions.settle("organisation")
            before = stored_organisation(writer, store.organisation)
        yield loader
        if store.organisation is not None and result.total.imported + result.total.unchanged:
            filled = fill_organisation(writer, loader.versions, store.organisation)
            log.digests += [] if filled is None else [filled]
        loader.finish()
        for notice in change_notices(before, stored_organisation(writer, store.organisation)):
            result.note(notice)
        total = result.total
        digest = hashlib.sha256("\n".join([*log.digests, mapping or ""]).encode()).hexdigest()
        result.import_id = writer.record(
            {
                "at": moment,
                "source": source,
                "mapping": mapping,
                "rows_read": total.read,
                "imported": max(total.imported, loader.versions.changed_rows),
                "unchanged": total.unchanged,
                "quarantined": result.quarantined,
                "digest": digest,
            }
        )
        writer.quarantine(quarantine_rows(result.errors, result.import_id))


def _moment(writer: Writer, zone: ZoneInfo) -> int:
    last = writer.last_moment()
    now = instant(datetime.now(zone), zone)
    return now if last is None else max(now, last + 1)
