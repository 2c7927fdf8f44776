"""What does a deal's history tell? Changes without repeats, values before them, its latest state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from sancho.crm.importing import values as parse
from sancho.crm.importing.validate import DEFAULT_OUTCOMES

if TYPE_CHECKING:
    from sancho.crm.importing.apply_mapping import MappedRows


def _frame(parts: Sequence[MappedRows], zone: ZoneInfo) -> pd.DataFrame:
    """Events of several blocks in the order of their time, then of their recording."""
    frames = []
    for number, part in enumerate(parts):
        frame = pd.DataFrame({name: part.columns[name].to_pandas() for name in ("deal_id", "field", "value")})
        at = parse.moments(part.columns["at"], zone)
        frame["at"] = at.column.to_pandas()
        frame = frame.assign(part=number, place=np.arange(len(frame)), row=part.rows)
        frames.append(frame.drop([place for place, *_ in part.errors]))  # what cannot be used tells nothing
    whole = pd.concat(frames, ignore_index=True)
    whole = whole[whole["deal_id"].notna() & whole["field"].notna() & whole["at"].notna()]
    return whole.sort_values(["deal_id", "field", "at", "row"], kind="stable")


def chain(made: list[MappedRows], zone: ZoneInfo) -> list[MappedRows]:
    """Events in order, each with the value before it; one that repeats the value says nothing and goes.

    Blocks that give old_value themselves are left as they are.
    """
    parts = [
        part for part in made if part.table == "deal_events" and not part.own_old_values and len(part.rows)
    ]
    if not parts:
        return made
    events = _frame(parts, zone)
    same_deal = (events["deal_id"] == events["deal_id"].shift()) & (
        events["field"] == events["field"].shift()
    )
    before = events["value"].shift().where(same_deal)
    repeats = same_deal & ((events["value"] == before) | (events["value"].isna() & before.isna()))
    done = {}
    for number, part in enumerate(parts):
        mine = events["part"] == number
        old = np.full(len(part.rows), None, object)
        old[events.loc[mine, "place"]] = before[mine].astype(object).where(before[mine].notna(), None)
        kept = np.ones(len(part.rows), bool)
        kept[events.loc[mine & repeats, "place"]] = False
        columns = part.columns | {"old_value": pa.array(old, pa.string())}
        place = np.cumsum(kept) - 1
        # Rows that repeat are part of nothing new (-1): the store already says what they say.
        gone = {int(row): -1 for row in part.rows[~kept]}
        errors = [(int(place[row]), *rest) for row, *rest in part.errors if kept[row]]
        done[id(part)] = replace(
            part,
            rows=part.rows[kept],
            columns={name: array.filter(pa.array(kept)) for name, array in columns.items()},
            part_of={**part.part_of, **gone},
            errors=errors,  # type: ignore[arg-type]
        )
    rest = [part for part in made if id(part) not in done]
    files = {id(part.file): part.file for part in parts}
    return rest + [_in_recording_order([p for p in done.values() if id(p.file) == key]) for key in files]


def _in_recording_order(parts: list[MappedRows]) -> MappedRows:
    """Events of one file as one part, in the file's order: it decides between changes of one instant."""
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    columns = {
        name: pa.concat_arrays(
            [
                part.columns.get(name, pa.nulls(len(part.rows), pa.string())).cast(pa.string())
                for part in parts
            ]
        )
        for name in names
    }
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    starts = np.cumsum([0, *(len(part.rows) for part in parts)])
    part_of: dict[int, int] = {}
    errors = []
    for start, part in zip(starts, parts, strict=False):
        part_of |= {
            row: int(place[start + at]) if at >= 0 else part_of.get(row, -1)
            for row, at in part.part_of.items()
        }
        errors += [(int(place[start + row]), *said) for row, *said in part.errors]
    taken = {name: array.take(pa.array(order)) for name, array in columns.items()}
    return replace(parts[0], rows=rows[order], columns=taken, part_of=part_of, errors=errors)  # type: ignore[arg-type]


def fill_history(made: list[MappedRows], zone: ZoneInfo) -> None:
    """Fills the columns of deals that a block takes from the history: latest values, and how a deal ended.

    A deal has ended where its latest stage has an outcome in the mapping's own stages (else the default).
    """
    deals = [part for part in made if part.history]
    events = [part for part in made if part.table == "deal_events" and len(part.rows)]
    if not deals or not events:
        return
    latest = _frame(events, zone).groupby(["deal_id", "field"], sort=False).last()
    outcomes = _outcomes(made)
    for part in deals:
        ids = part.columns["deal_id"].to_pandas()
        for name in part.history:
            part.columns[name] = _latest(latest, ids, name, outcomes)


def _outcomes(made: list[MappedRows]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for part in made:
        if part.table == "stages" and {"stage", "outcome"} <= set(part.columns):
            found |= dict(
                zip(part.columns["stage"].to_pylist(), part.columns["outcome"].to_pylist(), strict=True)
            )
    return found or dict(DEFAULT_OUTCOMES)


def _latest(latest: pd.DataFrame, ids: pd.Series, name: str, outcomes: Mapping[str, str | None]) -> pa.Array:
    field = "stage" if name in ("closed_at", "outcome") else name
    if field not in latest.index.get_level_values("field"):
        return pa.nulls(len(ids), pa.string())
    mine = latest.xs(field, level="field").reindex(ids)
    values = mine["value"].astype(object).where(mine["value"].notna(), None)
    if field == name:
        return pa.array(values.to_numpy(), pa.string())
    outcome = np.array([outcomes.get(stage) if stage is not None else None for stage in values], object)
    if name == "outcome":
        return pa.array(outcome, pa.string())
    at = mine["at"].fillna(0).to_numpy(np.int64)
    ended = np.array([value is not None for value in outcome], bool)
    return pa.array(at, mask=~ended).cast(pa.timestamp("us", "UTC"))
