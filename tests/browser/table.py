"""Which pages does the browser look at? One table, to which each page adds its line.

The organisation is that of `tests.support.served.small_service` with the people of `ROWS`. A page that needs
more rows adds them there; one that shows the present says so by an address without `as_of`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

ADMIN, MANAGER, SELLER, NOBODY = "admin", "manager", "seller", "nobody"
ABOUT = "period=2026-Q4&as_of=2026-11-20"  # of the same moment, whenever the tests run
TEAM = f"{ABOUT}&scope=team%3AT1"
PEOPLE = {ADMIN: "PA", MANAGER: "PM", SELLER: "P0"}  # who signs in, by who it is
ROWS: dict[str, list[dict[str, Any]]] = {
    "people": [
        {"person_id": "PA", "name": "管理 花子", "email": "admin@example.com", "role": "admin"},
        {
            "person_id": "PM", "name": "鈴木 一郎", "email": "manager@example.com", "role": "manager",
            "team_id": "T1", "leads_team_id": "T1", "active_from": "2026-04-01",
        },
        {
            "person_id": "P0", "name": "佐藤 美咲", "email": "seller@example.com", "team_id": "T1",
            "active_from": "2026-04-01",
        },
        {"person_id": "P1", "name": "高橋 健", "team_id": "T1", "active_from": "2026-04-01"},
    ],
    "targets": [
        {"metric": "revenue", "scope": scope, "period": "2026-Q4", "value": value}
        for scope, value in (("team:T1", 18_000_000), ("person:P0", 9_000_000), ("person:P1", 7_000_000))
    ],
}  # fmt: skip


class Page(NamedTuple):
    """A page under test: its name in tests and screenshots, its address, and who opens it."""

    name: str
    address: str
    who: str = MANAGER
    pictures: tuple[str, ...] = ()  # the ids of the figures that it must have
    a4: int | None = None  # sheets on which it prints, where the design says how many
    status: int = 200


PAGES = (
    Page("outlook", f"/?{TEAM}", pictures=("dots", "fan"), a4=1),
    Page("outlook-company", f"/?{ABOUT}", ADMIN, pictures=("dots", "fan"), a4=1),
    Page("outlook-seller", f"/?{ABOUT}", SELLER, pictures=("dots", "fan"), a4=1),
    Page("deals", f"/deals?{TEAM}"),
    Page(
        "deal",
        f"/deals/D5?{ABOUT}",
    ),
    Page("process", f"/process?{TEAM}"),
    Page("people", f"/people?{TEAM}"),
    Page("one-on-one", "/people/P1/1on1", a4=1),
    Page("review", "/reviews/2026-W47?scope=team%3AT1"),
    Page("meeting", "/reviews/2026-W47?scope=team%3AT1&mode=meeting"),
    Page("trust", "/trust", ADMIN),
    Page("yomi", f"/yomi?{TEAM}", a4=1),
    Page("setup", "/setup", ADMIN),
    Page("kpis", f"/kpis?{TEAM}"),
    Page("sign-in", "/sign-in?next=%2F%3Fperiod%3D2026-Q4", NOBODY),
    Page("problem", f"/?{ABOUT}&scope=team%3ANONE", ADMIN, status=404),
    Page("forbidden", f"/?{ABOUT}&scope=company", SELLER, status=403),
)
