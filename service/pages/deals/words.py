"""Which words stand on the page 商談?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("商談", "Deals"),
    "question": Text(
        "{scope}・{period}：手を打つべき商談はどれか", "{scope}, {period}: which deals need attention?"
    ),
    "some_need": Text(
        "進行中{all}件のうち、{n}件は手を打つ必要があります。", "{n} of {all} open deals need attention."
    ),
    "none_need": Text(
        "進行中{all}件のうち、いま手を打つ必要のあるものはありません。",
        "None of {all} open deals needs attention now.",
    ),
    "no_deals": Text("進行中の商談はありません。", "No deal is open."),
    "what_attention": Text(
        "受注予定日の超過・滞留・連絡なしのどれかに当たり、受注と失注で達成確率が1ポイント以上変わる商談です。",
        "Past their date, stalled or without contact, and winning or losing them moves the chance "
        "by a point or more.",
    ),
    "what_attention_revenue": Text(
        "受注予定日の超過・滞留・連絡なしのどれかに当たり、期待受注額が目標の1%以上の商談です。",
        "Past their date, stalled or without contact, and expected to bring 1 % of the target or more.",
    ),
    "filters": Text("絞り込み", "Show only"),
    "all": Text("すべて", "All"),
    "attention": Text("要対応", "Need attention"),
    "search": Text("商談名・顧客名・IDで探す", "Find by name, account or ID"),
    "find": Text("探す", "Find"),
    "found": Text("{n}件", "{n} deals"),
    "in_bottleneck": Text("このボトルネックに該当：{label}", "In this bottleneck: {label}"),
    "off": Text("絞り込みをやめる", "Show all again"),
    "none_found": Text(
        "この条件に合う商談はありません。条件をゆるめてください。", "No deal is like that. Look for less."
    ),
    "caption": Text("進行中の商談", "Open deals"),
    "deal": Text("顧客・商談", "Account, deal"),
    "owner_name": Text("担当", "Rep"),
    "stage": Text("段階", "Stage"),
    "amount": Text("金額", "Amount"),
    "planned_close_date": Text("受注予定", "Planned"),
    "win_by_period_end": Text("期内に受注", "Won in period"),
    "change_pp": Text("先週から", "In a week"),
    "swing_pp": Text("効き", "Swing"),
    "expected_revenue": Text("期待受注額", "Expected"),
    "flags": Text("印", "Flags"),
    "next_action": Text("次の一手", "Next step"),
    "legend": Text("列と印の意味", "What columns and flags mean"),
    "means_chance": Text(
        "期内に受注：{period}の終わりまでに受注する確率。先週から：同じモデルで計算した1週間前との差（ポイント）。",
        "Won in period: probability of a win by the end of {period}. In a week: by how many points it has "
        "changed, by the same model.",
    ),
    "means_swing": Text(
        "効き：受注した場合と失注した場合で、{scope}の達成確率が何ポイント違うか。",
        "Swing: how many points apart the chance of target of {scope} is when it is won and when it is lost.",
    ),
    "means_planned": Text(
        "受注予定：担当者が入力した日。", "Planned: the closing date that the rep has entered."
    ),
    "previous": Text("前の{n}件", "Previous {n}"),
    "next": Text("次の{n}件", "Next {n}"),
    "shown": Text("{first}〜{last}件目（全{all}件）", "{first} to {last} of {all}"),
    "pages": Text("ページ", "Pages"),
    "csv": Text("CSV（全件）", "CSV (all of them)"),
    "csv_deal_id": Text("商談ID", "Deal ID"),
    "csv_name": Text("商談", "Deal"),
    "csv_account_name": Text("顧客", "Account"),
    "csv_planned_close_date": Text("受注予定日（入力値）", "Expected close date (entered)"),
    "csv_expected_close_date": Text("受注見込日（予測）", "Predicted close date"),
    "csv_win_by_period_end": Text("期内受注確率", "Win probability by period end"),
    "csv_win_probability": Text("受注確率", "Win probability"),
    "csv_change_pp": Text("期内受注確率の先週からの変化（pt）", "Its change in a week (points)"),
    "csv_swing_pp": Text("達成確率への効き（pt）", "Swing of the chance of target (points)"),
}
