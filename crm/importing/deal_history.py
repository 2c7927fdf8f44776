"""What is a deal's history? Changes without repeats, the values before them, and the deal's latest state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from crm.importing import dates
from crm.importing.mapped_rows import MappedRows
from crm.importing.row_errors import CellError
from crm.schema import DEFAULT_OUTCOMES


def with_old_values(mapped: list[MappedRows], zone: ZoneInfo) -> list[MappedRows]:
    """Events in order, each with the value before it; one that repeats the value is dropped.

    Blocks that give old_value themselves are left as they are.
    """
    parts = [
        rows for rows in mapped if rows.table == "deal_events" and not rows.own_old_values and len(rows.rows)
    ]
    if not parts:
        return mapped
    events = _frame(parts, zone)
    same_deal = (events["deal_id"] == events["deal_id"].shift()) & (
        events["field"] == events["field"].shift()
    )
    before = events["value"].shift().where(same_deal)
    repeats = same_deal & ((events["value"] == before) | (events["value"].isna() & before.isna()))
    completed = {}
    for number, part in enumerate(parts):
        of_part = events["part"] == number
        old_values = np.full(len(part.rows), None, object)
        old_values[events.loc[of_part, "position"]] = (
            before[of_part].astype(object).where(before[of_part].notna(), None)
        )
        kept = np.ones(len(part.rows), bool)
        kept[events.loc[of_part & repeats, "position"]] = False
        columns = part.columns | {"old_value": pa.array(old_values, pa.string())}
        position = np.cumsum(kept) - 1
        # Rows that repeat are part of nothing new (-1): the store already holds their value.
        dropped = {int(row): -1 for row in part.rows[~kept]}
        completed[id(part)] = replace(
            part,
            rows=part.rows[kept],
            columns={name: array.filter(pa.array(kept)) for name, array in columns.items()},
            part_of={**part.part_of, **dropped},
            errors=[error._replace(row=int(position[error.row])) for error in part.errors if kept[error.row]],
        )
    others = [rows for rows in mapped if id(rows) not in completed]
    files = {id(part.file): part.file for part in parts}
    return others + [
        _in_recording_order([part for part in completed.values() if id(part.file) == key]) for key in files
    ]


def fill_history(mapped: list[MappedRows], zone: ZoneInfo) -> None:
    """Fills the columns of deals that a block takes from the history: latest values, and how a deal ended.

    A deal has ended where its latest stage has an outcome in the mapping's own stages (else the default).
    """
    deals = [rows for rows in mapped if rows.history]
    events = [rows for rows in mapped if rows.table == "deal_events" and len(rows.rows)]
    if not deals or not events:
        return
    latest = _frame(events, zone).groupby(["deal_id", "field"], sort=False).last()
    outcomes = _outcomes(mapped)
    for rows in deals:
        ids = rows.columns["deal_id"].to_pandas()
        for name in rows.history:
            rows.columns[name] = _latest(latest, ids, name, outcomes)


def _frame(parts: Sequence[MappedRows], zone: ZoneInfo) -> pd.DataFrame:
    """Events of several blocks in the order of their time, then of their recording; not those in error."""
    frames = []
    for number, part in enumerate(parts):
        frame = pd.DataFrame({name: part.columns[name].to_pandas() for name in ("deal_id", "field", "value")})
        frame["at"] = dates.moments(part.columns["at"], zone).column.to_pandas()
        frame = frame.assign(part=number, position=np.arange(len(frame)), row=part.rows)
        frames.append(frame.drop([error.row for error in part.errors]))
    events = pd.concat(frames, ignore_index=True)
    events = events[events["deal_id"].notna() & events["field"].notna() & events["at"].notna()]
    return events.sort_values(["deal_id", "field", "at", "row"], kind="stable")


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
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    starts = np.cumsum([0, *(len(part.rows) for part in parts)])
    part_of: dict[int, int] = {}
    errors: list[CellError] = []
    for start, part in zip(starts, parts, strict=False):
        part_of |= {
            row: int(position[start + at]) if at >= 0 else part_of.get(row, -1)
            for row, at in part.part_of.items()
        }
        errors += [error._replace(row=int(position[start + error.row])) for error in part.errors]
    ordered = {name: array.take(pa.array(order)) for name, array in columns.items()}
    return replace(parts[0], rows=rows[order], columns=ordered, part_of=part_of, errors=errors)


def _outcomes(mapped: list[MappedRows]) -> dict[str, str | None]:
    outcomes: dict[str, str | None] = {}
    for rows in mapped:
        if rows.table == "stages" and {"stage", "outcome"} <= set(rows.columns):
            stages, ends = (rows.columns[name].to_pylist() for name in ("stage", "outcome"))
            outcomes |= dict(zip(stages, ends, strict=True))
    return outcomes or dict(DEFAULT_OUTCOMES)


def _latest(latest: pd.DataFrame, ids: pd.Series, name: str, outcomes: Mapping[str, str | None]) -> pa.Array:
    field = "stage" if name in ("closed_at", "outcome") else name
    if field not in latest.index.get_level_values("field"):
        return pa.nulls(len(ids), pa.string())
    of_deal = latest.xs(field, level="field").reindex(ids)
    values = of_deal["value"].astype(object).where(of_deal["value"].notna(), None)
    if field == name:
        return pa.array(values.to_numpy(), pa.string())
    outcome = np.array([outcomes.get(stage) if stage is not None else None for stage in values], object)
    if name == "outcome":
        return pa.array(outcome, pa.string())
    at = of_deal["at"].fillna(0).to_numpy(np.int64)
    ended = np.array([value is not None for value in outcome], bool)
    return pa.array(at, mask=~ended).cast(pa.timestamp("us", "UTC"))
