"""Which settings does this installation have? Read once at the edge, frozen, handed inward as arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from crm.addresses import with_password, with_quoted_password
from crm.errors import SanchoError
from crm.i18n import Language, Text
from crm.organisation_values import is_country, is_currency, is_zone
from service.host_names import host_names, networks, public_address
from service.web_addresses import is_safe_url

if TYPE_CHECKING:
    from crm.organisation import Organisation

CONFIG_FILE = "sancho.toml"
# Also read from a file that SANCHO_<NAME>_FILE names.
_SECRETS = ("database_url", "database_password", "oidc_client_secret", "smtp_password")
_FINE = {
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
    "refresh_seconds": Text("0以上の秒数", "seconds, 0 or more"),
    "public_url": Text(
        "https://sancho.example.com のような、パスのないアドレス",
        "an address without a path, such as https://sancho.example.com",
    ),
    "allowed_hosts": Text(
        "sancho.example.com,10.0.0.5 のような、ポートのないホスト名",
        "names of hosts without a port, such as sancho.example.com,10.0.0.5",
    ),
    "trusted_proxies": Text(
        "10.0.0.2,10.1.0.0/16 のような、IPアドレスまたはネットワーク",
        "IP addresses or networks, such as 10.0.0.2,10.1.0.0/16",
    ),
    "alert_hours": Text("08:00-19:00 のような時間帯", "hours such as 08:00-19:00"),
    "smtp_port": Text("1から65535の番号", "a number from 1 to 65535"),
    "smtp_security": Text("starttls、tls、none のいずれか", "starttls, tls or none"),
    "smtp_password": Text("文字列（引用符で囲む）", "text, in quotes"),
    "mail_from": Text(
        "sancho@example.com のようなメールアドレス", "an e-mail address such as sancho@example.com"
    ),
    "calls_per_minute": Text("0以上の回数（0は無制限）", "a number of calls, 0 or more (0: no limit)"),
    "computations_per_minute": Text("0以上の回数（0は無制限）", "a number, 0 or more (0: no limit)"),
    "local_sign_in": Text("true または false", "true or false"),
    "session_idle_minutes": Text("1から10080の分数", "minutes, 1 to 10080"),
    "session_hours": Text("1から720の時間数", "hours, 1 to 720"),
    "link_minutes": Text("1から10080の分数", "minutes, 1 to 10080"),
    "oidc_issuer": Text(
        "https:// で始まる認証プロバイダーのアドレス",
        "the address of the provider, which begins with https://",
    ),
    "oidc_client_id": Text("プロバイダーでのID（文字列）", "the id at the provider, as text"),
    "oidc_client_secret": Text("文字列（引用符で囲む）", "text, in quotes"),
    "oidc_audience": Text("文字列", "text"),
    "oidc_email_claim": Text("トークンの項目名", "the name of a claim"),
    "oidc_assume_verified": Text("true または false", "true or false"),
    "oidc_clock_skew_seconds": Text("0から600の秒数", "seconds, 0 to 600"),
}


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


def _existing(exists: Callable[[str], bool]) -> AfterValidator:
    def check(name: str) -> str:
        if not exists(name):
            raise ValueError("does not exist")
        return name

    return AfterValidator(check)


def _parted(given: Any) -> Any:
    """Words of a text that has commas between them; anything else as it is."""
    return [word.strip() for word in given.split(",") if word.strip()] if isinstance(given, str) else given


def _hours(text: str) -> str:
    first, _, last = text.partition("-")
    if not time.fromisoformat(first.strip()) < time.fromisoformat(last.strip()):
        raise ValueError("no hours")
    return text


def _mail_address(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", text):
        raise ValueError("no address")
    return text


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)]


class Settings(BaseSettings):
    """Settings of an installation: environment variables SANCHO_*, then sancho.toml, then these defaults."""

    model_config = SettingsConfigDict(
        env_prefix="SANCHO_", toml_file=CONFIG_FILE, frozen=True, extra="forbid"
    )

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
    public_url: Annotated[
        str,
        AfterValidator(public_address),
        Text(
            "利用者から見たサービスのアドレス。通知のリンクとOIDCのサインインに使い、"
            "https なら Cookie をTLSに限定する",
            "Address at which others reach the service: links in alerts begin with it, sign-in by OIDC needs "
            "it, and with https cookies need TLS",
        ),
    ] = ""
    allowed_hosts: Annotated[
        Words,
        AfterValidator(host_names),
        Text(
            "受け付けるHostヘッダーのホスト名（コンマ区切り）。空なら public_url のホスト。"
            "どちらもなく、このマシンだけで待ち受けるときは localhost",
            "Names that a call's Host header may have, with commas between them; empty = that of public_url; "
            "where that is empty, too, and the service listens on this machine alone, localhost",
        ),
    ] = ()
    trusted_proxies: Annotated[
        Words,
        AfterValidator(networks),
        Text(
            "X-Forwarded-For と X-Forwarded-Proto を信用するプロキシの"
            "IPアドレスまたはネットワーク（コンマ区切り）",
            "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: IP addresses or networks, "
            "with commas between them",
        ),
    ] = ()
    calls_per_minute: Annotated[
        int,
        Text(
            "1つのキーまたは1人が1分間に送れるリクエスト数（0は無制限）",
            "Calls that one key or person may make within a minute (0: no limit)",
        ),
    ] = Field(60_000, ge=0)
    computations_per_minute: Annotated[
        int,
        Text(
            "1つのキーまたは1人が1分間に求められる新しいシミュレーションの数（0は無制限）",
            "Simulations that one key or person may have made anew within a minute (0: no limit)",
        ),
    ] = Field(240, ge=0)

    local_sign_in: Annotated[
        bool,
        Text(
            "パスワードとワンタイムリンクでのサインインを認める（OIDCだけを使うなら false）",
            "Whether people sign in by passwords and one-time links; false where OIDC alone is used",
        ),
    ] = True
    session_idle_minutes: Annotated[
        float,
        Text("操作がないままサインインが続く時間（分）", "Minutes without a call after which a session ends"),
    ] = Field(120, ge=1, le=10_080)
    session_hours: Annotated[
        float,
        Text("サインインが続く最長の時間", "Hours after which a session ends in any case"),
    ] = Field(12, ge=1, le=720)
    link_minutes: Annotated[
        float,
        Text("ワンタイムリンクの有効期間（分）", "Minutes for which a one-time link works"),
    ] = Field(30, ge=1, le=10_080)
    oidc_issuer: Annotated[
        str,
        Text(
            "OpenID Connectの発行者（issuer）のアドレス。空ならOIDCは使わない",
            "Issuer of the OpenID Connect provider; empty = none",
        ),
    ] = ""
    oidc_client_id: Annotated[
        str,
        Text(
            "プロバイダーに登録したこのサービスのクライアントID",
            "Client id under which the provider knows this service",
        ),
    ] = ""
    oidc_client_secret: Annotated[
        str,
        Text(
            "クライアントシークレット。SANCHO_OIDC_CLIENT_SECRET_FILE でファイルからも読める",
            "The client's secret. Also from a file: SANCHO_OIDC_CLIENT_SECRET_FILE",
        ),
    ] = Field("", repr=False)
    oidc_audience: Annotated[
        str,
        Text(
            "/v1 に送られるトークンの aud。空なら oidc_client_id",
            "Audience of tokens that are sent to /v1; empty = oidc_client_id",
        ),
    ] = ""
    oidc_email_claim: Annotated[
        str,
        Text("メールアドレスが入ったトークンの項目", "Claim of a token that holds the e-mail address"),
    ] = Field("email", min_length=1)
    oidc_assume_verified: Annotated[
        bool,
        Text(
            "email_verified を送らないプロバイダーのメールアドレスを確認済みとみなす",
            "Whether an e-mail address counts as verified where the provider does not send email_verified",
        ),
    ] = False
    oidc_clock_skew_seconds: Annotated[
        float,
        Text("プロバイダーの時計とのずれの許容（秒）", "Seconds by which the provider's clock may differ"),
    ] = Field(60.0, ge=0, le=600)

    alert_hours: Annotated[
        str,
        AfterValidator(_hours),
        Text(
            "人への通知を送る時間帯（営業日のみ。それ以外の時間の通知は、次の営業日の始めにまとめて送る）",
            "Hours in which people are sent alerts, on working days; what comes later waits for the next",
        ),
    ] = "08:00-19:00"
    smtp_host: Annotated[
        str,
        Text(
            "通知メールを送るSMTPサーバー。空ならメールは送らない",
            "SMTP server for alerts by mail; empty = none",
        ),
    ] = ""
    smtp_port: Annotated[int, Text("SMTPサーバーのポート", "Port of the SMTP server")] = Field(
        587, ge=1, le=65535
    )
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        Text(
            "SMTPの暗号化（starttls、tls、none）。none は同じマシンのサーバーだけに",
            "How SMTP is encrypted: starttls, tls or none, which is for a server of the same machine",
        ),
    ] = "starttls"
    smtp_user: Annotated[
        str, Text("SMTPのユーザー名（認証を使う場合）", "User at the SMTP server, where it asks")
    ] = ""
    smtp_password: Annotated[
        str,
        Text(
            "SMTPのパスワード。SANCHO_SMTP_PASSWORD_FILE でファイルからも読める",
            "Password at the SMTP server. Also from a file: SANCHO_SMTP_PASSWORD_FILE",
        ),
    ] = Field("", repr=False)
    mail_from: Annotated[
        str,
        AfterValidator(_mail_address),
        Text("通知メールの送信元", "Address from which alerts are sent"),
    ] = ""

    @field_validator("oidc_issuer")
    @classmethod
    def _safe_issuer(cls, url: str) -> str:
        if url and not is_safe_url(url):
            raise ValueError("expected https://")
        return url

    @model_validator(mode="after")
    def _known_audience(self) -> Self:
        if self.oidc_issuer and not (self.oidc_audience or self.oidc_client_id):
            raise SanchoError(_NO_AUDIENCE, "bad_setting")
        return self

    @field_validator("grades")
    @classmethod
    def _falling(cls, grades: tuple[float, float, float]) -> tuple[float, float, float]:
        if not 1 >= grades[0] >= grades[1] >= grades[2] >= 0:
            raise ValueError("grades must fall from 1 to 0")
        return grades

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The caller's values come first, then the environment, secrets of files, then sancho.toml."""
        return init_settings, env_settings, _SecretFiles(settings_cls), TomlConfigSettingsSource(settings_cls)

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


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets as orchestrators hand them over: in a file each, whose path an environment variable names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """The contents of the field's file; None where none is named."""
        variable = f"SANCHO_{field_name.upper()}"
        path = os.environ.get(f"{variable}_FILE") if field_name in _SECRETS else None
        if not path or os.environ.get(variable):  # what is set itself wins
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "UTF-8"
            raise SanchoError(
                _NO_FILE.format(name=f"{variable}_FILE", path=path, why=why), "bad_setting"
            ) from None

    def __call__(self) -> dict[str, Any]:
        """The secrets that have a file."""
        found = {name: self.get_field_value(field, name)[0] for name, field in Settings.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


_NO_AUDIENCE = Text(
    "設定 SANCHO_OIDC_ISSUER には SANCHO_OIDC_CLIENT_ID または SANCHO_OIDC_AUDIENCE も必要です。",
    "setting SANCHO_OIDC_ISSUER needs SANCHO_OIDC_CLIENT_ID or SANCHO_OIDC_AUDIENCE beside it.",
)
_NO_FILE = Text(
    "設定 {name} のファイル「{path}」を読めません（{why}）。",
    "setting {name}: cannot read the file {path!r} ({why}).",
)


def read_settings(**given: Any) -> Settings:
    """The settings; the error for a wrong one names its key, its value and the valid values."""
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = [_explained(error) for error in error.errors()]
        raise SanchoError(
            Text("；".join(text.ja for text in wrong), "; ".join(text.en for text in wrong)), "bad_setting"
        ) from None
    except ValueError as error:  # the TOML file itself
        raise SanchoError(
            Text(
                "{file} を読めません（{error}）。TOMLの書式を確認してください。",
                "cannot read {file} ({error}); check its TOML.",
            ).format(file=CONFIG_FILE, error=error),
            "bad_setting",
        ) from None


def _explained(error: Any) -> Text:
    key = str(error["loc"][0]) if error["loc"] else "?"
    name = f"SANCHO_{key.upper()}"
    if error["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields)
        return Text(
            "設定「{key}」はありません。使える設定は {known} です。",
            "setting {key!r} does not exist; use one of {known}.",
        ).format(key=key, known=known)
    fine = _FINE.get(key, Text("別の値", "another value"))
    return Text(
        "設定 {name} の値「{value}」は使えません。{fine}を指定してください。",
        "setting {name}: {value!r} cannot be used; give {fine}.",
    ).format(name=name, value="***" if key in _SECRETS else str(error["input"]), fine=fine)
