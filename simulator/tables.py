"""Which rows would the CRM hold? The canonical tables, nothing latent in them.

Large tables are made slice by slice as arrow tables, so that writing a million deals needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from simulator import catalog as c
from simulator.log import C_ACTIVITIES, C_EVENTS, C_PERSONS
from simulator.names import LISTINGS, SYSTEMS, company_names, person_name
from simulator.state_arrays import FAR
from simulator.targets import targets_table
from simulator.world import World, current_deals

TABLES = (
    "deals", "deal_events", "activities", "leads", "accounts", "people", "teams", "contracts", "targets",
    "stages",
)  # fmt: skip
SLICE = 1_000_000
"""Rows made at a time."""
SEAT_FACTOR = 8
"""People that ever hold a seat, for the width of their numbers."""


def format_ids(prefix: str, numbers: NDArray[Any], width: int) -> Any:
    """Ids like D0000001 from numbers counted from 0; null where negative."""
    digits = pc.cast(pa.array(np.asarray(numbers, np.int64) + 1, mask=np.asarray(numbers) < 0), pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), pc.utf8_lpad(digits, width, "0"), "")


def decode(codes: NDArray[Any], words: tuple[str, ...]) -> Any:
    """Words from codes; null where the code is negative or the word is empty."""
    codes = np.asarray(codes, np.int32)
    empty = (codes < 0) | np.array([w == "" for w in words])[np.maximum(codes, 0)]
    return pa.array(list(words)).take(pa.array(codes, mask=empty))


@dataclass(frozen=True)
class TableBuilder:
    """Turns a world's numbers into the words of its tables."""

    world: World

    @property
    def epoch(self) -> int:
        """The first day's midnight in seconds since 1970."""
        return (self.world.settings.start - date(1970, 1, 1)).days * 86_400

    def times(self, seconds: NDArray[Any]) -> Any:
        """Naive local times from seconds since the first midnight, null where -1 or out of reach."""
        seconds = np.asarray(seconds, np.int64)
        missing = (seconds == -1) | (seconds <= FAR * 86_400)
        return pa.array(seconds + self.epoch, mask=missing).cast(pa.timestamp("s"))

    def dates(self, days: NDArray[Any]) -> Any:
        """Dates from days since the first, null where FAR."""
        days = np.asarray(days, np.int64)
        return pa.array((days + self.epoch // 86_400).astype(np.int32), mask=days == FAR).cast(pa.date32())

    def deal_ids(self, numbers: NDArray[Any]) -> Any:
        """Ids of deals."""
        return format_ids("D", numbers, 7)

    def lead_ids(self, numbers: NDArray[Any]) -> Any:
        """Ids of leads."""
        return format_ids("L", numbers, 7)

    def person_ids(self, numbers: NDArray[Any]) -> Any:
        """Ids of people."""
        return format_ids("P", numbers, self.person_width)

    def team_ids(self, numbers: NDArray[Any]) -> Any:
        """Ids of teams."""
        return format_ids("T", numbers, max(2, len(str(len(self.world.organisation.team_names)))))

    def account_ids(self, numbers: NDArray[Any]) -> Any:
        """Ids of accounts: numbered in the order in which they became known."""
        numbers = np.asarray(numbers, np.int64)
        return format_ids("C", np.where(numbers >= 0, self.account_rank[np.maximum(numbers, 0)], -1), 7)

    @cached_property
    def person_width(self) -> int:
        """Digits of a person's number: from the size of the organisation, not from who has come so far."""
        return max(3, len(str(SEAT_FACTOR * len(self.world.organisation.seats) // 4)))

    @cached_property
    def account_order(self) -> NDArray[np.int64]:
        """Known accounts in the order in which they became known."""
        seen = self.world.log.first_seen
        order = np.argsort(seen, kind="stable")
        return order[: int((seen < np.iinfo(np.int32).max).sum())]

    @cached_property
    def account_rank(self) -> NDArray[np.int64]:
        """Place of each account in that order, -1 if unknown."""
        rank = np.full(len(self.world.log.first_seen), -1, np.int64)
        rank[self.account_order] = np.arange(len(self.account_order))
        return rank

    @cached_property
    def account_name(self) -> Any:
        """Names of the known accounts in order."""
        accounts = self.world.organisation.accounts[self.account_order]
        return pa.array(company_names(accounts["uid"], accounts["industry"]))

    def slices(self, name: str) -> Iterator[pa.Table]:
        """The table, in pieces of at most SLICE rows (at least one piece)."""
        yield from getattr(self, name)()

    def deals(self) -> Iterator[pa.Table]:
        """deals: one row per deal as it stands on the last day."""
        deals = current_deals(self.world)
        for d in _sliced(deals):
            won, lost = d["status"] == c.WON, (d["status"] == c.LOST) | (d["status"] == c.RESTING)
            over = won | lost
            name = self.account_name.take(pa.array(self.account_rank[d["account"]]))
            product = decode(d["product"], c.PRODUCTS)
            # Overwritten at closing, no history: what a careless model would learn the outcome from.
            certainty = np.where(won, 5, np.where(lost, 6, d["certainty"]))
            why_won = ((d["uid"] >> np.uint64(20)) % np.uint64(6)).astype(np.int32)
            rival = np.where(d["rival_seen"] > 1, d["rival_seen"], 5)
            yield pa.table(
                {
                    "deal_id": self.deal_ids(d["serial"]),
                    "created_at": self.times(d["day0"].astype(np.int64) * 86_400 + d["sec0"]),
                    "name": pc.binary_join_element_wise(name, product, " "),
                    "account_id": self.account_ids(d["account"]),
                    "owner_id": self.person_ids(d["owner"]),
                    "product": product,
                    "source": decode(d["source"], c.SOURCES),
                    "deal_type": decode(d["kind"], c.DEAL_TYPES),
                    "stage": decode(d["stage"], c.STAGES),
                    "amount": pa.array(d["amount"].astype(np.int64), mask=d["amount"] < 0),
                    "currency": pa.array(np.full(len(d), "JPY")),
                    "expected_close_date": self.dates(d["close"]),
                    "closed_at": self.times(
                        np.where(over, d["closed_day"].astype(np.int64) * 86_400 + d["closed_sec"], -1)
                    ),
                    "outcome": decode(np.where(won, 0, np.where(lost, 1, -1)), ("won", "lost")),
                    "lost_reason": decode(np.where(lost, d["reason"], -1), c.LOST_REASONS),
                    "競合": decode(d["rival_seen"], c.RIVALS),
                    "予算確認": decode(d["budget_seen"], c.BUDGETS),
                    "決裁者接触": decode(d["power_seen"], c.POWERS),
                    "導入時期": decode(d["timing_seen"], c.TIMINGS),
                    "確度": decode(certainty, c.CERTAINTIES),
                    "受注理由": decode(np.where(won, why_won, -1), c.WON_REASONS),
                    "競合受注": decode(np.where(lost & (d["rival"] > 0), rival, -1), c.RIVALS),
                }
            )

    def deal_events(self) -> Iterator[pa.Table]:
        """deal_events: every recorded change, in the order of time."""
        events = self.world.log.events[: self.world.log.cursor[C_EVENTS]]
        order = np.argsort(events["at"], kind="stable")
        for part in _sliced(order):
            e = events[part]
            yield pa.table(
                {
                    "deal_id": self.deal_ids(e["deal"]),
                    "at": self.times(e["at"]),
                    "field": decode(e["field"], c.EVENT_FIELDS),
                    "value": self._values(e["field"], e["value"]),
                    "old_value": self._values(e["field"], e["old"]),
                    "actor_id": self.person_ids(e["actor"]),
                }
            )

    def _values(self, field: NDArray[Any], value: NDArray[Any]) -> Any:
        """The written form of values, by field."""
        order = np.argsort(field, kind="stable")
        parts = []
        for code in range(len(c.EVENT_FIELDS)):
            v = value[field == code]
            if code == c.F_AMOUNT:
                parts.append(pc.cast(pa.array(v.astype(np.int64), mask=v < 0), pa.string()))
            elif code == c.F_CLOSE:
                dates = self.dates(np.where(v < 0, FAR, v))
                parts.append(pc.cast(dates, pa.string()))
            elif code == c.F_OWNER:
                parts.append(self.person_ids(v))
            else:
                words = {
                    c.F_STAGE: c.STAGES,
                    c.F_RIVAL: c.RIVALS,
                    c.F_BUDGET: c.BUDGETS,
                    c.F_POWER: c.POWERS,
                }[code]
                parts.append(decode(v, words))
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(parts).take(pa.array(back))

    def activities(self) -> Iterator[pa.Table]:
        """activities: everything sellers and customers did that was entered, in the order of time."""
        rows = self.world.log.activities[: self.world.log.cursor[C_ACTIVITIES]]
        order = np.argsort(rows["at"], kind="stable")
        first = 0
        for part in _sliced(order):
            a = rows[part]
            yield pa.table(
                {
                    "activity_id": format_ids("A", first + np.arange(len(a)), 8),
                    "at": self.times(a["at"]),
                    "kind": decode(a["kind"], c.KINDS),
                    "deal_id": self.deal_ids(a["deal"]),
                    "lead_id": self.lead_ids(a["lead"]),
                    "account_id": self.account_ids(a["account"]),
                    "actor_id": self.person_ids(a["actor"]),
                    "direction": decode(a["inbound"], ("out", "in")),
                    "outcome": decode(a["outcome"], c.OUTCOMES),
                    "effective": pa.array(a["effective"] == 1, mask=a["effective"] < 0),
                    "minutes": pa.array(a["minutes"].astype(np.int64), mask=a["minutes"] <= 0),
                    "material": decode(a["material"], c.MATERIALS),
                    "subject": decode(a["subject"], c.SUBJECTS),
                }
            )
            first += len(a)

    def leads(self) -> Iterator[pa.Table]:
        """leads: one row per lead."""
        rows = self.world.log.leads[: int(self.world.state.next_lead[0])]
        order = np.arange(len(rows))
        for part in _sliced(order):
            r = rows[part]
            yield pa.table(
                {
                    "lead_id": self.lead_ids(part),
                    "created_at": self.times(r["created"]),
                    "source": decode(r["source"], c.SOURCES),
                    "owner_id": self.person_ids(r["owner"]),
                    "contacted_at": self.times(r["contacted"]),
                    "appointment_at": self.times(r["appointment"]),
                    "meeting_at": self.times(r["meeting"]),
                    "qualified_at": self.times(r["qualified"]),
                    "handed_to": self.person_ids(r["handed"]),
                    "deal_id": self.deal_ids(r["deal"]),
                    "disqualified_at": self.times(r["disqualified"]),
                }
            )

    def accounts(self) -> Iterator[pa.Table]:
        """accounts: companies met so far."""
        a = self.world.organisation.accounts[self.account_order]
        listed = np.where(
            a["employees"] < 300,
            0,
            np.where((a["uid"] >> np.uint64(9)) % np.uint64(3) == 0, 0, 1 + a["uid"] % np.uint64(3)),
        )
        yield pa.table(
            {
                "account_id": self.account_ids(self.account_order),
                "name": self.account_name,
                "industry": decode(a["industry"], c.INDUSTRIES),
                "employees": pa.array(a["employees"].astype(np.int64)),
                "region": decode(a["region"], c.REGIONS),
                "created_at": self.times(self.world.log.first_seen[self.account_order]),
                "上場区分": decode(listed, LISTINGS),
                "既存システム": decode((a["uid"] >> np.uint64(30)) % np.uint64(5), SYSTEMS),
            }
        )

    def people(self) -> Iterator[pa.Table]:
        """people: everyone who ever filled a seat."""
        p = self.world.log.people[: self.world.log.cursor[C_PERSONS]]
        yield pa.table(
            {
                "person_id": self.person_ids(np.arange(len(p))),
                "name": pa.array([person_name(int(uid)) for uid in p["uid"]]),
                "team_id": self.team_ids(p["team"]),
                "style": decode(p["style"], c.STYLES),
                "active_from": self.dates(p["start"]),
                "active_to": self.dates(p["end"]),
            }
        )

    def teams(self) -> Iterator[pa.Table]:
        """teams: 本社, divisions, teams."""
        organisation = self.world.organisation
        yield pa.table(
            {
                "team_id": self.team_ids(np.arange(len(organisation.parent))),
                "name": pa.array(list(organisation.team_names)),
                "parent_team_id": self.team_ids(organisation.parent),
            }
        )

    def contracts(self) -> Iterator[pa.Table]:
        """contracts: those that have begun; an end is known once it has come."""
        rows = self.world.log.contracts[: self.world.state.next_contract]
        last = self.world.last_day
        numbers = np.flatnonzero(rows["started"] <= last)
        r = rows[numbers]
        yield pa.table(
            {
                "contract_id": format_ids("K", numbers, 7),
                "account_id": self.account_ids(r["account"]),
                "started_at": self.dates(r["started"]),
                "ended_at": self.dates(np.where(r["ended"] <= last, r["ended"], FAR)),
                "monthly_amount": pa.array(r["monthly"].astype(np.int64)),
                "product": decode(r["product"], c.PRODUCTS),
                "kind": decode(r["kind"], c.DEAL_TYPES),
            }
        )

    def targets(self) -> Iterator[pa.Table]:
        """targets: set before each fiscal quarter."""
        rows = targets_table(self.world)
        scope = [
            _scope(self, kind, number) for kind, number in zip(rows["kind"], rows["number"], strict=True)
        ]
        yield pa.table(
            {
                "metric": pa.array(rows["metric"], pa.string()),
                "scope": pa.array(scope, pa.string()),
                "period": pa.array(rows["period"], pa.string()),
                "value": pa.array(rows["value"], pa.int64()),
                "set_at": self.times(np.array(rows["set_at"], np.int64)),
            }
        )

    def stages(self) -> Iterator[pa.Table]:
        """stages: the pipeline."""
        yield pa.table(
            {
                "stage": pa.array(list(c.STAGES)),
                "position": pa.array(np.arange(1, len(c.STAGES) + 1)),
                "outcome": pa.array([None] * 5 + ["won", "lost"], pa.string()),
                "kpi": pa.array([kpi or None for kpi in c.STAGE_KPIS], pa.string()),
            }
        )


def _scope(builder: TableBuilder, kind: str, number: int) -> str:
    if kind == "company":
        return "company"
    ids = builder.team_ids if kind == "team" else builder.person_ids
    return f"{kind}:{ids(np.array([number]))[0].as_py()}"


def _sliced(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Pieces of at most SLICE rows; one empty piece if there are none."""
    for first in range(0, max(len(rows), 1), SLICE):
        yield rows[first : first + SLICE]


def write_csv(pieces: Iterable[pa.Table], path: Path) -> None:
    """Pieces of one table into one CSV file; times as 2026-11-20T09:12:00, dates as 2026-11-20."""
    sink: Any = None
    options = pacsv.WriteOptions(include_header=True, quoting_style="needed")
    try:
        for piece in pieces:
            text = _as_text(piece)
            if sink is None:
                sink = pacsv.CSVWriter(str(path), text.schema, write_options=options)
            sink.write_table(text)
    finally:
        if sink is not None:
            sink.close()


def _as_text(piece: pa.Table) -> pa.Table:
    """Times in ISO 8601 with a T."""
    for k, column in enumerate(piece.schema):
        if pa.types.is_timestamp(column.type):
            text = pc.replace_substring(pc.cast(piece.column(k), pa.string()), " ", "T")
            piece = piece.set_column(k, column.name, text)
    return piece


def crm_tables(world: World) -> dict[str, Any]:
    """All canonical tables as pandas frames: times as datetime64[s], dates as datetime64[s] at midnight."""
    builder = TableBuilder(world)
    out = {}
    for name in TABLES:
        frame = pa.concat_tables(list(builder.slices(name))).to_pandas(date_as_object=False)
        for column in frame.columns[frame.dtypes.astype(str).str.startswith("datetime64")]:
            frame[column] = frame[column].astype("datetime64[s]")
        out[name] = frame
    return out
