"""How is MLflow asked without noise and without long waits, and what does it mean where it fails?

What is changed in MLflow holds only inside `quietly`, in the thread that is there: a user's own calls in the
same process keep MLflow's log lines, retries and time limits.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any

from crm.addresses import without_password
from crm.i18n import Text

CONNECT_SECONDS = 3.0  # to reach a server
ANSWER_SECONDS = 4.0  # for it to answer: with the start of a command, said within 10
UPLOAD_SECONDS = 30.0  # for it to confirm a file, which it may first have to store elsewhere
_TIMEOUT, _RETRIES = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"  # MLflow's own settings
_DEEPEST = 12  # exceptions inside exceptions that are looked at
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

inside: ContextVar[bool] = ContextVar("inside_registry", default=False)
_PREPARING = threading.Lock()
_limited_seconds: ContextVar[float | None] = ContextVar("limited_seconds", default=None)


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, MLflow says nothing below an error, and a server that does not answer is not waited for."""
    token = inside.set(True)
    try:
        with _PREPARING:
            _before_mlflow()
            _limit_requests()
            _limit_waiting()
            for name in ("mlflow", "alembic"):
                for handler in logging.getLogger(name).handlers:
                    handler.addFilter(_quiet)  # a second call changes nothing
        yield
    finally:
        inside.reset(token)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Inside, a request is given up after so many seconds: for what can as well be left undone."""
    token = _limited_seconds.set(seconds)
    try:
        yield
    finally:
        _limited_seconds.reset(token)


def check_database(uri: str) -> None:
    """Connects once to a database that is the registry itself; MLflow would try ten times, for minutes."""
    if uri.startswith("sqlite:///"):
        file = Path(uri.removeprefix("sqlite:///"))
        if file.exists():
            with closing(sqlite3.connect(file, timeout=ANSWER_SECONDS)) as database:
                _check_sound(database, file)
        return
    if uri.split(":")[0].split("+")[0] in _DATABASES:
        import sqlalchemy as sa

        url = sa.make_url(uri)
        limits = {} if url.get_backend_name() == "mssql" else {"connect_timeout": int(ANSWER_SECONDS)}
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=limits)
        with engine.connect():
            pass


def check_locks(uri: str, *, writing: bool = False) -> None:
    """Raises where somebody else holds an embedded registry's file, which MLflow would wait for longer."""
    file = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or not file.exists():
        return
    with closing(sqlite3.connect(file, timeout=ANSWER_SECONDS, isolation_level=None)) as database:
        if writing:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        else:
            database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            check_sound(database, file)


def check_sound(database: sqlite3.Connection, file: Path) -> None:
    """Raises where an embedded registry's file is damaged; asked again only when it has changed since.

    SQLite reads what it is asked for: a file whose last part is missing or overwritten would be met as
    damaged only by who reads that part, while what says which model is in service stands before it.
    """
    state = file.stat()
    changed = (state.st_ino, state.st_mtime_ns, state.st_size)
    if _found_sound.get(file) != changed:
        _check_sound(database, file)
        _found_sound[file] = changed


_found_sound: dict[Path, tuple[int, int, int]] = {}  # by file: as what it was found undamaged last


def _check_sound(database: sqlite3.Connection, file: Path) -> None:
    (mode,), (pages,) = (
        database.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "page_count")
    )
    (size,) = database.execute("PRAGMA page_size").fetchone()
    if (
        mode != "wal" and file.stat().st_size < pages * size
    ):  # SQLite takes the end of its last page for zeros
        raise sqlite3.DatabaseError("database disk image is malformed: its end is missing")
    (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":  # a part of it is missing or overwritten, which MLflow would try again and again
        raise sqlite3.DatabaseError(f"database disk image is malformed: {said}")


def local_folder(uri: str) -> Path | None:
    """Where a model's files are on this machine; None where they are elsewhere."""
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    if not is_local_uri(uri):
        return None
    folder = Path(local_file_uri_to_path(uri))
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    return folder


def download(uri: str, tracking_uri: str, folder: Path) -> Path:
    """Brings a model's files into a folder."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files: Any = get_artifact_repository(uri, tracking_uri=tracking_uri)
    files._create_thread_pool = lambda: _SameLimits(max_workers=4)
    files.thread_pool.shutdown(wait=False)
    files.thread_pool = files._create_thread_pool()
    try:
        return Path(files.download_artifacts("", str(folder)))
    finally:
        files.thread_pool.shutdown(wait=False)


def failure(fault: object, uri: str) -> tuple[Text, Text]:
    """What happened to a call of MLflow, and what can be done about it; no password is in it."""
    server = uri.startswith(("http://", "https://"))
    for one in _chain(fault):
        status = _status(one)
        if status in (401, 403):
            return (
                Text("アクセスを拒否されました（HTTP {n}）", "it refuses access (HTTP {n})").format(n=status),
                Text(
                    "MLFLOW_TRACKING_USERNAME と MLFLOW_TRACKING_PASSWORD、または MLFLOW_TRACKING_TOKEN "
                    "を確認してください",
                    "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
                ),
            )
        if status is not None and status >= 500 and server:
            return (
                Text("サーバーがエラーを返しました（HTTP {n}）", "the server answers with HTTP {n}").format(
                    n=status
                ),
                Text("MLflowサーバーのログを確認してください", "See the log of the MLflow server"),
            )
    for one in _chain(fault):
        found = _network(one)
        if found is not None:
            return found, _CHECK_SERVER
    reason = without_password(_first_line(fault))
    if re.search(r"malformed|not a database", reason):
        damaged = Text("ファイルが壊れています（{said}）", "its file is damaged ({said})").format(said=reason)
        return damaged, _RESTORE
    if re.search(r"not (in a valid JSON|valid JSON)|error code 404", reason):
        return Text("MLflowサーバーではありません", "what answers there is no MLflow server"), _CHECK_SERVER
    return Text(reason, reason), _CHECK_SERVER if server else _CHECK_DATABASE


_RESTORE = Text(
    "`sancho restore` でバックアップから戻してください", "Restore a backup of it (sancho restore)"
)
_CHECK_SERVER = Text(
    "MLflowサーバーが動いているか、MLFLOW_TRACKING_URI が正しいかを確認してください",
    "Check that the MLflow server is running and that MLFLOW_TRACKING_URI is right",
)
_CHECK_DATABASE = Text(
    "MLFLOW_TRACKING_URI と SANCHO_HOME が正しいか、ファイルに書き込めるか、"
    "ほかのプロセスがデータベースを使用していないかを確認してください",
    "Check that MLFLOW_TRACKING_URI and SANCHO_HOME are right, that the file can be written to and that no "
    "other process locks the database",
)


def _network(fault: BaseException) -> Text | None:
    """What a failure of the network was; None for others."""
    kind, text = type(fault).__name__, str(fault)
    if kind in ("gaierror", "NameResolutionError"):
        return Text("そのホスト名は見つかりません", "there is no host of this name")
    if isinstance(fault, ConnectionRefusedError) or "Connection refused" in text:
        return Text(
            "接続を拒否されました（サーバーが動いていません）", "nothing answers there (connection refused)"
        )
    if "timed out" in text.lower() or "timeout" in kind.lower():
        return Text("{n:.0f}秒以内に応答がありません", "it does not answer within {n:.0f} seconds").format(
            n=ANSWER_SECONDS
        )
    if "SSL" in kind or "CertificateError" in kind:
        return Text("TLS証明書を確認できません", "its TLS certificate cannot be verified")
    if isinstance(fault, ConnectionError) or kind in ("RemoteDisconnected", "ProtocolError"):
        return Text("接続が途中で切れました", "it broke the connection off")
    if "unreachable" in text or "No route to host" in text:
        return Text("ネットワークから到達できません", "the network does not reach it")
    return None


def _status(fault: BaseException) -> int | None:
    """The HTTP status that a failure reports."""
    response = getattr(fault, "response", None)
    if response is not None and isinstance(getattr(response, "status_code", None), int):
        return int(response.status_code)
    said = re.search(r"error code (\d{3})\b", str(fault))
    if said:
        return int(said[1])
    code = getattr(fault, "error_code", None)
    known = {"PERMISSION_DENIED": 403, "CUSTOMER_UNAUTHORIZED": 401, "UNAUTHENTICATED": 401}
    return known.get(code) if isinstance(code, str) else None


def _chain(fault: object) -> Iterator[BaseException]:
    """A fault and the faults inside it, outermost first."""
    waiting: list[object] = [fault]
    seen: set[int] = set()
    while waiting and len(seen) < _DEEPEST:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), getattr(one, "orig", None)]
        waiting += [*inner, *one.args[:2]]


def _first_line(fault: object) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return (lines[0] if lines else type(fault).__name__)[:300].rstrip(".")


def _before_mlflow() -> None:
    """Set what mlflow reads when it is first imported: no usage data leaves the machine, no progress bars."""
    if "mlflow" in sys.modules:
        return
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's, in a notebook without ipywidgets


def _limit_requests() -> None:
    """Puts our limits between MLflow and its requests; outside of `quietly` they are passed on as they are.

    By default MLflow repeats a request seven times, each for two minutes: far too long for a person who waits
    and for a service that shows fresh data. Its own settings win where they are set.
    """
    from mlflow.utils import rest_utils

    send: Callable[..., Any] = rest_utils._get_http_response_with_retries
    if getattr(send, "has_limits", False):
        return

    def send_with_limits(
        method: str, url: str, retries: int, factor: float, jitter: float, codes: Any,
        raise_on_status: bool = True, **more: Any,
    ) -> Any:  # fmt: skip
        if not inside.get():
            return send(method, url, retries, factor, jitter, codes, raise_on_status, **more)
        if _TIMEOUT not in os.environ or _limited_seconds.get() is not None:
            answer = UPLOAD_SECONDS if method == "PUT" else ANSWER_SECONDS
            answer = min(_limited_seconds.get() or answer, answer)
            more["timeout"] = (min(CONNECT_SECONDS, answer), answer)
        if _RETRIES in os.environ:
            return send(method, url, retries, factor, jitter, codes, raise_on_status, **more)
        try:
            return send(method, url, 0, factor, jitter, codes, False, **more)
        except OSError as fault:
            # A kept connection that the server has closed meanwhile; what changes nothing can be sent again.
            if method != "GET" or "timed out" in str(fault):
                raise
            return send(method, url, 0, factor, jitter, codes, False, **more)

    send_with_limits.has_limits = True  # type: ignore[attr-defined]
    rest_utils._get_http_response_with_retries = send_with_limits


def _limit_waiting() -> None:
    """MLflow waits twenty seconds for an SQLite file that another process has locked; inside, less."""
    import sqlalchemy as sa

    if not sa.event.contains(sa.Engine, "before_cursor_execute", _wait_less):
        sa.event.listen(sa.Engine, "before_cursor_execute", _wait_less, retval=True)


def _wait_less(
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
) -> tuple[str, Any]:
    if inside.get() and statement.startswith("PRAGMA busy_timeout ="):
        return f"PRAGMA busy_timeout = {int(1000 * ANSWER_SECONDS)}", parameters
    return statement, parameters


class _SameLimits(ThreadPoolExecutor):
    """Threads in which the limits of the thread that asks hold, too."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """Does some work, within the caller's limits."""
        return super().submit(copy_context().run, work, *given, **named)


class _Quiet(logging.Filter):
    """Hides MLflow's log lines below ERROR during a registry's calls, such as those of its migrations.

    An error with its traceback is hidden, too: it is raised as well, and then said in a sentence.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown; it depends on the thread, so other uses of MLflow are not affected."""
        return not inside.get() or (record.levelno >= logging.ERROR and not record.exc_info)


_quiet = _Quiet()
