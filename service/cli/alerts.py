"""What do `alerts add`, `list`, `test`, `mute`, `unmute` and `remove` do?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from models.forecast.organisation import ScopeTree
    from service.alerts.book import AlertBook
    from service.settings import Settings

Number = Annotated[
    str,
    argument("ID", Text("通知先の番号（alerts list に表示）。", "The channel's id, as list shows it.")),
]
Who = Annotated[
    str,
    argument("PERSON", Text("担当者ID、または通知先の番号。", "A person's id, or a channel's.")),
]
Kinds = Annotated[
    list[str] | None,
    option("--kind", "KIND", Text("通知の種類（既定はすべて）。", "Kinds of alert (default: all).")),
]


def add(
    form: Annotated[
        str,
        argument(
            "FORM",
            Text(
                "形式。mail、webhook、slack、teams、chatwork。",
                "How: mail, webhook, slack, teams or chatwork.",
            ),
        ),
    ],
    to: Annotated[
        str,
        option(
            "--to",
            "ADDRESS",
            Text(
                "送信先。WebhookのURL、Chatworkのルーム番号、メールアドレス（担当者へのメールでは不要）。",
                "Where to: a webhook's URL, a Chatwork room's number, an e-mail address (a person's mail "
                "needs none).",
            ),
        ),
    ] = "",
    person: Annotated[
        str | None,
        option(
            "--person",
            "ID",
            Text(
                "読む人。見られる範囲（全社、率いるチーム、自分の商談）について知らせます。",
                "Who reads it; told about what that person may see.",
            ),
        ),
    ] = None,
    scope: Annotated[
        str | None,
        option(
            "--scope",
            "S",
            Text(
                "読む人を決めないときの対象。company、team:ID、person:ID。",
                "Without a person: company, team:ID or person:ID.",
            ),
        ),
    ] = None,
    kind: Kinds = None,
    language: Annotated[
        str | None,
        option("--language", "ja|en", Text("通知の言語。", "Language of the alerts.")),
    ] = None,
    token_file: Annotated[
        Path | None,
        option(
            "--token-file",
            "FILE",
            Text("ChatworkのAPIトークンが入ったファイル。", "A file that holds Chatwork's API token."),
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """A new channel, with the secret of a webhook on standard output."""
    from service.alert_requests import add_channel

    settings = _settings()
    asked = {
        "form": form,
        "address": to,
        "person_id": person,
        "scope": scope,
        "kinds": kind or [],
        "language": language,
        "token": None if token_file is None else _token(token_file),
    }
    with _book(settings) as book:
        made = add_channel(book, asked, None, lambda: _people(settings))
    secret = made.secret if made.form == "webhook" else None
    if as_json:
        print_json({"channel_id": made.channel_id, "kinds": list(made.kinds), "secret": secret})
        return 0
    print_line(made.channel_id)
    if secret is not None:
        print_line(secret)
        note(_SECRET_ONCE.to(lang))
    if form == "mail" and not (settings.smtp_host and settings.mail_from):
        note(_NO_SERVER.to(lang))
    note(_TRY.format(channel_id=made.channel_id).to(lang))
    return 0


def list_channels(as_json: Json = False, lang: Lang = "ja") -> int:
    """Who is told what; exit status 3 where something did not get through."""
    from crm.store.alerts import DEAD, QUEUED, SENT, UNSURE
    from service.alert_requests import shown_address
    from service.alerts.kinds import KINDS

    of_state = {"sent": SENT, "waiting": QUEUED, "given_up": DEAD, "unsure": UNSURE}
    with _book() as book:
        channels, counts, mutes = book.all(), book.counts(), sorted(book.mutes())
        failed = [one for one in book.newest(200) if one.state in (DEAD, UNSURE)]
    told: list[dict[str, Any]] = [
        {
            "channel_id": one.channel_id,
            "form": one.form,
            "address": shown_address(one),
            "scope": one.scope or f"person:{one.person_id}",
            "kinds": list(one.kinds),
            **{name: counts.get((one.channel_id, state), 0) for name, state in of_state.items()},
        }
        for one in channels
    ]
    if as_json:
        print_json({"channels": told, "mutes": [{"who": who, "kind": kind or None} for who, kind in mutes]})
        return 0
    rows = [
        [
            *(str(one[name]) for name in ("channel_id", "form", "address", "scope")),
            _ANY.to(lang) if set(one["kinds"]) == set(KINDS) else "\n".join(one["kinds"]),
            "\n".join(_STATES[name].format(n=one[name]).to(lang) for name in of_state if one[name]),
        ]
        for one in told
    ]
    headings = (
        Text("ID", "ID"),
        Text("形式", "form"),
        Text("送信先", "address"),
        Text("対象", "about"),
        Text("種類", "kinds"),
        Text("結果", "result"),
    )
    if rows:
        print_table("", [heading.to(lang) for heading in headings], rows, whole=[0])
    for who, kind in mutes:
        print_line(_MUTED.format(who=who, kind=kind or _ANY).to(lang))
    if not rows:
        note(_NONE.to(lang))
    for one in failed[:10]:
        note(_FAILED.format(channel_id=one.channel_id, kind=one.kind, error=one.last_error or "?").to(lang))
    return 3 if failed else 0


def try_out(channel_id: Number, lang: Lang = "ja") -> int:
    """Sends an alert that says nothing."""
    from service.jobs import JobQueue
    from service.jobs.kinds import ALERTS, queue_sending

    settings = _settings()
    with _book(settings) as book:
        book.test(channel_id)
    with JobQueue(settings.store_url) as queue:
        queue_sending(queue, ALERTS, 0.0)
    print_line(_TESTED.to(lang))
    return 0


def mute(who: Who, kind: Kinds = None, lang: Lang = "ja") -> int:
    """Somebody is told nothing more of some kinds."""
    with _book() as book:
        book.mute(who, kind or ())
    print_line(_MUTED.format(who=who, kind=" ".join(kind or ()) or _ANY).to(lang))
    return 0


def unmute(who: Who, kind: Kinds = None, lang: Lang = "ja") -> int:
    """Takes that back."""
    with _book() as book:
        count = book.unmute(who, kind or ())
    print_line(_UNMUTED.format(n=count).to(lang))
    return 0


def remove(channel_id: Number, lang: Lang = "ja") -> int:
    """Ends a channel."""
    with _book() as book:
        book.remove(channel_id)
    print_line(Text("削除しました。", "removed.").to(lang))
    return 0


HELP = Text(
    "商談や目標に変化があったとき、人にメールやチャットで知らせます。",
    "Tells people, by mail or chat, when a deal or a goal needs them.",
)
COMMANDS = (
    Command("add", add, Text("通知先を登録します。", "Adds a channel.")),
    Command(
        "list", list_channels, Text("通知先と結果の一覧を表示します。", "Lists channels and what arrived.")
    ),
    Command("test", try_out, Text("確認用の通知を送ります。", "Sends an alert to try a channel out.")),
    Command(
        "mute", mute, Text("人または通知先への通知を止めます。", "Tells a person or channel nothing more.")
    ),
    Command("unmute", unmute, Text("止めた通知を再開します。", "Takes a mute back.")),
    Command("remove", remove, Text("通知先を削除します。", "Removes a channel.")),
)
_ANY = Text("すべて", "all")
_STATES = {
    "sent": Text("到達 {n}", "{n} sent"),
    "waiting": Text("送信待ち {n}", "{n} waiting"),
    "given_up": Text("不達 {n}", "{n} given up"),
    "unsure": Text("不明 {n}", "{n} unsure"),
}
_SECRET_ONCE = Text(
    "秘密鍵（whsec_…）は今だけ表示されます。受信側で webhook-signature の検証に使ってください。",
    "the secret (whsec_...) is shown only now; the receiver checks webhook-signature with it.",
)
_NO_SERVER = Text(
    "メールを送るには SANCHO_SMTP_HOST と SANCHO_MAIL_FROM を設定してください。",
    "set SANCHO_SMTP_HOST and SANCHO_MAIL_FROM for mail to be sent.",
)
_TRY = Text(
    "`sancho alerts test {channel_id}` で届くか確認できます。",
    "`sancho alerts test {channel_id}` shows whether it arrives.",
)
_TESTED = Text(
    "確認用の通知を送ります。`sancho alerts list` で結果を確認してください。",
    "an alert is on its way; see `sancho alerts list`.",
)
_NONE = Text(
    "通知先はありません。`sancho alerts add mail --person 担当者ID` などで登録します。",
    "there is none; add one by, for example, `sancho alerts add mail --person ID`.",
)
_FAILED = Text(
    "{channel_id}：{kind} が届いていません（{error}）。", "{channel_id}: {kind} did not arrive ({error})."
)
_MUTED = Text("{who} への通知を止めています：{kind}", "{who} is told nothing of: {kind}")
_UNMUTED = Text("{n}件の停止を解除しました。", "{n} mutes taken back.")
_NO_TOKEN = Text("トークンのファイル「{path}」を読めません。", "cannot read the file of the token, {path!r}.")


def _settings() -> Settings:
    from service.settings import read_settings

    return read_settings()


def _book(settings: Settings | None = None) -> AlertBook:
    from service.alerts.book import AlertBook

    settings = settings or _settings()
    return AlertBook(settings.store_url, settings.private_webhooks)


def _token(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SanchoError(_NO_TOKEN.format(path=path), "bad_token") from None


def _people(settings: Settings) -> tuple[pd.DataFrame, ScopeTree, date]:
    """The people, the tree of scopes, and the day that they are of."""
    from crm.instants import as_of_instant, last_known_day
    from models.forecast.organisation import ScopeTree
    from service.organisation import open_store

    now = as_of_instant(None, settings.zone)
    with open_store(settings) as store:
        log = store.read(settings.zone).as_of(now)
    return log["people"], ScopeTree.of(log), last_known_day(now, log.zone)
