"""Does a newcomer come from an empty installation to a first forecast by forms alone?"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.first_admin import first_admin_link
from service.jobs.worker import Worker
from service.settings import Settings
from service.use_cases import UseCases
from simulator import WorldSettings, simulate, write

HEADINGS = {
    "deal_id": "案件番号",
    "created_at": "登録日時",
    "name": "商談名",
    "owner_id": "営業担当",
    "stage": "フェーズ",
    "amount": "見込金額",
    "closed_at": "決着日時",
    "outcome": "結果",
}


def a_list(folder: Path) -> tuple[bytes, str]:
    """Deals as a CRM exports them in Japan, two of them with what cannot be read; what the first was."""
    world = simulate(
        WorldSettings(deals=300, seed=5, end=datetime.now(UTC).date() - timedelta(days=1), days=500)
    )
    write(world, folder)
    with (folder / "deals.csv").open(encoding="utf-8", newline="") as file:
        deals = list(csv.DictReader(file))
    created = deals[3]["created_at"]
    deals[3]["created_at"], deals[7]["amount"] = "いつか", "たくさん"
    text = io.StringIO(newline="")
    written = csv.writer(text)
    written.writerow(HEADINGS.values())
    written.writerows([deal[name] for name in HEADINGS] for deal in deals)
    return text.getvalue().encode("cp932", "replace"), created


class Browser:
    """Somebody at the pages: sends forms with the token of the page that is open."""

    def __init__(self, app, settings: Settings, cases: UseCases) -> None:
        self._client = TestClient(app, headers={"Accept-Language": "ja"})
        self._settings, self._cases = settings, cases
        self.page = ""

    def open(self, address: str) -> str:
        self.page = self._client.get(address).text
        return self.page

    def send(self, path: str, files=None, **fields: str) -> str:
        """The page that a form leads to, once the job that it began is done."""
        token = re.search(r'name="csrf" value="(\w+)"', self.page)
        fields |= {"csrf": token.group(1)} if token else {}
        answer = self._client.post(path, data=fields, files=files, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        while Worker(self._settings, self._cases.jobs._queue).work_once():
            pass
        return self.open(answer.headers["location"].partition("#")[0])

    def field(self, name: str) -> str:
        return re.search(rf'name="{name}" value="([^"]+)"', self.page).group(1)


@pytest.mark.slow
def test_a_newcomer_comes_from_an_empty_installation_to_a_first_forecast(tmp_path: Path) -> None:
    train = {"trees": 20, "leaves": 8, "max_moments": 6_000, "max_questions": 8_000, "threads": 1}
    settings = Settings(home=tmp_path / "home", train=train)
    settings.home.mkdir()
    link = first_admin_link(settings)
    cases = UseCases.open(settings)
    cases.serving._keep_ready()
    app = create_app(settings, cases, warm=False)
    browser = Browser(app, settings, cases)

    browser.send("/sign-in", link=link)
    assert "データを取り込むと、ここに今期の見通しが出ます" in browser.page
    browser.open("/setup")
    browser.send("/setup/account", name="佐藤", email="sato@example.com", password="four words in a row")

    contents, created = a_list(tmp_path / "world")
    # A file of no known name, in Shift JIS: its table and its columns are chosen, then it is imported.
    browser.send("/setup/files", files={"file": ("一覧.csv", contents)})
    browser.send("/setup/import", job=browser.field("job"), table="deals", action="import")
    chosen = {f"column-{number}": name for number, name in enumerate(HEADINGS)}
    browser.send("/setup/import", job=browser.field("job"), action="check", **chosen)
    assert "取り込めない行 2行" in browser.page
    browser.send("/setup/import", job=browser.field("job"), action="import")
    assert "2行を取り込めませんでした" in browser.page
    assert "学習すると、ここに今期の見通しが出ます" in browser.open("/")

    # The bad rows are mended, one in the page, one in the downloaded list.
    browser.open("/setup")
    row = re.search(
        r'name="row" value="([\d:]+)">(?:(?!</form>).)*?name="value-created_at"', browser.page, re.S
    )
    browser.send("/setup/mend", row=row.group(1), **{"value-created_at": created})
    assert "直った行：1行" in browser.page
    waiting = browser._client.get("/v1/quarantine/deals.csv").content.replace("たくさん".encode(), b"500000")
    browser.send("/setup/files", files={"file": ("deals.csv", waiting)})
    browser.send("/setup/import", job=browser.field("job"), table="deals", action="import")
    assert "取り込めなかった行はありません" in browser.page

    # Trained, with a target: the outlook stands at the first address.
    browser.send("/setup/train")
    cases.serving._keep_ready()
    period = re.search(r'<select id="period" name="period"><option value="([^"]+)"', browser.page).group(1)
    browser.send("/setup/targets", scope="company", period=period, value="1,000", unit="man")
    cases.serving._keep_ready()
    page = browser.open("/")
    assert 'class="headline"' in page, page
    assert "に届く確率" in page
    assert "使用中" in browser.open("/trust")
    cases.close()
    app.state.keys.close()
    app.state.sign_in.close()
