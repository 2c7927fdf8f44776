"""What do a seller, a manager and an admin see who have signed in, by address and in every answer?

    python benchmarks/who_sees_what.py HOME [--deals 200]

HOME is a folder with a model (that of `sancho demo`, say); a copy of it is served by the real command. Four
people of it get an e-mail address, one is made admin, two lead a team each; all sign in by a one-time link,
as their browsers would. Everybody then asks for every scope, for so many open deals by address, whoever has
them, and for the lists, and all that is answered is searched for the ids of deals, people and teams that the
reader may not see. Then the seller moves to the other manager's team, and in the end he leaves; each time all
are asked again. Printed by reader: the widest scope and its closed revenue, deals listed, deals and scopes
answered and refused by address, people compared, and ids of others that were found, which must be none.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hostile_kinds import NDJSON, Sent
from hostile_requests import _SANCHO, Served

PERIOD = "this-quarter"
DEALS, PEOPLE = "deals?limit=1000", f"people/{PERIOD}"
LISTS = (DEALS, PEOPLE, "actions?limit=1000", "bottlenecks", "scopes", "models", "jobs")
HEADINGS = (
    f"{'reader':14} {'widest scope':14} {'closed':>14} {'listed':>7} {'deals 200/404':>14} "
    f"{'scopes 200/404':>15} {'people':>7} {'of others':>9}"
)
SETTLED_SECONDS = 3.0  # for a pushed row of `people` to be known to sessions and answers


@dataclass
class Reader:
    """Somebody's browser."""

    name: str
    person: str
    port: int
    cookie: str = ""
    found: set[str] = field(default_factory=set)

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Cookie": self.cookie, "Content-Type": "application/json", "Cache-Control": "no-cache"}
        try:
            sent = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, sent, headers)
            answer = connection.getresponse()
            cookies = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
            if cookies:
                self.cookie = cookies[0].partition(";")[0]
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, Any]:
        """The same under /v1; its ids are remembered."""
        status, answer = self.ask(f"/v1/{path}")
        if status == 200:
            self.found |= set(_texts(answer))
        return status, answer


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def main() -> None:
    """Serves, signs in, asks, moves, asks again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--deals", type=int, default=200)
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = stack.enter_context(Served(chosen.home.resolve(), folder))
        asker = Asker(served, chosen.deals)
        readers = asker.signed_in()
        print(f"{len(asker.deals)} open deals, {len(asker.scopes)} scopes")
        bad = asker.table("as they are", readers)
        seller, other = readers[2], asker.teams[1]
        asker.put({"person_id": seller.person, "team_id": other})
        bad += asker.table(f"{seller.person} has moved to {other}", readers)
        day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
        asker.put({"person_id": seller.person, "active_to": day})
        bad += asker.table(f"{seller.person} has left", readers)
    sys.exit(bad > 0)


class Asker:
    """An organisation that is served, and all that its admin key knows of it."""

    def __init__(self, served: Served, deals: int) -> None:
        self.served = served
        listed = self.of_all("/v1/deals?limit=1000&sort=deal_id")["deals"]
        step = max(1, len(listed) // deals)
        self.deals = [row["deal_id"] for row in listed[::step]][:deals]
        self.scopes = [row["scope"] for row in self.of_all("/v1/scopes")["scopes"]]
        self.team_of = {
            row["scope"].partition(":")[2]: str(row["parent"]).partition(":")[2]
            for row in self.of_all("/v1/scopes")["scopes"]
            if row["scope"].startswith("person:")
        }
        sizes = {team: list(self.team_of.values()).count(team) for team in set(self.team_of.values())}
        self.teams = sorted(sizes, key=lambda team: (-sizes[team], team))[:2]

    def of_all(self, path: str) -> Any:
        """What the key without a team is answered."""
        status, body = self.served.answer(Sent("GET", path), within=120)
        if status != 200:
            raise SystemExit(f"{path}: {status} {body[:300]!r}")
        return json.loads(body)

    def put(self, row: dict[str, Any]) -> None:
        """Stores a row of people, and waits until it is known."""
        sent = Sent("PUT", "/v1/tables/people", json.dumps(row).encode(), NDJSON)
        status, body = self.served.answer(sent, within=60)
        if status != 200 or json.loads(body)["quarantined"]:
            raise SystemExit(f"people: {status} {body[:300]!r}")
        time.sleep(SETTLED_SECONDS)
        self.of_all(f"/v1/forecasts/{PERIOD}?parts=headline")

    def signed_in(self) -> list[Reader]:
        """An admin, the manager of the largest team, a seller of it, the manager of the next."""
        first, second = ([who for who, team in self.team_of.items() if team == one] for one in self.teams)
        who = {"admin": first[0], "manager": first[1], "seller": first[2], "other manager": second[0]}
        leads = {"manager": self.teams[0], "other manager": self.teams[1]}
        readers = []
        for number, (name, person) in enumerate(who.items()):
            role = "seller" if name == "seller" else "admin" if name == "admin" else "manager"
            row = {"person_id": person, "email": f"reader{number}@example.com", "role": role}
            self.put(row | ({"leads_team_id": leads[name]} if name in leads else {}))
            link = subprocess.run(
                [*_SANCHO, "user", "link", person], env=self.served.environment, cwd=self.served.folder,
                capture_output=True, check=True, text=True,
            ).stdout.strip()  # fmt: skip
            reader = Reader(name, person, self.served.port)
            status, said = reader.ask("/auth/link", {"link": link})
            if status != 200 or said["role"] != role:
                raise SystemExit(f"{name}: {status} {said}")
            readers.append(reader)
        return readers

    def table(self, title: str, readers: list[Reader]) -> int:
        """Prints what each reader sees; how many ids of others were found."""
        owners = {
            row["deal_id"]: person
            for person in self.team_of
            for row in self.of_all(f"/v1/{DEALS}&scope=person:{quote(person)}")["deals"]
        }
        print(f"\n{title}\n{HEADINGS}")
        bad = 0
        for reader in readers:
            reader.found.clear()
            status, headline = reader.get(f"forecasts/{PERIOD}")
            if status == 401:
                print(f"{reader.name:14} signed out (401)")
                continue
            lists = {path: reader.get(path)[1] for path in LISTS}
            deals = [reader.get(f"deals/{quote(deal)}")[0] for deal in self.deals]
            scopes = [
                reader.get(f"forecasts/{PERIOD}?parts=headline&scope={quote(one)}")[0] for one in self.scopes
            ]
            seen = {row["scope"].partition(":")[2] for row in lists["scopes"].get("scopes", [])}
            others = {deal for deal, owner in owners.items() if owner not in seen}
            others |= {one.partition(":")[2] for one in self.scopes if ":" in one} - seen
            others.discard(reader.ask("/auth/me")[1].get("team_id"))  # the reader's own, which is no secret
            wrong = reader.found & others if reader.name != "admin" else set()
            bad += len(wrong)
            counts = len(lists[DEALS].get("deals", [])), len(lists[PEOPLE].get("people", []))
            print(
                f"{reader.name:14} {headline.get('scope', status):14} {headline.get('closed', 0):>14,.0f} "
                f"{counts[0]:>7} {deals.count(200):>7}/{deals.count(404):<6} "
                f"{scopes.count(200):>8}/{scopes.count(404):<6} {counts[1]:>7} {len(wrong):>9} "
                f"{sorted(wrong)[:3] or ''}"
            )
        return bad


if __name__ == "__main__":
    main()
