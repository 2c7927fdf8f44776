"""What is served where reps rank their deals? The small organisation, with ヨミ and a past quarter by hand.

Of twelve deals of 2026-Q3 all were A at the end of its fourth week (29 July), due in September; seven were
won in it. From 20 August on they were C. One more was A, but due in October.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crm.importing import push_rows
from crm.instants import as_of_instant
from tests.support.fakes import TOKYO
from tests.support.served import Served, small_service

PAST, WON_OF_PAST = 12, 7
# The open deals of the small organisation: rank and expected close date.
OPEN = {
    "D4": ("A", "2026-12-18"),
    "D5": ("Ｂヨミ", "2026-11-10"),  # past its day on 20 November
    "D6": ("C", "2026-12-25"),
    "D7": ("", "2026-12-04"),
}


def ranked_rows() -> list[tuple[str, list[dict[str, Any]]]]:
    """Tables and their rows, in the order in which they come."""
    known: list[dict[str, Any]] = [
        {"deal_id": deal, "ヨミ": rank, "expected_close_date": due} for deal, (rank, due) in OPEN.items()
    ]
    deals: list[dict[str, Any]] = []
    events = [_rank("D4", "2026-11-15", "A", "B"), _rank("D4", "2026-11-05", "B", "")]
    for number in range(PAST + 1):
        deal, is_won = f"Q{number}", number < WON_OF_PAST
        is_later = number == PAST
        row = {"deal_id": deal, "created_at": "2026-06-01", "owner_id": f"P{number % 2}", "amount": 1e6}
        if is_later:
            row |= {"stage": "提案", "expected_close_date": "2027-02-20"}
        else:
            outcome = {"stage": "受注", "outcome": "won"} if is_won else {"stage": "失注", "outcome": "lost"}
            row |= {**outcome, "closed_at": "2026-09-10", "expected_close_date": "2026-09-20"}
        deals.append({**row, "ヨミ": "A" if is_later else "C"})
        events.append(_rank(deal, "2026-06-10", "A", ""))
        if not is_later:
            events.append(_rank(deal, "2026-08-20", "C", "A"))
    said = {"organisation_id": "company", "rank_column": "ヨミ", "known_from": "2020-01-01"}
    return [("deals", known), ("deals", deals), ("deal_events", events), ("organisation", [said])]


def _rank(deal: str, at: str, value: str, before: str) -> dict[str, Any]:
    return {"deal_id": deal, "at": at, "field": "ヨミ", "value": value, "old_value": before}


@contextmanager
def ranked_service(home: Path, warm: bool = False) -> Iterator[Served]:
    """The application of the small organisation whose reps rank their deals."""
    with small_service(home, warm=warm) as served:
        store, now = served.cases.serving.store, as_of_instant("2026-11-18", TOKYO)
        for table, rows in ranked_rows():
            result = push_rows(store, table, rows, TOKYO, now=now)
            assert not result.quarantined, (table, result.errors)
        served.cases.serving.refresh(warm)
        yield served
