"""Does the page 予測の成績 say what REST says, and who may change the model there?"""

from __future__ import annotations

import json
import re

import pytest
from fastapi.testclient import TestClient

from service.kept_backtests import FOLDER
from tests.service.test_proof import EVALUATION, a_backtest
from tests.support.served import small_service

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("trust")
    (home / FOLDER).mkdir()
    (home / FOLDER / "2026-11-01.json").write_text(json.dumps(a_backtest()), "utf-8")
    with small_service(home, warm=True) as service:
        service.cases.serving.registry.evaluated = EVALUATION
        yield service


def by(served, *rights: str, **headers: str) -> TestClient:
    key = {"Authorization": f"Bearer {served.key(*rights)}"}
    return TestClient(served.app, headers={**key, **headers}, follow_redirects=False)


def test_its_numbers_are_those_of_the_proof(served) -> None:
    client = by(served, "read")
    page, proof = client.get("/trust?lang=en").text, client.get("/v1/models/champion/proof").json()
    values = {float(value) for value in re.findall(r'<data value="([^"]+)"', page)}
    told = [group[name] for group in proof["reliability"]["groups"] for name in ("predicted", "observed")]
    told += [row["covered"] for row in proof["intervals"]]
    told += [row["score"] for row in (*proof["deal_methods"], *proof["revenue_methods"])]
    told += [row["reached"] for row in proof["targets"]]
    assert set(told) <= values
    assert (
        proof["summary"]
        == "60%と予測した商談は、実際に58%が受注しました（学習に使っていない商談500件のうち100件）。"
    )


def test_the_first_sentence_is_the_record(served) -> None:
    page = by(served, "read").get("/trust?lang=ja").text
    assert '<p class="verdict">60%と予測した商談は、実際に58%が受注しました' in page
    assert "守られていない（表示しません）" in page


def test_an_english_page_has_no_japanese(served) -> None:
    page = by(served, "read").get("/trust?lang=en").text.replace("日本語", "")
    assert _JAPANESE.findall(page) == []
    assert len(page.encode()) < 60_000


def test_no_chance_is_said_to_be_certain(served) -> None:
    page = by(served, "read").get("/trust?lang=en").text
    assert "90% and more" in page
    assert "40 to 50%" in page


def test_only_an_admin_is_offered_a_backtest_and_begins_one(served) -> None:
    assert 'action="/trust/backtest"' not in by(served, "read").get("/trust").text
    assert by(served, "read").post("/trust/backtest").status_code == 403
    admin = by(served, "admin")
    assert 'action="/trust/backtest"' in admin.get("/trust").text
    answer = admin.post("/trust/backtest")
    assert (answer.status_code, answer.headers["location"]) == (303, "/trust?done=backtest")
    page = admin.get("/trust?done=backtest&lang=en").text
    assert '<meta http-equiv="refresh" content="10">' in page
    assert "A backtest is running" in page
    queued = served.cases.jobs.open_one("backtest", "en")
    served.cases.jobs.cancel(queued["job_id"], "en")


def test_a_promotion_and_a_rollback_go_through_forms_of_admins(served, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(served.cases.models, "promote", lambda *told: asked.append(("promote", *told[:2])))
    monkeypatch.setattr(served.cases.models, "rollback", lambda *told: asked.append(("rollback", told[0])))
    for path in ("/trust/promote", "/trust/rollback"):
        assert by(served, "read").post(path, data={"version": "1"}).status_code == 403
    admin = by(served, "admin")
    assert admin.post("/trust/promote", data={"version": "2"}).headers["location"] == "/trust?done=promoted"
    assert (
        admin.post("/trust/rollback", data={"version": "1"}).headers["location"] == "/trust?done=rolled_back"
    )
    assert asked == [("promote", "2", "admin"), ("rollback", "1")]
    other = by(served, "admin", **{"Sec-Fetch-Site": "cross-site"})
    assert other.post("/trust/promote", data={"version": "2"}).status_code == 403


def test_the_model_card_is_a_file_to_keep(served, monkeypatch) -> None:
    registry = served.cases.serving.registry
    monkeypatch.setattr(registry, "card", lambda version, lang: f"<p>{version} {lang}</p>", raising=False)
    answer = by(served, "read").get("/trust/card?version=1&lang=en")
    assert answer.text == "<p>1 en</p>"
    assert answer.headers["content-disposition"] == 'attachment; filename="model-card-1.en.html"'
    monkeypatch.setattr(registry, "card", lambda *_: None)
    assert by(served, "read").get("/trust/card?version=1").status_code == 404


def test_the_outlook_says_what_came_of_like_chances(served, monkeypatch) -> None:
    asked = {"period": "2026-Q4", "as_of": "2026-11-19", "lang": "ja"}
    client = by(served, "read", "recommend")
    probability = client.get("/v1/forecasts/2026-Q4?as_of=2026-11-19").json()["probability"]
    rows = [
        {"scope": "company", "attained": n == 0, "methods": {"sancho": {"probability": probability}}}
        for n in (0, 1)
    ]
    folder = served.cases.settings.home / FOLDER
    newer = folder / "2026-11-02.json"
    newer.write_text(json.dumps({**a_backtest(), "forecasts": rows}), "utf-8")
    page = client.get("/", params=asked).text
    assert "と予測した2回のうち、1回は目標に届きました。" in page
    assert '<a href="/trust">予測の成績</a>' in page
    assert "と予測した2回" not in client.get("/", params={**asked, "scope": "team:T1"}).text
    newer.unlink()


def test_the_outlook_hides_ranges_that_do_not_hold(served) -> None:
    asked = {"period": "2026-Q4", "as_of": "2026-11-19", "lang": "en"}
    client = by(served, "read", "recommend")
    assert "8 in 10 chances: " in client.get("/", params=asked).text
    newer = served.cases.settings.home / FOLDER / "2026-11-03.json"
    newer.write_text(json.dumps(a_backtest(covered=0.5, hi=0.6)), "utf-8")
    page = client.get("/", params=asked).text
    assert "8 in 10 chances: " not in page
    assert "chances between" not in page
    fan = re.search(r'<figure class="picture" id="fan">.*?</figure>', page, re.S).group()
    assert 'class="band80"' not in fan
    newer.unlink()
