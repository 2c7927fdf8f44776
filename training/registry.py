"""Which model versions are there, which one is the champion, how was each trained? Recorded in MLflow."""

from __future__ import annotations

import builtins
import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from crm.addresses import without_password
from crm.errors import SanchoError
from crm.i18n import Text
from models.bundle import Bundle
from training.champion_copy import keep_copy, kept_copy
from training.mlflow_access import at_most, check_database, download, failure, local_folder, quietly
from training.mlflow_entries import (
    BUNDLE,
    backtest_metrics,
    log_figures,
    register_version,
    save_pyfunc,
    unless_it_exists,
)
from training.promotion_gate import GateDecision
from training.registry_entry import (
    CHAMPION,
    NAME,
    MlflowNeededError,
    RegistryEntry,
    registry_entry,
    registry_uri,
)
from training.relocation import settle

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from training.report import Report
    from training.training_record import TrainingRecord

EXPERIMENT = "sancho"
SHADOW = "shadow"  # alias of the version that answers beside the champion without being shown
UNAVAILABLE = "registry_unavailable"  # code of the error where the registry cannot be used
_HISTORY = "champion_history"  # tag of the registered model: all champions, oldest first
_EVALUATION = "evaluation.json"
_FILES = "mlartifacts"  # folder in the home, of an embedded registry
_LONGEST_VERSION = 9  # digits; MLflow cannot look a longer one up
_LOCK_SECONDS = 8.0
_MAKING_SECONDS = 60.0  # for another process to make the tables of a new registry
_LONGEST_TAG = 500  # characters of who promoted a version and why

# MLflow uses global state of the process to create its tables (Alembic).
_OPENING = threading.Lock()


@dataclass(frozen=True)
class ModelVersion:
    """One registered version."""

    name: str
    version: str
    trained_at: str
    run_id: str
    champion: bool
    as_of: str
    figures: dict[str, float]
    gate: str
    promoted_by: str = ""  # who put it in service by hand, last
    promoted_because: str = ""
    promoted_at: str = ""
    shadow: bool = False  # it answers beside the champion without being shown


class Registry:
    """The model registry: MLflow at `uri` (MLFLOW_TRACKING_URI), else embedded in SQLite under `home`.

    Every call names its address, so registries of several homes can be used side by side, from any thread.
    Where MLflow fails (server stopped, database locked) the error is `registry_unavailable`, not "no model".
    """

    def __init__(self, home: Path, uri: str | None = None) -> None:
        self.home = home
        self.uri = registry_uri(home, uri)
        self._in_home, self._settled = not (uri or os.environ.get("MLFLOW_TRACKING_URI")), False
        self.address = without_password(self.uri)  # as it is shown
        self._opened: MlflowClient | None = None
        self._lock_of: tuple[int, FileLock] | None = None  # of which process: no fork uses its parent's

    def log_and_register(self, bundle: Bundle, report: Report, fingerprint: str = "") -> ModelVersion:
        """Log the training with model card and metrics, and register the model; it is not promoted."""
        from training.training_record import TrainingRecord

        return self.register_bundle(bundle, TrainingRecord.of(bundle, report, fingerprint))

    def register_bundle(self, bundle: Bundle, record: TrainingRecord) -> ModelVersion:
        """Registers a model in memory, with what is recorded of its training."""
        with self._scratch() as scratch:
            bundle.save(scratch / BUNDLE)
            return self.register(scratch / BUNDLE, record)

    def register(self, bundle: Path, record: TrainingRecord) -> ModelVersion:
        """Registers a saved model; one that is registered already stays as it is."""
        with self._connected() as client:
            tag = f"name = '{NAME}' and tag.training_id = '{record.training_id}'"
            found = client.search_model_versions(tag)
            if found:
                return self._info(client, str(found[0].version))
            with self._run(client, tags={"sancho.training_id": record.training_id}) as run_id:
                experiment = client.get_run(run_id).info.experiment_id
                logged = client.create_logged_model(
                    experiment, name="model", source_run_id=run_id, params=record.parameters
                )
                log_figures(client, run_id, record.parameters, record.metrics, logged.model_id)
                for lang, card in record.cards.items():
                    client.log_text(run_id, card, f"model_card.{lang}.html")
                client.log_dict(run_id, record.features, "features.json")
                if record.evaluation is not None:
                    client.log_dict(run_id, record.evaluation, _EVALUATION)
                with self._scratch() as scratch:
                    save_pyfunc(bundle, scratch / "model", run_id, logged)
                    number = register_version(client, NAME, run_id, logged, scratch / "model", record.tags())
                return self._info(client, number)

    def log_backtest(self, result: Mapping[str, Any], page: str) -> str:
        """Log a backtest's JSON, page and main metrics as a run; returns its run id."""
        champion = self.champion()
        tags = {"sancho.kind": "backtest"}
        if champion is not None:
            tags["sancho.champion"] = champion.version
        with self._connected() as client, self._run(client, "backtest", tags) as run_id:
            settings = {name: str(value)[:400] for name, value in result["settings"].items()}
            log_figures(client, run_id, settings, backtest_metrics(result))
            client.log_dict(run_id, dict(result), "backtest.json")
            client.log_text(run_id, page, "backtest.html")
            return run_id

    def log_comparison(
        self, run_id: str, against: str, figures: Mapping[str, float], found: Mapping[str, Any]
    ) -> str:
        """Log a comparison to the run of the model that was compared; without one, to a run of its own.

        `figures` become metrics, `found` an artifact, and the model compared with (`against`) a tag. Returns
        the run's id.
        """
        name = f"comparisons/against_{against}.json"
        tags = {"sancho.compared_with": against}
        with self._connected() as client:
            if run_id:
                for key, value in tags.items():
                    client.set_tag(run_id, key, value)
                log_figures(client, run_id, {}, figures)
                client.log_dict(run_id, dict(found), name)
                return run_id
            with self._run(client, "comparison", {"sancho.kind": "comparison", **tags}) as own:
                log_figures(client, own, {}, figures)
                client.log_dict(own, dict(found), name)
                return own

    def shadow(self) -> ModelVersion | None:
        """The version that answers beside the champion without being shown; None where there is none."""
        with self._connected() as client:
            try:
                return self._info(client, self._version(client, SHADOW))
            except SanchoError as fault:  # no_model; MLflow's own failures are MlflowException
                if fault.code != "no_model":
                    raise
                return None

    def set_shadow(self, version: str | None) -> ModelVersion | None:
        """Lets a version answer beside the champion without being shown; None ends that."""
        with self._connected() as client:
            if version is None:
                if self.shadow() is not None:
                    client.delete_registered_model_alias(NAME, SHADOW)
                return None
            number = self._version(client, version)
            client.set_registered_model_alias(NAME, SHADOW, number)
            return self._info(client, number)

    def evaluation(self, which: str) -> tuple[ModelVersion, dict[str, Any] | None]:
        """A version and how good it was on deals after its training data; None where nothing is recorded."""
        with self._connected() as client, self._scratch() as scratch:
            info = self._info(client, self._version(client, which))
            kept = {file.path for file in client.list_artifacts(info.run_id)} if info.run_id else set()
            if _EVALUATION not in kept:
                return info, None
            file = client.download_artifacts(info.run_id, _EVALUATION, str(scratch))
            found: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))
            return info, found

    def load(self, which: str = CHAMPION) -> tuple[Bundle, ModelVersion]:
        """A model by alias or version, and its registry entry; `no_model` where there is none."""
        found = self._loaded_without_mlflow(which)
        if found is not None:
            return found
        with self._connected() as client:
            info = self._info(client, self._version(client, which))
            stored = client.get_model_version_download_uri(NAME, info.version)
            folder = local_folder(stored)
            if folder is not None:
                return self._loaded(info, folder), info
            with self._scratch() as scratch:
                return self._loaded(info, download(stored, self.uri, scratch)), info

    def _loaded_without_mlflow(self, which: str) -> tuple[Bundle, ModelVersion] | None:
        """The same, where its files are on this machine or in the home's copy; None: MLflow must be asked."""
        try:
            entry = self._entry(which)
        except MlflowNeededError:
            return None
        if entry is None:
            return None
        info, folder = _version_of(entry), entry.folder()
        if folder is not None and any(folder.rglob("bundle.json")):
            return self._loaded(info, folder), info
        kept = None if folder is not None else self.last_champion()
        if kept is None or (kept[1].version, kept[1].run_id) != (info.version, info.run_id):
            return None
        return kept[0], info

    def _entry(self, which: str) -> RegistryEntry | None:
        """What the registry says of a version without MLflow, which answers itself once it is loaded."""
        if self._opened is not None:
            raise MlflowNeededError
        self._settle()
        try:
            return registry_entry(self.uri, NAME, which)
        except OSError as fault:
            raise self._unavailable(fault) from fault

    def _loaded(self, info: ModelVersion, folder: Path) -> Bundle:
        """The model among a version's files; the champion's are copied into the home."""
        bundles = sorted(folder.rglob("bundle.json"))
        if not bundles:
            raise FileNotFoundError(f"version {info.version} has no bundle.json in {folder}")
        bundle = Bundle.load(bundles[0].parent)
        if info.champion:
            keep_copy(self.home, self.address, vars(info), bundles[0].parent)
        return bundle

    def last_champion(self) -> tuple[Bundle, ModelVersion] | None:
        """The model last in service here, from its copy in the home; for when the registry cannot be used."""
        kept = kept_copy(self.home, self.address)
        return None if kept is None else (kept[0], ModelVersion(**kept[1]))

    def champion(self) -> ModelVersion | None:
        """The version in service; None before the first."""
        with suppress(MlflowNeededError):
            entry = self._entry(CHAMPION)
            return None if entry is None else _version_of(entry)
        with self._connected() as client:
            number = self._champion(client)
            return None if number is None else self._info(client, number)

    def list(self) -> list[ModelVersion]:
        """All versions, newest first."""
        with self._connected() as client:
            registered = client.search_model_versions(f"name = '{NAME}'")
            versions = sorted((str(entry.version) for entry in registered), key=int, reverse=True)
            return [self._info(client, number) for number in versions]

    def show(self, version: str) -> dict[str, Any]:
        """One version with its run's parameters and metrics."""
        with self._connected() as client:
            info = self._info(client, self._version(client, version))
            run = client.get_run(info.run_id)
            return {**vars(info), "parameters": dict(run.data.params), "metrics": dict(run.data.metrics)}

    @contextmanager
    def champion_lock(self) -> Iterator[None]:
        """Locks the champion against changes by others on this machine; the same thread may enter again.

        The lock is a file beside the SQLite database; with a server, a file in the home. Machines that share
        a server do not exclude each other: two simultaneous rollbacks from the same version have the effect
        of one, and of two simultaneous promotions the later one is the champion, while the earlier one can be
        missing from the history of champions.
        """
        lock = self._lock()
        path = Path(lock.lock_file)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            reason = f"{path} has been locked by another process for {_LOCK_SECONDS:.0f} s"
            raise self._unavailable(reason) from None
        except OSError as fault:
            raise self._unavailable(fault) from fault
        try:
            yield
        finally:
            lock.release()

    def promote(
        self, version: str, decision: GateDecision | None = None, by: str = "", because: str = ""
    ) -> ModelVersion:
        """Make a version the champion, and record the gate's decision on it, or who decided and why."""
        with self._connected() as client, self.champion_lock():
            version = self._version(client, version)
            champions = self._champions(client)
            if not champions or champions[-1] != version:
                # If the process stops between these lines, the next reader adds the champion to the history.
                client.set_registered_model_alias(NAME, CHAMPION, version)
                self._record_champions(client, [*champions, version])
            if decision is not None:
                client.set_model_version_tag(NAME, version, "gate", decision.text.both())
            if by or because:
                at = datetime.now(UTC).isoformat(timespec="seconds")
                said = {"promoted_by": by, "promoted_because": because, "promoted_at": at}
                for key, value in said.items():
                    client.set_model_version_tag(NAME, version, key, value[:_LONGEST_TAG])
            return self._info(client, version)

    def record_decision(self, version: str, decision: GateDecision) -> None:
        """Record the gate's decision on a version that was not promoted."""
        with self._connected() as client:
            client.set_model_version_tag(NAME, version, "gate", decision.text.both())

    def previous_champion(self) -> str:
        """The version that was the champion before the present one."""
        with self._connected() as client:
            return self._at_least_two_champions(client)[-2]

    def rollback(self, from_version: str | None = None) -> ModelVersion:
        """Replaces `from_version` (None: the champion at the start of the call) by the champion before it.

        Returns the champion after the call. Nothing changes where `from_version` is no longer the champion.
        """
        with self._connected() as client:
            expected = from_version or self._version(client, CHAMPION)
            with self.champion_lock():
                current = self._version(client, CHAMPION)
                if current != expected:
                    return self._info(client, current)
                champions = self._at_least_two_champions(client)
                # If the process stops between these lines, the next reader adds the champion again.
                self._record_champions(client, champions[:-1])
                client.set_registered_model_alias(NAME, CHAMPION, champions[-2])
                return self._info(client, champions[-2])

    @contextmanager
    def _connected(self) -> Iterator[MlflowClient]:
        """The client, without MLflow's log lines and long waits; its failures are `_unavailable`."""
        with quietly():
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            try:
                yield self._client()
            # OSError: network and files
            except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as fault:
                raise self._unavailable(fault) from fault

    def _client(self) -> MlflowClient:
        with _OPENING:
            from mlflow import MlflowClient

            if self._opened is None:
                check_database(self.uri)
                self._settle()
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
            raise self._unavailable(reason) from None
        except OSError:  # where no file can be made, no table is made either
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _settle(self) -> None:
        """An embedded registry names the files of this home, also where the home was copied or moved."""
        if self._in_home and not self._settled:
            settle(self.home.resolve() / "mlflow.db", self.home.resolve() / _FILES, EXPERIMENT)
            self._settled = True

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder for files on their way; in the home where this machine has no other place to write to."""
        try:
            place: str | None = tempfile.gettempdir()
        except FileNotFoundError:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = tempfile.tempdir = str(self.home.resolve())  # MLflow's files on their way, too
        with tempfile.TemporaryDirectory(dir=place, prefix="sancho-") as folder:
            yield Path(folder)

    def _unavailable(self, fault: object) -> SanchoError:
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

    def _lock(self) -> FileLock:
        """The lock of this process, one for all its threads."""
        with _OPENING:
            if self._lock_of is None or self._lock_of[0] != os.getpid():
                self._lock_of = os.getpid(), FileLock(self._lock_path(), timeout=_LOCK_SECONDS)
            return self._lock_of[1]

    def _lock_path(self) -> Path:
        if self.uri.startswith("sqlite:///"):
            return Path(f"{self.uri.removeprefix('sqlite:///')}.lock")
        return self.home / "registry.lock"

    @contextmanager
    def _run(
        self, client: MlflowClient, name: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """An MLflow run; its status is FINISHED at the end, FAILED after an exception."""
        from mlflow.exceptions import MlflowException
        from mlflow.tracking.context.registry import resolve_tags

        run = client.create_run(self._experiment(client), tags=resolve_tags(dict(tags or {})), run_name=name)
        run_id = str(run.info.run_id)
        try:
            yield run_id
        except BaseException:
            with suppress(MlflowException), at_most(1.0):
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)

    def _experiment(self, client: MlflowClient) -> str:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = (self.home.resolve() / _FILES).as_uri() if self.uri.startswith("sqlite:") else None
            with unless_it_exists():
                return str(client.create_experiment(EXPERIMENT, artifact_location=location))
            experiment = client.get_experiment_by_name(EXPERIMENT)
        return str(experiment.experiment_id)

    def _champion(self, client: MlflowClient) -> str | None:
        try:
            return self._version(client, CHAMPION)
        except SanchoError:  # no_model; MLflow's own failures are MlflowException
            return None

    def _version(self, client: MlflowClient, which: str) -> str:
        from mlflow.exceptions import MlflowException

        numbered = which.isascii() and which.isdigit()
        try:
            if not numbered:
                return str(client.get_model_version_by_alias(NAME, which).version)
            if len(which) <= _LONGEST_VERSION:
                return str(client.get_model_version(NAME, which).version)
        except MlflowException as fault:
            # These two codes mean that no version has this name or alias; any other is a failure of MLflow.
            if fault.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
        raise SanchoError(
            Text(
                "モデル「{which}」がありません。"
                "sancho train で学習するか、sancho models list でバージョンを確認してください。",
                "There is no model {which!r}; train one (sancho train) or see sancho models list.",
            ).format(which=which),
            "unknown_version" if numbered else "no_model",
        )

    def _champions(self, client: MlflowClient) -> builtins.list[str]:
        """Versions that were champion, oldest first; the last is the version that has the alias now."""
        stored = client.get_registered_model(NAME).tags.get(_HISTORY, "[]")
        champions = [str(number) for number in json.loads(stored)]
        current = self._champion(client)
        return champions if current is None or champions[-1:] == [current] else [*champions, current]

    def _at_least_two_champions(self, client: MlflowClient) -> builtins.list[str]:
        self._version(client, CHAMPION)
        champions = self._champions(client)
        if len(champions) < 2:
            raise SanchoError(
                Text(
                    "切り戻せる前のバージョンがありません。"
                    "sancho models list でバージョンを確認してください。",
                    "There is no earlier champion to go back to; see sancho models list.",
                ),
                "no_earlier_model",
            )
        return champions

    def _record_champions(self, client: MlflowClient, champions: builtins.list[str]) -> None:
        client.set_registered_model_tag(NAME, _HISTORY, json.dumps(champions[-20:]))

    def _info(self, client: MlflowClient, version: str) -> ModelVersion:
        entry = client.get_model_version(NAME, version)
        return _version_of(
            RegistryEntry(
                version=str(version),
                run_id=str(entry.run_id or ""),
                tags=entry.tags or {},
                aliases=tuple(entry.aliases or ()),
                location="",
            )
        )


def _version_of(entry: RegistryEntry) -> ModelVersion:
    tags = entry.tags
    return ModelVersion(
        name=NAME,
        version=entry.version,
        trained_at=tags.get("trained_at", ""),
        run_id=entry.run_id,
        champion=CHAMPION in entry.aliases,
        as_of=tags.get("as_of", ""),
        figures={
            key.split(".", 1)[1]: float(value) for key, value in tags.items() if key.startswith("figure.")
        },
        gate=tags.get("gate", ""),
        promoted_by=tags.get("promoted_by", ""),
        promoted_because=tags.get("promoted_because", ""),
        promoted_at=tags.get("promoted_at", ""),
        shadow=SHADOW in entry.aliases,
    )
