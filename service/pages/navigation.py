"""Which pages are in the menu, in which order, and who is shown which?"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from crm.i18n import Text
from service.access_rules import may


class Place(NamedTuple):
    """A page of the menu: its name in templates (`here`), its address, and the operation that shows it."""

    name: str
    path: str
    operation: str
    words: Text


MENU = (
    Place("outlook", "/", "show_outlook", Text("見通し", "Outlook")),
    Place("yomi", "/yomi", "show_yomi", Text("ヨミ表", "Deal sheet")),
    Place("deals", "/deals", "show_deals", Text("商談", "Deals")),
    Place("process", "/process", "show_process", Text("営業プロセス", "Process")),
    Place("kpis", "/kpis", "show_kpis", Text("KPI", "KPIs")),
    Place("people", "/people", "show_people", Text("メンバー", "People")),
    Place("reviews", "/reviews", "list_reviews", Text("週次会議", "Weekly review")),
    Place("trust", "/trust", "show_trust", Text("予測の成績", "Track record")),
    Place("setup", "/setup", "show_setup", Text("設定", "Set-up")),
)


def places(rights: Collection[str]) -> list[Place]:
    """The pages that somebody with these rights may open."""
    return [place for place in MENU if may(rights, place.operation)]
