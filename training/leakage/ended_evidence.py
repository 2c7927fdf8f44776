"""Which columns of ended deals tell when, after how long or how they ended?

The measures are in `ended_deals`; here is what follows from them, with the sentence that says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from crm.i18n import Text
from training.leakage.columns import AskedColumn
from training.leakage.ended_deals import (
    changed_at_closing,
    filled_by_outcome,
    life_correlation,
    never_outlives,
    on_closing_day,
    outcome_auc,
)
from training.leakage.facts import DealFacts
from training.leakage.leak import Leak, label_of, leak_of

ONE_OUTCOME, ONE_SIDED = 0.05, 0.002  # share filled in: for one outcome at least, for the other at most
TOO_GOOD = 0.9  # AUC above which a column must have been filled in after the outcome
CLOSING_DAY, CLOSING_PERIOD = 0.3, 0.85  # share of ended deals whose date is the day (period) of closing
OUTLIVES, OUTLIVING = 0.2, 20  # of the deals expected beyond their ending: share at most, number at least
CHANGED, UNRECORDED = 0.2, 20  # share of deals changed at closing; deals that ended before changes were kept
LIFE, LIFE_UNCHECKED = 0.8, 0.7  # rank correlation with the length of life; without open deals
STANDS_OUT, AHEAD = 0.75, 0.1  # AUC of a column, and its lead over all others, without open deals


def leak_of_endings(column: AskedColumn, facts: DealFacts, open_asked: bool) -> Leak | None:
    """Whether values tell the outcome or the life; `open_asked`: open deals could be compared as well."""
    return (
        changes_at_closing(column, facts)
        or _too_good(column, facts)
        or _outlives(column, facts)
        or _life(column, facts, open_asked)
    )


def closing_day(column: AskedColumn, facts: DealFacts) -> Leak | None:
    """A date that many CRMs overwrite with the day of closing."""
    same = on_closing_day(column, facts)
    least = CLOSING_PERIOD if column.reading.meaning == "period" else CLOSING_DAY
    if not same >= least:
        return None
    text = Text(
        "「{label}」は、決着した商談の{same:.0%}で決着した日（期間）と同じです。"
        "決着時に書き換えられる項目とみなし、予測に使っていません。変更履歴があれば使えます。",
        "{label} equals the day (or period) of closing in {same:.0%} of closed deals. It appears to be "
        "overwritten at closing, so it is not used for prediction. With a history of changes it can be used.",
    )
    return leak_of(column, "closing_day", text.format(label=label_of(column.table, column.name), same=same))


def one_outcome(column: AskedColumn, facts: DealFacts) -> Leak | None:
    """Filled in for one outcome only, such as the reason of a loss or the winning competitor."""
    filled = filled_by_outcome(column, facts)
    if filled is None or min(filled) > ONE_SIDED or max(filled) < ONE_OUTCOME:
        return None
    text = Text(
        "「{label}」は、受注した商談の{won:.1%}、失注した商談の{lost:.1%}で入力されています。"
        "結果が決まってから入力される項目とみなし、予測に使っていません。",
        "{label} is filled in for {won:.1%} of won and {lost:.1%} of lost deals. It appears to be filled "
        "in once the outcome is known, so it is not used for prediction.",
    )
    label = label_of(column.table, column.name)
    return leak_of(column, "one_outcome", text.format(label=label, won=filled[0], lost=filled[1]))


def changes_at_closing(column: AskedColumn, facts: DealFacts) -> Leak | None:
    """An own column that changes as deals end, and of older deals shows only what it changed to.

    An amount may be settled at closing: of the schema's columns this is not asked.
    """
    found = None if column.canonical else changed_at_closing(column, facts)
    if found is None or found[0] < CHANGED or found[2] < UNRECORDED:
        return None
    share, deals, before = found
    text = Text(
        "「{label}」は、変更を記録し始めてから決着した商談{deals}件の{share:.0%}で決着時に変わっています。"
        "それより前に決着した商談{before}件には決着後の値しかないため、予測に使っていません。"
        "すべての商談の変更履歴があれば使えます。",
        "{label} changed at closing in {share:.0%} of the {deals} deals that ended since its changes are "
        "recorded. {before} deals that ended before show only the value after closing, so it is not used for "
        "prediction. With the history of all deals it can be used.",
    )
    label = label_of(column.table, column.name)
    return leak_of(column, "changed", text.format(label=label, share=share, deals=deals, before=before))


def _too_good(column: AskedColumn, facts: DealFacts) -> Leak | None:
    area = outcome_auc(column, facts)
    if not area > TOO_GOOD:
        return None
    text = Text(
        "「{label}」だけで受注と失注がほぼわかります（AUC {auc:.2f}）。"
        "決着後に入力された値とみなし、予測に使っていません。",
        "{label} alone separates won from lost deals (AUC {auc:.2f}). It appears to be filled in after "
        "closing, so it is not used for prediction.",
    )
    return leak_of(column, "too_good", text.format(label=label_of(column.table, column.name), auc=area))


def _outlives(column: AskedColumn, facts: DealFacts) -> Leak | None:
    """A duration that never exceeds the life of its deal, a date never beyond its ending."""
    beyond, expected = never_outlives(column, facts)
    ended = int((facts.done & column.applies & column.reading.filled).sum())
    if not (expected * ended >= OUTLIVING and beyond <= OUTLIVES * expected):
        return None
    text = Text(
        "「{label}」は、決着した商談の{beyond:.1%}でしか決着までの日数を超えません（無関係なら{expected:.0%}）。"
        "決着までに測られた値とみなし、予測に使っていません。変更履歴があれば使えます。",
        "{label} lies beyond the ending in {beyond:.1%} of closed deals only ({expected:.0%} were it "
        "unrelated). It appears to be measured up to the ending, so it is not used for prediction. With a "
        "history of changes it can be used.",
    )
    label = label_of(column.table, column.name)
    return leak_of(column, "life", text.format(label=label, beyond=beyond, expected=expected))


def _life(column: AskedColumn, facts: DealFacts, open_asked: bool) -> Leak | None:
    """Age, cycle, durations and counters that stopped at the ending tell how long the deal lived."""
    found = life_correlation(column, facts)
    if not abs(found) >= (LIFE if open_asked else LIFE_UNCHECKED):
        return None
    text = Text(
        "「{label}」は、決着した商談の作成から決着までの日数とほぼ一致します（順位相関{r:.2f}）。"
        "決着して初めて決まる値とみなし、予測に使っていません。",
        "{label} follows how many days closed deals lived (rank correlation {r:.2f}). It appears to be "
        "settled only when a deal ends, so it is not used for prediction.",
    )
    return leak_of(column, "life", text.format(label=label_of(column.table, column.name), r=found))


def stands_out(columns: Sequence[AskedColumn], facts: DealFacts) -> list[Leak]:
    """Without open deals: the one column that alone tells far more about the outcome than any other."""
    areas = [(outcome_auc(column, facts), column) for column in columns]
    ranked = sorted(((area, column) for area, column in areas if area > 0), key=lambda pair: -pair[0])
    if len(ranked) < 4 or ranked[0][0] < STANDS_OUT or ranked[0][0] - ranked[1][0] < AHEAD:
        return []
    (area, column), (second, _) = ranked[:2]
    text = Text(
        "「{label}」だけがほかの項目よりはるかによく結果を言い当てます"
        "（AUC {area:.2f}、次の項目は{second:.2f}）。"
        "進行中の商談がないため確認できませんが、決着後にわかる値とみなし、予測に使っていません。"
        "決着前にわかる項目なら、[train] の include に書いてください。",
        "{label} alone tells the outcome far better than any other column (AUC {area:.2f}, the next "
        "{second:.2f}). Without open deals this cannot be checked; it is taken to be known only after the "
        "ending and is not used for prediction. If it is known before, put it under include in [train].",
    )
    label = label_of(column.table, column.name)
    return [leak_of(column, "stands_out", text.format(label=label, area=area, second=second))]


def unscreened(column: AskedColumn) -> Leak:
    """A company's own column, while too few deals have ended to ask about it."""
    text = Text(
        "決着した商談が少なく、「{label}」が決着時に入力される項目かどうかをまだ判断できないため、使わずに予測します。",
        "Too few deals have closed to tell whether {label} is filled in at closing; it is not used yet.",
    )
    return leak_of(column, "unscreened", text.format(label=label_of(column.table, column.name)))
