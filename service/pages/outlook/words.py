"""Which words stand on the page 見通し?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("見通し", "Outlook"),
    "chance_title": Text(
        "{period}の目標 {target} に届く確率（{scope}）", "Chance of reaching {target} in {period} ({scope})"
    ),
    "revenue_title": Text("{period}の着地見込み（{scope}）", "Forecast of {period} ({scope})"),
    "no_target": Text(
        "この範囲の売上目標が未登録です。目標（targets）を取り込むと、届く確率がここに出ます。",
        "No revenue target is known here. Import one (table targets) and its probability appears here.",
    ),
    "since_week": Text("先週より", "Since last week"),
    "since_begin": Text("期初より", "since the period began"),
    "usual": Text("（ふだんの揺れの内）", " (within the usual wobble)"),
    "unusual": Text("（ふだんの揺れより大きい）", " (more than the usual wobble)"),
    "forecast_range": Text(
        "着地見込み {middle}（8割の確率で {low}〜{high}）",
        "Forecast {middle} (8 in 10 chances: {low} to {high})",
    ),
    "days_left": Text("残り {n}日", "{n} days left"),
    "won_so_far": Text("受注済み {v}", "Won so far {v}"),
    "progress": Text("（進捗率 {p}）", " ({p} of the target)"),
    "dots_title": Text(
        "期末の売上、あり得る{n}通り（1つの丸＝{share}%）",
        "Revenue at the end: {n} equally likely outcomes (a dot is {share} %)",
    ),
    "fan_title": Text(
        "期初からの積み上がりと、これから（{unit}。濃い帯＝5割、淡い帯＝8割の確率）",
        "So far, and from here ({unit}; dark band: 5 in 10, light: 8 in 10)",
    ),
    "change_title": Text(
        "先週からの変化（確率のポイント。足すと合う）", "Change since last week (points; they add up)"
    ),
    "no_change": Text(
        "先週の予測がまだないため、変化は表示できません。",
        "There is no forecast of last week yet, so no change to show.",
    ),
    "last_week": Text("先週", "last week"),
    "now": Text("今", "now"),
    "history_title": Text(
        "達成確率の推移（白丸は後から計算した値）", "Probability by week (hollow: computed later)"
    ),
    "three_title": Text("いちばん効く3つ", "What matters most"),
    "three_said": Text("目標に届く確率が何ポイント変わるか", "Points of the chance of reaching the target"),
    "three_said_revenue": Text("着地見込みがいくら変わるか", "What each changes in the forecast"),
    "deal": Text("商談", "Deal"),
    "action": Text("打ち手", "Next step"),
    "bottleneck": Text("ボトルネック", "Bottleneck"),
    "deal_said": Text(
        "期内に受注 {p}。受注と失注で達成確率が {swing} 変わります。",
        "Won in the period: {p}. Winning or losing it moves the chance by {swing}.",
    ),
    "deal_said_revenue": Text(
        "期内に受注 {p}。期待受注額 {revenue}。", "Won in the period: {p}. Expected revenue {revenue}."
    ),
    "action_said": Text(
        "{who}：{label}。受注確率 {uplift}、信頼度 {reliability}。",
        "{who}: {label}. Win probability {uplift}, reliability {reliability}.",
    ),
    "bottleneck_said": Text("進行中 {n}件に影響。{action}", "{n} open deals affected. {action}"),
    "nothing_moves": Text(
        "1ポイント以上動かすものは見つかりません。進め方はこのままで構いません。",
        "Nothing found moves it by a point or more; go on as you do.",
    ),
    "record": Text(
        "過去に{low}〜{high}%と予測した{n}回のうち、{k}回は目標に届きました。",
        "Of {n} past forecasts at {low} to {high}%, {k} were reached.",
    ),
    "record_link": Text("予測の成績", "Track record"),
    "few_deals": Text(
        "決着した商談が{n}件。会社の平均に寄せた広めの見込みです。あと{more}件で自社の傾向が効きはじめます。",
        "{n} deals have closed: the forecast is wide and leans on averages. "
        "With {more} more, your own record counts.",
    ),
    "forecast_middle": Text("着地見込み {middle}", "Forecast {middle}"),
    "teams": Text("内訳（助けの要る順）", "Parts (who needs help first)"),
    "name": Text("名前", "Name"),
    "chance": Text("達成確率", "Chance of target"),
    "bullet": Text("受注済み・見込み・目標", "Won, forecast, target"),
    "won": Text("受注済み", "Won so far"),
    "middle": Text("着地見込み", "Forecast"),
    "target": Text("目標", "Target"),
    "gap": Text("差", "Difference"),
    "bullet_said": Text(
        "細い棒＝受注済み、帯＝8割の確率の見込み、点線＝中央、縦の太線＝目標",
        "Thin bar: won so far; band: 8 in 10 chances; dashed: middle; thick line: target",
    ),
    "call_title": Text("宣言（自分の読み）", "Your own call"),
    "call_said": Text(
        "{amount}（確信：{confidence}、{who}、{day}）。そのときのSanchoの見込みは{ours}。",
        "{amount} (confidence: {confidence}; {who}, {day}). Sancho's forecast then: {ours}.",
    ),
    "call_ended": Text(
        "実績 {actual}：宣言との差 {error}、見込みとの差 {ours}。",
        "Won {actual}: the call was off by {error}, the forecast by {ours}.",
    ),
    "call_none": Text(
        "まだ宣言はありません。書いておくと、期末にSanchoの見込みと並べて答え合わせができます。",
        "Nothing is called yet. What you call is marked beside Sancho's forecast at the end.",
    ),
    "call_write": Text("宣言を書く", "Write your call"),
    "call_amount": Text("着地の読み（{unit}）", "Revenue at the end ({unit})"),
    "call_confidence": Text("確信", "Confidence"),
    "call_reason": Text("理由（任意）", "Why (optional)"),
    "call_send": Text("宣言する", "Call it"),
    "confidence_high": Text("高", "high"),
    "confidence_medium": Text("中", "medium"),
    "confidence_low": Text("低", "low"),
    "done_called": Text(
        "宣言を記録しました。前の宣言も残っています。", "Your call is kept; earlier ones stay."
    ),
    "table_caption": Text("チーム・担当者ごとの見込み", "Forecast by team or rep"),
}
