"""Who reaches the service, under which names, how often, and how do people sign in?"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from crm.errors import SanchoError
from crm.i18n import Text
from service.host_names import host_names, networks, public_address
from service.web_addresses import is_safe_url

FINE = {  # what a value may be, for who gave another
    "public_url": Text(
        "https://sancho.example.com のような、パスのないアドレス",
        "an address without a path, such as https://sancho.example.com",
    ),
    "allowed_hosts": Text(
        "sancho.example.com,10.0.0.5 のような、ポートのないホスト名",
        "names of hosts without a port, such as sancho.example.com,10.0.0.5",
    ),
    "card_origins": Text(
        "https://crm.example.com のような、パスのないアドレス",
        "addresses without a path, such as https://crm.example.com",
    ),
    "trusted_proxies": Text(
        "10.0.0.2,10.1.0.0/16 のような、IPアドレスまたはネットワーク",
        "IP addresses or networks, such as 10.0.0.2,10.1.0.0/16",
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


def _parted(given: Any) -> Any:
    """Words of a text that has commas between them; anything else as it is."""
    return [word.strip() for word in given.split(",") if word.strip()] if isinstance(given, str) else given


def _public_addresses(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(public_address(one) for one in given)


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)]


class PeopleSettings(BaseModel):
    """What lets others reach the service, and people sign in."""

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
    card_origins: Annotated[
        Words,
        AfterValidator(_public_addresses),
        Text(
            "商談カードを埋め込んでよいサイトのアドレス（コンマ区切り）。空なら埋め込めない",
            "Addresses of sites whose pages may show a deal's card, with commas between them; empty = none",
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


_NO_AUDIENCE = Text(
    "設定 SANCHO_OIDC_ISSUER には SANCHO_OIDC_CLIENT_ID または SANCHO_OIDC_AUDIENCE も必要です。",
    "setting SANCHO_OIDC_ISSUER needs SANCHO_OIDC_CLIENT_ID or SANCHO_OIDC_AUDIENCE beside it.",
)
