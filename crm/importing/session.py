"""What frames every import? One transaction, a line in the log, the quarantine brought up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from crm.importing.import_log import ImportLog
from crm.importing.load import Loader, Progress
from crm.importing.quarantine import quarantine_rows
from crm.importing.result import ImportResult
from crm.instants import instant
from crm.store import Store


@contextmanager
def session(
    store: Store,
    source: str,
    zone: ZoneInfo,
    mapping: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    now: int | None = None,
) -> Iterator[Loader]:
    """An import from beginning to end: what is loaded is kept as a whole, or not at all."""
    moment = instant(datetime.now(zone), zone) if now is None else now
    result = ImportResult(source, dry_run=dry_run)
    log = ImportLog(result)
    with store.transaction(keep=not dry_run) as writer:
        loader = Loader(writer, zone, moment, log, progress)
        yield loader
        loader.finish()
        total = result.total
        digest = hashlib.sha256("\n".join([*log.digests, mapping or ""]).encode()).hexdigest()
        result.import_id = writer.record(
            {
                "at": moment,
                "source": source,
                "mapping": mapping,
                "rows_read": total.read,
                "imported": total.imported,
                "unchanged": total.unchanged,
                "quarantined": result.quarantined,
                "digest": digest,
            }
        )
        writer.quarantine(quarantine_rows(result.errors, result.import_id))
