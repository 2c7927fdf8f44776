"""Which rows contradict themselves or what is stored? Checks that no column can do alone, listed by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.importing import values as parse
from crm.importing.checked_rows import CheckedRows, read_column
from crm.importing.conventions import Conventions
from crm.importing.money_rows import check_currencies, check_rates
from crm.importing.organisation_checks import check_organisation
from crm.importing.values import Bools
from crm.instants import DAY, NEVER, iso, local_datetime
from crm.money import currency_of
from crm.periods import parse_period
from crm.schema import ACTION_METRICS, ACTIVITY_KINDS, TABLES, Kind

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
    for column in (*_FACTS.get(rows.table.name, ()), "known_from", "deleted_at"):
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
    """Outcome, closing time and stage agree; what a row does not say of them follows from what it says."""
    given = {"stage", "outcome", "closed_at"} & set(rows.columns)
    if not given:
        return
    stages = rows.values_or_stored("stage")
    stage: NDArray[Any] = np.array(stages, object)
    implied = _outcomes_of(rows, stages)
    closed_at = rows.instants_or_stored("closed_at").copy()
    outcome: NDArray[Any] = np.array(rows.values_or_stored("outcome"), object)
    stored = outcome
    if "outcome" not in given:
        outcome = _outcome_that_follows(rows, stored, implied, closed_at)
    has_outcome, ends = outcome != None, implied != None  # noqa: E711  (elementwise)
    if "closed_at" not in given:
        # Open again, or ended otherwise than it was: when, only this import says.
        closed_at[~(has_outcome | ends)] = NEVER
        closed_at[has_outcome & (stored != None) & (outcome != stored)] = rows.context.now  # noqa: E711
    closed = closed_at != NEVER
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
    outcome[filled] = implied[filled]
    if "outcome" not in given or filled.any():
        rows.columns["outcome"] = pa.array(outcome, pa.string()).dictionary_encode()
    if "closed_at" not in given:
        rows.columns["closed_at"] = pa.array(closed_at, mask=closed_at == NEVER)


def _no_older_state(rows: CheckedRows) -> None:
    """A deal's row that says since when it is known is not older than what is known of the deal."""
    if "known_from" not in rows.columns or rows.context.newest_known is None:
        return
    known_from = rows.instants("known_from")
    ids = rows.columns["deal_id"].to_pylist()
    dated = np.flatnonzero((known_from != NEVER) & rows.sound)
    newest = rows.context.newest_known([ids[row] for row in dated])
    for row in dated.tolist():
        if newest.get(ids[row], NEVER) > known_from[row]:
            rows.reject(
                row, "known_from", "older_than_known", newest=iso(newest[ids[row]], rows.context.zone)[:16]
            )


def _outcomes_of(rows: CheckedRows, stages: list[Any]) -> NDArray[Any]:
    outcome_of = {name: rows.context.outcomes.get(name) for name in set(stages) if name is not None}
    return np.array([outcome_of.get(name) for name in stages], object)


def _outcome_that_follows(
    rows: CheckedRows, stored: NDArray[Any], implied: NDArray[Any], closed_at: NDArray[np.int64]
) -> NDArray[Any]:
    """The outcome of rows that do not give it: that of the stage; one recorded beside the stage stays.

    It was recorded beside the stage where the stored stage ends no deals; a blank closing time takes it back.
    """
    follows = np.ones(rows.size, bool)
    if rows.context.stored_columns is not None and "stage" in rows.columns:
        keys = [key for key in rows.columns["deal_id"].to_pylist() if key is not None]
        before: dict[str, Any] = dict(rows.context.stored_columns(("deal_id", "stage"), keys))
        own = _outcomes_of(rows, [before.get(key) for key in rows.columns["deal_id"].to_pylist()])
        follows = (stored == None) | (own == stored) | (implied != None)  # noqa: E711  (elementwise)
    elif "stage" not in rows.columns:
        follows = implied != None  # noqa: E711  (elementwise)
    outcome = np.where(follows, implied, stored)
    outcome[~follows & (closed_at == NEVER) & ("closed_at" in rows.columns)] = None
    return outcome


def _event_values(rows: CheckedRows) -> None:
    """Amounts, dates and choices among the values of a history are read like those of deals."""
    deals = TABLES["deals"]
    if not {"field", "value"} <= set(rows.columns):
        return
    field = rows.columns["field"]
    _event_currencies(rows, np.asarray(pc.equal(field, "currency").fill_null(False)))
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


def _event_currencies(rows: CheckedRows, of_field: Bools) -> None:
    """Currencies among the values of events become ISO codes."""
    for name in ("value", "old_value"):
        if not of_field.any() or name not in rows.columns:
            continue
        values = rows.columns[name]
        codes, unknown = parse.by_level(
            values.take(pa.array(np.flatnonzero(of_field))), currency_of, pa.string()
        )
        wrong = np.zeros(rows.size, bool)
        wrong[of_field] = unknown
        rows.reject_all(wrong & rows.sound, name, "bad_currency")
        rows.columns[name] = pc.replace_with_mask(_as_plain_text(values), pa.array(of_field), codes)


def _as_plain_text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array


def _activity_kinds(rows: CheckedRows) -> None:
    """Kinds by their Japanese or English names become the known ones; the company's own stay."""
    if "kind" not in rows.columns:
        return
    kinds, _ = parse.by_level(rows.columns["kind"], kind_named, pa.string())
    rows.columns["kind"] = kinds.dictionary_encode()


def kind_named(text: str) -> str:
    """The known kind of activity that has this name in Japanese or English; else a kind of the company's own.

    >>> kind_named("電話"), kind_named("点検")
    ('call', '点検')
    """
    return _known_kinds().get(parse.folded(text), text)


@cache
def _known_kinds() -> dict[str, str]:
    return {
        parse.folded(text): kind
        for kind, label in ACTIVITY_KINDS.items()
        for text in (kind, label.ja, label.en)
    }


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
        kind, _, name = text.partition(":")
        if kind in ACTION_METRICS and name.strip():
            return text
        return text if text.isidentifier() and text.isascii() and text == text.lower() else None

    for name, meaning in (("metric", metric), ("scope", scope), ("period", period)):
        if name in rows.columns:
            _, unknown = parse.by_level(rows.columns[name], meaning, pa.string())
            rows.reject_all(unknown & rows.sound, name, f"bad_{name}")


_CHECKS: Mapping[str, tuple[Callable[[CheckedRows], None], ...]] = {
    "deals": (_endings, _no_older_state, check_currencies),
    "deal_events": (_event_values, _deals_exist),
    "activities": (_activity_kinds, _deals_exist),
    "targets": (_targets, check_currencies),
    "contracts": (check_currencies,),
    "products": (check_currencies,),
    "deal_products": (check_currencies,),
    "rates": (check_currencies, check_rates),
    "organisation": (check_organisation, check_currencies),
}
