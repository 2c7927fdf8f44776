"""Is an open deal in a stage that the model has never seen a deal in, and which stage is that?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from crm.i18n import Text
from features import History, open_at, stated_stages
from features.arrays import Flags, Ints
from models.win.model import WinModel
from service.serving_state import ModelState

if TYPE_CHECKING:
    from service.schemas import ScoreRequest

UNKNOWN_STAGE = "unknown_stage"
_MAX_NAMED = 3


def open_deals_warning(state: ModelState, moment: int) -> list[tuple[str, Text]]:
    """The warning for the deals open at a moment in stages that the model does not know; none without any."""
    return state.caches.stage_warnings.get(moment, lambda: _of_open_deals(state, moment))


def _of_open_deals(state: ModelState, moment: int) -> list[tuple[str, Text]]:
    deals = open_at(state.history, moment)
    stage = stated_stages(state.history, deals, np.full(len(deals), moment, np.int64))
    unknown = stage[_unknown(state.bundle.win, state.history, stage)]
    if not len(unknown):
        return []
    counts = Counter(str(state.history.stages[code]) for code in unknown)
    named = [name for name, _ in counts.most_common(_MAX_NAMED)]
    names = Text("、".join(f"「{name}」" for name in named), ", ".join(repr(name) for name in named))
    text = Text(
        "進行中の商談のうち{n}件は、モデルが学習していないステージ（{names}）にあります。"
        "受注確率は、ステージが不明な商談としての値です。再学習してください（sancho train）。",
        "{n} open deals are in stages that the model has not learned ({names}): their chances are those of a "
        "deal whose stage is unknown. Retrain it (sancho train).",
    )
    return [(UNKNOWN_STAGE, text.format(n=len(unknown), names=names))]


def stored_deal_warning(state: ModelState, deal: int, moment: int) -> list[tuple[str, Text]]:
    """The warning for one deal of the store."""
    stage = stated_stages(state.history, np.array([deal]), np.array([moment]))
    if not _unknown(state.bundle.win, state.history, stage)[0]:
        return []
    return [(UNKNOWN_STAGE, _NOT_LEARNED.format(stage=str(state.history.stages[stage[0]])))]


def sent_deal_warning(
    state: ModelState, request: ScoreRequest, deal_history: History, moment: int
) -> list[tuple[str, Text]]:
    """The warning for a deal of a request, whose stage the organisation may not have at all."""
    stage = stated_stages(deal_history, np.zeros(1, np.int64), np.array([moment]))
    if stage[0] >= len(state.history.stages):
        known = [str(name) for name in state.history.stages]
        deal, events = request.deal.model_dump(), [row.model_dump() for row in request.events]
        sent = [deal["stage"], *(row["value"] for row in events if row["field"] == "stage")]
        names = [name for name in sent if name not in known]
        listed = Text("、".join(known), ", ".join(known))
        return [(UNKNOWN_STAGE, _NO_STAGE.format(stage=names[-1] if names else "", known=listed))]
    if not _unknown(state.bundle.win, deal_history, stage)[0]:
        return []
    return [(UNKNOWN_STAGE, _NOT_LEARNED.format(stage=str(state.history.stages[stage[0]])))]


def _unknown(win: WinModel, history: History, stage: Ints) -> Flags:
    """Which stages, local codes (n,) with -1 = not stated, no deal was in when the model learned.

    A model that predicts without the stage has nothing to know.
    """
    if win.layout.stage < 0:
        return np.zeros(len(stage), bool)
    level = np.append(history.deals.stages.level, np.nan)[stage]
    out: Flags = (stage >= 0) & (np.isnan(level) | win.rates.unseen(level))
    return out


_NOT_LEARNED = Text(
    "モデルは、ステージ「{stage}」の商談を学習していません。"
    "受注確率は、ステージが不明な商談としての値です。再学習してください（sancho train）。",
    "The model has not learned of any deal in stage {stage!r}: the chance is that of a deal whose stage is "
    "unknown. Retrain it (sancho train).",
)
_NO_STAGE = Text(
    "ステージ「{stage}」は登録されていません（登録済み：{known}）。"
    "受注確率は、ステージが不明な商談としての値です。",
    "There is no stage {stage!r} (known: {known}): the chance is that of a deal whose stage is unknown.",
)
