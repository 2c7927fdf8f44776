"""Which columns say something else of open deals than they would, had they been known from creation?

The comparisons are in `open_deals` and `following`; here is what follows from them, and the sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.i18n import Text
from training.leakage.columns import AskedColumn
from training.leakage.ended_deals import outcome_auc
from training.leakage.facts import DealFacts
from training.leakage.following import Following, State, following
from training.leakage.leak import Leak, label_of, leak_of
from training.leakage.open_deals import Contrast, OpenComparison
from training.leakage.views import View, views_of

DOUBTS, PLAIN_DOUBTS = 4.2, 5.0  # standard errors of a difference; where ages could not be matched
JOINT_DOUBTS = 5.4  # of all differences of a number together: the root of the sum of their squares
# A column that alone tells a lot about the outcome does great harm if it leaks: less evidence is enough.
TELLING = 0.75  # AUC from which
TELLING_DOUBTS, TELLING_FOLLOWS = 3.8, 0.15  # joint doubts (by chance in 1 % of columns) and difference then
SHARE_GAP, SCORE_GAP = 0.08, 0.35  # how large a difference must be: a share, and a normal score
PLAIN_SHARE_GAP, PLAIN_SCORE_GAP = 0.15, 1.0  # the same where ages could not be matched
FOLLOWS = 0.25  # difference of the correlations with a state of open deals, now and in the past


@dataclass(frozen=True)
class _Evidence:
    """A view of a column that open deals contradict; `strength` tells the clearest of several."""

    strength: float
    view: View
    followed: Following | None = None


def leak_of_open_deals(
    column: AskedColumn, facts: DealFacts, compared: OpenComparison, states: Sequence[State]
) -> Leak | None:
    """The clearest contradiction between open deals and deals that have ended since; None = none is clear."""
    found: list[_Evidence] = []
    telling = outcome_auc(column, facts) >= TELLING
    for view in views_of(column, facts):
        contrast = compared.contrast(view.score, column.groups)
        followed = list(following(view.score, column.groups, states, compared))
        found += _evidence(view, contrast, followed, telling)
    if not found:
        return None
    best = found[0]
    for other in found[1:]:
        # Of nearly equal ones the first is the plainest to say.
        best = other if other.strength > 1.05 * best.strength else best
    if best.followed is not None:
        return _following_leak(column, best.followed)
    return _difference_leak(column, best.view, compared)


def _evidence(
    view: View, contrast: Contrast | None, followed: Sequence[Following], telling: bool
) -> list[_Evidence]:
    share = view.kind in ("filled", "value")
    out = []
    if contrast is not None:
        plain = not contrast.same_age
        least = (
            (PLAIN_SHARE_GAP if plain else SHARE_GAP) if share else (PLAIN_SCORE_GAP if plain else SCORE_GAP)
        )
        clear = abs(contrast.doubts) >= (PLAIN_DOUBTS if plain else DOUBTS)
        if clear and abs(contrast.gap) >= least:
            out.append(_Evidence(abs(contrast.gap) / least, view))
    clearest = max(followed, key=lambda one: abs(one.doubts), default=None)
    if clearest is None:
        return out
    strength = abs(clearest.gap) / FOLLOWS
    if abs(clearest.doubts) >= DOUBTS and strength >= 1.0:
        out.append(_Evidence(strength, view, clearest))
    doubts = [one.doubts for one in followed] + ([] if contrast is None else [contrast.doubts])
    joint = float(np.sqrt(np.square(doubts).sum()))
    doubts_needed, gap_needed = (TELLING_DOUBTS, TELLING_FOLLOWS) if telling else (JOINT_DOUBTS, FOLLOWS)
    if not out and not share and joint >= doubts_needed and abs(clearest.gap) >= gap_needed:
        out.append(_Evidence(strength, view, clearest))
    return out


def _following_leak(column: AskedColumn, found: Following) -> Leak:
    text = Text(
        "「{label}」は、進行中の商談では今の{state}と連動していますが（相関{here:.2f}）、"
        "決着済みの商談では当時の{state}と連動していません（{there:.2f}）。"
        "進行中に更新され続ける項目とみなし、予測に使っていません。変更履歴があれば使えます。",
        "{label} goes with {state} of open deals today (correlation {here:.2f}), but did not go with it at "
        "past moments ({there:.2f}). It appears to be kept up to date until a deal ends, so it is not used "
        "for prediction. With a history of changes it can be used.",
    )
    text = text.format(
        label=label_of(column.table, column.name),
        state=found.state,
        here=found.here,
        there=found.expected,
    )
    return leak_of(column, "follows", text)


def _difference_leak(column: AskedColumn, view: View, compared: OpenComparison) -> Leak:
    label = label_of(column.table, column.name)
    if view.kind == "filled":
        text = Text(
            "「{label}」は、進行中の商談では{here:.0%}、同じ経過日数の頃の決着済みの商談では{there:.0%}で入力されています。"
            "決着時に入力される項目とみなし、予測に使っていません。変更履歴があれば使えます。",
            "{label} is filled in for {here:.0%} of open deals but {there:.0%} of deals that have ended, of "
            "the same age. It appears to be filled in at closing, so it is not used for prediction. With a "
            "history of changes it can be used.",
        )
    elif view.kind == "value":
        text = Text(
            "「{label}」の値「{value}」は、進行中の商談の{here:.0%}にありますが、"
            "同じ経過日数の頃の決着済みの商談では{there:.0%}です。"
            "決着時に書き換えられる項目とみなし、予測に使っていません。変更履歴があれば使えます。",
            "{label} is {value!r} in {here:.0%} of open deals but {there:.0%} of deals that have ended, of "
            "the same age. It appears to be overwritten at closing, so it is not used for prediction. With a "
            "history of changes it can be used.",
        )
    else:
        text = _DATES if view.kind == "date" else _NUMBERS
    here, there = compared.typical(view)
    reason = "fill" if view.kind == "filled" else view.kind
    return leak_of(column, reason, text.format(label=label, value=view.value, here=here, there=there))


_NUMBERS = Text(
    "「{label}」は、進行中の商談では中央値{here:,.4g}ですが、同じ経過日数の頃の決着済みの商談では{there:,.4g}です。"
    "決着まで変わり続けるか決着時に書き換えられる項目とみなし、予測に使っていません。変更履歴があれば使えます。",
    "{label} has a median of {here:,.4g} among open deals but {there:,.4g} among deals that have ended, of "
    "the same age. It appears to go on changing until a deal ends, or to be overwritten then, so it is not "
    "used for prediction. With a history of changes it can be used.",
)
_DATES = Text(
    "「{label}」は、進行中の商談では作成から{here:.0f}日後（中央値）ですが、"
    "同じ経過日数の頃の決着済みの商談では{there:.0f}日後です。"
    "決着まで変わり続けるか決着時に書き換えられる項目とみなし、予測に使っていません。変更履歴があれば使えます。",
    "{label} is {here:.0f} days after creation among open deals (median) but {there:.0f} days among deals "
    "that have ended, of the same age. It appears to go on changing until a deal ends, or to be overwritten "
    "then, so it is not used for prediction. With a history of changes it can be used.",
)
