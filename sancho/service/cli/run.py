"""What do `serve` and `key` do?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Language, Text
from sancho.service.cli.output import note, print_table, say
from sancho.service.keys import Keys
from sancho.service.settings import Settings, read_settings

if TYPE_CHECKING:
    from sancho.service.answers import Answers


def serve_api(host: str | None, port: int | None, lang: Language) -> int:
    """Runs the service until it is stopped."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = read_settings(**given)
    note(
        Text(
            "http://{host}:{port} で待ち受けます（Ctrl+C で終了）。",
            "listening at http://{host}:{port} (Ctrl+C ends it).",
        )
        .format(host=settings.host, port=settings.port)
        .to(lang)
    )
    run_server(settings)
    return 0


def run_server(settings: Settings, answers: Answers | None = None) -> None:
    """Serves in the foreground, with something that answers already where there is one."""
    import uvicorn

    from sancho.service.api import create_app
    from sancho.service.logs import configure_logs

    configure_logs()
    app = create_app(settings, answers)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


def create_key(name: str, lang: Language) -> int:
    """A new key, on standard output; how to use it, on standard error."""
    if not name.strip():
        raise SanchoError(
            Text(
                "--name に使う人やプログラムの名前を指定してください。",
                "--name: say who or what will use the key.",
            ),
            "bad_name",
        )
    say(Keys(read_settings().store_url).create(name.strip()))
    note(
        Text(
            "このキーは今だけ表示されます。Authorization: Bearer キー として送ってください。",
            "this key is shown only now; send it as Authorization: Bearer KEY.",
        ).to(lang)
    )
    return 0


def list_keys(lang: Language) -> int:
    """Keys in use."""
    rows = [
        [
            key.key_id,
            key.name,
            datetime.fromtimestamp(key.created_at / 1e6, UTC).isoformat(timespec="seconds"),
        ]
        for key in Keys(read_settings().store_url).list()
    ]
    print_table("", ["ID", "名前", "作成日時"] if lang == "ja" else ["ID", "name", "created"], rows)
    return 0


def revoke_key(key_id: str, lang: Language) -> int:
    """Ends a key."""
    if not Keys(read_settings().store_url).revoke(key_id):
        raise SanchoError(
            Text(
                "キー「{key_id}」はありません。`sancho key list` で確認してください。",
                "there is no key {key_id!r}; see `sancho key list`.",
            ).format(key_id=key_id),
            "unknown_key",
        )
    say(Text("無効にしました。", "revoked.").to(lang))
    return 0
