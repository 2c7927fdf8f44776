"""What are the figures of a model called on the screen?"""

from __future__ import annotations

from crm.i18n import Language, Text

FIGURES = {
    "log_loss": Text("対数損失", "log loss"),
    "log_loss_against_stage_rates": Text(
        "対数損失の差（ステージ別受注率表との比較）", "log loss, minus stage rates"
    ),
    "brier": Text("ブライアスコア", "Brier score"),
    "auc": Text("AUC", "AUC"),
    "calibration_error": Text("予測と実績のずれ（較正誤差）", "calibration error"),
    "slope": Text("較正の傾き", "calibration slope"),
}


def figure_label(name: str, lang: Language) -> str:
    """What a figure of a model is called."""
    return FIGURES[name].to(lang) if name in FIGURES else name
