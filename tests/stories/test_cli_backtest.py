"""Does `sancho backtest` show whether the forecasts held, and keep the proof?"""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crm.store import Store
from service.cli import run
from training.backtest import backtest
from training.backtest.result import to_json
from training.config import TrainConfig

SMALL = {"trees": 5, "leaves": 4, "max_moments": 2000, "questions": 1}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home that holds a small world, and settings for quick training."""
    folder = tmp_path_factory.mktemp("backtest")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SANCHO_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "sancho.toml").write_text(
            "[train]\n" + "\n".join(f"{name} = {value}" for name, value in SMALL.items()), "utf-8"
        )
        assert run(["world", "exports", "--deals", "350", "--seed", "5", "--end", "2026-09-30"]) == 0
        assert run(["import", "exports"]) == 0
    return folder


@pytest.fixture
def at_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    monkeypatch.setenv("SANCHO_HOME", str(place / "home"))
    monkeypatch.delenv("SANCHO_LANGUAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return place


def test_a_backtest_is_printed_kept_as_files_and_in_mlflow(at_home: Path, capsys: pytest.CaptureFixture[str]):
    assert (
        run(
            [
                "backtest",
                "--periods",
                "1",
                "--weeks",
                "4,8",
                "--as-of",
                "2027-06-30",  # long after the last record: the quarters since are not known, not empty
                "--out",
                "proof.html",
                "--json",
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((at_home / "proof.json").read_text("utf-8"))
    assert (told["settings"]["periods"], told["settings"]["weeks"]) == (["2026-Q3"], [4, 8])
    assert told["settings"]["train"]["trees"] == SMALL["trees"]
    assert '<html lang="ja">' in (at_home / "proof.html").read_text("utf-8")

    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{at_home / 'home' / 'mlflow.db'}")
    (kept,) = client.search_runs(
        [client.get_experiment_by_name("sancho").experiment_id], "tags.`sancho.kind` = 'backtest'"
    )
    ours = told["deals"]["by_period_end"]["overall"]["methods"]["sancho"]["log_loss"]["mean"]
    assert kept.data.metrics["by_period_end.sancho.log_loss"] == pytest.approx(ours)
    assert {file.path for file in client.list_artifacts(kept.info.run_id)} == {
        "backtest.html",
        "backtest.json",
    }


def test_cli_backtest_gives_what_the_library_gives_for_the_same_log(
    at_home: Path, capsys: pytest.CaptureFixture[str]
):
    asked = ["backtest", "--periods", "1", "--weeks", "4", "--as-of", "2026-06-30", "--json", "--lang", "en"]
    assert run(asked) == 0
    told = json.loads(capsys.readouterr().out)
    zone = ZoneInfo("Asia/Tokyo")
    with Store.open(f"sqlite:///{at_home / 'home' / 'sancho.db'}") as store:
        log = store.read(zone)
    from crm.instants import as_of_instant

    until = as_of_instant("2026-06-30", zone)
    found = to_json(backtest(log.as_of(until), TrainConfig(**SMALL), 1, (4,), until=until))
    assert told["forecasts"] == json.loads(json.dumps(found["forecasts"]))
    assert told["settings"]["periods"] == ["2026-Q2"]
    (page,) = (at_home / "home" / "backtests").glob("*.html")
    assert page.with_suffix(".json").exists()


def test_cli_backtest_tables_name_every_baseline_in_both_languages(
    capsys: pytest.CaptureFixture[str], at_home: Path, monkeypatch: pytest.MonkeyPatch
):
    from service.cli.backtest import show

    monkeypatch.setenv("COLUMNS", "160")  # a table wraps its words where the terminal is narrow

    result = json.loads((at_home / "proof.json").read_text("utf-8"))
    for lang, words in (
        (
            "ja",
            (
                "ステージ別受注率表",
                "ナイーブベイズ",
                "ステージ別受注率による積み上げ",
                "前年同期実績",
                "対数損失",
            ),
        ),
        (
            "en",
            (
                "Stage-rate table",
                "Naive Bayes",
                "Stage-weighted pipeline",
                "Same period last year",
                "log loss",
            ),
        ),
    ):
        show(result, lang)
        out = capsys.readouterr().out
        assert all(word in out for word in words), lang
        for figures in (result["deals"]["by_period_end"], result["periods"]["company"]):
            ours = figures["overall"]["against"]
            for name, kind, said in (
                ("logistic", "brier", lambda value: f"{value:+.4f}"),
                ("run_rate", "brier", lambda value: f"{value:+.3f}"),
            ):
                if name in ours and ours[name][kind]["mean"] is not None:
                    assert said(ours[name][kind]["mean"]) in out, (lang, name)


def test_weeks_that_are_no_numbers_are_told(at_home: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["backtest", "--weeks", "one", "--lang", "en"]) == 1
    assert "whole numbers of weeks" in capsys.readouterr().err


def test_a_page_must_be_called_html(at_home: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["backtest", "--out", "proof.pdf"]) == 1
    assert ".html" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_to_is_told_before_the_work(
    at_home: Path, capsys: pytest.CaptureFixture[str]
):
    (at_home / "taken").write_text("a file, not a folder", "utf-8")
    assert run(["backtest", "--out", "taken/proof.html", "--lang", "en"]) == 1
    err = capsys.readouterr().err
    assert "cannot write taken/proof.html" in err
    assert "Reading" not in err


@pytest.mark.parametrize(
    ("lang", "words"), [("ja", "もっと前の商談も取り込んで"), ("en", "import earlier deals")]
)
def test_too_short_a_history_is_one_sentence_that_says_what_to_do(
    lang: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    deals = "deal_id,created_at,stage\nD1,2026-01-05,アポイント\nD2,2026-01-12,アポイント\n"
    (tmp_path / "deals.csv").write_text(deals, "utf-8")
    assert run(["import", "deals.csv"]) == 0
    capsys.readouterr()
    assert run(["backtest", "--lang", lang]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sancho: ")]
    assert words in line


def test_cli_backtest_without_deals_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "none"))
    assert run(["backtest", "--lang", "en"]) == 1
    assert "sancho import" in capsys.readouterr().err
