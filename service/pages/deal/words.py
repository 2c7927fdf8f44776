"""Which words stand on the page of a deal?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("商談", "Deal"),
    "question": Text("「{deal}」は期内に受注できるか", "Will “{deal}” be won in the period?"),
    "closed_question": Text("「{deal}」は決着済みです", "“{deal}” has closed"),
    "closed_said": Text("{day}に{outcome}で決着しました。", "It closed on {day}: {outcome}."),
    "before": Text("決着前日の予測を見る", "What was predicted the day before"),
    "account": Text("顧客", "Account"),
    "period": Text("期間", "Period"),
    "said_change": Text("先週より {change}。", "{change} since last week."),
    "said_new": Text("1週間以内に始まった商談です。", "It began within the past week."),
    "said_points": Text(
        "受注すれば達成確率は {won}、失えば {lost}。",
        "If won, the chance of target moves by {won}; if lost, by {lost}.",
    ),
    "said_revenue": Text(
        "受注すれば着地見込みは {won}、失えば {lost}。",
        "If won, the forecast moves by {won}; if lost, by {lost}.",
    ),
    "owner": Text("担当", "Rep"),
    "stage": Text("段階", "Stage"),
    "amount": Text("金額", "Amount"),
    "planned": Text("受注予定（入力値）", "Planned (entered)"),
    "predicted": Text("受注見込み（予測）", "Predicted"),
    "predicted_said": Text("{middle}ごろ（8割は{low}〜{high}）", "about {middle} (8 in 10: {low} to {high})"),
    "ever": Text("期を問わない受注確率", "Won at any time"),
    "since": Text("（{day}から）", " (since {day})"),
    "curve_title": Text("いつ、どうなるか（確率）", "What happens, and when (probability)"),
    "next": Text("次の一手", "Next step"),
    "no_action": Text(
        "勧められる打ち手はありません。理由は下にあります。", "No step is recommended; the reasons are below."
    ),
    "more_actions": Text("ほかの打ち手（{n}件）", "Other steps ({n})"),
    "uplift": Text(
        "受注確率 {uplift}（8割の幅 {low}〜{high}）", "win probability {uplift} (8 in 10: {low} to {high})"
    ),
    "gain_points": Text("達成確率 {gain}", "Chance of target {gain}"),
    "gain_revenue": Text("着地見込み {gain}", "Forecast {gain}"),
    "and": Text("、", ", "),
    "reliability": Text("確からしさ：{level}", "reliability: {level}"),
    "minutes": Text("約{n}分", "about {n} min"),
    "evidence": Text(
        "根拠：実施した{n}件の受注率は{p}、実施しなかった似た商談{m}件では{q}。",
        "Evidence: of {n} deals with it {p} were won, of {m} such deals without it {q}.",
    ),
    "top_sellers": Text(
        "受注率の高い担当者は{p}、ほかの担当者は{q}の商談で実施しています。",
        "Top reps do it on {p} of their deals, others on {q}.",
    ),
    "adjusted": Text("比べた条件：{what}", "Compared at equal: {what}"),
    "goes_with": Text(
        "打ち手と受注の関係の強さで、原因と証明されたものではありません。",
        "How strongly a step goes with wins; that it brings them about is not proved.",
    ),
    "accept": Text("やる", "Take it"),
    "dismiss": Text("見送る", "Pass"),
    "done": Text("済んだ", "Done"),
    "why": Text("見送る理由", "Why pass?"),
    "choose": Text("選んでください", "Choose one"),
    "own_words": Text("補足（任意）", "In your words (optional)"),
    "dismiss_sure": Text("見送りを記録する", "Record it"),
    "told_accepted": Text("やる（{day}に記録）", "Taken ({day})"),
    "told_dismissed": Text("見送り：{reason}（{day}に記録）", "Passed: {reason} ({day})"),
    "told_done": Text("済んだ（{day}に記録）", "Done ({day})"),
    "told_shown": Text("表示済み（{day}）", "Shown ({day})"),
    "done_accepted": Text("「やる」と記録しました。", "Recorded: you take it."),
    "done_dismissed": Text("「見送る」と記録しました。", "Recorded: you pass."),
    "done_done": Text("「済んだ」と記録しました。", "Recorded: it is done."),
    "reasons_title": Text(
        "この確率の理由（ポイント。足すと合う）", "Why this probability (points; they add up)"
    ),
    "this_deal": Text("この商談", "this deal"),
    "made_of": Text("理由の内訳", "What each reason is made of"),
    "reason": Text("理由", "Reason"),
    "effect": Text("効き（ポイント）", "Effect (points)"),
    "movable": Text("動かせる", "Can be moved"),
    "yes": Text("はい", "yes"),
    "features": Text("主な中身", "Mostly"),
    "bottlenecks": Text("この商談が当たっている詰まり", "Bottlenecks this deal is in"),
    "no_bottleneck": Text("当たっている詰まりはありません。", "It is in no bottleneck."),
    "timeline_title": Text("これまでの経過", "What has happened"),
    "left_off": Text("これより古い{n}件は省いています。", "{n} older entries are left out."),
    "history_title": Text("期内受注確率の推移", "Probability of a win in the period, by day"),
    "similar": Text("似た過去の商談", "Past deals like it"),
    "similar_said": Text(
        "受注確率のモデルが同じように扱う、決着済みの商談です。",
        "Closed deals that the win model treats alike.",
    ),
    "outcome": Text("結果", "Outcome"),
    "won": Text("受注", "won"),
    "lost": Text("失注", "lost"),
    "similarity": Text("近さ", "Likeness"),
    "deal": Text("商談", "Deal"),
    "not_recommended": Text("推奨しない打ち手とその理由（{n}件）", "Not recommended, and why ({n})"),
    "to_list": Text("商談の一覧へ", "To all deals"),
    # The timeline
    "lane_stage": Text("段階", "stage"),
    "lane_amount": Text("金額", "amount"),
    "lane_planned": Text("受注予定", "planned date"),
    "lane_fields": Text("ほかの項目", "other fields"),
    "lane_activities": Text("活動", "activities"),
    "lane_actions": Text("打ち手", "next steps"),
    "from_to": Text("{old} → {new}", "{old} → {new}"),
    "by": Text("{what}（{who}）", "{what} ({who})"),
    "named": Text("{what}：{more}", "{what}: {more}"),
    "closed": Text("決着：{outcome}", "closed: {outcome}"),
}
REASONS = (
    Text("すでに済んでいる", "Already done"),
    Text("お客様の事情に合わない", "Does not fit the customer"),
    Text("時期が早い", "Too early"),
    Text("手が足りない", "No time for it"),
    Text("効果がないと思う", "I do not think it helps"),
    Text("その他", "Something else"),
)
