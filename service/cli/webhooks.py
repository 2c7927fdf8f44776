"""What do `webhooks add`, `list`, `remove`, `ping`, `deliveries` and `replay` do?"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from crm.i18n import Text
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from service.settings import Settings
    from service.webhooks.book import Webhooks

_SHOWN = 30
Number = Annotated[
    str,
    argument("ID", Text("Webhookの番号（webhooks list に表示）。", "The webhook's id, as list shows it.")),
]


def add(
    url: Annotated[str, argument("URL", Text("送信先（https://…）。", "Where to send: https://..."))],
    kind: Annotated[
        list[str] | None,
        option(
            "--type",
            "TYPE",
            Text("送るイベントの種類（既定はすべて）。", "Types of event to send (default: all)."),
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """A new webhook, with its secret on standard output."""
    with _book() as book:
        made = book.add(url, kind or ())
    if as_json:
        print_json({"webhook_id": made.webhook_id, "types": list(made.types), "secret": made.secret})
        return 0
    print_line(made.webhook_id)
    print_line(made.secret)
    note(_SECRET_ONCE.to(lang))
    note(_TRY.format(webhook_id=made.webhook_id).to(lang))
    return 0


def list_webhooks(lang: Lang = "ja") -> int:
    """Who is told what."""
    settings = _settings()
    with _book(settings) as book:
        found = book.all()
    rows = [
        [
            one.webhook_id,
            one.url,
            " ".join(one.types),
            (_IN_USE if one.disabled_at is None else _DISABLED).to(lang),
        ]
        for one in found
    ]
    headings = (
        Text("ID", "ID"),
        Text("送信先", "address"),
        Text("イベント", "events"),
        Text("状態", "state"),
    )
    print_table("", [heading.to(lang) for heading in headings], rows, whole=[0])
    if not rows:
        note(_NONE.to(lang))
    return 0


def remove(webhook_id: Number, lang: Lang = "ja") -> int:
    """Ends a webhook."""
    with _book() as book:
        book.remove(webhook_id)
    print_line(Text("削除しました。", "removed.").to(lang))
    return 0


def ping(webhook_id: Number, lang: Lang = "ja") -> int:
    """Sends an event that says nothing."""
    with _book() as book:
        event = book.ping(webhook_id)
    _wake()
    print_line(_PINGED.format(event_id=event.event_id, webhook_id=webhook_id).to(lang))
    return 0


def deliveries(
    webhook_id: Number,
    dead: Annotated[
        bool, option("--dead", None, Text("届かなかったものだけ。", "Only those that were given up."))
    ] = False,
    lang: Lang = "ja",
) -> int:
    """What became of the newest events; exit status 3 where some were given up."""
    from crm.store.webhooks import DEAD, STATES

    settings = _settings()
    with _book(settings) as book:
        found = book.deliveries(webhook_id, (DEAD,) if dead else STATES, _SHOWN)
    rows = [
        [
            _moment(one.created_at, settings.zone),
            one.type,
            one.subject,
            _STATES[one.state].to(lang),
            f"{one.last_status or one.last_error or ''}",
        ]
        for one in found
    ]
    headings = (
        Text("発生日時", "happened at"),
        Text("イベント", "event"),
        Text("対象", "about"),
        Text("状態", "state"),
        Text("応答", "answer"),
    )
    print_table("", [heading.to(lang) for heading in headings], rows)
    given_up = sum(one.state == DEAD for one in found)
    if given_up:
        note(_REPLAY.format(n=given_up, webhook_id=webhook_id).to(lang))
    return 3 if given_up else 0


def replay(webhook_id: Number, lang: Lang = "ja") -> int:
    """Sends what was given up again."""
    with _book() as book:
        count = book.replay(webhook_id)
    _wake()
    print_line(_REPLAYED.format(n=count).to(lang))
    return 0


HELP = Text(
    "受注確率や達成確率などの変化を、ほかのシステムへ通知（Webhook）します。",
    "Tells other systems of changes of scores, goals, bottlenecks and models.",
)
COMMANDS = (
    Command(
        "add",
        add,
        Text("送信先を登録し、署名の秘密鍵を一度だけ表示します。", "Adds an address; shows its secret once."),
    ),
    Command("list", list_webhooks, Text("送信先の一覧を表示します。", "Lists the addresses.")),
    Command("ping", ping, Text("確認用のイベントを送ります。", "Sends an event to try an address out.")),
    Command(
        "deliveries",
        deliveries,
        Text("送ったイベントの結果を表示します。", "Shows what became of the events."),
    ),
    Command("replay", replay, Text("届かなかったイベントを送り直します。", "Sends given-up events again.")),
    Command("remove", remove, Text("送信先を削除します。", "Removes an address.")),
)
_STATES = {
    "queued": Text("送信待ち", "queued"),
    "delivered": Text("到達", "delivered"),
    "dead": Text("不達", "given up"),
}
_IN_USE, _DISABLED = (
    Text("使用中", "in use"),
    Text("停止中（受信側が410を返しました）", "off: it answered 410"),
)
_SECRET_ONCE = Text(
    "秘密鍵（whsec_…）は今だけ表示されます。受信側で webhook-signature の検証に使ってください。",
    "the secret (whsec_...) is shown only now; the receiver checks webhook-signature with it.",
)
_TRY = Text(
    "`sancho webhooks ping {webhook_id}` で届くか確認できます。",
    "`sancho webhooks ping {webhook_id}` shows whether it arrives.",
)
_NONE = Text(
    "送信先はありません。`sancho webhooks add URL` で登録します。",
    "there is none; `sancho webhooks add URL` adds one.",
)
_PINGED = Text(
    "{event_id} を送ります。`sancho webhooks deliveries {webhook_id}` で結果を確認してください。",
    "{event_id} is on its way; see `sancho webhooks deliveries {webhook_id}`.",
)
_REPLAY = Text(
    "{n}件が届きませんでした。受信側を直してから `sancho webhooks replay {webhook_id}` で送り直せます。",
    "{n} were given up; mend the receiver, then `sancho webhooks replay {webhook_id}` sends them again.",
)
_REPLAYED = Text("{n}件を送り直します。", "{n} are sent again.")


def _settings() -> Settings:
    from service.settings import read_settings

    return read_settings()


def _book(settings: Settings | None = None) -> Webhooks:
    from service.webhooks.book import Webhooks

    settings = settings or _settings()
    return Webhooks(settings.store_url, settings.private_webhooks)


def _wake() -> None:
    from service.jobs import JobQueue
    from service.jobs.kinds import WEBHOOKS

    with JobQueue(_settings().store_url) as queue:
        queue.add(WEBHOOKS, {}, unique_key=WEBHOOKS)


def _moment(at: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at / 1e6, zone).strftime("%Y-%m-%d %H:%M")
