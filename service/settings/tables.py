"""Which settings are tables of their own: how recommendations are tested, and what is kept how long?"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from crm.i18n import Text


class ActionSettings(BaseModel):
    """How recommendations are tested; both are off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    explore: Annotated[
        bool,
        Text(
            "最善とは限らない打ち手もときどき先頭に出し、効果を比べられるようにする",
            "Sometimes put another action first that may be better, so that effects can be compared",
        ),
    ] = False
    hold_out: Annotated[
        float,
        Text(
            "効果測定のために打ち手を推奨しない商談の割合（0から0.9）",
            "Share of deals that get no recommendations, so that their effect can be measured (0 to 0.9)",
        ),
    ] = Field(0.0, ge=0, le=0.9)


Days = Annotated[int | None, Field(ge=1, le=36_500)]


class RetentionSettings(BaseModel):
    """For how many days what is kept, by what it is; none: for ever. `sancho jobs schedule retention`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activity_text: Annotated[
        Days,
        Text(
            "活動の件名（自由記述）を残す日数。過ぎると件名だけを消し、活動の記録は残す",
            "Days for which the text of activities stays; then it is blanked, and the activity stays",
        ),
    ] = None
    quarantine: Annotated[
        Days, Text("取り込めなかった行を残す日数", "Days for which rows that were refused at import stay")
    ] = None
    audit: Annotated[Days, Text("監査記録を残す日数", "Days for which the audit stays")] = None
    deal_scores: Annotated[
        Days,
        Text("日々の商談スコアを残す日数", "Days for which the stored daily scores of deals stay"),
    ] = None
    forecasts: Annotated[
        Days,
        Text(
            "日々の予測（担当者・チーム・全社）を残す日数",
            "Days for which the stored daily forecasts of people, teams and the company stay",
        ),
    ] = None
    shadow_answers: Annotated[
        Days,
        Text("シャドーモデルの回答を残す日数", "Days for which the answers of shadow models stay"),
    ] = None
    person_answers: Annotated[
        Days,
        Text(
            "本人が自分の数値に付けた回答を残す日数",
            "Days for which what people answered to their own figures stays",
        ),
    ] = None
    meetings: Annotated[
        Days,
        Text(
            "週次会議と1on1の記録、約束、宣言を残す日数",
            "Days for which notes of weekly reviews and one-on-ones, agreements and calls stay",
        ),
    ] = None
    jobs: Annotated[
        Days,
        Text("終わったジョブを残す日数（最長90日）", "Days for which jobs that ended stay, 90 at most"),
    ] = None
    webhook_deliveries: Annotated[
        Days,
        Text(
            "Webhookの送信記録を残す日数（最長30日）",
            "Days for which what was sent to webhooks stays, 30 at most",
        ),
    ] = None
