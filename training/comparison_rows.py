"""Which rows are two stored models both new to, and what does each say of them?

Rows later than the data of both; where these are few, also the questions that both models' stored proofs have
in common: each proof was said by a model that was fitted by the bundle's recipe until an earlier day, without
the deals it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import DAY, NEVER
from features import Calendar, History, change_moments, compile_history
from features.arrays import Floats, Ints
from models.bundle import Bundle, ProofRows
from models.snapshot_rows import SnapshotRows
from training.backtest.origins import recorded_until
from training.comparison import MIN_DEALS, LaterRows, origin_of
from training.head_to_head import ENOUGH_DEALS, predictions_of
from training.snapshots import cycle_of, deal_outcomes, draw_horizons, make_rows

MAX_DEALS = 5_000  # later than both models' data; more are sampled
QUESTIONS = 4  # horizons asked of each moment
WEEK = 7 * DAY
_FORESEEN_WEEKS = 104

Basis = Literal["later_rows", "proofs"]


@dataclass(frozen=True)
class Part:
    """Where some of the rows come from: `later_rows` or `proofs`, and between which moments they were asked.

    `fitted_until`: the last moment whose data each of the two models (A, B) that answered was fitted on.
    """

    basis: Basis
    deals: int
    rows: int
    first: int
    last: int
    fitted_until: tuple[int, int]


@dataclass(frozen=True)
class SharedRows:
    """Questions (m,) that neither model was fitted on, with what models A and B say of them.

    `deal` is the number in the history, `at` the moment, `horizon` in days (infinite = in the end).
    """

    a: Floats
    b: Floats
    asked: LaterRows
    at: Ints
    horizon: Floats
    parts: tuple[Part, ...]

    @property
    def deal(self) -> Ints:
        """The deal's number (m,) of each question."""
        return self.asked.deal

    @classmethod
    def joined(cls, some: list[SharedRows]) -> SharedRows:
        """The questions of several sets as one."""
        return cls(
            np.concatenate([one.a for one in some]),
            np.concatenate([one.b for one in some]),
            LaterRows.joined([one.asked for one in some]),
            np.concatenate([one.at for one in some]),
            np.concatenate([one.horizon for one in some]),
            tuple(part for one in some for part in one.parts),
        )


def shared_rows(a: Bundle, b: Bundle, log: EventLog, until: int, seed: int = 0) -> tuple[SharedRows, History]:
    """The rows on which A and B are compared, and the history that their deals are numbered in.

    `until`: the moment whose knowledge tells the outcomes. Raises `nothing_to_compare`, which says how long
    to wait, where neither later rows nor the proofs have enough deals.
    """
    past = log.as_of(until)
    for model in (a, b):
        model.check_currency(past.organisation)
    end = recorded_until(past, until)
    history = compile_history(past, Calendar.of_organisation(past.organisation))
    later = later_rows(a, b, past, history, end, np.random.default_rng((seed, 11)))
    found = [] if later is None else [later]
    if (later is None or later.asked.deals < ENOUGH_DEALS) and (proved := common_proof(a, b, history)):
        found.append(proved)
    if not found or sum(one.asked.deals for one in found) < MIN_DEALS:
        raise SanchoError(_wait(history, max(a.as_of, b.as_of), end), "nothing_to_compare")
    return SharedRows.joined(found), history


def later_rows(
    a: Bundle, b: Bundle, past: EventLog, history: History, end: int, rng: np.random.Generator
) -> SharedRows | None:
    """Regular moments since the later of both models' data, each asked for horizons that are ripe by now."""
    since = max(a.as_of, b.as_of)
    rows = ripe_rows(past, history, since, end, rng)
    if rows is None:
        return None
    asked = LaterRows(rows.won, rows.question_weight, rows.question_deal, origin_of(rows.question_at))
    fitted = (a.as_of, b.as_of)
    part = Part("later_rows", asked.deals, len(rows.row), int(rows.at.min()), int(rows.at.max()), fitted)
    horizon = np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon)
    said = (predictions_of(a, rows, past), predictions_of(b, rows, past))
    return SharedRows(*said, asked, rows.question_at, horizon, (part,))


def ripe_rows(
    past: EventLog, history: History, since: int, end: int, rng: np.random.Generator
) -> SnapshotRows | None:
    """Questions known at `end`, about deals at regular moments since a moment; without features."""
    deals = np.flatnonzero((history.created < end) & ((history.closed == NEVER) | (history.closed >= since)))
    if len(deals) > MAX_DEALS:
        deals = np.sort(rng.choice(deals, MAX_DEALS, replace=False))
    deal, at = change_moments(history, end, deals.astype(np.int64))
    deal, at = deal[at >= since], at[at >= since]
    outcomes = deal_outcomes(past, history)
    cycle, calendar = cycle_of(outcomes, end), history.calendar
    to_quarter_end = (calendar.start_of(calendar.quarter_end[calendar.day_of(at)] + 1) - at) / DAY
    questions = draw_horizons(at, end, to_quarter_end, cycle, QUESTIONS, rng)
    if not len(questions[0]):
        return None
    rows = make_rows(outcomes, deal, at, np.zeros((len(deal), 0)), questions, cycle, end)
    asked = np.zeros(len(deal), bool)
    asked[rows.row] = True
    rows = rows.where(asked & rows.regular)
    return rows if len(rows.row) else None


def common_proof(a: Bundle, b: Bundle, history: History) -> SharedRows | None:
    """The questions that the stored proofs of both have in common, of deals that still exist."""
    if a.proof is None or b.proof is None:
        return None
    one, other = _proof_frame(a.proof, history), _proof_frame(b.proof, history)
    both = one.merge(other, on=["deal", "at", "days"], suffixes=("_a", "_b"))
    newer = "_a" if a.as_of >= b.as_of else "_b"  # the outcome in the end is known better later
    if not len(both):
        return None
    at, deal = both["at"].to_numpy(np.int64), both["deal"].to_numpy(np.int64)
    outcome, weight = (both[name + newer].to_numpy(np.float64) for name in ("outcome", "weight"))
    asked = LaterRows(outcome, weight, deal, origin_of(at))
    cuts = (a.proof.cut, b.proof.cut)
    part = Part("proofs", asked.deals, len(both), int(at.min()), int(at.max()), cuts)
    chances = both["chance_a"].to_numpy(np.float64), both["chance_b"].to_numpy(np.float64)
    return SharedRows(*chances, asked, at, both["days"].to_numpy(np.float64), (part,))


def _proof_frame(proof: ProofRows, history: History) -> pd.DataFrame:
    """A proof's questions by deal number, moment and horizon; each once."""
    number = history.deal_ids.get_indexer(pd.Index(proof.deal_ids.astype(object)))
    frame = pd.DataFrame(
        {
            "deal": number[proof.deal],
            "at": proof.at,
            "days": np.round(proof.horizon, 6),
            "outcome": proof.outcome,
            "weight": proof.weight,
            "chance": proof.chance,
        }
    )
    return frame[frame["deal"] >= 0].drop_duplicates(["deal", "at", "days"])


def _wait(history: History, since: int, end: int) -> Text:
    """What to say where there is nothing to compare on: after how many weeks there would be."""
    weeks = _weeks_until_enough(history, since)
    past = max((end - since) // WEEK, 0)
    if weeks is None:
        return _NOTHING
    return _WAIT.format(n=max(int(weeks - past), 1))


def _weeks_until_enough(history: History, since: int) -> int | None:
    """Weeks after a moment until enough deals have a question that is ripe, at the pace before the moment."""
    deal, at = change_moments(history, since)
    for weeks in range(2, _FORESEEN_WEEKS):  # a question takes a week to be ripe
        inside = (at >= since - weeks * WEEK) & (at < since - WEEK)
        if len(np.unique(deal[inside])) >= MIN_DEALS:
            return weeks
    return None


_WAIT = Text(
    "どちらのモデルにとっても新しい商談がまだ足りません。約{n}週間後にもう一度実行するか、"
    "結果が分かる時点を --until で指定してください。",
    "There is nothing yet that both models are new to: wait about {n} weeks, or say with --until up to when "
    "outcomes are known.",
)
_NOTHING = Text(
    "どちらのモデルにとっても新しい商談がまだ足りません。後日もう一度実行するか、"
    "結果が分かる時点を --until で指定してください。",
    "There is nothing yet that both models are new to: try again later, or say with --until up to when "
    "outcomes are known.",
)
