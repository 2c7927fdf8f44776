"""Which KPIs count a seller's actions? One per action whose effect can be estimated, beside the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from crm.i18n import Text
from features.action_events import WITH_MANAGER, label_of
from features.kpis.definition import STYLES, Count, Kpi, Shape

# The action that a KPI of the catalogue counts.
ACTION_OF_KPI: Mapping[str, str] = MappingProxyType({"visits": "visit", "calls": "call", "emails": "email"})

_DEALS = Text("件", "deals")
_MATERIAL = "material:"
_NAMED = {
    "demo": ("demos", Text("デモ実施商談数", "Deals with a demo")),
    "quote": ("quotes", Text("見積提示商談数", "Deals with a quote")),
    "follow_up": ("follow_ups", Text("フォロー連絡商談数", "Deals followed up")),
    "web_meeting": ("web_meetings", Text("Web商談実施商談数", "Deals with a web meeting")),
    "seminar": ("seminar_invitations", Text("セミナー案内商談数", "Deals invited to a seminar")),
}


def action_kpis(actions: Iterable[str]) -> dict[str, Kpi]:
    """A KPI for each action that the catalogue has none of, by id: on how many deals it was taken.

    A visit with a manager has none: who is a manager is not in the row that is counted.

    >>> list(action_kpis(["demo", "visit", "material:ROI"]))
    ['demos', 'material:ROI']
    """
    others = (one for one in actions if one not in ACTION_OF_KPI.values() and one != WITH_MANAGER)
    made = (_kpi(action) for action in others)
    return {kpi.id: kpi for kpi in made}


def action_of(kpi: Kpi) -> str | None:
    """The action that a KPI counts; None where it counts none.

    >>> action_of(action_kpis(["demo"])["demos"])
    'demo'
    """
    if kpi.id in ACTION_OF_KPI:
        return ACTION_OF_KPI[kpi.id]
    of_kind = {name: action for action, (name, _) in _NAMED.items()}
    if kpi.id in of_kind and kpi.count.distinct == "deal_id":
        return of_kind[kpi.id]
    return kpi.id.removeprefix("action:") if kpi.id.startswith(("action:", _MATERIAL)) else None


def _kpi(action: str) -> Kpi:
    where: tuple[tuple[str, tuple[str, ...]], ...] = (("kind", (action,)),)
    name, label = _NAMED.get(action, (f"action:{action}", None))
    meaning = Text(
        "期間中に「{action}」を実施した商談の件数", "deals on which this was done in the period: {action}"
    )
    if action.startswith(_MATERIAL):
        material = action.removeprefix(_MATERIAL)
        where, name = (("kind", ("material",)), ("material", (material,))), action
        label = Text(f"資料「{material}」の送付商談数", f"Deals sent the material {material}")
    if label is None:
        label = Text(f"「{action}」の実施商談数", f"Deals with {action}")
    count = Count("activities", where, distinct="deal_id")
    told = meaning.format(action=label_of(action))
    return Kpi(name, label, told, _DEALS, Shape.COUNT, count, styles=STYLES, controllable=True)
