"""When was the last record about a deal, and from what age on does that matter?"""

from __future__ import annotations

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import NEVER

OLD_DAYS = 92  # since a model's data time, after which any newly closed deal is a reason to retrain
QUIET_DAYS = 28  # without any record, after which a log counts as ended


def newest_deal_record(log: EventLog, before: int) -> int:
    """The last instant before a moment at which anything about a deal was recorded; `before` without any."""
    deals = log["deals"]
    columns = (deals["created_at"], deals["closed_at"], log["deal_events"]["at"], log["activities"]["at"])
    known = [at[(at != NEVER) & (at < before)] for at in map(micros, columns)]
    return max((int(at.max()) for at in known if len(at)), default=before)
