"""When and by which mail server are people told what calls for them?"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from crm.i18n import Text

FINE = {  # what a value may be, for who gave another
    "alert_hours": Text("08:00-19:00 のような時間帯", "hours such as 08:00-19:00"),
    "smtp_port": Text("1から65535の番号", "a number from 1 to 65535"),
    "smtp_security": Text("starttls、tls、none のいずれか", "starttls, tls or none"),
    "smtp_password": Text("文字列（引用符で囲む）", "text, in quotes"),
    "mail_from": Text(
        "sancho@example.com のようなメールアドレス", "an e-mail address such as sancho@example.com"
    ),
}


def _hours(text: str) -> str:
    first, _, last = text.partition("-")
    if not time.fromisoformat(first.strip()) < time.fromisoformat(last.strip()):
        raise ValueError("no hours")
    return text


def _mail_address(text: str) -> str:
    if text and not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", text):
        raise ValueError("no address")
    return text


class AlertSettings(BaseModel):
    """What alerts to people need."""

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
