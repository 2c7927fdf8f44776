"""Which rank (ヨミ) did each rep of the demo give each deal, and when? From the records alone.

A rep judges by what the CRM says of the deal by then (stage, budget, decision maker, rival, how often it was
put off), and by temper: some call an A early, some late, and on single deals everybody errs. Nothing of what
the simulation knows, or of what came later, is used.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import NormalDist

COLUMN = "ヨミ"
_STAGES = {"アポイント": 0.0, "初回訪問": 0.8, "提案・見積": 2.0, "クロージング": 3.2}
_ANSWERS = {("予算確認", "確認済"): 0.1, ("決裁者接触", "あり"): 0.1}
_RIVAL, _PUT_OFF = -0.2, -0.4  # for a known rival, and for each time that the day was put off
_TEMPER, _ERROR = 0.3, 0.25  # standard deviations, of reps and of single judgements
_LIMITS = (("A", 3.1), ("B", 2.0), ("C", 0.9))
_LATER = timedelta(minutes=7)  # after what was entered, the rank is
_DEALS, _EVENTS, _ORGANISATION = "deals.csv", "deal_events.csv", "organisation.csv"
_EVENT_FIELDS = ("deal_id", "at", "field", "value", "old_value", "actor_id")


@dataclass
class _Judged:
    """What is known of a deal by a moment, and the rank that its rep gave it."""

    owner: str = ""
    stage: str = ""
    known: dict[str, str] = field(default_factory=dict)
    day: str = ""
    put_off: int = 0
    rank: str = ""

    def learn(self, name: str, value: str) -> None:
        """What an event says."""
        if name == "owner_id":
            self.owner = value
        elif name == "stage":
            self.stage = value
        elif name == "expected_close_date":
            self.put_off += bool(self.day) and value > self.day
            self.day = value
        else:
            self.known[name] = value

    def judge(self, deal_id: str) -> str:
        """The rank that the rep gives it now; blank before there is anything to judge."""
        if self.stage not in _STAGES:
            return self.rank
        score = _STAGES[self.stage] + _PUT_OFF * self.put_off
        score += sum(worth for (name, said), worth in _ANSWERS.items() if self.known.get(name) == said)
        score += _RIVAL * (self.known.get("競合", "未確認") not in ("未確認", "なし", ""))
        score += _TEMPER * _normal(f"temper|{self.owner}") + _ERROR * _normal(f"{deal_id}|{self.stage}")
        return next((rank for rank, least in _LIMITS if score >= least), "")


def rank_changes(events: Iterator[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """The ranks as events of deals, from all that was entered, which comes in order of time."""
    deals: dict[str, _Judged] = defaultdict(_Judged)
    for event in events:
        deal = deals[event["deal_id"]]
        deal.learn(event["field"], event["value"])
        rank = deal.judge(event["deal_id"])
        if rank != deal.rank:
            at = datetime.fromisoformat(event["at"]) + _LATER
            yield dict(
                zip(
                    _EVENT_FIELDS,
                    (event["deal_id"], at.isoformat(), COLUMN, rank, deal.rank, deal.owner),
                    strict=True,
                )
            )
            deal.rank = rank


def write_ranks(world: Path, folder: Path) -> None:
    """Writes the ranks of an organisation: their history, the newest of each deal, and what column it is."""
    folder.mkdir(exist_ok=True)
    with (world / _EVENTS).open(encoding="utf-8", newline="") as file:
        changes = list(rank_changes(csv.DictReader(file)))
    with (world / _DEALS).open(encoding="utf-8", newline="") as file:
        closed = {row["deal_id"]: row["closed_at"] for row in csv.DictReader(file)}
    # Nobody ranks a deal that is over.
    changes = [row for row in changes if not closed[row["deal_id"]] or row["at"] < closed[row["deal_id"]]]
    newest = {row["deal_id"]: row["value"] for row in changes}
    _write(folder / _EVENTS, _EVENT_FIELDS, changes)
    _write(
        folder / _DEALS,
        ("deal_id", COLUMN),
        [{"deal_id": deal, COLUMN: rank} for deal, rank in newest.items() if rank],
    )
    _write(
        folder / _ORGANISATION,
        ("organisation_id", "rank_column"),
        [{"organisation_id": "company", "rank_column": COLUMN}],
    )


def _normal(name: str) -> float:
    """A standard normal number that a name always has."""
    share = int.from_bytes(sha256(name.encode()).digest()[:8]) / 2**64
    return NormalDist().inv_cdf(min(max(share, 1e-9), 1 - 1e-9))


def _write(path: Path, fields: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, fields)
        written.writeheader()
        written.writerows(rows)
