"""Do the screens about models say what to do next, without a missing number that looks like one?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.cli import run
from service.cli.backtest import _LEGEND as BACKTEST_LEGEND
from service.cli.layout import broken
from service.cli.model_comparison import _LEGEND as COMPARISON_LEGEND
from training.registry import ModelVersion, Registry


def version(number: str, **figures: float) -> ModelVersion:
    fields: dict[str, Any] = dict.fromkeys(ModelVersion.__dataclass_fields__, "")
    told = {"version": number, "figures": figures, "champion": number == "2", "shadow": False}
    return ModelVersion(**{**fields, **told, "trained_at": "2026-11-20T10:00:00.123456+09:00"})


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.parametrize(("lang", "words"), [("ja", "`sancho train` で学習"), ("en", "train one with")])
def test_a_list_without_models_says_how_to_get_one(
    lang: str, words: str, at_home: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Registry, "list", lambda _: [])
    assert run(["models", "list", "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert words in out
    assert "┃" not in out


@pytest.mark.parametrize(("lang", "words"), [("ja", "別の商談"), ("en", "deals of its own")])
def test_versions_whose_figures_are_of_different_deals_are_said_to_be_so(
    lang: str, words: str, at_home: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Registry, "list", lambda _: [version("2", log_loss=0.25), version("1")])
    assert run(["models", "list", "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert "0.2500" in out
    assert "nan" not in out
    assert "123456" not in out, "a time is told to the minute"
    assert words in out
    assert "sancho models compare" in out
    monkeypatch.setattr(Registry, "list", lambda _: [version("2", log_loss=0.25)])
    assert run(["models", "list", "--lang", lang]) == 0
    assert words not in capsys.readouterr().out, "one is compared with nothing"


@pytest.mark.parametrize("legend", [BACKTEST_LEGEND, COMPARISON_LEGEND])
@pytest.mark.parametrize("width", [80, 120])
def test_what_explains_a_table_breaks_between_words_of_both_languages(legend: Any, width: int) -> None:
    english = legend.en.split()
    assert broken(legend.en, width).split() == english, "no word is cut"
    assert "".join(broken(legend.ja, width).split("\n")).replace(" ", "") == legend.ja.replace(" ", "")
