"""Which words stand on the pages, in Japanese and English?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "brand": Text("山頂 Sancho", "Sancho"),
    "skip": Text("本文へ", "Skip to the content"),
    "menu": Text("メニュー", "Menu"),
    "nav_outlook": Text("見通し", "Outlook"),
    "period": Text("期間", "Period"),
    "scope": Text("範囲", "Scope"),
    "as_of": Text("時点（空欄は今）", "As of (empty: now)"),
    "show": Text("表示", "Show"),
    "other_language": Text("English", "日本語"),
    "sign_in": Text("サインイン", "Sign in"),
    "sign_out": Text("サインアウト", "Sign out"),
    "email": Text("メールアドレス", "E-mail address"),
    "password": Text("パスワード", "Password"),
    "by_provider": Text("会社のアカウントでサインイン", "Sign in with your company's account"),
    "no_password": Text(
        "パスワードが分からないときは、管理者に `sancho user link メールアドレス` で"
        "リンクを作ってもらってください。",
        "Where you do not know your password, ask an admin for a link (`sancho user link E-MAIL`).",
    ),
    "link_title": Text("リンクでサインイン", "Sign in by a link"),
    "link_said": Text(
        "このリンクは一度だけ使えます。下のボタンを押すとサインインします。",
        "This link works once. The button below signs you in.",
    ),
    "no_local": Text("この環境ではパスワードを使いません。", "Passwords are not used here."),
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
    "reliability_high": Text("高", "high"),
    "reliability_medium": Text("中", "medium"),
    "reliability_low": Text("低", "low"),
    "nothing_moves": Text(
        "1ポイント以上動かすものは見つかりません。進め方はこのままで構いません。",
        "Nothing found moves it by a point or more; go on as you do.",
    ),
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
    "unit": Text("単位：{unit}", "Unit: {unit}"),
    "notices": Text("この予測についての注意（{n}件）", "Notes on this forecast ({n})"),
    "foot": Text(
        "時点 {as_of} ・ モデル v{version}（{trained} 学習） ・ データは {data} まで",
        "As of {as_of} · model v{version} (trained {trained}) · data until {data}",
    ),
    "foot_no_data": Text(
        "時点 {as_of} ・ モデル v{version}（{trained} 学習）",
        "As of {as_of} · model v{version} (trained {trained})",
    ),
    "past": Text(
        "{as_of}の眺めです（その後の出来事は含みません）。",
        "The view {as_of}; what came later is not in it.",
    ),
    "back_to_now": Text("今に戻る", "Back to now"),
    "same_numbers": Text("同じ数字をJSONで", "The same numbers as JSON"),
    "api": Text("REST APIリファレンス", "REST API reference"),
    "went_wrong": Text("表示できません", "This cannot be shown"),
    "wait_title": Text("準備しています", "Getting ready"),
    "to_begin": Text("見通しへ", "To the outlook"),
    "request_id": Text("お問い合わせ番号 {id}", "Request {id}"),
    "table_caption": Text("チーム・担当者ごとの見込み", "Forecast by team or rep"),
}
VERDICTS = (
    (0.9, Text("まず届きます。", "Very likely.")),
    (0.7, Text("届きそうです。", "Likely.")),
    (0.4, Text("五分五分です。", "A toss-up.")),
    (0.1, Text("厳しいです。", "Unlikely.")),
    (0.0, Text("このままでは届きません。", "Very unlikely as it stands.")),
)
_TIMES = Text("10回に約{n}回は届きます。", "It is reached in about {n} of 10 quarters like this one.")
_RARELY = Text("10回に1回も届きません。", "It is reached in fewer than 1 of 10 quarters like this one.")
_ALMOST = Text("10回に9回以上は届きます。", "It is reached in more than 9 of 10 quarters like this one.")


def verdict(probability: float) -> Text:
    """A probability in words and as a frequency; never without its number beside it.

    >>> verdict(0.4).ja, verdict(0.03).en[:42]
    ('五分五分です。10回に約4回は届きます。', 'Very unlikely as it stands. It is reached ')
    """
    words = next(text for least, text in VERDICTS if probability >= least)
    times = round(10 * probability)
    often = _RARELY if probability < 0.05 else _ALMOST if probability > 0.95 else _TIMES.format(n=times)
    return Text(words.ja + often.ja, f"{words.en} {often.en}")
