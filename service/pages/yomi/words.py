"""Which words stand on the page ヨミ表?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("ヨミ表", "Deal sheet"),
    "heading": Text("{period}のヨミ表（{scope}）", "Deal sheet of {period} ({scope})"),
    "short": Text(
        "{ranks}まで全部決まっても、目標まであと{gap}。",
        "Even if all of {ranks} are won, {gap} is missing to the target.",
    ),
    "reached": Text(
        "{ranks}まで全部決まれば、目標を{gap}上回ります。",
        "If all of {ranks} are won, the target is exceeded by {gap}.",
    ),
    "no_target": Text("売上目標が未登録です。", "No revenue target is known here."),
    "ours": Text(
        "Sanchoの見込みは{middle}、届く確率は{p}です。",
        "Sancho's forecast is {middle}, the chance {p}.",
    ),
    "ours_alone": Text("Sanchoの見込みは{middle}です。", "Sancho's forecast is {middle}."),
    "ask_column": Text("ヨミの列を選んでください", "Which column holds the ranks?"),
    "ask_said": Text(
        "商談のどの列に担当者のヨミ（A・B・Cなど）が入っているかが、まだ決まっていません。"
        "選ぶまでは、Sanchoの数字だけを表示します。",
        "It is not said yet which column of the deals holds the reps' own ranks (A, B, C). Until then "
        "Sancho's figures stand alone.",
    ),
    "ask_none": Text(
        "ヨミらしい列（値が12種類以下の自社項目）が商談にありません。"
        "ヨミの列を含む商談を取り込んでください。",
        "No column of your own has at most 12 different values. Import deals with a column of ranks.",
    ),
    "ask_other": Text(
        "設定できるのは管理者です。コマンド sancho organisation --rank-column でも設定できます。",
        "An administrator can choose it, here or by the command sancho organisation --rank-column.",
    ),
    "column": Text("列", "Column"),
    "column_choice": Text("{column}（{values} など）", "{column} ({values} …)"),
    "choose": Text("この列をヨミとして使う", "Use this column"),
    "done_column": Text("ヨミの列を設定しました。", "The column of the ranks is set."),
    "summary": Text("集計", "Summary"),
    "summary_caption": Text("ヨミと月ごとの集計", "Sums by rank and month"),
    "kind": Text("区分", "Row"),
    "total": Text("計", "Total"),
    "month": Text("{m}月", "{m}"),
    "rank_row": Text("{rank}ヨミ", "Rank {rank}"),
    "middle": Text("　中央", "Median"),
    "range": Text("　8割の幅", "80% range"),
    "range_to": Text("〜", " to "),
    "range_refuted": Text(
        "8割の幅は、過去検証で実績と合わなかったため表示していません。",
        "The 80% range is not shown: past forecasts have not kept it.",
    ),
    "range_unchecked": Text(
        "8割の幅は、この組織の過去検証ではまだ確かめていません（sancho backtest）。",
        "No backtest of this organisation has checked the 80% range yet (sancho backtest).",
    ),
    "overdue_said": Text(
        "受注予定日を過ぎた商談は今月に数えます。", "Deals past their day count in the present month."
    ),
    "no_day_said": Text(
        "受注予定日のない商談{n}件は、集計に入っていません。", "{n} deals without a day are in no sum."
    ),
    "later_said": Text(
        "期末より後に受注予定の商談{n}件は載せていません（見込みには入ります）。",
        "{n} deals due after the period are not listed (the forecast counts them).",
    ),
    "check": Text("ヨミの答え合わせ", "Were the ranks right?"),
    "check_caption": Text(
        "過去{n}四半期（{quarters}）の第{week}週末のヨミと、その四半期内の結果",
        "Ranks at the end of week {week} of the last {n} quarters ({quarters}), and what came of them",
    ),
    "check_best": Text(
        "{rank}ヨミと言った{deals}件のうち、期内に受注したのは{won}件（{share}）。決めごとは{agreed}です。",
        "Of {deals} deals called {rank}, {won} were won in the quarter ({share}); agreed are {agreed}.",
    ),
    "check_few": Text(
        "答え合わせのできる過去のヨミがまだ足りません（ランクごとに{n}件から）。",
        "There are too few past ranks to judge yet ({n} deals of a rank are needed).",
    ),
    "week": Text("第{n}週", "week {n}"),
    "weeks": Text("ヨミを読む週：", "Ranks as of "),
    "rank": Text("ヨミ", "Rank"),
    "agreed": Text("決めごと", "Agreed"),
    "deals": Text("件数", "Deals"),
    "won_in": Text("期内に受注", "Won in time"),
    "actual": Text("実際", "Actual"),
    "few": Text("件数不足", "too few"),
    "by_rep": Text("担当者ごとに見る（{n}人）", "By rep ({n})"),
    "by_rep_caption": Text("担当者ごとの実際の受注率（受注／件数）", "Share won by rep (won / deals)"),
    "rep": Text("担当", "Rep"),
    "sheet": Text("明細", "Deals"),
    "sheet_caption": Text("商談ごとのヨミとSanchoの確率", "Ranks and Sancho's chances, deal by deal"),
    "sheet_count": Text("{n}件中 {first}〜{last}件目", "{first} to {last} of {n}"),
    "sheet_none": Text("この期間に受注予定の商談はありません。", "No deal is due in this period."),
    "customer_deal": Text("顧客・案件", "Account, deal"),
    "product_stage": Text("商材・フェーズ", "Product, stage"),
    "due": Text("受注予定", "Expected"),
    "amount": Text("金額", "Amount"),
    "chance": Text("期内の確率", "Chance in period"),
    "difference": Text("ヨミとの差", "Against rank"),
    "revenue": Text("期待", "Expected revenue"),
    "swing": Text("効き(pt)", "Swing (pt)"),
    "reason": Text("理由", "Why"),
    "step": Text("次の一手", "Next step"),
    "contact": Text("最終接触・更新", "Contact, updated"),
    "won": Text("受注", "won"),
    "marked": Text("ヨミとの差が30ポイント以上", "30 points or more from the rank"),
    "all": Text("すべて", "All"),
    "show_open": Text("進行中", "Open"),
    "show_won": Text("受注済み", "Won"),
    "show_marked": Text("差30pt以上", "30 pt apart"),
    "filter": Text("表示する商談", "Which deals"),
    "group": Text("まとめ方：", "Grouped by "),
    "group_none": Text("なし", "nothing"),
    "group_owner": Text("担当", "rep"),
    "group_month": Text("月", "month"),
    "group_rank": Text("ヨミ", "rank"),
    "group_head": Text("{name}（{n}件、期待 {revenue}）", "{name} ({n}, expected {revenue})"),
    "nobody": Text("担当者なし", "Nobody"),
    "no_rank": Text("ヨミなし", "No rank"),
    "no_month": Text("受注予定日なし", "No day"),
    "before": Text("前の{n}件", "Previous {n}"),
    "after": Text("次の{n}件", "Next {n}"),
    "crm_owns": Text(
        "ヨミはCRMが管理しています。変更はCRMで行い、取り込むとここに反映されます。",
        "The CRM owns the ranks: change them there, and they are here after the next import.",
    ),
    "print_first": Text("印刷には最初の{n}件が載ります。", "The first {n} are printed."),
    "reason_part": Text("{label} {points}", "{label} {points}"),
}
