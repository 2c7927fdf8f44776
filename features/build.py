"""What are the features of deals as of moments? One function for training, backtest and the live request."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from features.activity_rows import SINCE, activity_rows
from features.arrays import PRODUCT, SELLER, Floats, Ints, ints
from features.as_of import known_before
from features.attributes import FIXED, attribute_of_accounts, attribute_of_deals
from features.catalogue import CATALOGUE, columns
from features.custom_counts import custom_count_sizes, fill_custom_counts
from features.deal_rows import (
    AGE,
    IN_STAGE,
    PRICE,
    amount_rows,
    close_rows,
    code_rows,
    product_rows,
    stage_rows,
    status_rows,
    value_rows,
)
from features.history import History
from features.levels import names_of
from features.organisation_rows import (
    account_now_rows,
    account_past_rows,
    account_rows,
    amount_vs_group_rows,
    company_rows,
    habit_rows,
    lead_rows,
    load_rows,
    owner_rows,
    stay_rows,
    track_record_rows,
)

VS_PRODUCT, VS_SELLER = columns("amount_vs_product", "amount_vs_seller")
ROWS_PER_CHUNK = 20_000
"""Rows per thread; fewer rows are filled without threads."""


def build_features(history: History, deals: Ints, moments: Ints) -> Floats:
    """Features of deal `deals[i]` as of `moments[i]`, float64 of shape (n, len(history.features)).

    NaN = unknown; categories are codes into `history.levels`. Only what happened strictly before the moment
    is used; a deal created at or after it is all NaN. Rows may come in any order.
    """
    deals, moments = ints(deals), ints(moments)
    if deals.shape != moments.shape:
        raise ValueError(f"build: {len(deals)} deals but {len(moments)} moments; give one moment per row")
    if len(deals) and (deals.min() < 0 or deals.max() >= len(history.created)):
        raise ValueError(f"build: deals must be positions 0 to {len(history.created) - 1} in the history")
    x = np.full((len(deals), len(history.features)), np.nan)

    def fill(part: slice) -> None:
        _fill(history, deals[part], moments[part], x[part])

    in_parts(fill, len(deals))
    return x


def in_parts(fill: Callable[[slice], None], rows: int) -> None:
    """Call `fill` for all rows, in chunks on all cores where there are many."""
    parts = [slice(low, min(low + ROWS_PER_CHUNK, rows)) for low in range(0, rows, ROWS_PER_CHUNK)]
    if len(parts) < 2:
        for part in parts:
            fill(part)
        return
    with ThreadPoolExecutor(os.process_cpu_count() if hasattr(os, "process_cpu_count") else None) as threads:
        for _ in threads.map(fill, parts):
            pass


def _fill(history: History, deals: Ints, moments: Ints, x: Floats) -> None:
    """Fill the columns group by group; intermediate results are shared between groups."""
    of, past, context, calendar = history.deals, history.context.past, history.context, history.calendar
    own = of.own[deals]
    stage, seller, product, account_code, account, over = np.empty((6, len(deals)), np.int64)
    cycle, rate = np.empty((2, len(deals)))

    stage_rows(of.created, of.stage, of.stages, of.status, deals, moments, stage, x)
    amount_rows(of.amount, deals, moments, x)
    close_rows(
        of.close, calendar.day_start, calendar.quarter_end, calendar.fiscal_end, deals, moments, over, x
    )
    activity_rows(
        of.created,
        of.activities,
        of.people.manager,
        of.people.known,
        len(names_of(history.levels, "last_outcome")),
        deals,
        moments,
        x,
    )
    lead_rows(of.created, of.leads, of.activities, deals, moments, x)
    owner_rows(of.created, of.owner, of.people, deals, moments, seller, x)
    product_rows(of.product, of.products, deals, moments, product, x)
    code_rows(of.account, deals, moments, account_code)
    account_rows(of.accounts, account_code, moments, account, x)

    age = np.ascontiguousarray(x[:, AGE])
    company_rows(context.by_company, past.status, own, moments, age, over, cycle, rate, x)
    stayed, amount = np.ascontiguousarray(x[:, IN_STAGE]), np.ascontiguousarray(x[:, PRICE])
    stay_rows(context.stage_stays, past.created, past.stage, past.stages, stage, own, moments, stayed, x)
    for book, key, group, column in (
        (context.by_product, PRODUCT, product, VS_PRODUCT),
        (context.by_seller, SELLER, seller, VS_SELLER),
    ):
        amount_vs_group_rows(book, key, past.status, group, own, moments, amount, column, x)
    track_record_rows(context.by_seller, past.status, seller, own, moments, cycle, rate, x)
    load_rows(context.seller_load, past.owned, seller, own, moments, x)
    silent = np.fmin(x[:, SINCE], age)
    habit_rows(
        context.seller_acts,
        context.seller_gaps,
        past.created,
        past.activities,
        seller,
        own,
        moments,
        silent,
        x,
    )
    account_past_rows(
        context.by_account,
        context.account_deal,
        context.account_latest,
        past.status,
        account,
        own,
        moments,
        rate,
        x,
    )
    account_now_rows(context.account_load, past.held, context.contracts, account, own, moments, x)
    _fill_custom(history, deals, moments, account_code, x)
    unknown = ~known_before(of.created[deals], moments)
    if unknown.any():
        x[unknown] = np.nan


def _fill_custom(history: History, deals: Ints, moments: Ints, account: Ints, x: Floats) -> None:
    of, column = history.deals, len(CATALOGUE)
    words = custom_count_sizes(history.levels)
    if sum(words):
        fill_custom_counts(of.activities, *words, deals, moments, column, x)
    for number, attribute in enumerate(history.attributes):
        at = number if number < len(FIXED) else column + sum(words) + number - len(FIXED)
        if attribute.of_account:
            attribute_of_accounts(
                attribute.track,
                attribute.date,
                of.accounts.entered,
                of.accounts.known,
                account,
                moments,
                at,
                x,
            )
        else:
            attribute_of_deals(attribute.track, attribute.date, deals, moments, at, x)


@dataclass(frozen=True)
class DealStates:
    """What was known of deals as of moments; each of shape (n,)."""

    stage: Ints
    """Code into `history.levels["stage"]`, -1 = unknown."""
    owner: Ints
    """Code into `history.people`, -1 = unknown."""
    account: Ints
    """Code into `history.accounts`, -1 = unknown."""
    amount: Floats
    """NaN = unknown."""
    close_day: Floats
    """Day number since 1970-01-01 of the expected close date, NaN = unknown."""
    status: Ints
    """1 won, 0 lost, -1 open, -2 not yet created."""


def deal_states(history: History, deals: Ints, moments: Ints) -> DealStates:
    """Stage, owner, account, amount, expected close date and status of deals as of moments."""
    deals, moments = ints(deals), ints(moments)
    of, n = history.deals, len(deals)
    stage, outcome, owner, account = np.empty((4, n), np.int64)
    amount, close = np.empty((2, n))
    status_rows(of.stage, of.stages.outcome, of.status, deals, moments, stage, outcome)
    code_rows(of.owner, deals, moments, owner)
    code_rows(of.account, deals, moments, account)
    value_rows(of.amount, deals, moments, amount)
    value_rows(of.close, deals, moments, close)
    level = np.append(np.where(np.isnan(of.stages.level), -1.0, of.stages.level), -1.0).astype(np.int64)[
        stage
    ]
    known = known_before(of.created[deals], moments)
    return DealStates(
        np.where(known, level, -1),
        np.where(known, owner, -1),
        np.where(known, account, -1),
        np.where(known, amount, np.nan),
        np.where(known, close, np.nan),
        np.where(known, outcome, -2),
    )


def stated_stages(history: History, deals: Ints, moments: Ints) -> Ints:
    """Each deal's stage (n,) as of a moment, as a code into `history.stages`; -1 = unknown.

    Also of stages that are no level of the feature, which `deal_states` does not tell from unknown ones. In
    the history of a sent deal, a code beyond `history.stages` is a stage that the organisation does not have.
    """
    of, n = history.deals, len(deals)
    stage, outcome = np.empty((2, n), np.int64)
    status_rows(of.stage, of.stages.outcome, of.status, ints(deals), ints(moments), stage, outcome)
    return stage


def open_at(history: History, moment: int) -> Ints:
    """Deals that were created and open at a moment, in order."""
    deals = ints(np.arange(len(history.created)))
    status = deal_states(history, deals, ints(np.full(len(deals), moment))).status
    return ints(np.flatnonzero(status == -1))
