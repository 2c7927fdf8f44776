"""What do a company's custom columns say about a deal at a moment? They become features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import NEVER
from features.arrays import Floats, Ints, Track, floats
from features.as_of import before, days, last_before
from features.attribute_history import EventTable, FieldEvents, attribute_track, names_track
from features.catalogue import Feature
from features.kernel_cache import compiled
from features.levels import (
    Coded,
    Levels,
    finite,
    kind_of,
    micros_or_nan,
    most_frequent,
    names_of,
)

FIXED = ("deal_type", "source")
"""Columns of deals that are in the catalogue and whose feature is their value."""


@dataclass(frozen=True)
class Attribute:
    """A column of deals over time, or of accounts; `date`: its values are instants."""

    feature: str
    of_account: bool
    date: bool
    track: Track


def find_attributes(levels: Levels) -> tuple[Feature, ...]:
    """A feature for each custom attribute among the levels."""
    return tuple(_feature(name, levels) for name in levels if "." in name)


def _feature(name: str, levels: Levels) -> Feature:
    table, column = name.split(".", 1)
    label = Text(column, column) if table == "deals" else Text(f"取引先の{column}", f"Account's {column}")
    reads = (name,) if table == "deals" else (name, "deals.account_id")
    if levels[name] == "date":
        label = Text(f"{label.ja}までの日数", f"Days to {label.en}")
        return Feature(name, label, Text("日", "days"), "custom", reads=reads)
    kind: Literal["number", "category"] = "number" if levels[name] == "number" else "category"
    return Feature(name, label, Text("", ""), "custom", kind=kind, reads=reads)


def learn_attribute(
    name: str, log: EventLog, events: EventTable
) -> list[str] | Literal["number", "date"] | None:
    """Levels of a custom attribute, or its kind where it has no levels; None = no feature."""
    table, column = name.split(".", 1)
    series = log[table][column]
    later = events.of(column).both() if table == "deals" else Coded.of(series.iloc[:0])
    kind = kind_of(series, later)
    if kind is None or kind != "category":
        return kind
    return most_frequent(pd.concat([Coded.of(series).counts(), later.counts()]))


def attributes_of(
    log: EventLog, events: EventTable, levels: Levels, accounts: pd.Index
) -> tuple[Attribute, ...]:
    """All attributes as arrays: those of `FIXED`, then the custom ones among the levels."""
    changes = EventTable(log.changes("accounts"), accounts, "key")
    row = pd.Index(log["accounts"]["account_id"]).get_indexer(accounts)
    attributes = [deal_attribute(name, log, events, levels) for name in FIXED]
    for name in (name for name in levels if "." in name):
        table, column = name.split(".", 1)
        if table == "deals":
            attributes.append(deal_attribute(name, log, events, levels))
        else:
            track = _track(_column(log, table, column), changes.of(column), name, levels, log, row)
            attributes.append(Attribute(name, True, levels[name] == "date", track))
    return tuple(attributes)


def _column(log: EventLog, table: str, column: str) -> pd.Series:
    frame = log[table]
    return frame[column] if column in frame else pd.Series([None] * len(frame), dtype=object)


def deal_attribute(name: str, log: EventLog, events: EventTable, levels: Levels) -> Attribute:
    """An attribute of the deals of a log, which may be some deals alone."""
    column = name if name in FIXED else name.split(".", 1)[1]
    series, changes = _column(log, "deals", column), events.of(column)
    if column not in log["deals"]:
        changes = events.of("")  # without a column there is no attribute, as in EventLog.as_of
    return Attribute(name, False, levels[name] == "date", _track(series, changes, name, levels, log))


def _track(
    series: pd.Series, changes: FieldEvents, name: str, levels: Levels, log: EventLog, row: Ints | None = None
) -> Track:
    """A column over time; `row` has the position of each thing's row where the column is in another order."""
    if levels[name] not in ("number", "date") and row is None:
        return names_track(Coded.of(series), changes, pd.Index(names_of(levels, name), dtype=object))
    values = _values(series, name, levels, log)
    values = values if row is None else np.append(values, np.nan)[row]

    def read(texts: Coded) -> Floats:
        if levels[name] == "number":
            return texts.numbers()
        return texts.instants(log.zone) if levels[name] == "date" else texts.level(names_of(levels, name))

    return attribute_track(values, changes, read)


def _values(series: pd.Series, name: str, levels: Levels, log: EventLog) -> Floats:
    if levels[name] == "number":
        if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
            return finite(floats(series.astype("Float64").to_numpy(np.float64, na_value=np.nan)))
        return Coded.of(series).numbers()
    if levels[name] == "date":
        if isinstance(series.dtype, pd.DatetimeTZDtype):
            return micros_or_nan(series)
        return Coded.of(series).instants(log.zone)
    return Coded.of(series).level(names_of(levels, name))


@compiled
def attribute_of_deals(track: Any, date: Any, which: Any, moments: Any, column: Any, x: Any) -> None:
    """An attribute of deals as of each moment: its value, or the days to it."""
    for row in range(len(which)):
        value = last_before(track, which[row], moments[row])
        x[row, column] = days(value - moments[row]) if date else value


@compiled
def attribute_of_accounts(
    track: Any, date: Any, entered: Any, known: Any, code: Any, moments: Any, column: Any, x: Any
) -> None:
    """An attribute of the deals' accounts (local codes), where the account had been entered by then."""
    for row in range(len(code)):
        account, t = code[row], moments[row]
        if account >= 0 and entered_before(entered, known, account, t):
            value = last_before(track, account, t)
            x[row, column] = days(value - t) if date else value


@compiled
def entered_before(entered: Any, known: Any, account: Any, t: Any) -> Any:
    """Whether an account's row was known at t; one without a date always was. See `Accounts`."""
    if entered[account] == 0:
        return False
    return known[account] == NEVER or before(known[account], t)
