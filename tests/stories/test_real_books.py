"""Do answers about the past stay the same, digit for digit, when the books change afterwards?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from crm.instants import as_of_instant
from service.app import create_app
from service.settings import read_settings
from service.use_cases import UseCases
from tests.support.trained_home import lay_trained_home

AS_OF, PERIOD = "2026-11-12", "FY2026-Q3"
LATER, TOKYO = "2026-11-25", ZoneInfo("Asia/Tokyo")
TEAM = "team:T02"


class Books:
    """A running service over the books of a small organisation, as a client sees it."""

    def __init__(self, client: TestClient, use_cases: UseCases, folder: Path) -> None:
        self._client, self._use_cases, self._folder = client, use_cases, folder

    def get(self, path: str) -> Any:
        response = self._client.get(path, headers={"Accept-Language": "en"})
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, table: str) -> list[dict[str, Any]]:
        frame = pd.read_csv(self._folder / "world" / f"{table}.csv", dtype=str, keep_default_na=False)
        return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]

    def push(self, table: str, *rows: dict[str, Any]) -> None:
        body = "\n".join(json.dumps(row) for row in rows)
        headers = {"Content-Type": "application/x-ndjson", "Accept-Language": "en"}
        answer = self._client.put(f"/v1/tables/{table}", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["quarantined"] == 0, answer.text
        self._use_cases.serving.refresh()

    def delete(self, table: str, row_id: str) -> Any:
        response = self._client.delete(f"/v1/tables/{table}/{row_id}", headers={"Accept-Language": "en"})
        self._use_cases.serving.refresh()
        return response

    def answers(self, as_of: str) -> dict[str, Any]:
        """All that is said about the company and a team as of a day; not the stored history of forecasts."""
        about = f"as_of={as_of}"
        deals = self.get(f"/v1/deals?{about}")["deals"]
        paths = [
            *(f"/v1/forecasts/{PERIOD}?{about}&scope={scope}" for scope in ("company", TEAM)),
            f"/v1/kpis/{PERIOD}?{about}",
            f"/v1/actions?{about}",
            f"/v1/bottlenecks?{about}",
            *(f"/v1/deals/{deal['deal_id']}?{about}" for deal in deals[:2]),
        ]
        found = {path: self.get(path) for path in paths}
        for answer in found.values():
            answer.pop("history", None)
        return {"deals": deals, **found}


@pytest.fixture(scope="module")
def books(of_all_workers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    tmp_path = tmp_path_factory.mktemp("books")
    with pytest.MonkeyPatch.context() as patch:
        lay_trained_home(of_all_workers, tmp_path)
        patch.chdir(tmp_path)
        patch.setenv("SANCHO_HOME", str(tmp_path / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings = read_settings()
        use_cases = UseCases.open(settings)
        use_cases.serving.refresh(warm=True)
        app = create_app(settings, use_cases, warm=False)
        client = TestClient(app, raise_server_exceptions=False)
        client.headers["Authorization"] = f"Bearer {app.state.keys.create('books')}"
        yield Books(client, use_cases, tmp_path)
        use_cases.close()


def test_what_the_books_say_later_changes_no_answer_about_an_earlier_day(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = count(as_of_instant("2026-11-22", TOKYO))
    monkeypatch.setattr("crm.importing.session._moment", lambda *_: next(moments))
    before = books.answers(AS_OF)
    shown = [deal["deal_id"] for deal in before["deals"][:4]]
    deals = {row["deal_id"]: row for row in books.rows("deals")}
    closed = [row for row in deals.values() if row["outcome"] == "won"][-3:]
    people, accounts = books.rows("people"), books.rows("accounts")
    movers = [row | {"team_id": "T9", "style": "inside"} for row in people if row["team_id"] == "T02"][:2]
    books.push("teams", {"team_id": "T9", "name": "新設", "parent_team_id": ""})
    books.push("people", *movers)
    books.push("accounts", *(row | {"industry": "変更後", "employees": "9"} for row in accounts))
    target = {"metric": "revenue", "scope": "company", "period": PERIOD, "value": 1e12, "set_at": ""}
    books.push("targets", target)
    reopened = {"outcome": "", "closed_at": "", "lost_reason": "", "stage": "提案・見積"}
    books.push("deals", *(row | reopened for row in closed[:2]))
    books.push("deals", closed[2] | {"outcome": "lost", "stage": "失注", "lost_reason": "取り消し"})
    books.push("deals", {"deal_id": shown[1], "merged_into": shown[0]})
    assert books.delete("deals", shown[2]).json()["removed"] == 1
    contracts = books.rows("contracts")
    books.push("contracts", *(row | {"monthly_amount": "1"} for row in contracts[:5]))
    after = books.answers(AS_OF)
    for path, answer in before.items():
        assert json.dumps(after[path], sort_keys=True) == json.dumps(answer, sort_keys=True), path
    now = books.get(f"/v1/forecasts/{PERIOD}?as_of={LATER}")
    assert now["target"] == 1e12
    assert not set(shown[1:3]) & {deal["deal_id"] for deal in books.get(f"/v1/deals?as_of={LATER}")["deals"]}
    change = {part["code"]: part for part in now["change"]["contributions"]}
    assert {deal["deal_id"] for deal in change["deleted"]["deals"]} == set(shown[1:3])
    assert change["target"]["effect_pp"] < 0


def test_a_row_that_is_not_there_cannot_be_deleted(books: Books) -> None:
    for table, row_id, code in (
        ("deals", "nobody", "unknown_row"),
        ("targets", "revenue", "unknown_row"),
        ("deal_events", "D1", "bad_request"),
        ("nothing", "D1", "unknown_table"),
    ):
        assert books.delete(table, row_id).json()["code"] == code
    key = "revenue,company," + PERIOD
    assert books.delete("targets", key).json()["removed"] == 1
    assert books.get(f"/v1/forecasts/{PERIOD}")["target"] is None
