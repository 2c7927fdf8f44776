"""Which rows and values of a table were known at a moment, by their own times and by the events of deals?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.frames import codes_in, event_text, micros, own_columns_as_stored
from crm.instants import NEVER, start_of_day
from crm.schema import TABLES, Kind, Table

# Columns of a deal that no event describes: when it began and how it ended.
_CREATION = ("deal_id", "created_at")
_CLOSING = ("closed_at", "outcome", "lost_reason")


def rows_known(frame: pd.DataFrame, table: Table, moment: int) -> pd.DataFrame:
    """The rows that their own times make known at a moment, without what lies ahead of it."""
    if table.known_since is None or table[table.known_since].kind is not Kind.MOMENT:
        return frame
    known = _before(frame, table.known_since, moment, table.undated)
    ends = tuple(name for name in table.self_dated if table[name].kind is Kind.MOMENT)
    return _blank_after(known, ends, moment)


def _before(frame: pd.DataFrame, column: str, moment: int, undated: bool = False) -> pd.DataFrame:
    at = micros(frame[column])
    known = (at < moment) & ((at != NEVER) | undated)
    return frame if known.all() else frame[known].reset_index(drop=True)


def _blank_after(frame: pd.DataFrame, columns: tuple[str, ...], moment: int) -> pd.DataFrame:
    late = {name: micros(frame[name]) >= moment for name in columns}
    return frame.assign(**{name: frame[name].mask(mask) for name, mask in late.items() if mask.any()})


def people_as_of(people: pd.DataFrame, moment: int, zone: ZoneInfo) -> pd.DataFrame:
    """The people who were there by a moment; a day in which they leave is known once it has begun."""
    day = pd.Timestamp(moment, unit="us", tz="UTC").tz_convert(zone).date()
    # A day counts as begun once its first instant lies before the moment.
    begun = (
        pd.Timestamp(day) if start_of_day(day, zone) < moment else pd.Timestamp(day) - pd.Timedelta(days=1)
    )
    here = people[~(people["active_from"] > begun)].reset_index(drop=True)
    return here.assign(active_to=here["active_to"].mask(here["active_to"] > begun))


def leads_as_of(leads: pd.DataFrame, deals: pd.DataFrame, moment: int) -> pd.DataFrame:
    """The leads known at a moment, with the deal each became where that was there (`deals`) by then."""
    known = rows_known(leads, TABLES["leads"], moment)
    deal_exists = codes_in(known["deal_id"], pd.Index(deals["deal_id"])) >= 0
    # No time is recorded for a hand-over: it is known once the lead has an appointment or a deal.
    handed = deal_exists | known["appointment_at"].notna().to_numpy() | known["meeting_at"].notna().to_numpy()
    return known.assign(
        deal_id=known["deal_id"].where(deal_exists), handed_to=known["handed_to"].where(handed)
    )


def deals_as_of(deals: pd.DataFrame, events: pd.DataFrame, stages: pd.DataFrame, moment: int) -> pd.DataFrame:
    """Deals created before the moment, attributes as their events had them, closings once they happened."""
    now = _before(deals, "created_at", moment)
    attributes = [name for name in now.columns if name not in _CREATION + _CLOSING]
    row = codes_in(events["deal_id"], pd.Index(now["deal_id"]))
    field = codes_in(events["field"], pd.Index(attributes))
    at = micros(events["at"])
    use = np.flatnonzero((row >= 0) & (field >= 0))
    # The log keeps the order in which events of one instant were recorded; lexsort is stable.
    use = use[np.lexsort((at[use], field[use], row[use]))]
    row, field, at = row[use], field[use], at[use]
    first = np.flatnonzero(np.diff(row * len(attributes) + field, prepend=-1))
    group = np.repeat(np.arange(len(first)), np.diff(first, append=len(row)))
    seen = np.bincount(group, at < moment, minlength=len(first)).astype(np.int64)
    columns = {}
    for number, name in enumerate(attributes):
        of_field = field[first] == number
        reached, before = of_field & (seen > 0), of_field & (seen == 0)
        if not of_field.any():
            continue
        last = first[reached] + seen[reached] - 1
        values = now[name].astype(object).to_numpy(copy=True)
        values[row[first[reached]]] = events["value"].iloc[use[last]].astype(object)
        values[row[first[before]]] = events["old_value"].iloc[use[first[before]]].astype(object)
        columns[name] = _like(values, now[name], name)
    now = own_columns_as_stored(now.assign(**columns), TABLES["deals"])
    return _closings_as_of(now, stages, moment, _reached_at(now, row, field, at, first, seen, attributes))


def _reached_at(
    deals: pd.DataFrame,
    row: np.ndarray,
    field: np.ndarray,
    at: np.ndarray,
    first: np.ndarray,
    seen: np.ndarray,
    attributes: list[str],
) -> np.ndarray:
    """When each deal reached the stage it is in, int64 of shape (deals,); NEVER without a stage event."""
    when = np.full(len(deals), NEVER)
    of_field = (field[first] == attributes.index("stage")) & (seen > 0)
    when[row[first[of_field]]] = at[first[of_field] + seen[of_field] - 1]
    return when


def _closings_as_of(
    deals: pd.DataFrame, stages: pd.DataFrame, moment: int, staged_at: np.ndarray
) -> pd.DataFrame:
    """Outcome and closing time as known: from the row once its time has come, else from the stage history.

    A deal closed and reopened is closed in between; an ending stage is never known before the closing.
    """
    outcome_of = stages.set_index("stage")["outcome"].astype(object).dropna().to_dict()
    staged = deals["stage"].astype(object).map(outcome_of)
    closed_at = micros(deals["closed_at"])
    recorded = deals["outcome"].notna().to_numpy() & (closed_at < moment) & (closed_at != NEVER)
    by_stage = staged.notna().to_numpy() & (staged_at != NEVER) & ~recorded
    ended = recorded | by_stage
    when = np.where(recorded, closed_at, np.where(by_stage, staged_at, NEVER))
    outcome = deals["outcome"].astype(object).where(recorded, staged.where(by_stage))
    early = staged.notna().to_numpy() & ~ended
    return deals.assign(
        stage=deals["stage"].mask(early),
        closed_at=pd.Series(when.view("datetime64[us]")).dt.tz_localize("UTC"),
        outcome=outcome.astype("str").astype(deals["outcome"].dtype if recorded.all() else "category"),
        lost_reason=deals["lost_reason"].where(ended & (outcome == "lost").to_numpy()),
    )


def _like(values: np.ndarray, column: pd.Series, name: str) -> pd.Series:
    """Values of events, which are text, in the type of the deals' column they describe."""
    kind = TABLES["deals"][name].kind if name in TABLES["deals"].by_name else None
    series = pd.Series(values)
    if kind is Kind.DATE:
        return pd.to_datetime(series, format="ISO8601", errors="coerce").astype("datetime64[us]")
    if kind is Kind.MONEY:
        return pd.to_numeric(series, errors="coerce").astype("float64")
    if kind is None and pd.api.types.is_numeric_dtype(column.dtype):
        numbers = pd.to_numeric(series, errors="coerce").astype("float64")
        if (numbers.notna() | series.isna()).all():
            return numbers
        series = series.map(event_text, na_action="ignore")  # a number now, a text once
    return series.astype("str").astype("category") if kind is not Kind.TEXT else series.astype("str")
