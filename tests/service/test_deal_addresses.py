"""Does a deal whose id holds a slash have its addresses, as every other deal?"""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.instants import as_of_instant
from tests.support.fakes import TOKYO
from tests.support.served import small_service

ID = "2026/001 改"


def test_a_deal_with_a_slash_in_its_id_is_read_and_deleted(tmp_path: Path) -> None:
    with small_service(tmp_path) as served:
        row = {"deal_id": ID, "created_at": "2026-11-02", "stage": "提案", "amount": 1e6, "owner_id": "P0"}
        push_rows(served.cases.serving.store, "deals", [row], TOKYO, now=as_of_instant("2026-11-19", TOKYO))
        served.cases.serving.refresh()
        client = TestClient(served.app)
        client.headers["Authorization"] = f"Bearer {served.key('read', 'write')}"
        for address in ("2026/001 改", "2026%2F001%20%E6%94%B9"):
            assert client.get(f"/v1/deals/{address}?as_of=2026-11-20").json()["deal_id"] == ID
            entries = client.get(f"/v1/deals/{address}/timeline?as_of=2026-11-20").json()["entries"]
            assert [one["kind"] for one in entries] == ["created"]
        assert client.delete(f"/v1/tables/deals/{ID}").json()["id"] == ID
