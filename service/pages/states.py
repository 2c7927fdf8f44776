"""Which state is a page in, besides the usual one: old data, a past moment, a scope that is not seen?

What is said of it stands here, for all pages; `states.html.j2` shows it. No data, imports and trainings have
blocks of their own in the pages of set-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from crm.i18n import Language, Text
from service.language import as_of_text, day_text, known_day
from service.pages.asked import Asked

STALE_DAYS = 3  # without anything new: a weekend is none, a Monday without Friday's data is
WORDS: Mapping[str, Text] = {
    "stale": Text(
        "データは{n}日前（{day}）までです。その後の動きは数字に入っていません。",
        "The data end {n} days ago ({day}); nothing since then is in these figures.",
    ),
    "import_again": Text("新しいデータを取り込む", "Import newer data"),
    "forbidden_title": Text("この範囲は見られません", "You cannot see this"),
    "forbidden_said": Text("見られる範囲：{scope}", "What you can see: {scope}"),
    "failed_title": Text("表示できませんでした", "Something went wrong"),
    "failed_said": Text(
        "予期しないエラーが発生しました。もう一度開いても同じなら、"
        "お問い合わせ番号を添えて管理者に知らせてください。",
        "An unexpected error occurred. If it happens again, tell an admin the request number.",
    ),
    "again": Text("もう一度開く", "Open it again"),
    "computing": Text("計算しています（数秒かかります）", "Being computed (it takes some seconds)"),
    "computing_long": Text(
        "時間がかかっています。商談が多いか、はじめて開く時点です。このままお待ちください。",
        "This takes longer than usual: there are many deals, or nobody has asked for this moment before.",
    ),
    "show_now": Text("今すぐ表示", "Show it now"),
    "lost": Text(
        "サーバーにつながりません。表示は<time>のものです。入力した内容はこの画面に残っています。",
        "The server cannot be reached. What you see is of <time>; what you typed is kept on this page.",
    ),
    "lost_button": Text("つながるまで送れません", "Cannot be sent until the server is back"),
    "more_notices": Text("ほかの注意（{n}件）", "More notes ({n})"),
}


class Bar(NamedTuple):
    """A line above the content, with where to go."""

    kind: str
    words: str
    address: str
    link: str


def bars(about: Mapping[str, Any], asked: Asked, path: str, lang: Language) -> list[Bar]:
    """What is said above a page about a moment: that it is past, or that the data are old."""
    if asked.as_of is not None:
        words = _PAST.format(as_of=as_of_text(about["as_of"], lang)).to(lang)
        return [Bar("past", words, asked.address(path, as_of=None), _BACK.to(lang))]
    stale = stale_words(about, lang)
    return [] if stale is None else [Bar("stale", stale, "/setup", WORDS["import_again"].to(lang))]


def stale_words(about: Mapping[str, Any], lang: Language) -> str | None:
    """That the newest record is older than some days; None where it is not, or there is none."""
    if about.get("data_as_of") is None:
        return None
    newest = datetime.fromisoformat(about["data_as_of"]).date()
    days = (known_day(about["as_of"]) - newest).days
    if days <= STALE_DAYS:
        return None
    return WORDS["stale"].format(n=days, day=day_text(newest, lang)).to(lang)


_PAST = Text(
    "{as_of}の眺めです（その後の出来事は含みません）。", "The view {as_of}; what came later is not in it."
)
_BACK = Text("今に戻る", "Back to now")
