"""What is handed on of a backtest: one JSON that programs may hold on to, described in docs/backtest.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from sancho.crm.i18n import Text
from sancho.training.backtest import deal_baselines, period_baselines
from sancho.training.backtest.deal_scores import BY_PERIOD_END, EVER, OURS, QUESTIONS, deal_tables
from sancho.training.backtest.period_scores import period_tables
from sancho.training.backtest.run import Backtest

FORMAT = 1
LABELS: dict[str, Text] = {OURS: Text("Sancho", "Sancho"), **deal_baselines.LABELS, **period_baselines.LABELS}
QUESTION_LABELS = {
    BY_PERIOD_END: Text("期末までに受注するか", "Won by the end of the period"),
    EVER: Text("最終的に受注するか", "Won eventually"),
}


def to_json(found: Backtest) -> dict[str, Any]:
    """All figures of a backtest as plain values; the same backtest gives the same values."""
    rng = np.random.default_rng((found.settings["seed"], 17))
    return {
        "format": FORMAT,
        "settings": found.settings,
        "methods": {name: {"ja": label.ja, "en": label.en} for name, label in LABELS.items()},
        "warnings": [{"code": code, "ja": text.ja, "en": text.en} for code, text in found.warnings],
        "folds": [fold.to_json(found.log) for fold in found.folds],
        "deals": {question: deal_tables(found.rows(question), rng, found.stages) for question in QUESTIONS},
        "periods": period_tables(found.lines, rng),
        "forecasts": [line.to_json() for line in found.lines],
    }
