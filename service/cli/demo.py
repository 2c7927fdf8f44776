"""What does `demo` do? From nothing to a running service; no finished step is done twice."""

from __future__ import annotations

import socket
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.answer import open_service
from service.cli.command import Command, Host, Lang, Port, option
from service.cli.output import print_line, progress
from service.cli.serve import run_server, settings_with
from service.sample import build_sample

if TYPE_CHECKING:
    from service.settings import Settings
    from service.use_cases import UseCases

_KEY_NAME = "demo"
_MANAGER = "manager@example.com"  # of the demo, who sees the pages
_STARTING = Text("サービスを準備しています", "Starting the service")


def demo(
    deals: Annotated[int, option("--deals", "N", Text("商談の件数。", "Number of deals."), min=200)] = 8000,
    host: Host = None,
    port: Port = None,
    lang: Lang = "ja",
) -> int:
    """Builds what is missing, then serves in the foreground."""
    settings = settings_with(host, port)
    prepare(settings, deals, lang)
    served = settings.model_copy(update={"port": free_port(settings.host, settings.port)})
    with progress(lang) as step:
        step(_STARTING, 0, 1)
        service = open_service(served, warm=True, lang=lang)
        step(_STARTING, 1, 1)
    print_line(what_to_try(service, _new_key(served), lang))
    print_line(where_to_look(served, lang))
    run_server(served, service)
    return 0


COMMAND = Command(
    "demo",
    demo,
    Text(
        "サンプル組織を作成し、取り込み、学習し、APIを起動します。",
        "Builds a sample organisation, imports, trains, serves the API.",
    ),
)


def prepare(settings: Settings, deals: int, lang: Language, today: date | None = None) -> None:
    """The sample, and somebody who sees it; `today`: as if it were nine in the morning of that day."""
    with progress(lang) as step:
        steps = build_sample(settings, deals, step, today)
        steps.once("manager", lambda: _manager(settings))


def _manager(settings: Settings) -> dict[str, Any]:
    """Lets somebody of the sample sign in, who sees everything."""
    from crm.importing import push_rows
    from service.organisation import open_store

    with open_store(settings) as store:
        log = store.read(tables=("organisation", "people"))
        person = str(log["people"]["person_id"].min())
        row = {"person_id": person, "email": _MANAGER, "role": "admin"}
        push_rows(store, "people", [row], log.zone, source="sancho demo")
    return {"person": person}


def _new_key(settings: Settings) -> str:
    """A key for this run; those of earlier demos end, so that only the one shown is good."""
    from service.keys import ApiKeys

    keys = ApiKeys(settings.store_url)
    for key in keys.list():
        if key.name == _KEY_NAME:
            keys.revoke(key.key_id)
    made = keys.create(_KEY_NAME)
    keys.close()
    return made


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or another where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SanchoError(
        Text(
            "{host} で待ち受けられません。--host を確認してください。",
            "cannot listen at {host}; check --host.",
        ).format(host=host),
        "no_port",
    )


def what_to_try(service: UseCases, key: str, lang: Language) -> str:
    """Three lines for a terminal that work as they stand."""
    import orjson

    settings = service.settings
    row = service.deals.list_deals("company", None, None, "-expected_revenue", None, 1, "en")["deals"][0]
    deal = row["deal_id"]
    base, bearer = f"http://{settings.host}:{settings.port}/v1", f"-H 'Authorization: Bearer {key}'"
    words = f"-H 'Accept-Language: {lang}'"
    sent = orjson.dumps(example_request(settings)).decode()
    lines = [
        (
            Text(
                "1. この商談は受注できるか（保存していない商談を送って尋ねる）",
                "1. Will this deal be won? (a deal sent in the request)",
            ),
            f"curl -s {base}/deals/score {bearer} {words} -H 'Content-Type: application/json' -d '{sent}'",
        ),
        (
            Text("2. 取り込んだ商談について尋ねる", "2. The same for a deal of the sample"),
            f"curl -s {base}/deals/{deal} {bearer} {words}",
        ),
        (
            Text("3. 今四半期の目標に届くか", "3. Will this quarter's target be reached?"),
            f"curl -s {base}/forecasts/this-quarter {bearer} {words}",
        ),
    ]
    tried = [f"{title.to(lang)}\n{line} | python3 -m json.tool --no-ensure-ascii" for title, line in lines]
    opening = Text(
        "別の端末で試してください（このキーは今回の起動中だけ有効です）。終了は Ctrl+C。",
        "Try this in another terminal (the key is good until the demo is started again). Ctrl+C ends it.",
    )
    return "\n\n".join([opening.to(lang), *tried, ""])


def where_to_look(settings: Settings, lang: Language) -> str:
    """The address of the pages, with a link that lets a browser in once."""
    from service.cli.user import link_to
    from service.sign_in import SignIn

    sign_in = SignIn(settings)
    try:
        person = sign_in.people.read().person_of(_MANAGER)
        if person is None:  # somebody has changed the sample
            return ""
        made = sign_in.book.add_link(person.person_id, 60 * settings.link_minutes)
    finally:
        sign_in.close()
    return _PAGES.format(address=link_to(settings, made), minutes=settings.link_minutes).to(lang)


_PAGES = Text(
    "ブラウザーで見る（一度だけ、{minutes:g}分以内に使えるリンク）:\n{address}\n",
    "See it in a browser (a link that works once, within {minutes:g} minutes):\n{address}\n",
)


def example_request(settings: Settings) -> dict[str, Any]:
    """A deal as a program would send it, with days that fit today."""
    today = datetime.now(settings.zone).replace(minute=0, second=0, microsecond=0)

    def ago(days: int) -> str:
        return (today - timedelta(days=days)).isoformat()

    return {
        "deal": {
            "deal_id": "NEW-1",
            "created_at": ago(40),
            "stage": "提案・見積",
            "amount": 2_400_000,
            "deal_type": "new",
            "expected_close_date": (today + timedelta(days=20)).date().isoformat(),
        },
        "events": [{"at": ago(12), "field": "stage", "value": "提案・見積", "old_value": "初回訪問"}],
        "activities": [
            {"at": ago(30), "kind": "visit", "direction": "out", "effective": True},
            {"at": ago(10), "kind": "proposal", "direction": "out"},
        ],
    }
