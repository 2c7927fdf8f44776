"""Which sentences go with answers? Warnings and faults, in both languages, and rows told in one way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Language, Text
from crm.instants import DAY, last_known_day
from features import History, deal_states
from models.forecast.what_if import Assumptions
from training.monitoring.status import OLD_DAYS
from training.registry import ModelVersion

STARTING = Text(
    "準備中です。しばらくしてからもう一度お試しください。", "getting ready; ask again in a moment."
)
NOT_READY = Text(
    "準備に失敗しました。サーバーの記録を確認してください。",
    "getting ready failed; the server's log says why.",
)
NO_MODEL = Text(
    "使えるモデルがまだありません。`sancho train` で学習してください。",
    "there is no model yet; train one by `sancho train`.",
)
# A deal that wakes up everything a first request needs.
WARMING_REQUEST: dict[str, Any] = {
    "deal": {"deal_id": "warming-up", "created_at": "2020-01-01", "stage": "?", "amount": 1.0},
    "activities": [{"at": "2020-01-02", "kind": "call"}],
    "events": [{"at": "2020-01-02", "field": "stage", "value": "?"}],
}


def no_target(scope: str, period: str) -> Text:
    """There is nothing to attain."""
    return Text(
        "{period}の{scope}の売上目標が登録されていないため、達成確率は出せません。"
        "targets に metric=revenue の行を取り込んでください。",
        "no revenue target is known for {scope} in {period}, so there is no probability of attainment; "
        "import a row of targets with metric=revenue.",
    ).format(scope=scope, period=period)


def unknown_deal(deal_id: str) -> Text:
    """There is no such deal, or was not then."""
    return Text(
        "商談「{deal_id}」はその時点では見当たりません。進行中の商談は GET /v1/deals で確認できます。",
        "deal {deal_id!r} is not known at that time; GET /v1/deals lists the open ones.",
    ).format(deal_id=deal_id)


def closed_deal(deal_id: str, closed: str) -> Text:
    """It has ended: there is nothing to foresee."""
    return Text(
        "商談「{deal_id}」は{closed}に決着しています。as_of にそれより前の時点を指定してください。",
        "deal {deal_id!r} was closed at {closed}; ask as of an earlier moment.",
    ).format(deal_id=deal_id, closed=closed)


def age_warnings(learned: int, moment: int, zone: ZoneInfo) -> list[tuple[str, Text]]:
    """Whether the model is much older than the question, or knows what came after it."""
    day = last_known_day(learned, zone).isoformat()
    if learned > moment:
        text = Text(
            "モデルは{day}までのデータで学習しており、この時点より後を知っています。当時の予測の再現ではありません。",
            "the model learned from data up to {day}, later than this moment: it is no replay of what "
            "would have been foreseen then.",
        )
        return [("model_newer_than_as_of", text.format(day=day))]
    if moment - learned > OLD_DAYS * DAY:
        text = Text(
            "モデルは{day}までのデータで学習したものです。`sancho train` で学習し直してください。",
            "the model learned from data up to {day}; train again by `sancho train`.",
        )
        return [("model_old", text.format(day=day))]
    return []


def model_of(info: ModelVersion) -> dict[str, str]:
    """Which model an answer came from."""
    return {"name": info.name, "version": info.version, "trained_at": info.trained_at}


def model_row(info: ModelVersion) -> dict[str, Any]:
    """A registered version as it is listed."""
    return {
        "name": info.name,
        "version": info.version,
        "trained_at": info.trained_at or None,
        "aliases": ["champion"] if info.champion else [],
        "metrics": info.figures,
        "gate_decision": info.gate or None,
    }


def amount_of(live: History, moment: int) -> NDArray[np.float64]:
    """The amount (1,) on a deal sent in a request."""
    amount: NDArray[np.float64] = deal_states(live, np.zeros(1, np.int64), np.array([moment])).amount
    return amount


_CHANGES = {
    "won": Text("受注した商談", "Deals won"),
    "lost": Text("失注した商談", "Deals lost"),
    "slipped": Text(
        "見込みが下がった・延びた商談（時間の経過を含む）", "Deals that slipped or cooled, time included"
    ),
    "advanced": Text("見込みが上がった商談", "Deals that advanced"),
    "amount": Text("金額が変わった商談", "Deals whose amount changed"),
    "new_deals": Text("新しく生まれた商談", "New deals"),
    "new_business": Text("これから生まれる商談の見通し", "Outlook for deals not yet created"),
    "target": Text("目標の変更", "The target was changed"),
}


def change_of(found: Mapping[str, Any], since: str, lang: Language) -> dict[str, Any]:
    """A change with its parts named."""
    because = [{"label": _CHANGES[part["code"]].to(lang), **part} for part in found["contributions"]]
    return {"since": since, **found, "contributions": because}


def difference_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a scope's outlook: points of the probability (None without a target), mean revenue."""
    chances = before["probability"], after["probability"]
    known = None not in chances
    return {
        "effect_pp": 100 * (chances[1] - chances[0]) if known else None,
        "revenue_change": after["revenue"]["mean"] - before["revenue"]["mean"],
    }


HELD_OUT = Text(
    "この商談は効果測定の対照群のため、打ち手を表示していません（設定 actions.hold_out）。",
    "this deal is held out to measure what recommendations bring, so none is shown (actions.hold_out).",
)
NO_ACTIONS = Text(
    "打ち手の効果を学習できるだけの活動記録（電話・メールと、決着した商談での実施）がまだありません。",
    "there are not yet enough recorded activities (calls or mails, and actions on closed deals) to learn "
    "what actions do.",
)
NO_HOLD_OUT = Text(
    "対照群がないため、効果は測れません。"
    "sancho.toml の [actions] で hold_out = 0.1 のように設定してください。",
    "without a hold-out the lift cannot be measured; set hold_out = 0.1 or so under [actions] in "
    "sancho.toml.",
)


def unknown_recommendation(recommendation_id: str) -> Text:
    """There is no such recommendation."""
    return Text(
        "打ち手「{recommendation_id}」は見当たりません。"
        "GET /v1/actions または商談の actions にある recommendation_id を指定してください。",
        "no such recommendation: {recommendation_id}; give a recommendation_id of GET /v1/actions or of a "
        "deal's actions.",
    ).format(recommendation_id=recommendation_id)


NO_BOTTLENECK = Text(
    "偶然とは言えないボトルネックは見つかっていません。",
    "No bottleneck stands out beyond chance.",
)
NEWCOMER = Text("新しい担当者{number}", "new rep {number}")
NO_LEVEL = Text(
    "水準を変えられるKPIに「{got}」はありません。{fine} から選んでください。",
    "levels: {got!r} cannot be changed here; choose from {fine}.",
)


def nothing_before(now: Mapping[str, Any]) -> dict[str, Any]:
    """The outlook, before, of a scope that is only supposed."""
    return {"target": None, "probability": None, "revenue": dict.fromkeys(now["revenue"], 0.0)}


def assumptions_of(supposed: Assumptions, joining: bool, levels: bool, lang: Language) -> list[str]:
    """What had to be assumed for an answer."""
    found = []
    if supposed.won:
        found.append(
            Text(
                "受注とした商談は、金額の見通しの平均で計上しています。",
                "Deals supposed won count at the mean of their expected amounts.",
            )
        )
    if supposed.pushed:
        found.append(
            Text(
                "延期した商談は、その日数だけ受注の時期が後ろにずれるものとしています。",
                "A pushed deal is won later by those days, and as likely in the end.",
            )
        )
    if supposed.leaving:
        found.append(
            Text(
                "抜ける担当者の商談はチームが引き継ぎ、見込みは変わらず、新規の商談は生まれないものとしています。",
                "The team takes over the open deals of who leaves, as likely as before; no new ones come.",
            )
        )
    if joining:
        found.append(
            Text(
                "加わる担当者は、着任日からチームの平均と同じペースで新規の商談を生むものとしています。",
                "Who joins brings new business as the team's average does, from the first day on.",
            )
        )
    if levels:
        found.append(
            Text(
                "KPIの水準は今日から変わり、すでに提示した金額は変わらないものとしています。",
                "A KPI's level changes from today on; prices already named stand.",
            )
        )
    return [text.to(lang) for text in found]
