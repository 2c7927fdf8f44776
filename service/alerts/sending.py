"""How does a message leave? By HTTPS as webhooks do, or by SMTP; and did it arrive, for certain?"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

from crm.i18n import Language
from crm.store.alerts import DEAD, QUEUED, SENT, UNSURE, Channel
from service.alerts import forms
from service.alerts.words import digest
from service.webhooks.sending import Sent, send

if TYPE_CHECKING:
    from service.settings import Settings

SMTP_SECONDS = 20.0
_GONE = (404, 410)  # the address is no channel any more
_NO_MAIL = "no mail is sent: SANCHO_SMTP_HOST and SANCHO_MAIL_FROM are not set"


@dataclass(frozen=True)
class Outcome:
    """What came of a message: `queued` is to be tried again, `unsure` may have arrived and is not."""

    state: str
    error: str | None = None


class Sender:
    """Sends messages as the settings say."""

    def __init__(self, settings: Settings, chatwork_api: str = forms.CHATWORK_API) -> None:
        self._settings, self._chatwork_api = settings, chatwork_api

    def send(
        self, channel: Channel, alerts: Sequence[tuple[str, Mapping[str, Any]]], group_id: str
    ) -> Outcome:
        """Sends alerts, given by kind and body, in one message."""
        lang: Language = "en" if (channel.language or self._settings.language) == "en" else "ja"
        told = digest(alerts, lang, self._settings.public_url)
        if channel.form == forms.MAIL:
            return self._mail(forms.mail(told, self._settings.mail_from, channel.address, group_id))
        if channel.form == forms.SLACK:
            call = forms.slack(told, channel.address)
        elif channel.form == forms.TEAMS:
            call = forms.teams(told, channel.address)
        elif channel.form == forms.CHATWORK:
            call = forms.chatwork(told, channel.address, channel.secret or "", self._chatwork_api)
        else:
            call = forms.webhook(told, alerts, channel.address, channel.secret or "", group_id)
        sent = send(call.url, call.body, call.headers, self._settings.private_webhooks)
        return _outcome(sent, has_id=channel.form == forms.WEBHOOK)

    def _mail(self, message: EmailMessage) -> Outcome:
        if not self._settings.smtp_host or not self._settings.mail_from:
            return Outcome(QUEUED, _NO_MAIL)
        is_sent = False
        try:
            server = self._connected()
            try:
                sender, to = str(message["From"]), str(message["To"])
                for code, _ in (server.mail(sender), server.rcpt(to)):
                    if code >= 400:
                        return Outcome(DEAD if code >= 500 else QUEUED, f"SMTP {code}")
                is_sent = True  # from here on it may have arrived
                code, _ = server.data(message.as_bytes(policy=SMTP))
                return (
                    Outcome(SENT) if code < 400 else Outcome(DEAD if code >= 500 else QUEUED, f"SMTP {code}")
                )
            finally:
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except smtplib.SMTPDataError as error:  # the server says that it does not take the message
            return Outcome(QUEUED, f"SMTP {error.smtp_code}")
        except (smtplib.SMTPException, OSError) as error:
            given = getattr(error, "smtp_code", None)
            reason = f"SMTP {given}" if given is not None else type(error).__name__
            return Outcome(UNSURE if is_sent else QUEUED, reason)

    def _connected(self) -> smtplib.SMTP:
        given, trusted = self._settings, ssl.create_default_context()
        address = (given.smtp_host, given.smtp_port)
        server: smtplib.SMTP
        if given.smtp_security == "tls":
            server = smtplib.SMTP_SSL(*address, timeout=SMTP_SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(*address, timeout=SMTP_SECONDS)
        try:
            if given.smtp_security == "starttls":
                server.starttls(context=trusted)
            server.ehlo_or_helo_if_needed()
            if given.smtp_user:
                server.login(given.smtp_user, given.smtp_password)
        except BaseException:
            server.close()
            raise
        return server


def _outcome(sent: Sent, has_id: bool) -> Outcome:
    """What is to become of a message; one that the receiver can tell from another may come twice."""
    if sent.has_arrived:
        return Outcome(SENT)
    if sent.status is None:
        return Outcome(UNSURE if sent.is_unsure and not has_id else QUEUED, sent.error)
    return Outcome(DEAD if sent.status in _GONE else QUEUED, f"HTTP {sent.status}")
