"""Which organisation has somebody of every kind? Teams below teams, one who moved this week, one who left."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store import Store
from models.actions import ActionEffect, Effects, Evidence
from models.bottlenecks import Bottleneck
from models.bottlenecks.contrast import Condition
from models.bundle import Bundle
from tests.support.fakes import PERIOD, STAGES, TOKYO, fake_bundle

CLOCK = as_of_instant("2026-11-20T10:00", TOKYO)
PAST = "2026-11-13"  # before somebody moved
TEAMS = {"t-east": ("東日本営業部", ""), "t-hill": ("丘陵課", "t-east"), "t-lake": ("湖畔課", "t-east"),
         "t-west": ("西日本営業部", "")}  # fmt: skip
# person: (name, team, role, team led)
PEOPLE = {
    "p-kato": ("加藤部長", "t-east", "manager", "t-east"),
    "p-sato": ("佐藤", "t-hill", "seller", ""),
    "p-abe": ("阿部", "t-hill", "seller", ""),
    "p-ueda": ("上田", "t-hill", "seller", ""),  # left on 11-10
    "p-mori": ("森", "t-hill", "seller", ""),  # in t-west since 11-18
    "p-ito": ("伊藤課長", "t-lake", "manager", ""),  # leads no team
    "p-noda": ("野田部長", "t-west", "manager", "t-west"),
    "p-baba": ("馬場", "t-west", "seller", ""),
    "p-suzuki": ("鈴木管理者", "", "admin", ""),
}
OWNERS = ("p-kato", "p-sato", "p-abe", "p-ueda", "p-mori", "p-ito", "p-noda", "p-baba", "")
WON, DEALS_EACH = ("受注", "won"), 5
MOVED = "d-sato-3"  # p-sato's until 11-19, p-baba's since
TARGETS = {
    "company": 98_765_431, "team:t-east": 51_234_567, "team:t-hill": 31_234_577, "team:t-lake": 7_654_321,
    "team:t-west": 45_678_901,
    **{f"person:{person}": 4_100_003 + 210_011 * at for at, person in enumerate(PEOPLE)},
}  # fmt: skip


def deal_of(person: str, number: int) -> str:
    """The id of a deal: 0 and 4 are won in the period, 1 is lost, 2 and 3 are open."""
    return f"d-{person.removeprefix('p-') or 'nobody'}-{number}"


def amount_of(at: int, number: int) -> int:
    """What the deal of an owner, by his place among all, is worth."""
    return 1_000_003 + 170_021 * (5 * at + number) + 10_009 * at * at


def deal_name(deal_id: str) -> str:
    """What a deal is called: nothing else has this text in it."""
    return f"案件〈{deal_id.upper()}〉"


def store_of_teams(path: Path) -> Store:
    """The organisation, as it was imported on 11-10, and what has changed since."""
    store = Store.open(str(path))
    deals, activities, events, leads = [], [], [], []
    for at, person in enumerate(OWNERS):
        open_in = (STAGES[at % 3], ""), (STAGES[(at + 1) % 3], "")
        for number, (stage, outcome) in enumerate((WON, ("失注", "lost"), *open_in, WON)):
            deal, created = deal_of(person, number), date(2026, 9, 1) + timedelta(days=3 * at + number)
            deals.append(
                {"deal_id": deal, "name": deal_name(deal), "created_at": str(created), "stage": stage,
                 "owner_id": person, "account_id": f"a-{at % 3}", "outcome": outcome,
                 "amount": amount_of(at, number),
                 "closed_at": str(created + timedelta(days=35)) if outcome else ""}
            )  # fmt: skip
            activities += [
                {"activity_id": f"v-{deal}", "at": str(created), "kind": "visit", "deal_id": deal,
                 "actor_id": person},
                {"activity_id": f"h-{deal}", "at": str(created + timedelta(days=2)), "kind": "call",
                 "deal_id": deal, "actor_id": "p-baba" if at % 2 else "p-sato"},
            ]  # fmt: skip
        if person:
            leads.append({"lead_id": f"l-{person}", "created_at": "2026-10-02", "owner_id": person})
    events.append(
        {"deal_id": "d-sato-2", "at": "2026-09-20", "field": "owner_id", "value": "p-sato",
         "old_value": "p-baba", "actor_id": "p-noda"}
    )  # fmt: skip
    ladder = [(name, n + 1, "") for n, name in enumerate(STAGES)] + [("受注", 4, "won"), ("失注", 5, "lost")]
    rows: dict[str, list[dict[str, Any]]] = {
        "teams": [
            {"team_id": team, "name": name, "parent_team_id": above} for team, (name, above) in TEAMS.items()
        ],
        "people": [
            {"person_id": person, "name": name, "team_id": team, "role": role, "leads_team_id": led,
             "active_from": "2026-04-01", "active_to": "2026-11-10" if person == "p-ueda" else "",
             "style": "field"}
            for person, (name, team, role, led) in PEOPLE.items()
        ],
        "stages": [{"stage": name, "position": at, "outcome": end} for name, at, end in ladder],
        "accounts": [{"account_id": f"a-{n}", "name": f"取引先{n}"} for n in range(3)],
        "deals": deals,
        "activities": activities,
        "deal_events": events,
        "leads": leads,
        "targets": [
            {"metric": "revenue", "scope": scope, "period": PERIOD, "value": value, "set_at": "2026-10-01"}
            for scope, value in TARGETS.items()
        ] + [
            {"metric": "leads", "scope": scope, "period": PERIOD, "value": 3, "set_at": "2026-10-01"}
            for scope in TARGETS
        ],
    }  # fmt: skip
    push(store, rows, "2026-11-10T09:00")
    push(store, {"people": [{"person_id": "p-mori", "team_id": "t-west"}]}, "2026-11-18T09:00")
    push(store, {"deals": [{"deal_id": MOVED, "owner_id": "p-baba"}]}, "2026-11-19T09:00")
    return store


def push(store: Store, rows: dict[str, list[dict[str, Any]]], at: str) -> None:
    """Rows that arrive at a moment."""
    for table, body in rows.items():
        result = push_rows(store, table, body, TOKYO, now=as_of_instant(at, TOKYO))
        assert not result.quarantined, (table, result.errors)


def bundle_of_teams(store: Store) -> Bundle:
    """A model without a training that knows of an action which helps, and of a bottleneck of each team."""
    bundle = fake_bundle(store.read(TOKYO))
    effects = Effects((), (), np.array([0.3]), np.array([[1e-4]]))
    stages = (500,) * len(bundle.levels["stage"])
    helps = ActionEffect("demo", effects, 0.0, stages, 60.0, Evidence(200, 900, 0.4, 0.3, 0.5, 0.2))
    return replace(bundle, actions=(helps,), bottlenecks=tuple(_bottleneck(team) for team in TEAMS))


def _bottleneck(team: str) -> Bottleneck:
    condition = Condition(kind="interval", stage=STAGES[0], days=7, next_stage=STAGES[1])
    return Bottleneck(
        condition=condition, segment={"seller_team": team}, effect=-0.1, low=-0.15, high=-0.05, q=0.01,
        deals=50, rate_with=0.2, rate_without=0.3,
    )  # fmt: skip
