"""How is the MLflow of a home reached: opened once, locked, and its failures told in one sentence?"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from crm.addresses import without_password
from crm.errors import SanchoError
from crm.i18n import Text
from training.mlflow_access import at_most, check_database, check_locks, failure, quietly
from training.mlflow_entries import unless_it_exists
from training.registry_entry import registry_uri
from training.relocation import settle

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "sancho"
UNAVAILABLE = "registry_unavailable"  # code of the error where the registry cannot be used
FILES = "mlartifacts"  # folder in the home, of an embedded registry
_LOCK_SECONDS = 8.0
_MAKING_SECONDS = 60.0  # for another process to make the tables of a new registry

# MLflow uses global state of the process to create its tables (Alembic).
_OPENING = threading.Lock()


class MlflowConnection:
    """MLflow at `uri` (MLFLOW_TRACKING_URI), else embedded in SQLite under `home`; opened when first needed.

    Every call names its address, so those of several homes can be used side by side, from any thread.
    `exclude`: what else keeps others out while the model in service is changed, on other machines.
    """

    def __init__(
        self,
        home: Path,
        uri: str | None = None,
        exclude: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.home, self._exclude = home, exclude
        self.uri = registry_uri(home, uri)
        self._in_home, self._settled = not (uri or os.environ.get("MLFLOW_TRACKING_URI")), False
        self.address = without_password(self.uri)  # as it is shown
        self._opened: MlflowClient | None = None
        self._lock_of: tuple[int, FileLock] | None = None  # of which process: no fork uses its parent's

    @property
    def own_name(self) -> str:
        """What the registry is called in copies that the home keeps: the same wherever the home is."""
        return "mlflow.db" if self.uri == registry_uri(self.home, embedded=True) else self.address

    @property
    def is_open(self) -> bool:
        """Whether MLflow is loaded and its database was opened."""
        return self._opened is not None

    @contextmanager
    def connected(self, *, writing: bool = False) -> Iterator[MlflowClient]:
        """The client, without MLflow's log lines and long waits; its failures are `unavailable`."""
        with quietly():
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            try:
                client = self.client()
                check_locks(self.uri, writing=writing)
                yield client
            # OSError: network and files
            except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as fault:
                raise self.unavailable(fault) from fault

    def settle(self) -> None:
        """An embedded registry names the files of this home, also where the home was copied or moved."""
        if self._in_home and not self._settled:
            found = settle(self.home.resolve() / "mlflow.db", self.home.resolve() / FILES, EXPERIMENT)
            self._settled = found is not None

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for files on their way; in the home where this machine has no other place to write to."""
        try:
            place: str | None = tempfile.gettempdir()
        except FileNotFoundError:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = tempfile.tempdir = str(self.home.resolve())  # MLflow's files on their way, too
        with tempfile.TemporaryDirectory(dir=place, prefix="sancho-") as folder:
            yield Path(folder)

    @contextmanager
    def run(
        self, client: MlflowClient, name: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """An MLflow run; its status is FINISHED at the end, FAILED after an exception."""
        from mlflow.exceptions import MlflowException
        from mlflow.tracking.context.registry import resolve_tags

        run = client.create_run(self.experiment(client), tags=resolve_tags(dict(tags or {})), run_name=name)
        run_id = str(run.info.run_id)
        try:
            yield run_id
        except BaseException:
            with suppress(MlflowException), at_most(1.0):
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps others from changing the champion meanwhile; the same thread may enter again.

        The lock is a file beside the SQLite database; with a server, a file in the home, and what the
        registry was given to exclude other machines by.
        """
        lock = self._file_lock()
        path = Path(lock.lock_file)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            reason = f"{path} has been locked by another process for {_LOCK_SECONDS:.0f} s"
            raise self.unavailable(reason) from None
        except OSError as fault:
            raise self.unavailable(fault) from fault
        try:
            with self._exclude() if lock.lock_counter == 1 else nullcontext():
                yield
        finally:
            lock.release()

    def unavailable(self, fault: object) -> SanchoError:
        """What is said of a failure: what happened, and what to do."""
        if isinstance(fault, FileNotFoundError):
            missing = without_password(str(fault)[:300])
            text = Text(
                "モデルの登録先（{uri}）にファイルがありません：{reason}。ファイルを元に戻すか、"
                "別のバージョンを採用してください（sancho models promote）。",
                "Files are missing in the model registry ({uri}): {reason}. Restore them, or put another "
                "version in service (sancho models promote).",
            )
            return SanchoError(text.format(uri=self.address, reason=missing), UNAVAILABLE)
        reason, advice = failure(fault, self.uri)
        text = Text(
            "モデルの登録先（{uri}）を利用できません：{reason}。{advice}。その後、もう一度実行してください。",
            "The model registry ({uri}) cannot be used: {reason}. {advice}; then try again.",
        )
        return SanchoError(text.format(uri=self.address, reason=reason, advice=advice), UNAVAILABLE)

    def client(self) -> MlflowClient:
        """MLflow's client, once its database is open."""
        with _OPENING:
            from mlflow import MlflowClient

            if self._opened is None:
                check_database(self.uri)
                self.settle()
                if self.uri.startswith("sqlite:///"):
                    Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(
                        mode=0o700, parents=True, exist_ok=True
                    )
                with self._making():
                    client = MlflowClient(self.uri, self.uri)
                    client.search_registered_models(max_results=1)  # connects, and creates the tables
                self._opened = client
            return self._opened

    @contextmanager
    def _making(self) -> Iterator[None]:
        """While an embedded database is opened, and perhaps made: by one process of this machine at a time.

        MLflow makes its tables step by step, and two processes that do so at once break each other's.
        """
        if not self.uri.startswith("sqlite:///"):
            yield
            return
        lock = FileLock(f"{self.uri.removeprefix('sqlite:///')}.opening.lock", timeout=_MAKING_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            reason = f"another process has been opening it for {_MAKING_SECONDS:.0f} s"
            raise self.unavailable(reason) from None
        except OSError:  # where no file can be made, no table is made either
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _file_lock(self) -> FileLock:
        """The lock of this process, one for all its threads."""
        with _OPENING:
            if self._lock_of is None or self._lock_of[0] != os.getpid():
                self._lock_of = os.getpid(), FileLock(self._lock_path(), timeout=_LOCK_SECONDS)
            return self._lock_of[1]

    def _lock_path(self) -> Path:
        if self.uri.startswith("sqlite:///"):
            return Path(f"{self.uri.removeprefix('sqlite:///')}.lock")
        return self.home / "registry.lock"

    def experiment(self, client: MlflowClient) -> str:
        """The id of the experiment that Sancho's runs are in, made where there is none."""
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = (self.home.resolve() / FILES).as_uri() if self.uri.startswith("sqlite:") else None
            with unless_it_exists():
                return str(client.create_experiment(EXPERIMENT, artifact_location=location))
            experiment = client.get_experiment_by_name(EXPERIMENT)
        return str(experiment.experiment_id)
