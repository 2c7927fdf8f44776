"""Which rows contradict themselves or what is stored? Checks that no column can do alone, listed by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.importing import values as parse
from crm.importing.checked_rows import CheckedRows, read_column
from crm.importing.conventions import Conventions
from crm.importing.values import Bools
from crm.instants import DAY, NEVER, iso, local_datetime
from crm.periods import parse_period
from crm.schema import ACTIVITY_KINDS, TABLES, Kind

_TOTALS = frozenset(
    (
        "合計",
        "小計",
        "総計",
        "累計",
        "計",
        "平均",
        "total",
        "subtotal",
        "sub total",
        "grand total",
        "sum",
        "average",
    )
)
# Times that record what has happened, so that none can lie ahead.
_FACTS = {
    "deals": ("created_at", "closed_at"),
    "deal_events": ("at",),
    "activities": ("at",),
    "leads": (
        "created_at",
        "contacted_at",
        "appointment_at",
        "meeting_at",
        "qualified_at",
        "disqualified_at",
    ),
    "accounts": ("created_at",),
    "targets": ("set_at",),
}
# (table, later column, earlier column, code, what the reason calls the earlier one)
_ORDER = (
    ("deals", "closed_at", "created_at", "closed_before_created", "created"),
    ("contracts", "ended_at", "started_at", "ended_before_started", "started"),
    ("people", "active_to", "active_from", "ended_before_started", "started"),
    *(("leads", step, "created_at", "before_created", "created") for step in _FACTS["leads"][1:]),
)


def check_rows_whole(rows: CheckedRows) -> None:
    """Runs the checks of the rows' table."""
    _no_fact_ahead(rows)
    for table, later, earlier, code, word in _ORDER:
        known = earlier in rows.columns or table == "deals"
        if table == rows.table.name and later in rows.columns and known:
            _in_order(rows, later, earlier, code, word)
    for check in _CHECKS.get(rows.table.name, ()):
        check(rows)


def name_totals(rows: CheckedRows) -> None:
    """A row that lacks what every row needs, and says that it adds up others, is told so, once."""
    lacking = {error.row for error in rows.errors if error.code == "missing"}
    if not lacking:
        return
    candidates = sorted(lacking)
    texts = {
        name: parse.as_text(array.take(pa.array(candidates))).to_pylist() for name, array in rows.raw.items()
    }
    for position, row in enumerate(candidates):
        column = next(
            (name for name, cells in texts.items() if parse.folded(cells[position] or "") in _TOTALS), None
        )
        if column is not None:
            rows.errors = [error for error in rows.errors if error.row != row]
            rows.reject(row, column, "total_row")


def _no_fact_ahead(rows: CheckedRows) -> None:
    """A fact lies at most a day ahead of now."""
    now, zone = rows.context.now, rows.context.zone
    for column in _FACTS.get(rows.table.name, ()):
        late = rows.instants(column) > now + DAY
        rows.reject_all(late & rows.sound, column, "future", now=iso(now, zone)[:16])


def _in_order(rows: CheckedRows, later: str, earlier: str, code: str, word: str) -> None:
    """What comes later does not lie before what comes earlier."""
    if rows.table[later].kind is Kind.DATE:
        wrong = np.asarray(pc.less(rows.columns[later], rows.columns[earlier]).fill_null(False)) & rows.sound
        for row in np.flatnonzero(wrong):
            rows.reject(int(row), later, code, **{word: rows.columns[earlier][row].as_py()})
        return
    ends, begins = rows.instants(later).copy(), rows.instants_or_stored(earlier)
    wrong = (ends < begins) & (ends != NEVER) & rows.sound
    moved = False
    for row in np.flatnonzero(wrong):
        end, begin = (local_datetime(int(at[row]), rows.context.zone) for at in (ends, begins))
        if end.date() == begin.date() and end.time().isoformat() == "00:00:00":
            # Given as a plain day, the day it began: then it is no earlier than that.
            ends[row], moved = begins[row], True
            continue
        rows.reject(int(row), later, code, **{word: begin.isoformat()[:16]})
    if moved:
        rows.columns[later] = pa.array(ends, mask=ends == NEVER)


def _endings(rows: CheckedRows) -> None:
    """Outcome, closing time and stage agree; a blank outcome is that of a stage that ends deals."""
    if not {"stage", "outcome", "closed_at"} & set(rows.columns):
        return
    stages = rows.values_or_stored("stage")
    stage: NDArray[Any] = np.array(stages, object)
    outcome: NDArray[Any] = np.array(rows.values_or_stored("outcome"), object)
    outcome_of = {name: rows.context.outcomes.get(name) for name in set(stages) if name is not None}
    implied: NDArray[Any] = np.array([outcome_of.get(name) for name in stages], object)
    closed = rows.instants_or_stored("closed_at") != NEVER
    has_outcome, ends = outcome != None, implied != None  # noqa: E711  (elementwise)
    checks: tuple[tuple[str, str, Bools, Callable[[int], dict[str, object]]], ...] = (
        (
            "outcome",
            "outcome_contradicts_stage",
            has_outcome & ends & (outcome != implied),
            lambda row: {"value": outcome[row], "stage": stage[row], "meant": implied[row]},
        ),
        (
            "closed_at",
            "outcome_without_closed_at",
            (has_outcome | ends) & ~closed,
            lambda row: {"ending": outcome[row] or implied[row]},
        ),
        (
            "outcome",
            "closed_at_without_outcome",
            closed & ~has_outcome & ~ends,
            lambda row: {"stage": stage[row]},
        ),
    )
    for column, code, wrong, values in checks:
        for row in np.flatnonzero(wrong & rows.sound):
            rows.reject(int(row), column, code, **values(int(row)))
    filled = closed & ~has_outcome & ends & rows.sound
    if filled.any():
        outcome[filled] = implied[filled]
        rows.columns["outcome"] = pa.array(outcome, pa.string()).dictionary_encode()


def _event_values(rows: CheckedRows) -> None:
    """Amounts, dates and choices among the values of a history are read like those of deals."""
    deals = TABLES["deals"]
    if not {"field", "value"} <= set(rows.columns):
        return
    field = rows.columns["field"]
    # The column holds values of several kinds, so each kind's own show how they are written.
    how = Conventions(decimal=rows.context.conventions.decimal)
    zone = rows.context.conventions.zone or rows.context.zone
    for name in ("amount", "expected_close_date", "deal_type"):
        of_field = np.asarray(pc.equal(field, name).fill_null(False))
        if not of_field.any():
            continue
        selected = pa.array(np.flatnonzero(of_field))
        for column in ("value", "old_value"):
            if column not in rows.columns:
                continue
            values = rows.columns[column]
            (read, unreadable), code = read_column(deals[name], values.take(selected), zone, how)
            wrong = np.zeros(rows.size, bool)
            wrong[of_field] = unreadable
            details = {"choices": ", ".join(deals[name].choices)} if deals[name].choices else {}
            rows.reject_all(wrong & rows.sound, column, code, **details)
            if deals[name].kind is Kind.MONEY:
                wrong[of_field] = np.asarray(pc.less(read, 0).fill_null(False))
                rows.reject_all(wrong & rows.sound, column, "negative")
            texts = _as_plain_text(parse.as_text(read))
            rows.columns[column] = pc.replace_with_mask(_as_plain_text(values), pa.array(of_field), texts)


def _as_plain_text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array


def _activity_kinds(rows: CheckedRows) -> None:
    """Kinds by their Japanese or English names become the known ones; the company's own stay."""
    if "kind" not in rows.columns:
        return
    kind_of = {
        parse.folded(text): kind
        for kind, label in ACTIVITY_KINDS.items()
        for text in (kind, label.ja, label.en)
    }
    kinds, _ = parse.by_level(
        rows.columns["kind"], lambda text: kind_of.get(parse.folded(text), text), pa.string()
    )
    rows.columns["kind"] = kinds.dictionary_encode()


def _deals_exist(rows: CheckedRows) -> None:
    """The deal that a row names is stored or comes in the same import."""
    if rows.context.deals is None or "deal_id" not in rows.columns:
        return
    ids = rows.columns["deal_id"]
    if pa.types.is_dictionary(ids.type):
        levels = np.append(np.asarray(pc.is_in(ids.dictionary, value_set=rows.context.deals)), True)
        exists = levels[ids.indices.fill_null(len(levels) - 1).to_numpy()]
    else:
        exists = np.asarray(pc.is_in(ids, value_set=rows.context.deals))
    unknown = ~exists & np.asarray(ids.is_valid())
    for row in np.flatnonzero(unknown & rows.sound):
        quarantined = ids[int(row)].as_py() in rows.context.quarantined_deals
        rows.reject(int(row), "deal_id", "deal_in_quarantine" if quarantined else "unknown_deal")
    rows.sound &= ~unknown


def _targets(rows: CheckedRows) -> None:
    """A target names a metric, a scope and a period."""

    def period(text: str) -> str | None:
        try:
            return parse_period(text).name
        except SanchoError:
            return None

    def scope(text: str) -> str | None:
        kind, _, name = text.partition(":")
        return text if text == "company" or (kind in ("team", "person") and name.strip()) else None

    def metric(text: str) -> str | None:
        return text if text.isidentifier() and text.isascii() and text == text.lower() else None

    for name, meaning in (("metric", metric), ("scope", scope), ("period", period)):
        if name in rows.columns:
            _, unknown = parse.by_level(rows.columns[name], meaning, pa.string())
            rows.reject_all(unknown & rows.sound, name, f"bad_{name}")


_CHECKS: Mapping[str, tuple[Callable[[CheckedRows], None], ...]] = {
    "deals": (_endings,),
    "deal_events": (_event_values, _deals_exist),
    "activities": (_activity_kinds, _deals_exist),
    "targets": (_targets,),
}
