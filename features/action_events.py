"""Which actions were taken on which deal, when? The actions a seller can choose, from the activities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from features.arrays import ACTOR, INBOUND, KIND, KINDS, MATERIAL, SECONDS, Flags, Ints, ints
from features.deal_rows import value_rows
from features.history import History
from features.levels import names_of

WITH_MANAGER = "visit_with_manager"
_MATERIAL_PREFIX = "material:"
_MEETINGS = (KINDS.index("visit"), KINDS.index("web_meeting"))
# Kinds that are a step of the deal itself and are not recommended.
_DEAL_STEPS = ("proposal", "material")
# Every active deal gets these: other actions are compared with them.
BASELINE_ACTIONS = ("call", "email")
# Repeated on a deal; any other action is taken at most once.
ROUTINE_ACTIONS = ("call", "email", "visit", "web_meeting", "follow_up")
_LABELS = {
    "call": Text("電話をかける", "Call the customer"),
    "email": Text("メールを送る", "Write an email"),
    "visit": Text("訪問する", "Visit the customer"),
    "web_meeting": Text("Web商談を設定する", "Set up a web meeting"),
    "demo": Text("製品デモを行う", "Give a product demonstration"),
    "quote": Text("見積を提示する", "Send a quote"),
    "follow_up": Text("フォロー連絡をする", "Follow up"),
    "seminar": Text("セミナーに案内する", "Invite to a seminar"),
    WITH_MANAGER: Text("上司に同行してもらう", "Visit with a manager"),
}


@dataclass(frozen=True)
class ActionEvents:
    """One action: the deals (n,) it was taken on and when, by deal and oldest first.

    `minutes`: median of the recorded durations, NaN = none recorded.
    """

    action: str
    deal: Ints
    at: Ints
    minutes: float = float("nan")

    @property
    def routine(self) -> bool:
        """Whether it is repeated on a deal."""
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
    """Every action by the seller's side in the log; custom kinds under their names.

    A visit or web meeting that a manager attends is a visit with a manager; each material is an action.
    """
    acts = history.deals.activities
    deal = np.repeat(np.arange(len(history.created)), np.diff(acts.start))
    ours = acts.entry[:, INBOUND] == 0
    kind, material = acts.entry[:, KIND], acts.entry[:, MATERIAL]
    kinds = [*KINDS, *names_of(history.levels, "activity_kind")]
    manager = _by_manager(history)
    met = np.isin(kind, _MEETINGS)
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


def actions_of_deal(history: History) -> list[ActionEvents]:
    """`action_events_of` for the history of one deal with few activities, without their minutes."""
    acts = history.deals.activities
    kinds = (*KINDS, *names_of(history.levels, "activity_kind"))
    materials = names_of(history.levels, "material")
    met = np.isin(acts.entry[:, KIND], _MEETINGS).any() if len(acts.at) else False
    manager = _by_manager(history).tolist() if met else [False] * len(acts.at)
    done: dict[str, list[int]] = {}
    for at, entry, with_manager in zip(acts.at.tolist(), acts.entry.tolist(), manager, strict=True):
        kind, material = entry[KIND], entry[MATERIAL]
        if entry[INBOUND] != 0 or kind >= len(kinds):
            continue
        name = kinds[kind]
        if name == "material" and 0 <= material < len(materials):
            done.setdefault(_MATERIAL_PREFIX + materials[material], []).append(at)
        elif name in ("visit", "web_meeting") and with_manager:
            done.setdefault(WITH_MANAGER, []).append(at)
        elif name not in _DEAL_STEPS:
            done.setdefault(name, []).append(at)
    return [ActionEvents(name, ints(np.zeros(len(at))), ints(at)) for name, at in done.items()]


def _by_manager(history: History) -> Flags:
    """Whether each activity was carried out by someone who was a manager then."""
    acts, manager = history.deals.activities, np.full(len(history.deals.activities.at), np.nan)
    known = np.flatnonzero(acts.entry[:, ACTOR] >= 0)
    then = np.empty(len(known))
    value_rows(history.deals.people.manager, ints(acts.entry[known, ACTOR]), ints(acts.at[known] + 1), then)
    manager[known] = then
    by_manager: Flags = manager == 1
    return by_manager


def _minutes(seconds: NDArray[np.int32]) -> float:
    recorded = seconds[seconds > 0]
    return float(np.median(recorded) / 60) if len(recorded) else float("nan")


def last_done(events: ActionEvents, deals: Ints, moment: int, never: int) -> Ints:
    """When the action was last taken on each deal (n,) before a moment; `never` where it was not."""
    known = events.at < moment
    if len(deals) == 1:
        own = events.at[known & (events.deal == deals[0])]
        return np.array([own.max(initial=never)])
    last = np.full(int(max(deals.max(initial=-1), events.deal.max(initial=-1))) + 1, never)
    np.maximum.at(last, events.deal[known], events.at[known])
    return np.asarray(last[deals])
