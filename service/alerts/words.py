"""In which words are people told? What happened, what it means for the goal, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from crm.i18n import Language, Text
from service.alerts.kinds import DATA_STALE, DEAL_FELL, GOAL_CROSSED, MODEL_DUE
from service.language import day_text, money_text, percent_text, points_text

SHOWN = 15  # alerts in one message; of more it is said how many there are
_LETTERS = 120  # of a name
_TITLE = Text("Sancho：{n}件のお知らせ", "Sancho: {n} alerts")
_TITLE_ONE = Text("Sancho：{what}", "Sancho: {what}")
_MORE = Text("ほかに{n}件あります。", "There are {n} more.")
_WHAT = {
    DEAL_FELL: Text("受注確率が下がった商談", "a deal has become less likely"),
    GOAL_CROSSED: Text("目標の達成確率の変化", "the probability of a goal has changed"),
    DATA_STALE: Text("データの更新停止", "data have stopped"),
    MODEL_DUE: Text("モデルの再学習のおすすめ", "the model is due for a retraining"),
}
_TEST = Text("通知の確認", "a test")
_FELL = Text(
    "「{deal}」の期末までの受注確率が{before}から{now}に下がりました（{day}以降）。",
    "{deal}: the chance of a win by the period's end fell from {before} to {now} (since {day}).",
)
_FELL_MEANS = Text(
    "見込み金額{amount}、担当は{owner}。{scope}の目標の達成確率は{goal}で、この低下の影響は{points}です。",
    "Worth {amount}, owned by {owner}. The goal of {scope} is reached with {goal}; this fall moves it by "
    "{points}.",
)
_FELL_COSTS = Text(
    "見込み金額{amount}、担当は{owner}。{scope}の売上の期待値を{revenue}変えます。",
    "Worth {amount}, owned by {owner}. It changes the revenue expected of {scope} by {revenue}.",
)
_FELL_NEXT = Text(
    "商談の状況を確認し、次の打ち手を決めてください（{deal_id}の詳細に候補があります）。",
    "See how the deal stands and agree on the next action; the insight of {deal_id} names candidates.",
)
_CROSSED = {
    "down": Text(
        "{scope}の{period}の目標の達成確率が{line}を下回りました（{before}から{now}）。",
        "{scope}: the probability of the goal of {period} fell below {line} (from {before} to {now}).",
    ),
    "up": Text(
        "{scope}の{period}の目標の達成確率が{line}を上回りました（{before}から{now}）。",
        "{scope}: the probability of the goal of {period} rose above {line} (from {before} to {now}).",
    ),
}
_CROSSED_MEANS = Text(
    "1週間の変化は{change}で、ふだんの変動（{usual}）を超えています。目標{target}に対し、見込みは{mean}です。",
    "The change within a week is {change}, more than usual ({usual}). The goal is {target}, {mean} is "
    "expected.",
)
_CROSSED_NEXT = Text(
    "影響の大きい商談と打ち手を、着地見込みで確認してください。",
    "See in the forecast which deals and actions move it most.",
)
_STALE = Text(
    "商談の新しい記録が{day}から届いていません。", "Nothing new about any deal has come since {day}."
)
_STALE_NEXT = Text(
    "取り込みやCRMとの連携が動いているか確認してください。予測は、この日までの記録によるものです。",
    "See whether imports and connections to the CRM still run; forecasts know of nothing later.",
)
_DUE = Text(
    "モデル（バージョン{version}）の再学習をおすすめします。",
    "The model (version {version}) is due for a retraining.",
)
_DUE_NEXT = Text(
    "`sancho train --if-needed` を実行すると、理由を表示して学習します。",
    "`sancho train --if-needed` says why, and trains.",
)
_ARRIVED = Text("この通知先に届くことを確認しました。", "Alerts reach this channel.")


@dataclass(frozen=True)
class Item:
    """One alert as it is read."""

    headline: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Digest:
    """A message: its title, its alerts, and where to read on (empty: nowhere)."""

    title: str
    items: tuple[Item, ...]
    closing: str = ""
    link: str = ""

    @property
    def plain(self) -> str:
        """The message as plain text."""
        parts = ["\n".join([f"■ {item.headline}", *item.details]) for item in self.items]
        return "\n\n".join(
            [*parts, *([self.closing] if self.closing else []), *([self.link] if self.link else [])]
        )


def digest(some: Sequence[tuple[str, Mapping[str, Any]]], lang: Language, link: str = "") -> Digest:
    """The message of alerts, given by kind and body."""
    items = tuple(_item(kind, body, lang) for kind, body in some[:SHOWN])
    more = len(some) - len(items)
    if len(some) == 1:
        title = _TITLE_ONE.format(what=_WHAT.get(some[0][0], _TEST))
    else:
        title = _TITLE.format(n=len(some))
    closing = _MORE.format(n=more).to(lang) if more else ""
    return Digest(title.to(lang), items, closing, link)


def _item(kind: str, body: Mapping[str, Any], lang: Language) -> Item:
    told = {DEAL_FELL: _fell, GOAL_CROSSED: _crossed, DATA_STALE: _stale, MODEL_DUE: _due}.get(kind)
    return Item(_ARRIVED.to(lang)) if told is None else told(body, lang)


def _fell(body: Mapping[str, Any], lang: Language) -> Item:
    deal = _name(body["name"] or body["deal_id"])
    if body["account_name"]:
        deal = (
            Text("{deal}（{account}）", "{deal} ({account})")
            .format(deal=deal, account=_name(body["account_name"]))
            .to(lang)
        )
    headline = _FELL.format(
        deal=deal,
        before=percent_text(body["before"], lang),
        now=percent_text(body["now"], lang),
        day=day_text(date.fromisoformat(body["since"]), lang),
    )
    meaning = _FELL_MEANS if body["effect_pp"] is not None else _FELL_COSTS
    means = meaning.format(
        amount=money_text(body["amount"], body["currency"], lang),
        owner=_name(body["owner_name"] or body["owner_id"] or Text("未設定", "nobody").to(lang)),
        scope=_text(body["scope_label"], lang),
        goal=percent_text(body["goal"], lang),
        points=points_text(body["effect_pp"], lang),
        revenue=money_text(body["effect_revenue"], body["currency"], lang, signed=True),
    )
    following = _FELL_NEXT.format(deal_id=body["deal_id"])
    return Item(headline.to(lang), (means.to(lang), following.to(lang)))


def _crossed(body: Mapping[str, Any], lang: Language) -> Item:
    headline = _CROSSED[body["direction"]].format(
        scope=_text(body["scope_label"], lang),
        period=_text(body["period_label"], lang),
        line=f"{body['line']:.0%}",
        before=percent_text(body["before"], lang),
        now=percent_text(body["now"], lang),
    )
    means = _CROSSED_MEANS.format(
        change=points_text(100 * body["change"], lang),
        usual=points_text(100 * body["usual"], lang).replace("+", "±"),
        target=money_text(body["target"], body["currency"], lang),
        mean=money_text(body["mean"], body["currency"], lang),
    )
    return Item(headline.to(lang), (means.to(lang), _CROSSED_NEXT.to(lang)))


def _stale(body: Mapping[str, Any], lang: Language) -> Item:
    day = day_text(date.fromisoformat(body["newest_day"]), lang)
    return Item(_STALE.format(day=day).to(lang), (_STALE_NEXT.to(lang),))


def _due(body: Mapping[str, Any], lang: Language) -> Item:
    return Item(_DUE.format(version=body["version"]).to(lang), (_DUE_NEXT.to(lang),))


def _text(both: Mapping[str, str], lang: Language) -> str:
    return _name(both[lang])


def _name(name: str) -> str:
    """A name on one line, not longer than what is said of it."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in str(name)).split())
    return plain if len(plain) <= _LETTERS else f"{plain[: _LETTERS - 1]}…"
