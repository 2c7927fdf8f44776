"""What was done on which deal, when? The actions a seller can choose, as the activities record them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from features.arrays import ACTOR, INBOUND, KIND, KINDS, MATERIAL, SECONDS, Flags, Ints
from features.history import History
from features.levels import names_of

WITH_MANAGER = "visit_with_manager"
_MATERIAL_PREFIX = "material:"
# Kinds that are a step of the deal itself, not something to be recommended.
_DEAL_STEPS = ("proposal", "material")
# What any deal that is not given up gets: other actions are held against these.
BASELINE_ACTIONS = ("call", "email")
# What is done again and again on a deal; all else is done once, if at all.
ROUTINE_ACTIONS = ("call", "email", "visit", "web_meeting", "follow_up")
_LABELS = {
    "call": Text("電話をかける", "Call the customer"),
    "email": Text("メールを送る", "Write an e-mail"),
    "visit": Text("訪問する", "Visit the customer"),
    "web_meeting": Text("Web会議を行う", "Hold a web meeting"),
    "demo": Text("製品デモを行う", "Give a product demonstration"),
    "quote": Text("見積を提示する", "Send a quote"),
    "follow_up": Text("フォローの連絡をする", "Follow up"),
    "seminar": Text("セミナーに招く", "Invite to a seminar"),
    WITH_MANAGER: Text("上司と同行訪問する", "Visit together with a superior"),
}


@dataclass(frozen=True)
class ActionEvents:
    """One action: the deals (n,) it was done on and when, by deal and oldest first.

    `minutes`: how long it usually takes, as recorded; NaN = never said.
    """

    action: str
    deal: Ints
    at: Ints
    minutes: float = float("nan")

    @property
    def routine(self) -> bool:
        """Done again and again on a deal."""
        return self.action in ROUTINE_ACTIONS


def label_of(action: str) -> Text:
    """An action's name."""
    if action in _LABELS:
        return _LABELS[action]
    if action.startswith(_MATERIAL_PREFIX):
        name = action.removeprefix(_MATERIAL_PREFIX)
        return Text(f"資料「{name}」を送る", f"Send the material {name}")
    return Text(f"「{action}」を行う", f"Do: {action}")


def action_events_of(history: History) -> list[ActionEvents]:
    """Every action that the log holds, of the seller's side; the company's own kinds under their names.

    A visit or web meeting of a manager is a visit with a superior; material is told apart by its name.
    """
    acts = history.deals.activities
    deal = np.repeat(np.arange(len(history.created)), np.diff(acts.start))
    ours = acts.entry[:, INBOUND] == 0
    kind, material = acts.entry[:, KIND], acts.entry[:, MATERIAL]
    kinds = [*KINDS, *names_of(history.levels, "activity_kind")]
    manager = np.append(history.deals.people.manager, 0)[acts.entry[:, ACTOR]] == 1
    met = np.isin(kind, [KINDS.index("visit"), KINDS.index("web_meeting")])
    which: dict[str, Flags] = {
        name: ours & (kind == code) & ~(met & manager)
        for code, name in enumerate(kinds)
        if name not in _DEAL_STEPS
    }
    which[WITH_MANAGER] = ours & met & manager
    sent = ours & (kind == KINDS.index("material"))
    for code, name in enumerate(names_of(history.levels, "material")):
        which[_MATERIAL_PREFIX + name] = sent & (material == code)
    return [
        ActionEvents(name, deal[rows], acts.at[rows], _minutes(acts.entry[rows, SECONDS]))
        for name, rows in which.items()
        if rows.any()
    ]


def _minutes(seconds: NDArray[np.int32]) -> float:
    said = seconds[seconds > 0]
    return float(np.median(said) / 60) if len(said) else float("nan")


def last_done(deeds: ActionEvents, deals: Ints, moment: int, never: int) -> Ints:
    """When the action was last done on each deal (n,) before a moment; `never` where it was not."""
    known = deeds.at < moment
    last = np.full(int(max(deals.max(initial=-1), deeds.deal.max(initial=-1))) + 1, never)
    np.maximum.at(last, deeds.deal[known], deeds.at[known])
    return np.asarray(last[deals])
