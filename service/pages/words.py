"""Which words stand on every page, in Japanese and English? A page's own words are in its own folder."""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "brand": Text("山頂 Sancho", "Sancho"),
    "skip": Text("本文へ", "Skip to the content"),
    "menu": Text("メニュー", "Menu"),
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
    "reliability_high": Text("高", "high"),
    "reliability_medium": Text("中", "medium"),
    "reliability_low": Text("低", "low"),
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
    "present": Text("今", "now"),
    "choice": Text("表示する期間と範囲", "Period and scope shown"),
    "theme": Text("配色", "Colours"),
    "theme_auto": Text("自動", "Automatic"),
    "theme_light": Text("明るい", "Light"),
    "theme_dark": Text("暗い", "Dark"),
    "same_numbers": Text("同じ数字をJSONで", "The same numbers as JSON"),
    "api": Text("REST APIリファレンス", "REST API reference"),
    "went_wrong": Text("表示できません", "This cannot be shown"),
    "wait_title": Text("準備しています", "Getting ready"),
    "to_begin": Text("見通しへ", "To the outlook"),
    "request_id": Text("お問い合わせ番号 {id}", "Request {id}"),
    "unit_choice": Text("単位", "Unit"),
    "badge": Text("取り込めなかった行 {n}件", "{n} rejected rows"),
    "unit_usual": Text("自動", "Automatic"),
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
