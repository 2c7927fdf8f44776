"""Which rows would the CRM hold? The canonical tables, without latent state.

An organisation whose fiscal year begins in another month than April says so in the table `organisation`.

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
from simulator.business_days import FISCAL_START_MONTH
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
"""Rows per slice."""
SEAT_FACTOR = 8
"""Assumed number of people per four seats over time, for the width of their numbers."""


def format_ids(prefix: str, numbers: NDArray[Any], width: int) -> Any:
    """Ids like D0000001 from numbers counted from 0; null where negative."""
    digits = pc.cast(pa.array(np.asarray(numbers, np.int64) + 1, mask=np.asarray(numbers) < 0), pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), pc.utf8_lpad(digits, width, "0"), "")


def decode(codes: NDArray[Any], words: tuple[str, ...]) -> Any:
    """Words of codes; null where the code is negative or the word is empty."""
    codes = np.asarray(codes, np.int32)
    empty = (codes < 0) | np.array([w == "" for w in words])[np.maximum(codes, 0)]
    return pa.array(list(words)).take(pa.array(codes, mask=empty))


@dataclass(frozen=True)
class TableBuilder:
    """Turns a world's codes into the values of its tables."""

    world: World

    @property
    def names(self) -> tuple[str, ...]:
        """The tables there are."""
        said = self.world.settings.fiscal_start_month != FISCAL_START_MONTH
        return (*TABLES, "organisation") if said else TABLES

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
        """Digits of a person's number: from the size of the organisation, not from the people so far."""
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
        """deals: one row per deal, as of the last day."""
        deals = current_deals(self.world)
        for batch in _sliced(deals):
            won, lost = batch["status"] == c.WON, (batch["status"] == c.LOST) | (batch["status"] == c.RESTING)
            over = won | lost
            name = self.account_name.take(pa.array(self.account_rank[batch["account"]]))
            product = decode(batch["product"], c.PRODUCTS)
            # Overwritten at closing and without history: a leak that a model must not learn from.
            certainty = np.where(won, 5, np.where(lost, 6, batch["certainty"]))
            why_won = ((batch["uid"] >> np.uint64(20)) % np.uint64(6)).astype(np.int32)
            rival = np.where(batch["rival_seen"] > 1, batch["rival_seen"], 5)
            yield pa.table(
                {
                    "deal_id": self.deal_ids(batch["serial"]),
                    "created_at": self.times(batch["day0"].astype(np.int64) * 86_400 + batch["sec0"]),
                    "name": pc.binary_join_element_wise(name, product, " "),
                    "account_id": self.account_ids(batch["account"]),
                    "owner_id": self.person_ids(batch["owner"]),
                    "product": product,
                    "source": decode(batch["source"], c.SOURCES),
                    "deal_type": decode(batch["kind"], c.DEAL_TYPES),
                    "stage": decode(batch["stage"], c.STAGES),
                    "amount": pa.array(batch["amount"].astype(np.int64), mask=batch["amount"] < 0),
                    "currency": pa.array(np.full(len(batch), "JPY")),
                    "expected_close_date": self.dates(batch["close"]),
                    "closed_at": self.times(
                        np.where(
                            over, batch["closed_day"].astype(np.int64) * 86_400 + batch["closed_sec"], -1
                        )
                    ),
                    "outcome": decode(np.where(won, 0, np.where(lost, 1, -1)), ("won", "lost")),
                    "lost_reason": decode(np.where(lost, batch["reason"], -1), c.LOST_REASONS),
                    "競合": decode(batch["rival_seen"], c.RIVALS),
                    "予算確認": decode(batch["budget_seen"], c.BUDGETS),
                    "決裁者接触": decode(batch["power_seen"], c.POWERS),
                    "導入時期": decode(batch["timing_seen"], c.TIMINGS),
                    "確度": decode(certainty, c.CERTAINTIES),
                    "受注理由": decode(np.where(won, why_won, -1), c.WON_REASONS),
                    "競合受注": decode(np.where(lost & (batch["rival"] > 0), rival, -1), c.RIVALS),
                }
            )

    def deal_events(self) -> Iterator[pa.Table]:
        """deal_events: every recorded change, ordered by time."""
        events = self.world.log.events[: self.world.log.cursor[C_EVENTS]]
        order = np.argsort(events["at"], kind="stable")
        for part in _sliced(order):
            batch = events[part]
            yield pa.table(
                {
                    "deal_id": self.deal_ids(batch["deal"]),
                    "at": self.times(batch["at"]),
                    "field": decode(batch["field"], c.EVENT_FIELDS),
                    "value": self._values(batch["field"], batch["value"]),
                    "old_value": self._values(batch["field"], batch["old"]),
                    "actor_id": self.person_ids(batch["actor"]),
                }
            )

    def _values(self, field: NDArray[Any], value: NDArray[Any]) -> Any:
        """The written form of values, by field."""
        order = np.argsort(field, kind="stable")
        parts = []
        for code in range(len(c.EVENT_FIELDS)):
            part = value[field == code]
            if code == c.F_AMOUNT:
                parts.append(pc.cast(pa.array(part.astype(np.int64), mask=part < 0), pa.string()))
            elif code == c.F_CLOSE:
                dates = self.dates(np.where(part < 0, FAR, part))
                parts.append(pc.cast(dates, pa.string()))
            elif code == c.F_OWNER:
                parts.append(self.person_ids(part))
            else:
                words = {
                    c.F_STAGE: c.STAGES,
                    c.F_RIVAL: c.RIVALS,
                    c.F_BUDGET: c.BUDGETS,
                    c.F_POWER: c.POWERS,
                }[code]
                parts.append(decode(part, words))
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(parts).take(pa.array(back))

    def activities(self) -> Iterator[pa.Table]:
        """activities: every recorded activity of sellers and customers, ordered by time."""
        rows = self.world.log.activities[: self.world.log.cursor[C_ACTIVITIES]]
        order = np.argsort(rows["at"], kind="stable")
        first = 0
        for part in _sliced(order):
            batch = rows[part]
            yield pa.table(
                {
                    "activity_id": format_ids("A", first + np.arange(len(batch)), 8),
                    "at": self.times(batch["at"]),
                    "kind": decode(batch["kind"], c.KINDS),
                    "deal_id": self.deal_ids(batch["deal"]),
                    "lead_id": self.lead_ids(batch["lead"]),
                    "account_id": self.account_ids(batch["account"]),
                    "actor_id": self.person_ids(batch["actor"]),
                    "direction": decode(batch["inbound"], ("out", "in")),
                    "outcome": decode(batch["outcome"], c.OUTCOMES),
                    "effective": pa.array(batch["effective"] == 1, mask=batch["effective"] < 0),
                    "minutes": pa.array(batch["minutes"].astype(np.int64), mask=batch["minutes"] <= 0),
                    "material": decode(batch["material"], c.MATERIALS),
                    "subject": decode(batch["subject"], c.SUBJECTS),
                }
            )
            first += len(batch)

    def leads(self) -> Iterator[pa.Table]:
        """leads: one row per lead."""
        rows = self.world.log.leads[: int(self.world.state.next_lead[0])]
        order = np.arange(len(rows))
        for part in _sliced(order):
            batch = rows[part]
            yield pa.table(
                {
                    "lead_id": self.lead_ids(part),
                    "created_at": self.times(batch["created"]),
                    "source": decode(batch["source"], c.SOURCES),
                    "owner_id": self.person_ids(batch["owner"]),
                    "contacted_at": self.times(batch["contacted"]),
                    "appointment_at": self.times(batch["appointment"]),
                    "meeting_at": self.times(batch["meeting"]),
                    "qualified_at": self.times(batch["qualified"]),
                    "handed_to": self.person_ids(batch["handed"]),
                    "deal_id": self.deal_ids(batch["deal"]),
                    "disqualified_at": self.times(batch["disqualified"]),
                }
            )

    def accounts(self) -> Iterator[pa.Table]:
        """accounts: companies met so far."""
        batch = self.world.organisation.accounts[self.account_order]
        listed = np.where(
            batch["employees"] < 300,
            0,
            np.where((batch["uid"] >> np.uint64(9)) % np.uint64(3) == 0, 0, 1 + batch["uid"] % np.uint64(3)),
        )
        yield pa.table(
            {
                "account_id": self.account_ids(self.account_order),
                "name": self.account_name,
                "industry": decode(batch["industry"], c.INDUSTRIES),
                "employees": pa.array(batch["employees"].astype(np.int64)),
                "region": decode(batch["region"], c.REGIONS),
                "created_at": self.times(self.world.log.first_seen[self.account_order]),
                "上場区分": decode(listed, LISTINGS),
                "既存システム": decode((batch["uid"] >> np.uint64(30)) % np.uint64(5), SYSTEMS),
            }
        )

    def people(self) -> Iterator[pa.Table]:
        """people: everyone who has ever filled a seat."""
        people = self.world.log.people[: self.world.log.cursor[C_PERSONS]]
        yield pa.table(
            {
                "person_id": self.person_ids(np.arange(len(people))),
                "name": pa.array([person_name(int(uid)) for uid in people["uid"]]),
                "team_id": self.team_ids(people["team"]),
                "style": decode(people["style"], c.STYLES),
                "active_from": self.dates(people["start"]),
                "active_to": self.dates(people["end"]),
            }
        )

    def teams(self) -> Iterator[pa.Table]:
        """teams: 本社, divisions, teams; without divisions all stand side by side."""
        organisation = self.world.organisation
        none = np.full_like(organisation.parent, -1)
        parent = organisation.parent if self.world.settings.divisions else none
        yield pa.table(
            {
                "team_id": self.team_ids(np.arange(len(organisation.parent))),
                "name": pa.array(list(organisation.team_names)),
                "parent_team_id": self.team_ids(parent),
            }
        )

    def contracts(self) -> Iterator[pa.Table]:
        """contracts: those that have begun; an end is known once it has passed."""
        rows = self.world.log.contracts[: self.world.state.next_contract]
        last = self.world.last_day
        numbers = np.flatnonzero(rows["started"] <= last)
        batch = rows[numbers]
        yield pa.table(
            {
                "contract_id": format_ids("K", numbers, 7),
                "account_id": self.account_ids(batch["account"]),
                "started_at": self.dates(batch["started"]),
                "ended_at": self.dates(np.where(batch["ended"] <= last, batch["ended"], FAR)),
                "monthly_amount": pa.array(batch["monthly"].astype(np.int64)),
                "product": decode(batch["product"], c.PRODUCTS),
                "kind": decode(batch["kind"], c.DEAL_TYPES),
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

    def organisation(self) -> Iterator[pa.Table]:
        """organisation: where its fiscal year begins."""
        month = self.world.settings.fiscal_start_month
        yield pa.table({"organisation_id": ["company"], "fiscal_start_month": [month]})

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
    for name in builder.names:
        frame = pa.concat_tables(list(builder.slices(name))).to_pandas(date_as_object=False)
        for column in frame.columns[frame.dtypes.astype(str).str.startswith("datetime64")]:
            frame[column] = frame[column].astype("datetime64[s]")
        out[name] = frame
    return out
