"""What is each figure of a backtest, on which rows, and how much does a row weigh?"""

from __future__ import annotations

from dataclasses import dataclass

from crm.i18n import Text


@dataclass(frozen=True)
class FigureNote:
    """A figure in words; `unit`, `rows` and `weight` say what it is measured in and over."""

    meaning: Text
    unit: Text
    rows: Text
    weight: Text

    def to_json(self) -> dict[str, dict[str, str]]:
        """Plain values, in both languages."""
        return {name: {"ja": text.ja, "en": text.en} for name, text in vars(self).items()}

    @property
    def line(self) -> Text:
        """Everything in one line."""
        return Text(
            f"{self.meaning.ja}（単位：{self.unit.ja}、対象：{self.rows.ja}、重み：{self.weight.ja}）",
            f"{self.meaning.en} (unit: {self.unit.en}; rows: {self.rows.en}; weight: {self.weight.en})",
        )


_DEALS = Text("各時点で進行中の全商談", "every deal open at each origin")
_WITH_TARGET = Text("目標のある予測", "forecasts with a target")
_FORECASTS = Text("対象×時点の全予測", "every forecast of a scope at an origin")
_ALIKE = Text("すべて1", "1 each")
_NATS = Text("ナット", "nats")
_NONE = Text("なし", "none")
_PROBABILITY = Text("確率", "probability")
_MONEY = Text("通貨", "currency")


def _deal(ja: str, en: str, unit: Text) -> FigureNote:
    return FigureNote(Text(ja, en), unit, _DEALS, _ALIKE)


def _period(ja: str, en: str, unit: Text, rows: Text = _FORECASTS) -> FigureNote:
    return FigureNote(Text(ja, en), unit, rows, _ALIKE)


DEAL_NOTES = {
    "log_loss": _deal(
        "結果に付けた確率の −log の平均。小さいほど良い",
        "Mean -log of the probability given to what happened; lower is better",
        _NATS,
    ),
    "brier": _deal(
        "（確率 − 結果）の二乗の平均。小さいほど良い",
        "Mean squared (probability - outcome); lower is better",
        _NONE,
    ),
    "auc": _deal(
        "受注した行の確率が、そうでない行より高い割合。同じなら半分",
        "How often a won row had the higher probability than one not won; ties count half",
        _PROBABILITY,
    ),
    "mean_probability": _deal("予測した確率の平均", "Mean predicted probability", _PROBABILITY),
    "won_share": _deal("受注した割合", "Share that was won", _PROBABILITY),
    "calibration_error": _deal(
        "等しい重みの15区間での、予測の平均と受注割合の差の平均",
        "Mean over 15 bins of equal weight of |mean probability - share won|",
        _PROBABILITY,
    ),
    "calibration_noise": _deal(
        "確率が完全に正しい場合に、偶然だけで生じる較正誤差の期待値",
        "What the calibration error would be by luck alone if the probabilities were right",
        _PROBABILITY,
    ),
    "slope": _deal(
        "結果を予測の対数オッズに回帰した傾き。1が理想、1未満は極端すぎる予測。予測がほとんど変わらない場合はなし",
        "Slope of outcomes on predicted log-odds; 1 is ideal, below 1 is too extreme; none where predictions "
        "hardly vary",
        _NONE,
    ),
    "intercept": _deal(
        "同じ回帰の切片。0が理想",
        "Intercept of the same regression; 0 is ideal",
        Text("対数オッズ", "log-odds"),
    ),
    "least": _deal(
        "まだ決着していない商談が、それぞれどちらに決着しても、これより小さくならない値（mostはその逆）",
        "No smaller whatever becomes of each deal still open; `most`: no larger",
        Text("その指標の単位", "as the figure"),
    ),
    "if": _deal(
        "まだ決着していない商談がすべて失注（all_lost）、すべて受注（all_won）となった場合の値",
        "The figure if all deals still open are lost (all_lost), or all won (all_won)",
        Text("その指標の単位", "as the figure"),
    ),
    "against": _deal(
        "同じ行での、Sancho − 比較手法。区間は、同じ商談の行と同じ期間の行の偶然をまとめて数えた95%区間",
        "Sancho minus the method on the same rows; its 95 % interval counts the luck that the rows of a "
        "deal, and those of a period, share",
        Text("その指標の単位", "as the figure"),
    ),
}
PERIOD_NOTES = {
    "crps": _period(
        "予測分布と実績の距離（CRPS）。小さいほど良い",
        "Distance of the forecast distribution from the actual; lower is better",
        _MONEY,
    ),
    "pinball": _period("7つの分位点のピンボール損失の平均", "Mean pinball loss over seven quantiles", _MONEY),
    "error": _period("予測の平均 − 実績", "Mean forecast minus actual", _MONEY),
    "absolute_error": _period("|予測の平均 − 実績| の平均", "Mean |mean forecast - actual|", _MONEY),
    "coverage": _period(
        "50・80・90%の予測幅に実績が入った割合",
        "Share of actuals within the 50, 80 and 90 % range",
        _PROBABILITY,
    ),
    "width80": _period("80%の予測幅の平均", "Mean width of the 80 % range", _MONEY),
    "target_brier": _period(
        "（達成確率 − 達成したか）の二乗の平均。表では brier",
        "Mean squared (probability of reaching the target - whether it was); `brier` in the periods' tables",
        _NONE,
        _WITH_TARGET,
    ),
    "probability": _period(
        "目標達成確率の平均", "Mean probability of reaching the target", _PROBABILITY, _WITH_TARGET
    ),
    "pit": _period(
        "予測分布の中での実績の位置（PIT）の10区間の件数。偏りがなければ一様",
        "Counts in ten parts of where the actual lies in the forecast distribution; uniform if calibrated",
        Text("件", "forecasts"),
    ),
}
NOTES = {**DEAL_NOTES, **PERIOD_NOTES}
