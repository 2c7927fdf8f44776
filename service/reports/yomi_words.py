"""Which words stand in the workbook of the deal sheet?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "summary": Text("集計", "Summary"),
    "chart": Text("グラフ", "Chart"),
    "reading": Text("読み方", "How to read"),
    "unit": Text("単位：{unit}", "Unit: {unit}"),
    "row": Text("区分", "Row"),
    "total": Text("計", "Total"),
    "rep": Text("担当", "Rep"),
    "account": Text("顧客", "Account"),
    "deal": Text("案件", "Deal"),
    "product": Text("商材", "Product"),
    "stage": Text("フェーズ", "Stage"),
    "rank": Text("ヨミ", "Rank"),
    "rank_row": Text("{rank}ヨミ", "Rank {rank}"),
    "due": Text("受注予定", "Expected"),
    "month": Text("月", "Month"),
    "amount": Text("金額", "Amount"),
    "chance": Text("期内の確率", "Chance"),
    "agreed": Text("決めごと", "Agreed"),
    "agreed_name": Text("決めごと", "Agreed"),
    "agreed_note": Text(
        "ヨミごとに社内で決めている受注の確率です。変えると「ヨミどおりなら」と明細の差が変わります。",
        "The chance that is agreed for each rank. Change it, and what depends on it follows.",
    ),
    "difference": Text("ヨミとの差", "Difference"),
    "revenue": Text("期待", "Expected revenue"),
    "swing": Text("効き(pt)", "Swing (pt)"),
    "reason": Text("理由", "Why"),
    "step": Text("次の一手", "Next step"),
    "contact": Text("最終接触", "Last contact"),
    "updated": Text("更新日", "Updated"),
    "state": Text("状態", "State"),
    "open": Text("進行中", "Open"),
    "won": Text("受注", "Won"),
    "won_so_far": Text("受注済み", "Won so far"),
    "target": Text("目標", "Target"),
    "as_agreed": Text("ヨミどおりなら（決めごとで加重）", "If ranks held (weighted as agreed)"),
    "middle": Text("　中央", "Median"),
    "low": Text("　8割の幅（下）", "80% range, low"),
    "high": Text("　8割の幅（上）", "80% range, high"),
    "deals": Text("件数", "Deals"),
    "won_in": Text("期内に受注", "Won in time"),
    "actual": Text("実際", "Actual"),
    "few": Text("件数不足", "too few"),
    "chart_title": Text(
        "受注とヨミの積み上げ（月ごとの累計）と目標", "Won and ranked, added up by month, against the target"
    ),
    "as_of": Text("時点", "As of"),
    "data_until": Text("データ", "Data until"),
    "model": Text("モデル", "Model"),
    "unit_row": Text("単位", "Unit"),
    "rank_column": Text("ヨミの列", "Column of ranks"),
    "none": Text("未設定", "none"),
    "expected_row": Text("見込み", "Forecast"),
    "range_row": Text("8割の幅", "80% range"),
    "colours": Text("入力", "Input"),
    "notice": Text("注意", "Note"),
    "read_month": Text(
        "受注予定の月です。予定日を過ぎた進行中の商談は今月に数えます。",
        "The month of the expected close date. Open deals past their day count in the present month.",
    ),
    "read_chance": Text(
        "この期間内に受注する確率（Sanchoのモデル）です。",
        "The chance of a win within the period, by the model.",
    ),
    "read_difference": Text(
        "期内の確率から決めごとの確率を引いたポイントです。",
        "The chance minus the one agreed for the rank, in points.",
    ),
    "read_swing": Text(
        "受注と失注とで、目標に届く確率が何ポイント違うかです。",
        "By how many points the chance of the target differs between won and lost.",
    ),
    "read_input": Text(
        "枠線のあるセル（目標、決めごと）は書き換えられます。ほかは数式と明細から計算します。",
        "Bordered cells (targets, agreed chances) can be changed; all else follows from the table.",
    ),
    "read_check": Text(
        "{quarters} の第{week}週末のヨミと、その四半期内の結果です。",
        "Ranks at the end of week {week} of {quarters}, and what came of them within each quarter.",
    ),
    "interval_held": Text(
        "過去の予測で、10回に8回ほど実際の売上を含んでいました。",
        "In past forecasts it held what came, about 8 times in 10.",
    ),
    "interval_refuted": Text(
        "過去検証で実績と合わなかったため、載せていません。", "Left out: past forecasts have not kept it."
    ),
    "interval_unchecked": Text(
        "この組織の過去検証ではまだ確かめていません。", "No backtest of this organisation has checked it yet."
    ),
}
