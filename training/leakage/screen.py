"""Which columns tell that a deal has ended, when, after how long or how?

Every column that may reach a feature is asked. What the deals say about it cannot always be told: without
open deals the most telling question, whether open deals differ from deals of the same age, has no answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.i18n import Text
from features.attribute_history import EventTable
from models.win.fitting import FEW_DEALS
from training.leakage.columns import AskedColumn, asked_columns, changed
from training.leakage.ended_evidence import closing_day, leak_of_endings, one_outcome, stands_out, unscreened
from training.leakage.facts import MAX_ASKED, DealFacts
from training.leakage.following import states_of
from training.leakage.leak import Leak, attribute_of
from training.leakage.open_deals import OpenComparison
from training.leakage.open_evidence import leak_of_open_deals

STAGE_HISTORY = 0.5  # share of ended deals with an event of the stage


@dataclass(frozen=True)
class Screening:
    """The columns that are not used, and those that are used although they could not be checked."""

    leaks: tuple[Leak, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def unchecked_text(self) -> Text:
        """What could not be asked, of which columns, and what to do."""
        shown = self.unchecked[:8]
        more = len(self.unchecked) - len(shown)
        return Text(
            "進行中の商談が少ないため、次の{n}項目が決着後に入力・更新されたものかどうかは確認できませんでした："
            "{ja}{more_ja}。決着前にわからない項目は [train] の exclude で除外し、"
            "わかる項目は include に書いてください。",
            "There are too few open deals to check whether these {n} columns are filled in or go on changing "
            "until a deal ends, so they could not be checked: {en}{more_en}. Put those that are not known "
            "before the ending under exclude in [train], and those that are under include.",
        ).format(
            n=len(self.unchecked),
            ja="、".join(shown),
            en=", ".join(shown),
            more_ja="など" if more else "",
            more_en=f" and {more} more" if more else "",
        )


def screen(log: EventLog, as_of: int) -> list[Leak]:
    """The columns of a log as of `as_of` that must not be used for prediction; see `screening`."""
    return list(screening(log, as_of).leaks)


def screening(log: EventLog, as_of: int, vouched: Collection[str] = ()) -> Screening:
    """What the screen found in a log as of `as_of`.

    `vouched` are columns that the organisation says are known before the ending (`accounts.type`,
    `deals.duration`): they are not named among those that could not be checked. The company's own columns
    are not used until enough deals have ended to screen them.
    """
    everything = DealFacts.of(log, as_of)
    rows = _asked_rows(everything)
    facts = everything.of_rows(rows)
    compared = OpenComparison.of(facts)
    deals = log["deals"].iloc[rows]
    events = EventTable(log["deal_events"], pd.Index(deals["deal_id"]))
    states = states_of(log, events, rows, facts, compared)
    stage = _stage(deals, events, facts)
    leaks = [] if stage is None else [stage]
    passed: list[AskedColumn] = []
    for column in asked_columns(log, events, facts, rows):
        # The plainest reason is the one that is given.
        found = (
            closing_day(column, facts)
            or one_outcome(column, facts)
            or leak_of_open_deals(column, facts, compared, states)
            or leak_of_endings(column, facts, compared.possible)
        )
        if found is None and not facts.enough and not column.canonical:
            found = unscreened(column)
        if found is None:
            passed.append(column)
        else:
            leaks.append(found)
    if compared.ages is not None:
        return Screening(tuple(leaks))
    outstanding = [] if compared.possible else stands_out(passed, facts)
    leaks += outstanding
    out = {leak.attribute for leak in outstanding}
    names = [attribute_of(column.table, column.name) for column in passed if _may_be_used(column)]
    known = {name.removeprefix("deals.") for name in vouched}
    return Screening(tuple(leaks), tuple(name for name in names if name not in out | known))


def _asked_rows(facts: DealFacts) -> np.ndarray:
    """All deals, or a sample: the same at every call."""
    count = len(facts.created)
    if count <= MAX_ASKED:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MAX_ASKED, replace=False))


def _stage(deals: pd.DataFrame, events: EventTable, facts: DealFacts) -> Leak | None:
    recorded = changed(events, "stage")
    filled = facts.done & deals["stage"].notna().to_numpy()
    # With fewer closed deals nothing is fitted, and the stated prior may use the stage as it is.
    if facts.done.sum() < FEW_DEALS or (filled.any() and recorded[filled].mean() >= STAGE_HISTORY):
        return None
    return Leak(
        "stage",
        "no_history",
        Text(
            "ステージの変更履歴がないため、過去の時点のステージがわかりません。ステージを使わずに予測します。"
            "今後の変更を記録すれば、精度が上がります。",
            "There is no history of stages, so the stage at a past moment is unknown and is not used for "
            "prediction. Record changes from now on to improve accuracy.",
        ),
    )


def _may_be_used(column: AskedColumn) -> bool:
    """Whether a feature may read it at all: it holds something that is not the same throughout."""
    return bool(column.shares) or len(np.unique(column.reading.texts.codes)) > 1
