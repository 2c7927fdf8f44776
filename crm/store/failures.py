"""What is said where a database is out of reach, or does not do what it is asked?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from crm.addresses import without_password
from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.tables import METADATA

UNAVAILABLE = "store_unavailable"  # code of the error where the database cannot be used
# Another transaction holds what this one waits for, or has changed what it read, longer than anybody waits.
_IN_THE_WAY = ("55P03", "40P01", "40001")


def store_failure(error: BaseException, url: str | None = None) -> SanchoError | None:
    """What an exception says of a database out of reach; None where it is about something else."""
    for one in _chain(error):
        if isinstance(one, SanchoError):
            return one if one.code == UNAVAILABLE else None
        driver = type(one).__module__.split(".")[0]
        if driver not in ("sqlite3", "psycopg", "psycopg_pool"):
            continue
        told = str(one).lower()
        state = getattr(one, "sqlstate", None)
        if ("locked" in told and driver == "sqlite3") or state in _IN_THE_WAY:
            return being_written(url)
        if state == "42501":
            return unavailable(*missing_right(str(one)), url)
        if "readonly" in told or state == "25006":
            return unavailable(Text("読み取り専用です", "it can only be read"), _MAKE_WRITABLE, url)
        if "full" in told or state == "53100":
            return unavailable(Text("ディスクがいっぱいです", "the disk is full"), _MAKE_ROOM, url)
        kinds = {kind.__name__ for kind in type(one).__mro__}
        out_of_reach = bool(kinds & {"OperationalError", "InterfaceError"})
        if (missing := _NO_TABLE.search(str(one))) and (missing[1] or missing[2]) in METADATA.tables:
            return unavailable(_NO_TABLES, _RESTORE, url)
        is_about_sql = driver == "sqlite3" and ("no such" in told or "syntax" in told)
        broken = driver == "sqlite3" and ("not a database" in told or "malformed" in told)
        if broken:
            said = str(one).split("\n")[0][:200]
            return unavailable(_DAMAGED.format(said=said), _RESTORE, url)
        if not is_about_sql and (out_of_reach or _lost(one)):
            return unavailable(reason(one), CHECK, url)
    return None


NO_ADDRESS = Text("アドレスとして読めません", "this cannot be read as an address")
CHECK = Text(
    "SANCHO_DATABASE_URL と接続先を確認してください",
    "check SANCHO_DATABASE_URL and that it can be reached",
)
_MAKE_WRITABLE = Text(
    "ファイルとフォルダーに書き込めるようにしてください", "make the file and its folder writable"
)
_NO_TABLE = re.compile(r"no such table: (?:main\.)?(\w+)|relation \"(\w+)\" does not exist")
_NO_TABLES = Text("Sancho の表がありません", "it does not hold Sancho's tables")
_DAMAGED = Text("ファイルが壊れています（{said}）", "its file is damaged ({said})")
_RESTORE = Text(
    "`sancho restore` でバックアップから戻してください", "restore a backup of it (sancho restore)"
)
_MAKE_ROOM = Text("空き容量を増やしてください", "make room on it")


def unavailable(reason: Text, advice: Text, url: str | None) -> SanchoError:
    """The error that says why a database cannot be used and what to do, without its password."""
    shown = unquote(without_password(url or "")).replace("postgresql+psycopg:", "postgresql:")
    if of_file := re.search(r"///file:([^?]*)\?", shown):  # one that can only be read
        shown = f"sqlite:///{unquote(of_file[1])}"
    name = Text("「{url}」", " {url}").format(url=shown) if shown else Text("", "")
    return SanchoError(
        Text(
            "データベース{name}を利用できません：{reason}。{advice}。",
            "the database{name} cannot be used: {reason}; {advice}.",
        ).format(name=name, reason=reason, advice=advice),
        UNAVAILABLE,
    )


def reason(error: BaseException) -> Text:
    """The first line of what a driver says, in both languages where it is a usual failure."""
    said = str(getattr(error, "orig", None) or error).strip()
    told = said.lower()
    if "timeout" in told or "timed out" in told:
        return Text("応答がありません", "it does not answer")
    if "refused" in told or ("no such file or directory" in told and "socket" in told):
        return Text(
            "接続を拒否されました（サーバーが動いていません）", "nothing answers there (connection refused)"
        )
    if "name or service not known" in told or "resolve" in told or "getaddrinfo" in told:
        return Text("そのホスト名は見つかりません", "there is no host of this name")
    line = without_password(said.split("\n")[0][:300]) or type(error).__name__
    return Text(line, line)


def _lost(error: BaseException) -> bool:
    """Whether a driver's error is of the classes of a connection or server that is gone (08, 57P)."""
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(("08", "57P"))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and the errors it comes from."""
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = getattr(one, "orig", None) or one.__cause__


def being_written(url: str | None = None) -> SanchoError:
    """The error where others write for longer than anybody waits."""
    return unavailable(
        Text("別のプロセスが書き込み中です（取り込みなど）", "another process is writing to it"),
        Text("終わってから、もう一度実行してください", "try again when it (an import, say) is done"),
        url,
    )


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of what an error comes from; None where it comes from something else."""
    states = (getattr(one, "sqlstate", None) for one in _chain(error))
    return next((state for state in states if state), None)


def missing_right(said: str) -> tuple[Text, Text]:
    """What the database's user may not do, and which statement of its owner lets it."""
    if "temporary" in said:
        return (
            Text("このユーザーには一時表を作る権限がありません", "its user may not create temporary tables"),
            Text(
                "データベースの所有者が GRANT TEMPORARY ON DATABASE … TO … を実行してください",
                "let its owner run GRANT TEMPORARY ON DATABASE ... TO ...",
            ),
        )
    if "schema" in said:
        return (
            Text("このユーザーには表を作る権限がありません", "its user may not create tables"),
            Text(
                "データベースの所有者が GRANT USAGE, CREATE ON SCHEMA public TO … を実行してください",
                "let its owner run GRANT USAGE, CREATE ON SCHEMA public TO ...",
            ),
        )
    return (
        Text("このユーザーには権限がありません（{said}）", "its user may not do this ({said})").format(
            said=said.split("\n")[0][:200]
        ),
        Text("データベースの所有者に権限を付与してもらってください", "let its owner grant the right"),
    )
