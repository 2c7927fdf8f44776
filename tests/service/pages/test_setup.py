"""Do the forms of 設定・取込 do what REST does, step by step, and for whom?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from service.jobs.worker import Worker
from service.sign_in.sessions import csrf_token
from tests.support.fakes import TOKYO
from tests.support.served import small_service

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
LIST = "番号,作成日時,ステージ,金額\r\nN1,2026-10-05,提案,1000\r\nN2,いつか,提案,2000\r\n".encode("cp932")


@pytest.fixture
def served(tmp_path):
    with small_service(tmp_path, warm=True) as service:
        yield service


@pytest.fixture
def admin(served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('admin')}", "Accept-Language": "ja"}
    return TestClient(served.app, headers=headers, follow_redirects=False)


def work(served) -> None:
    Worker(served.cases.settings, served.cases.jobs._queue).work_once()


def page_after(served, admin, answer, lang: str = "ja") -> str:
    """The page that a form leads to, once its job is done."""
    assert answer.status_code == 303, answer.text
    work(served)
    address = answer.headers["location"].partition("#")[0]
    return admin.get(address, headers={"Accept-Language": lang}).text


def job_of(page: str) -> str:
    return re.search(r'name="job" value="(\w+)"', page).group(1)


def test_a_file_is_checked_mapped_imported_mended_and_imported_again(served, admin) -> None:
    sent = admin.post("/setup/files", files={"file": ("一覧.csv", LIST)}, data={"encoding": "cp932"})
    page = page_after(served, admin, sent)
    assert "ファイル名から、何のデータか判断できません" in page
    told = admin.post("/setup/import", data={"job": job_of(page), "table": "deals", "action": "import"})
    page = page_after(served, admin, told)
    assert re.search(r'<select name="column-1"[^>]*>.*?<option value="created_at" selected', page, re.S)
    assert 'value="import"' not in page  # a guess is looked at first
    chosen = {"column-0": "deal_id", "column-1": "created_at", "column-2": "stage", "column-3": "amount"}
    checked = admin.post("/setup/import", data={"job": job_of(page), "action": "check", **chosen})
    page = page_after(served, admin, checked)
    assert "取り込むと：商談 1行（変更なし 0行、取り込めない行 1行）。" in page
    assert "いつか" in page
    page = page_after(
        served, admin, admin.post("/setup/import", data={"job": job_of(page), "action": "import"})
    )
    assert "取り込みました：商談 1行" in page
    assert '<span class="badge"' in page
    row, field = re.search(
        r'name="row" value="([\d:]+)".*?name="(value-\w+)" value="いつか"', page, re.S
    ).groups()
    mended = admin.post("/setup/mend", data={"row": row, field: "2026-10-06"})
    page = page_after(served, admin, mended)
    assert "直った行：1行" in page
    assert "取り込めなかった行はありません" in page
    assert '<span class="badge"' not in page


def test_columns_as_the_file_says_are_imported_without_a_mapping(served, admin) -> None:
    sent = admin.post(
        "/setup/files", files={"file": ("deals.csv", b"deal_id,created_at,stage\nN1,2026-10-05,x\n")}
    )
    page = page_after(served, admin, sent)
    answer = admin.post("/setup/import", data={"job": job_of(page), "table": "deals", "action": "import"})
    page_after(served, admin, answer)
    newest = served.cases.jobs.newest(None, 1, None, "en")["jobs"][0]
    assert newest["request"].get("mapping_text") is None
    assert newest["result"]["tables"]["deals"]["imported"] == 1


def test_two_columns_chosen_as_one_are_refused_in_a_sentence(served, admin) -> None:
    sent = admin.post("/setup/files", files={"file": ("deals.csv", b"deal_id,a,b\nN1,x,y\n")})
    page = page_after(served, admin, sent)
    chosen = {"column-1": "stage", "column-2": "stage"}
    answer = admin.post("/setup/import", data={"job": job_of(page), "action": "check", **chosen})
    assert answer.status_code == 422
    assert "「ステージ」に2つの列（a、b）が選ばれています" in answer.text


def test_a_job_that_runs_is_looked_at_again_until_it_is_done(served, admin) -> None:
    sent = admin.post("/setup/files", files={"file": ("deals.csv", b"deal_id\n")})
    address = sent.headers["location"].partition("#")[0]
    page = admin.get(address).text
    assert re.search(r'http-equiv="refresh" content="3; url=/setup\?job=\w+&amp;look=1#columns"', page)
    assert 'http-equiv="refresh"' not in admin.get(f"{address}&still=true").text
    work(served)
    assert 'http-equiv="refresh"' not in admin.get(address).text


def test_a_file_that_cannot_be_read_says_why(served, admin) -> None:
    page = page_after(served, admin, admin.post("/setup/files", files={"file": ("deals.xlsx", b"none")}))
    assert "読めません" in page
    none = admin.post("/setup/files", files={"file": ("", b"")})
    assert none.status_code == 400
    assert "ファイルを選んでから送ってください" in none.text


def test_a_training_and_the_sample_are_begun_once_and_tell_how_far_they_are(served, admin) -> None:
    assert admin.post("/setup/train").headers["location"] == "/setup?done=training"
    admin.post("/setup/train")
    queue = served.cases.jobs._queue
    assert [job.kind for job in queue.newest(9, ("queued",))] == ["training"]
    from crm.i18n import Text

    taken = queue.take(["training"])
    queue.beat(taken, (Text("検証しています", "Validating"), 400, 1000))
    page = admin.get("/setup", headers={"Accept-Language": "en"}).text
    assert "Training: Validating" in page
    assert '<progress max="100" value="40"' in page
    queue.end(taken.job_id, taken.attempts, error=("x", Text("メモリー不足です。", "no memory.")))
    assert "The last one failed: no memory." in admin.get("/setup", headers={"Accept-Language": "en"}).text
    assert admin.post("/setup/sample").headers["location"] == "/setup?done=sample"
    served.cases.jobs.cancel(queue.newest(1)[0].job_id, "en")


def test_a_target_is_stored_in_the_unit_that_was_chosen(served, admin) -> None:
    form = {"scope": "company", "period": "2026-Q4", "value": "2,500", "unit": "man"}
    assert admin.post("/setup/targets", data=form).headers["location"] == "/setup?done=target#targets"
    targets = served.cases.set_up.overview("ja")["targets"]
    assert {"scope": "company", "name": "全社", "period": "2026-Q4", "value": 25e6} in targets
    for wrong in ({"value": "many"}, {"value": "-3"}, {"unit": "box"}):
        assert admin.post("/setup/targets", data={**form, **wrong}).status_code == 422
    bad = admin.post("/setup/targets", data={**form, "period": "someday"})
    assert bad.status_code == 422


def test_the_page_speaks_english_without_japanese_but_names(served, admin) -> None:
    sent = admin.post(
        "/setup/files", files={"file": ("deals.csv", b"deal_id,created_at,stage\nN1,never,x\n")}
    )
    page = page_after(served, admin, sent, "en")
    for name in ("日本語", "佐藤", "営業", "2026年11月20日"):
        page = page.replace(name, "")
    assert _JAPANESE.findall(page) == []
    assert len(page.encode()) < 60_000


@pytest.mark.parametrize("right", ["read", "recommend", "score"])
def test_who_may_not_write_has_no_set_up(served, right) -> None:
    client = TestClient(served.app, headers={"Authorization": f"Bearer {served.key(right)}"})
    assert client.get("/setup").status_code == 403
    assert client.post("/setup/files", files={"file": ("deals.csv", b"x")}).status_code == 403
    assert "/setup" not in client.get("/trust").text


def test_a_program_that_may_write_may_not_train(served) -> None:
    client = TestClient(served.app, headers={"Authorization": f"Bearer {served.key('write')}"})
    for path in ("/setup/train", "/setup/sample", "/setup/account"):
        assert client.post(path).status_code == 403


def test_an_upload_of_somebody_signed_in_needs_the_pages_token(served) -> None:
    row = {"person_id": "PA", "email": "a@example.com", "role": "admin"}
    push_rows(served.cases.serving.store, "people", [row], TOKYO)
    sign_in = served.app.state.sign_in
    text = sign_in.local.by_link(sign_in.book.add_link("PA", 60)).text
    browser = TestClient(served.app, cookies={"sancho_session": text}, follow_redirects=False)
    file = {"file": ("deals.csv", b"deal_id\n")}
    assert browser.post("/setup/files", files=file).status_code == 403
    assert browser.post("/setup/files", files=file, data={"csrf": csrf_token(text)}).status_code == 303
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    told = browser.post("/setup/files", files=file, data={"csrf": csrf_token(text)}, headers=elsewhere)
    assert told.status_code == 403


def test_how_few_deals_were_learned_from_is_said(served, admin) -> None:
    closed, enough = served.cases.set_up.few_deals()
    assert (closed, enough) == (0, 30)
    assert "あと30件で自社の傾向が効きはじめます" in admin.get("/setup").text
    asked = {"period": "2026-Q4", "as_of": "2026-11-19"}
    assert "あと30件で自社の傾向が効きはじめます" in admin.get("/", params=asked).text
