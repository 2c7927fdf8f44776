"""Can files be rehearsed, imported again with a mapping, and rejected rows put right, over REST?"""

from __future__ import annotations

import csv
import io
import json

import pytest
from fastapi.testclient import TestClient

from service import job_requests
from service.jobs.worker import Worker
from tests.support.served import small_service

BAD = "案件番号,登録日,フェーズ,見込金額\r\nN1,2026-10-05,提案,1000\r\nN2,いつか,提案,2000\r\n".encode(
    "cp932"
)
MAPPING = {
    "sources": {"file": {"files": ["*"]}},
    "tables": [
        {
            "table": "deals",
            "source": "file",
            "columns": {
                "deal_id": "案件番号",
                "created_at": "登録日",
                "stage": "フェーズ",
                "amount": "見込金額",
            },
        }
    ],
}


@pytest.fixture
def served(tmp_path):
    with small_service(tmp_path) as service:
        yield service


@pytest.fixture
def client(served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('write', 'read')}", "Accept-Language": "en"}
    return TestClient(served.app, headers=headers)


def done(served, client, answer) -> dict:
    """The job of an answer, once it is done."""
    assert answer.status_code == 202, answer.text
    Worker(served.cases.settings, served.cases.jobs._queue).work_once()
    return client.get(f"/v1/jobs/{answer.json()['job_id']}").json()


def test_a_rehearsal_shows_columns_and_bad_rows_and_stores_nothing(served, client) -> None:
    before = served.cases.serving.store.counts()
    sent = client.post("/v1/imports?file=list.csv&table=deals&dry_run=true", content=BAD)
    result = done(served, client, sent)["result"]
    (preview,) = result["preview"]
    assert [column["suggestion"] for column in preview["columns"]] == [
        *("deal_id", "created_at", "stage", "amount")
    ]
    assert [column["samples"][0] for column in preview["columns"]] == ["N1", "2026-10-05", "提案", "1000"]
    assert served.cases.serving.store.counts() == before


def test_a_mapping_is_sent_along_in_a_form(served, client) -> None:
    form = {"file": ("list.csv", BAD)}
    answer = client.post("/v1/imports?dry_run=true", files=form, data={"mapping": json.dumps(MAPPING)})
    job = done(served, client, answer)
    assert job["request"]["file"] == "list.csv"
    assert job["result"]["tables"]["deals"] == {"read": 2, "imported": 1, "unchanged": 0, "quarantined": 1}
    (error,) = job["result"]["errors"]
    assert (error["line"], error["column"], error["value"]) == (3, "created_at", "いつか")
    again = done(served, client, client.post(f"/v1/imports?from_job={job['job_id']}"))
    assert again["result"]["tables"]["deals"]["imported"] == 1
    assert again["result"]["dry_run"] is False


def test_rejected_rows_are_listed_downloaded_and_leave_when_they_come_again_right(served, client) -> None:
    form = {"file": ("list.csv", BAD)}
    done(served, client, client.post("/v1/imports", files=form, data={"mapping": json.dumps(MAPPING)}))
    listed = client.get("/v1/quarantine").json()
    assert (listed["total"], listed["tables"]) == (1, [{"table": "deals", "label": "Deals", "rows": 1}])
    (row,) = listed["rows"]
    assert (row["table"], row["line"], row["errors"][0]["column"]) == ("deals", 3, "created_at")
    assert row["values"]["deal_id"] == "N2"
    answer = client.get("/v1/quarantine/deals.csv")
    assert 'filename="quarantine-deals.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    rows[0]["created_at"] = "2026-10-06"
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    mended = client.post("/v1/imports?file=deals.csv", content=text.getvalue().encode())
    assert done(served, client, mended)["result"]["resolved"] == 1
    assert client.get("/v1/quarantine").json()["total"] == 0
    assert client.get("/v1/quarantine/deals.csv").json()["code"] == "unknown_table"


def test_the_quarantine_is_listed_in_pages(served, client) -> None:
    lines = "deal_id,created_at,stage\n" + "".join(f"B{n},never,提案\n" for n in range(5))
    done(served, client, client.post("/v1/imports?file=deals.csv", content=lines.encode()))
    first = client.get("/v1/quarantine?limit=3").json()
    second = client.get("/v1/quarantine", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    ids = [row["values"]["deal_id"] for page in (first, second) for row in page["rows"]]
    assert ids == ["B0", "B1", "B2", "B3", "B4"]
    assert second["next_cursor"] is None


def test_a_mended_row_is_the_row_as_it_came_with_other_values(served, client) -> None:
    lines = "deal_id,created_at,stage,色\nB0,never,提案,赤\n"
    done(served, client, client.post("/v1/imports?file=deals.csv", content=lines.encode()))
    (row,) = client.get("/v1/quarantine").json()["rows"]
    table, body = served.cases.quarantine.mended(row["row_id"], {"created_at": "2026-10-06", "other": "x"})
    (mended,) = csv.DictReader(io.StringIO(body.decode("utf-8-sig")))
    assert table == "deals"
    assert {name: text for name, text in mended.items() if text} == {
        **{"_quarantine": row["row_id"], "deal_id": "B0", "created_at": "2026-10-06"},
        **{"stage": "提案", "色": "赤"},
    }
    for wrong in ("9:9", "x", "1:"):
        with pytest.raises(Exception, match="no more"):
            served.cases.quarantine.mended(wrong, {})


def test_only_a_rehearsed_import_can_be_imported_again_and_for_a_day(served, client, monkeypatch) -> None:
    sent = client.post("/v1/imports?file=deals.csv", content=b"deal_id,created_at,stage\n")
    real = done(served, client, sent)
    refused = client.post(f"/v1/imports?from_job={real['job_id']}")
    assert (refused.status_code, refused.json()["code"]) == (400, "no_file")
    rehearsed = done(served, client, client.post("/v1/imports?file=deals.csv&dry_run=true", content=BAD))
    queue = served.cases.jobs._queue
    now = queue._now()
    monkeypatch.setattr(queue, "_now", lambda: now + 2 * 86_400_000_000)
    assert queue.drop_old_files() == 1
    gone = client.post(f"/v1/imports?from_job={rehearsed['job_id']}")
    assert "is kept for a day" in gone.json()["detail"]


def test_an_import_without_a_name_or_a_file_is_refused(client) -> None:
    assert client.post("/v1/imports", content=b"x").json()["code"] == "no_file"
    form = {"mapping": (None, "{}")}
    assert client.post("/v1/imports", files=form).json()["code"] == "no_file"


def test_a_form_that_is_no_form_is_refused(client) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/imports", content=b"nothing of the kind", headers=headers)
    assert answer.json()["code"] in ("bad_request", "no_file")
    assert answer.status_code in (400, 422)


def test_an_upload_that_is_too_large_is_refused_while_it_comes(client, monkeypatch) -> None:
    monkeypatch.setattr(job_requests, "MAX_FILE", 100)
    answer = client.post("/v1/imports", files={"file": ("deals.csv", b"x" * 500)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_mapping_of_the_servers_folders_fails_the_job(served, client, tmp_path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("", "utf-8")
    job = done(served, client, client.post(f"/v1/imports?file=deals.csv&mapping={file}", content=BAD))
    assert job["error"]["code"] == "no_such_mapping"


def test_a_running_job_says_about_how_long_it_still_takes(served, client) -> None:
    from crm.i18n import Text

    queue = served.cases.jobs._queue
    job, _ = queue.add("training", {})
    taken = queue.take(["training"])
    assert client.get(f"/v1/jobs/{job.job_id}").json()["seconds_left"] is None
    queue.beat(taken, (Text("学習", "training"), 250, 1000))
    told = client.get(f"/v1/jobs/{job.job_id}").json()
    assert told["progress"] == {"step": "training", "done": 250, "total": 1000}
    assert told["seconds_left"] >= 0
