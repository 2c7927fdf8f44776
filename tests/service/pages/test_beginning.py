"""What do pages show before there is a model, from an empty installation on?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows
from crm.store import Store
from service.app import create_app
from service.first_admin import first_admin_link, is_first_admin
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import TOKYO

PASSWORD = "four words in a row"


class NoModel:
    """A registry in which nothing was ever trained."""

    def __getattr__(self, name: str):
        def refuse(*_, **__):
            raise SanchoError(Text("モデルがありません", "there is no model"), "no_model")

        return refuse


@pytest.fixture
def empty(tmp_path):
    settings = Settings(home=tmp_path)
    link = first_admin_link(settings)
    store = Store.open(settings.store_url, organisation=settings.organisation)
    cases = UseCases.open(settings, store, NoModel())
    cases.serving._keep_ready()
    app = create_app(settings, cases, warm=False)
    browser = TestClient(app, follow_redirects=False, headers={"Accept-Language": "ja"})
    assert browser.post("/sign-in", data={"link": link}).status_code == 303
    yield browser, cases
    cases.close()
    app.state.keys.close()
    app.state.sign_in.close()


def token(page: str) -> str:
    return re.search(r'name="csrf" value="(\w+)"', page).group(1)


def test_an_empty_installation_offers_a_file_and_the_sample(empty) -> None:
    browser, _ = empty
    page = browser.get("/")
    assert page.status_code == 200
    assert "データを取り込むと、ここに今期の見通しが出ます" in page.text
    assert 'href="/setup">ファイルを取り込む' in page.text
    assert 'action="/setup/sample"' in page.text
    assert 'http-equiv="refresh"' not in page.text
    assert "Import data, and this period" in browser.get("/?lang=en").text
    assert browser.get("/trust").status_code == 200


def test_the_first_admin_tells_who_he_is_and_can_come_back(empty) -> None:
    browser, _ = empty
    page = browser.get("/setup").text
    assert 'action="/setup/account"' in page
    form = {"csrf": token(page), "name": "佐藤 花子", "email": "hanako@example.com"}
    for wrong in ({"password": "short"}, {"email": "nobody", "password": PASSWORD}):
        assert browser.post("/setup/account", data={**form, **wrong}).status_code == 422
    answer = browser.post("/setup/account", data={**form, "password": PASSWORD})
    assert answer.headers["location"] == "/setup?done=admin"
    page = browser.get("/setup?done=admin").text
    assert "登録しました" in page
    assert 'action="/setup/account"' not in page
    again = browser.post("/setup/account", data={**form, "csrf": token(page), "password": PASSWORD})
    assert again.status_code == 403
    other = TestClient(browser.app, follow_redirects=False)
    sent = {"email": "hanako@example.com", "password": PASSWORD}
    assert other.post("/sign-in", data=sent).status_code == 303
    assert not is_first_admin(browser.app.state.sign_in, "admin")


def test_data_without_a_model_lead_to_the_training(empty) -> None:
    browser, cases = empty
    row = {"deal_id": "D1", "created_at": "2026-10-05", "stage": "提案"}
    push_rows(cases.serving.store, "deals", [row], TOKYO)
    page = browser.get("/").text
    assert "学習すると、ここに今期の見通しが出ます" in page
    assert 'href="/setup#training"' in page


def test_what_is_being_done_is_told_and_looked_at_again(empty) -> None:
    browser, cases = empty
    queue = cases.jobs._queue
    job, _ = queue.add("sample", {})
    page = browser.get("/").text
    assert "順番を待っています" in page
    assert '<meta http-equiv="refresh" content="3">' in page
    taken = queue.take(["sample"])
    queue.beat(taken, (Text("取り込んでいます", "Importing"), 3, None))
    assert "サンプルを作成しています：取り込んでいます" in browser.get("/").text
    queue.end(job.job_id, 1, result={})
    row = {"deal_id": "D1", "created_at": "2026-10-05", "stage": "提案"}
    push_rows(cases.serving.store, "deals", [row], TOKYO)
    page = browser.get("/").text
    assert "見通しを準備しています" in page
    assert '<meta http-equiv="refresh" content="3">' in page


def test_a_rehearsed_import_changes_nothing_that_is_shown(empty) -> None:
    browser, cases = empty
    cases.jobs._queue.add("import", {"dry_run": True})
    assert 'action="/setup/sample"' in browser.get("/").text
    cases.jobs._queue.add("import", {"dry_run": False})
    assert "データを取り込んでいます" in browser.get("/").text


def test_a_seller_is_told_who_imports(empty) -> None:
    browser, cases = empty
    seller = {"person_id": "P1", "email": "p1@example.com", "role": "seller"}
    push_rows(cases.serving.store, "people", [seller], TOKYO)
    sign_in = browser.app.state.sign_in
    link = sign_in.book.add_link("P1", 60)
    other = TestClient(browser.app, follow_redirects=False, headers={"Accept-Language": "en"})
    assert other.post("/sign-in", data={"link": link}).status_code == 303
    page = other.get("/").text
    assert "An admin imports the data." in page
    assert "/setup" not in page
