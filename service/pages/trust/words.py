"""Which words stand on the page 予測の成績?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("予測の成績", "Track record"),
    "question": Text("予測は当たっているか", "Can the predictions be trusted?"),
    "reliability_title": Text(
        "予測した確率と、実際に受注した割合（縦棒＝95%の幅、数＝商談の件数）",
        "Chance predicted and share won (bars: 95% range; counts of deals)",
    ),
    "no_reliability": Text(
        "学習に使っていない商談での答え合わせが、まだありません。",
        "There is no check against deals that the model has not learned from yet.",
    ),
    "targets_title": Text("目標に届く確率の答え合わせ", "Chances of reaching the target"),
    "targets_said": Text(
        "過去の四半期の途中で出した予測（全社）が、実際にどうなったか",
        "What came of forecasts of the company's target, made during past quarters",
    ),
    "said": Text("予測した確率", "Chance predicted"),
    "forecasts": Text("予測の数", "Forecasts"),
    "below": Text("{high}未満", "under {high}"),
    "above": Text("{low}%以上", "{low}% and more"),
    "reached": Text("届いた数", "Reached"),
    "intervals_title": Text("予測の幅は守られているか", "Do the ranges hold?"),
    "intervals_said": Text(
        "「8割の確率で収まる」と言った幅に、実際が収まった割合です。言った割合を確かに下回った幅は、"
        "どの画面にも出しません。",
        "How often outcomes lay inside. Ranges that clearly held less often than they say are not shown.",
    ),
    "range_of": Text("何の幅か", "Range of"),
    "promised": Text("言った割合", "Promised"),
    "covered": Text("収まった割合", "Held"),
    "sure": Text("95%の幅", "95% range"),
    "count": Text("件数", "Count"),
    "verdict": Text("判定", "Verdict"),
    "kind_deal": Text("商談の受注確率（約50件ずつの組）", "A deal's win chance (groups of about 50)"),
    "kind_company": Text("全社の着地見込み", "The company's forecast"),
    "kind_team": Text("チームの着地見込み", "Teams' forecasts"),
    "kind_person": Text("担当者の着地見込み", "Reps' forecasts"),
    "held": Text("守られている", "holds"),
    "refuted": Text("守られていない（表示しません）", "does not hold (not shown)"),
    "no_intervals": Text(
        "幅はまだ確かめていません。再学習すると商談の確率の幅を、過去検証を行うと着地見込みの幅を確か"
        "めます。",
        "The ranges are not checked yet: retraining checks those of deals, a backtest those of forecasts.",
    ),
    "methods_title": Text("簡単な方法と比べて", "Against plain methods"),
    "deals_title": Text(
        "商談の受注：予測誤差（対数損失。小さいほど良い）", "Deals: error (log loss; smaller is better)"
    ),
    "revenue_title": Text(
        "全社の着地：予測誤差（CRPS、売上の%。小さいほど良い）",
        "Company revenue: error (CRPS, % of revenue; smaller is better)",
    ),
    "method": Text("方法", "Method"),
    "error": Text("予測誤差", "Error"),
    "difference": Text("Sanchoとの差（95%の幅）", "Sancho minus it (95% range)"),
    "better": Text("Sanchoが良い", "Sancho is better"),
    "same": Text("差ははっきりしない", "no clear difference"),
    "worse": Text("この方法が良い", "this one is better"),
    "by_rank": Text(
        "営業のヨミの答え合わせは、ヨミ表にあります。", "Reps' own calls are judged on the deal sheet."
    ),
    "itself": Text("–", "–"),
    "no_backtest": Text(
        "着地見込みの成績は、過去検証（過去の四半期に戻って予測し、実績と比べる）を行うと出ます。数分"
        "から1時間ほどかかります。",
        "The record of revenue forecasts appears after a backtest, which forecasts past quarters again "
        "and compares with what came. It takes minutes to an hour.",
    ),
    "backtest_said": Text("過去検証：{periods}（{at} に実施）", "Backtest of {periods} (made {at})"),
    "backtest_run": Text("過去検証を行う", "Run a backtest"),
    "backtest_again": Text("過去検証をやり直す", "Run the backtest again"),
    "backtest_running": Text("過去検証を行っています：{step}", "A backtest is running: {step}"),
    "data_title": Text("データの状態", "Data health"),
    "newest": Text("商談の最新の記録", "Newest record of a deal"),
    "newest_said": Text("{at}（{days}日前）", "{at} ({days} days ago)"),
    "quarantined": Text("取り込めなかった行", "Rejected rows"),
    "mend": Text("直して取り込む", "Put them right"),
    "findings": Text("学習データについて", "About the training data"),
    "no_findings": Text("記録がありません（再学習すると出ます）。", "Not recorded (retrain to see it)."),
    "drift_title": Text("学習してからの変化", "Drift since the training"),
    "retrain_yes": Text("再学習してください。", "Retrain the model."),
    "retrain_no": Text("再学習は不要です。", "No need to retrain."),
    "closed_since": Text(
        "学習してから決着した商談 {n}件（学習に使った商談 {all}件）",
        "{n} deals have closed since ({all} were learned from)",
    ),
    "feature": Text("項目", "Field"),
    "psi": Text("分布の変化（PSI）", "Shift (PSI)"),
    "weight": Text("予測への重み", "Weight in predictions"),
    "alarm": Text("いつもと違う", "unusual"),
    "usual": Text("いつもの範囲", "usual"),
    "versions_title": Text("モデルのバージョン", "Versions of the model"),
    "version": Text("バージョン", "Version"),
    "trained": Text("学習日", "Trained"),
    "log_loss": Text("対数損失", "Log loss"),
    "in_service": Text("使用中", "in service"),
    "decision": Text("採用の判定", "Decision"),
    "promote": Text("採用する", "Promote"),
    "promote_of": Text("バージョン{v}を採用する", "Promote version {v}"),
    "rollback": Text("前のバージョンに戻す", "Roll back"),
    "card": Text("モデルカード（HTML）", "Model card (HTML)"),
    "done_promoted": Text("採用しました。", "The version is in service."),
    "done_rolled_back": Text("前のバージョンに戻しました。", "Rolled back to the version before."),
    "done_backtest": Text(
        "過去検証を始めました。閉じてもかまいません。", "The backtest has begun; you may close this page."
    ),
    "no_card": Text("モデルカードの記録がありません。", "no model card is recorded"),
    "by_hand": Text("{who} が採用：{why}", "promoted by {who}: {why}"),
}
