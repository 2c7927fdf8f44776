"""Where does an installation keep what it has, what is its organisation, and how does it serve?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, field_validator

from crm.addresses import with_password, with_quoted_password
from crm.i18n import Language, Text
from crm.organisation_values import is_country, is_currency, is_zone
from service.settings.tables import ActionSettings, RetentionSettings

if TYPE_CHECKING:
    from crm.organisation import Organisation

_MOST_RANKS, _LONGEST_RANK = 10, 20
FINE = {  # what a value may be, for who gave another
    "timezone": Text("Asia/Tokyo などのIANAタイムゾーン名", "an IANA time zone such as Asia/Tokyo"),
    "currency": Text("JPY などの3文字の通貨コード", "a three-letter currency code such as JPY"),
    "fiscal_start_month": Text("1から12の月", "a month from 1 to 12"),
    "language": Text("ja または en", "ja or en"),
    "country": Text("JP などの2文字の国コード", "a two-letter country code such as JP"),
    "grades": Text(
        "0.6, 0.35, 0.15 のような3つの確率（大きい順）", "three falling probabilities such as 0.6, 0.35, 0.15"
    ),
    "train": Text("学習の設定の表 [train]", "a table [train] of training choices"),
    "kpi": Text("[[kpi]] の表（docs/kpis.md の例を参照）", "tables [[kpi]] as docs/kpis.md shows"),
    "actions": Text(
        "[actions] の表：explore = true または false、hold_out = 0から0.9の割合",
        "a table [actions] with explore = true or false and hold_out = a share of 0 to 0.9",
    ),
    "retention": Text(
        "[retention] の表（日数。docs/privacy.md の例を参照）",
        "a table [retention] of days, as docs/privacy.md shows",
    ),
    "port": Text("1から65535の番号", "a number from 1 to 65535"),
    "database_url": Text("アドレスの文字列", "an address, as text"),
    "database_password": Text("文字列（引用符で囲む）", "text, in quotes"),
    "home": Text("書き込めるフォルダー", "a folder that can be written to"),
    "job_workers": Text("true または false", "true or false"),
    "private_webhooks": Text("true または false", "true or false"),
    "ranks": Text(
        "[ranks] の表（A = 0.9 のように、ヨミごとに決めた確率。0より大きく1以下、10個まで）",
        "a table [ranks] with the agreed chance of each rank, such as A = 0.9 (above 0, at most 1; up to 10)",
    ),
    "refresh_seconds": Text("0以上の秒数", "seconds, 0 or more"),
}


def _existing(exists: Callable[[str], bool]) -> AfterValidator:
    def check(name: str) -> str:
        if not exists(name):
            raise ValueError("does not exist")
        return name

    return AfterValidator(check)


def _agreed(ranks: dict[str, float]) -> dict[str, float]:
    if not 1 <= len(ranks) <= _MOST_RANKS or not all(0 < chance <= 1 for chance in ranks.values()):
        raise ValueError("no chances")
    if not all(0 < len(rank.strip()) <= _LONGEST_RANK for rank in ranks):
        raise ValueError("no ranks")
    return ranks


class InstallationSettings(BaseModel):
    """Data, organisation, model and service of an installation."""

    home: Annotated[
        Path,
        Text(
            "組み込みのデータベース、MLflowの記録、モデルを置くフォルダー",
            "Folder of the embedded database, MLflow's records and the models",
        ),
    ] = Path(".sancho")
    database_url: Annotated[
        str,
        Text(
            "データの保存先（SQLAlchemyのURL）。空なら home の中のSQLite。"
            "SANCHO_DATABASE_URL_FILE でファイルからも読める",
            "Store, as an SQLAlchemy URL; empty = SQLite in the home. Also from a file: "
            "SANCHO_DATABASE_URL_FILE",
        ),
    ] = Field("", repr=False)
    database_password: Annotated[
        str,
        Text(
            "database_url に書かないパスワード。SANCHO_DATABASE_PASSWORD_FILE でファイルからも読める",
            "Password that database_url does not hold. Also from a file: SANCHO_DATABASE_PASSWORD_FILE",
        ),
    ] = Field("", repr=False)
    timezone: Annotated[
        str,
        _existing(is_zone),
        Text(
            "組織のタイムゾーン（IANAの名前）。最初の取り込みで保存され、以後は `sancho organisation` で変更",
            "Time zone of the organisation, an IANA name; stored by the first import, then changed by "
            "`sancho organisation`",
        ),
    ] = "Asia/Tokyo"
    currency: Annotated[
        str,
        _existing(is_currency),
        Text(
            "組織の通貨（3文字）。最初の取り込みで保存され、以後は `sancho organisation` で変更",
            "Currency of the organisation, three letters; stored by the first import, then changed by "
            "`sancho organisation`",
        ),
    ] = "JPY"
    fiscal_start_month: Annotated[
        int,
        Text(
            "年度の最初の月（1から12）。最初の取り込みで保存され、以後は `sancho organisation` で変更",
            "First month of the fiscal year, 1 to 12; stored by the first import, then changed by "
            "`sancho organisation`",
        ),
    ] = Field(4, ge=1, le=12)
    language: Annotated[
        Language,
        Text(
            "言語の指定がないときの言語（ja または en）", "Language where a reader asks for none (ja or en)"
        ),
    ] = "ja"
    country: Annotated[
        str,
        _existing(is_country),
        Text(
            "祝日を数える国（2文字）。最初の取り込みで保存され、以後は `sancho organisation` で変更",
            "Country whose public holidays count, two letters; stored by the first import, then changed by "
            "`sancho organisation`",
        ),
    ] = "JP"
    grades: Annotated[
        tuple[float, float, float],
        Text(
            "商談をA、B、Cと評価する受注確率の下限。それ未満はD",
            "Win probability from which a deal is graded A, B, C; below, D",
        ),
    ] = (0.6, 0.35, 0.15)
    train: Annotated[dict[str, Any], Text("学習の設定（表）", "Training choices, a table")] = Field(
        default_factory=dict
    )
    kpi: Annotated[list[dict[str, Any]], Text("自社のKPI（表）", "KPIs of your own, tables")] = Field(
        default_factory=list
    )
    ranks: Annotated[
        dict[str, float],
        AfterValidator(_agreed),
        Text(
            "ヨミ（担当者の確度）ごとに社内で決めている受注の確率（表）。"
            "どの列がヨミかは `sancho organisation --rank-column` で指定",
            "The chance of an order that is agreed for each rank of the reps' own call, a table; "
            "`sancho organisation --rank-column` says which column has the ranks",
        ),
    ] = Field({"A": 0.9, "B": 0.6, "C": 0.3})
    actions: Annotated[
        ActionSettings, Text("打ち手の効果の測り方（表）", "How recommendations are tested, a table")
    ] = ActionSettings()
    retention: Annotated[
        RetentionSettings,
        Text("何を何日間残すか（表）", "For how many days what is kept, a table"),
    ] = RetentionSettings()
    host: Annotated[str, Text("サービスが待ち受けるアドレス", "Address at which the service listens")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Text("サービスのポート番号", "Port of the service")] = Field(8000, ge=1, le=65535)
    job_workers: Annotated[
        bool,
        Text(
            "`sancho serve` が取り込みや学習のプロセスも起動する（別に `sancho jobs work` を使うなら false）",
            "Whether `sancho serve` also starts the processes of imports and trainings; false where "
            "`sancho jobs work` runs elsewhere",
        ),
    ] = True
    private_webhooks: Annotated[
        bool,
        Text(
            "Webhookの送信先に、社内ネットワークのアドレスとTLSなしのHTTPを認める",
            "Whether webhooks may go to a private network, and to HTTP without TLS",
        ),
    ] = False
    refresh_seconds: Annotated[
        float,
        Text("新しいデータを確認する間隔（秒）", "Seconds between two looks for new data"),
    ] = Field(1.0, ge=0)

    @field_validator("grades")
    @classmethod
    def _falling(cls, grades: tuple[float, float, float]) -> tuple[float, float, float]:
        if not 1 >= grades[0] >= grades[1] >= grades[2] >= 0:
            raise ValueError("grades must fall from 1 to 0")
        return grades

    @property
    def zone(self) -> ZoneInfo:
        """The organisation's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def organisation(self) -> Organisation:
        """What the settings say of the organisation, where its row in the store does not say it."""
        from crm.organisation import Organisation

        return Organisation(
            fiscal_start_month=self.fiscal_start_month,
            time_zone=self.timezone,
            country=self.country,
            currency=self.currency,
        )

    @property
    def kept_folder(self) -> Path:
        """Where copies are kept of what was read and compiled; it can be deleted at any time."""
        return self.home / "compiled"

    @property
    def store_url(self) -> str:
        """Where the store is."""
        if not self.database_url:
            return f"sqlite:///{(self.home / 'sancho.db').absolute()}"
        if self.database_password:
            return with_password(self.database_url, self.database_password)
        return with_quoted_password(self.database_url)
