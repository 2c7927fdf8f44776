"""Which sentences do answers and errors of the service share? Each in Japanese and English."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from crm.i18n import Text
from crm.instants import DAY, last_known_day, local_datetime
from crm.periods import Period
from crm.schema import TABLES
from models.bundle import Bundle, ModelWarning
from models.probability_words import probability_words
from service.language import day_label, period_label
from training.log_age import OLD_DAYS, QUIET_DAYS

STARTING = Text("準備中です。しばらくしてからもう一度お試しください。", "starting up; try again in a moment.")
START_FAILED = Text(
    "準備に失敗しました。サーバーのログを確認してください。", "start-up failed; see the server log."
)
NO_MODEL = Text(
    "使えるモデルがまだありません。`sancho train` で学習してください。",
    "there is no model yet; train one with `sancho train`.",
)
HELD_OUT = Text(
    "この商談は効果測定のための比較用の商談（対照群）なので、打ち手を表示していません。"
    "通常どおり進めてください。",
    "This deal is in the holdout group, with which the effect of recommendations is measured, so no "
    "action is recommended; work on it as usual.",
)
NO_ACTIONS = Text(
    "打ち手の効果を学習できるだけの活動の記録（電話・メールと、決着した商談での実施）がまだありません。"
    "活動（activities）を取り込み、再学習してください。",
    "There are too few recorded activities (calls, emails, and actions on closed deals) to learn what "
    "actions do; import activities and retrain.",
)
NO_HOLD_OUT = Text(
    "比較用の商談（対照群）がないため、効果を測定できません。"
    "sancho.toml の [actions] に hold_out = 0.1 のように設定してください。",
    "Without a holdout group the effect cannot be measured; set hold_out = 0.1 or so under [actions] in "
    "sancho.toml.",
)
SOME_RATE_MISSING = Text(
    "換算できる為替レートがない金額があり、どの合計にも含めていません。管理者に確認してください。",
    "Some amounts are left out of all sums, for lack of an exchange rate; ask an administrator.",
)
NO_BOTTLENECK = Text(
    "統計的に確かなボトルネックは見つかりませんでした。ステージ移行率の表を確認してください。",
    "No statistically reliable bottleneck was found; see the stage table.",
)
ATTRIBUTES_NOT_USED = "attributes_not_used"  # the warning that stands for all warnings of leaks
_LEAK = "leak_"  # code of a model's warning: the attribute behind it would tell the outcome
_MAX_NAMED = 5


def no_target(scope: Text, period: Period) -> Text:
    """Without a revenue target there is no probability of reaching it."""
    return Text(
        "{period}の{scope}の売上目標が未登録のため、達成確率を計算できません。"
        "目標（targets、metric=revenue）を取り込んでください。",
        "No revenue target is known for {scope} in {period}, so there is no probability of reaching it; "
        "import one (targets, metric=revenue).",
    ).format(scope=scope, period=period_label(period))


def blind_differs(chance: float, blind: float) -> Text:
    """A deal's chance rests on who owns it or on what the owner wrote."""
    return Text(
        "担当者と、担当者が自由に入力できる項目を使わずに計算すると、受注確率は{blind}です"
        "（通常の計算では{chance}）。差が大きいため、入力内容を本人と確認してください。",
        "Computed without the rep and without what the rep can enter at will, the win probability is "
        "{blind}, not {chance}: go through the entries together.",
    ).format(blind=probability_words(blind), chance=probability_words(chance))


def unknown_deal(deal_id: str) -> Text:
    """The deal does not exist, or did not at that moment."""
    return Text(
        "商談「{deal_id}」はその時点では見つかりません。"
        "進行中の商談は `sancho score` または GET /v1/deals で確認できます。",
        "deal {deal_id!r} is not known at that time; `sancho score` or GET /v1/deals lists the open deals.",
    ).format(deal_id=deal_id)


def closed_deal(deal: Text, closed: int, zone: ZoneInfo) -> Text:
    """A deal that has closed has nothing left to predict."""
    return Text(
        "商談「{deal}」は{day}に決着済みです。as_of にそれより前の日を指定してください。",
        "deal {deal!r} closed on {day}; give an earlier as_of.",
    ).format(deal=deal, day=day_label(local_datetime(closed, zone).date()))


def sent_closed_deal(deal_id: str, won: bool, closed: int, zone: ZoneInfo) -> Text:
    """A sent deal has ended by the moment of prediction: it is won or lost, or in a stage that ends deals."""
    return Text(
        "送信された商談「{deal_id}」は{outcome}で決着しています（{day}）。予測できるのは進行中の商談だけです。"
        "決着前の状態を予測するには、as_of にそれより前の日を指定してください。",
        "deal {deal_id!r} was sent as {outcome} (on {day}): only an open deal has something left to predict. "
        "For what was predicted before, give an earlier as_of.",
    ).format(
        deal_id=deal_id,
        outcome=Text("受注", "won") if won else Text("失注", "lost"),
        day=day_label(local_datetime(closed, zone).date()),
    )


def sent_in_closing_stage(deal_id: str, stage: str) -> Text:
    """A sent deal is in a stage that ends deals, and nothing says since when."""
    return Text(
        "送信された商談「{deal_id}」のステージ「{stage}」は決着を意味します。予測できるのは進行中の商談だけです。"
        "決着前の状態を予測するには、closed_at と、それより前の as_of を指定してください。",
        "deal {deal_id!r} was sent in stage {stage!r}, which ends deals: only an open deal has something "
        "left to predict. For what was predicted before, give closed_at and an earlier as_of.",
    ).format(deal_id=deal_id, stage=stage)


def unknown_recommendation(recommendation_id: str) -> Text:
    """The recommendation does not exist."""
    return Text(
        "打ち手「{recommendation_id}」は見つかりません。"
        "GET /v1/actions または商談の actions にある recommendation_id を指定してください。",
        "recommendation {recommendation_id!r} is not known; give a recommendation_id of GET /v1/actions or "
        "of a deal's actions.",
    ).format(recommendation_id=recommendation_id)


def model_warnings(warnings: Sequence[ModelWarning], version: str) -> list[tuple[str, Text]]:
    """The warnings of a model, by code; all attributes that it does not use in one line.

    The reasons are for who looks after the model: `sancho models show` gives them.
    """
    columns = TABLES["deals"].by_name
    attributes = [warned.code.removeprefix(_LEAK) for warned in warnings if warned.code.startswith(_LEAK)]
    texts = [(warned.code, warned.message) for warned in warnings if not warned.code.startswith(_LEAK)]
    if not attributes:
        return texts
    labels = [columns[name].label if name in columns else Text(name, name) for name in attributes]
    named, more = labels[:_MAX_NAMED], len(labels) - _MAX_NAMED
    if more > 0:
        named.append(Text("ほか{n}項目", "{n} more").format(n=more))
    line = Text(
        "予測に使っていない項目：{names}（理由は `sancho models show {version}`）",
        "Not used for prediction: {names} (why: `sancho models show {version}`)",
    ).format(
        names=Text("、".join(label.ja for label in named), ", ".join(label.en for label in named)),
        version=version,
    )
    return [(ATTRIBUTES_NOT_USED, line), *texts]


def other_rates(kind: str, bundle: Bundle) -> tuple[str, Text]:
    """The organisation counts with other exchange rates than when the model was trained."""
    text = Text(
        "為替レートの種類が{now}に変わりましたが、モデルは{then}のレートで学習しています。再学習してください。",
        "The organisation now counts with {now} rates, the model was trained with {then} ones; retrain it.",
    )
    return "rates_changed", text.format(now=kind, then=bundle.rate_kind)


def age_warnings(
    model_as_of: int, newest: int, moment: int, zone: ZoneInfo, table: bool = False
) -> list[tuple[str, Text]]:
    """Whether the model's data end long before the moment of an answer, or after it, and so do all data.

    `newest` is the last instant at which anything about a deal was recorded. A model that has learned all
    there is to learn is not called old: it is the data that are. `table`: they are so old that the
    stage table answers.
    """
    old_data = []
    if moment - newest > QUIET_DAYS * DAY:
        day = local_datetime(newest, zone).date()
        text = _DATA_OLD.format(
            newest=day_label(day),
            day=day.isoformat(),
            n=(moment - newest) // DAY,
            table=_TABLE_ANSWERS if table else Text("", ""),
        )
        old_data = [("data_old", text)]
    return [*old_data, *_model_age(model_as_of, newest, moment, zone)]


_DATA_OLD = Text(
    "商談についての最新の記録は{newest}で、この時点の{n}日前です。その間の動きは反映されていません。{table}"
    "新しいデータを取り込むか（sancho import）、その日の時点（--as-of {day}）で予測してください。",
    "The newest record about a deal is of {newest}, {n} days before this moment: what happened since is not "
    "known. {table}Import newer data (sancho import), or ask as of that day (--as-of {day}).",
)
_TABLE_ANSWERS = Text(
    "どの商談も最長の商談期間より長く記録がないため、受注確率はステージ別受注率表の値です。",
    "No deal has a record within the longest sales cycle, so the chances are those of the stage-rate table. ",
)


def _model_age(model_as_of: int, newest: int, moment: int, zone: ZoneInfo) -> list[tuple[str, Text]]:
    day = day_label(last_known_day(model_as_of, zone))
    if model_as_of > moment:
        text = Text(
            "モデルは{day}までのデータで学習しており、この時点より後を知っています。当時の予測の再現ではありません。",
            "The model was trained on data up to {day}, after this moment: this is not what would have been "
            "predicted then.",
        )
        return [("model_newer_than_as_of", text.format(day=day))]
    if moment - model_as_of > OLD_DAYS * DAY and model_as_of <= newest:
        text = Text(
            "モデルは{day}までのデータで学習したものです。`sancho train` で再学習してください。",
            "The model was trained on data up to {day}; retrain it with `sancho train`.",
        )
        return [("model_old", text.format(day=day))]
    return []
