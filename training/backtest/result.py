"""What does a backtest's JSON contain? docs/backtest.md describes its format."""

from __future__ import annotations

from typing import Any

from crm.i18n import Text
from training import baselines
from training.backtest import period_baselines
from training.backtest.deal_scores import BY_PERIOD_END, EVER, QUESTIONS, SANCHO, deal_tables
from training.backtest.figure_notes import NOTES
from training.backtest.period_scores import period_tables
from training.backtest.run import Backtest

FORMAT = 2
LABELS: dict[str, Text] = {
    SANCHO: Text("Sancho", "Sancho"),
    **baselines.ALL_LABELS,
    **period_baselines.LABELS,
}
QUESTION_LABELS = {
    BY_PERIOD_END: Text("期末までに受注するか", "Won by the end of the period"),
    EVER: Text("最終的に受注するか", "Won eventually"),
}


def to_json(result: Backtest) -> dict[str, Any]:
    """All results of a backtest as plain values; the same backtest gives the same values."""
    return {
        "format": FORMAT,
        "settings": result.settings,
        "methods": {name: {"ja": label.ja, "en": label.en} for name, label in LABELS.items()},
        "figures": {name: note.to_json() for name, note in NOTES.items()},
        "warnings": [{"code": code, "ja": text.ja, "en": text.en} for code, text in result.warnings],
        "folds": [fold.to_json(result.log) for fold in result.folds],
        "deals": {question: deal_tables(result.rows(question), result.stages) for question in QUESTIONS},
        "periods": period_tables(result.forecasts),
        "forecasts": [forecast.to_json() for forecast in result.forecasts],
    }
