"""Which model versions are there, which one is the champion, how was each trained? Recorded in MLflow."""

from __future__ import annotations

import builtins
import json
import logging
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from crm.distribution import DISTRIBUTION, installed_version
from crm.errors import SanchoError
from crm.i18n import LANGUAGES, Text
from models.bundle import Bundle
from training.model_card import model_card
from training.promotion_gate import GateDecision

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from training.report import Report

NAME = "sancho"
EXPERIMENT = "sancho"
CHAMPION = "champion"
_HISTORY = "champion_history"  # tag of the registered model: all champions, oldest first
_BUNDLE = "bundle"
_HEADLINES = ("log_loss", "brier", "calibration_error", "slope", "log_loss_against_stage_rates")
_LONGEST_VERSION = 9  # digits; MLflow cannot look a longer one up
_LOCK_SECONDS = 60.0

# MLflow uses global state of the process to create its tables (Alembic) and to read model code.
_OPENING, _SAVING = threading.Lock(), threading.Lock()
_inside: ContextVar[bool] = ContextVar("inside_registry", default=False)


def _before_mlflow() -> None:
    """Set what mlflow reads when it is first imported: no usage data leaves the machine, no progress bars."""
    if "mlflow" in sys.modules:
        return
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's, in a notebook without ipywidgets


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


class Registry:
    """The model registry: MLflow at `uri` (MLFLOW_TRACKING_URI), else embedded in SQLite under `home`.

    Every call names its address, so registries of several homes can be used side by side, from any thread.
    Where MLflow fails (server stopped, database locked) the error is `registry_unavailable`, not "no model".
    """

    def __init__(self, home: Path, uri: str | None = None) -> None:
        self.home = home
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.resolve() / 'mlflow.db'}"
        self._opened: MlflowClient | None = None
        self._lock = FileLock(self._lock_path(), timeout=_LOCK_SECONDS)

    def log_and_register(self, bundle: Bundle, report: Report, fingerprint: str = "") -> ModelVersion:
        """Log the training with model card and metrics, and register the model; it is not promoted."""
        parameters, metrics = _parameters(bundle, report, fingerprint), _metrics(report)
        cards = {lang: model_card(bundle, report, lang) for lang in LANGUAGES}
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / _BUNDLE
            bundle.save(folder)
            with self._connected() as client, self._run(client) as run_id:
                experiment = client.get_run(run_id).info.experiment_id
                logged = client.create_logged_model(
                    experiment, name="model", source_run_id=run_id, params=parameters
                )
                _log_figures(client, run_id, parameters, metrics, logged.model_id)
                for lang, card in cards.items():
                    client.log_text(run_id, card, f"model_card.{lang}.html")
                client.log_dict(run_id, _catalogue(bundle, report), "features.json")
                if report.evaluation is not None:
                    client.log_dict(run_id, report.evaluation.to_json(), "evaluation.json")
                files = Path(scratch) / "model"
                _save_pyfunc(folder, files, run_id, logged)
                number = _register(client, run_id, logged, files)
                tags = {
                    "trained_at": bundle.trained_at,
                    "as_of": str(bundle.as_of),
                    "fingerprint": fingerprint,
                }
                tags |= {f"figure.{key}": f"{metrics[key]:.6g}" for key in _HEADLINES if key in metrics}
                for key, value in tags.items():
                    client.set_model_version_tag(NAME, number, key, value)
                return self._info(client, number)

    def log_backtest(self, result: Mapping[str, Any], page: str) -> str:
        """Log a backtest's JSON, page and main metrics as a run; returns its run id."""
        champion = self.champion()
        tags = {"sancho.kind": "backtest"}
        if champion is not None:
            tags["sancho.champion"] = champion.version
        with self._connected() as client, self._run(client, "backtest", tags) as run_id:
            settings = {name: str(value)[:400] for name, value in result["settings"].items()}
            _log_figures(client, run_id, settings, _backtest_metrics(result))
            client.log_dict(run_id, dict(result), "backtest.json")
            client.log_text(run_id, page, "backtest.html")
            return run_id

    def load(self, which: str = CHAMPION) -> tuple[Bundle, ModelVersion]:
        """A model by alias or version, and its registry entry; `no_model` where there is none."""
        with self._connected() as client:
            from mlflow.artifacts import download_artifacts

            info = self._info(client, self._version(client, which))
            stored = client.get_model_version_download_uri(NAME, info.version)
            path = Path(download_artifacts(artifact_uri=stored, tracking_uri=self.uri))
            bundles = sorted(path.rglob("bundle.json"))
            if not bundles:
                raise FileNotFoundError(f"version {info.version} has no bundle.json in {stored}")
        return Bundle.load(bundles[0].parent), info

    def champion(self) -> ModelVersion | None:
        """The version in service; None before the first."""
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
        path = Path(self._lock.lock_file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            reason = f"{path} has been locked by another process for {_LOCK_SECONDS:.0f} s"
            raise self._unavailable(reason) from None
        except OSError as fault:
            raise self._unavailable(fault) from fault
        try:
            yield
        finally:
            self._lock.release()

    def promote(self, version: str, decision: GateDecision | None = None) -> ModelVersion:
        """Make a version the champion, and record the gate's decision on it, if there is one."""
        with self._connected() as client, self.champion_lock():
            version = self._version(client, version)
            champions = self._champions(client)
            if not champions or champions[-1] != version:
                # If the process stops between these lines, the next reader adds the champion to the history.
                client.set_registered_model_alias(NAME, CHAMPION, version)
                self._record_champions(client, [*champions, version])
            if decision is not None:
                client.set_model_version_tag(NAME, version, "gate", decision.text.both())
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
        """The client, without MLflow's log lines in this thread; MLflow's failures are `_unavailable`."""
        token = _inside.set(True)
        _before_mlflow()
        try:
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            try:
                yield self._client()
            except (MlflowException, SQLAlchemyError, OSError) as fault:  # OSError: network and files
                raise self._unavailable(fault) from fault
        finally:
            _inside.reset(token)

    def _client(self) -> MlflowClient:
        with _OPENING:
            from mlflow import MlflowClient

            for name in ("mlflow", "alembic"):
                for handler in logging.getLogger(name).handlers:
                    handler.addFilter(_quiet)  # a second call changes nothing
            if self._opened is None:
                if self.uri.startswith("sqlite:///"):
                    Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
                client = MlflowClient(self.uri, self.uri)
                client.search_registered_models(max_results=1)  # connects, and creates the tables
                self._opened = client
            return self._opened

    def _unavailable(self, fault: object) -> SanchoError:
        def without_password(text: str) -> str:
            return re.sub(r"//[^/@\s]+@", "//", text)

        lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
        reason = lines[0] if lines else type(fault).__name__
        text = (
            Text(
                "モデルの登録先（{uri}）を利用できません：{reason}。MLflowサーバーが動いているか、"
                "MLFLOW_TRACKING_URI が正しいか、ほかのプロセスがデータベースを使用していないかを確認して、"
                "もう一度実行してください。",
                "The model registry ({uri}) cannot be used: {reason}. Check that the MLflow server is "
                "running, that MLFLOW_TRACKING_URI is right and that no other process locks the database; "
                "then try again.",
            )
            if not isinstance(fault, FileNotFoundError)
            else Text(
                "モデルの登録先（{uri}）にファイルがありません：{reason}。ファイルを元に戻すか、"
                "別のバージョンを採用してください（sancho models promote）。",
                "Files are missing in the model registry ({uri}): {reason}. Restore them, or put another "
                "version in service (sancho models promote).",
            )
        )
        shown = {"uri": without_password(self.uri), "reason": without_password(reason[:300]).rstrip(".")}
        return SanchoError(text.format(**shown), "registry_unavailable")

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
            with suppress(MlflowException):
                client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)

    def _experiment(self, client: MlflowClient) -> str:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = (
                (self.home.resolve() / "mlartifacts").as_uri() if self.uri.startswith("sqlite:") else None
            )
            with _unless_it_exists():
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
        tags = entry.tags or {}
        figures = {
            key.split(".", 1)[1]: float(value) for key, value in tags.items() if key.startswith("figure.")
        }
        return ModelVersion(
            name=NAME,
            version=str(version),
            trained_at=tags.get("trained_at", ""),
            run_id=str(entry.run_id or ""),
            champion=CHAMPION in (entry.aliases or []),
            as_of=tags.get("as_of", ""),
            figures=figures,
            gate=tags.get("gate", ""),
        )


class _Quiet(logging.Filter):
    """Hides MLflow's log lines below ERROR during a registry's calls, such as those of its migrations."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown; it depends on the thread, so other uses of MLflow are not affected."""
        return record.levelno >= logging.ERROR or not _inside.get()


_quiet = _Quiet()


def _save_pyfunc(bundle: Path, files: Path, run_id: str, logged: Any) -> None:
    """Writes an MLflow model: a bundle's files, the code that reads them, and its requirements."""
    import mlflow.pyfunc
    from mlflow.models import Model

    metadata = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    with _SAVING:
        mlflow.pyfunc.save_model(
            str(files),
            python_model=str(Path(__file__).with_name("pyfunc_code.py")),
            artifacts={_BUNDLE: str(bundle)},
            pip_requirements=[_requirement()],
            mlflow_model=metadata,
        )


def _register(client: MlflowClient, run_id: str, logged: Any, files: Path) -> str:
    """Store a model's files and register them as the next version."""
    from mlflow.entities import LoggedModelOutput

    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.log_model_artifacts(logged.model_id, str(files))
    client.finalize_logged_model(logged.model_id, "READY")
    with _unless_it_exists():
        client.create_registered_model(NAME)
    # The location of the files, not models:/<id>, which MLflow would look up at the process's tracking URI.
    registered = client.create_model_version(
        NAME, source=logged.artifact_location, run_id=run_id, model_id=logged.model_id
    )
    versions = json.dumps([{"name": NAME, "version": registered.version}])
    client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": versions})
    return str(registered.version)


def _log_figures(
    client: MlflowClient,
    run_id: str,
    parameters: Mapping[str, str],
    metrics: Mapping[str, float],
    model_id: str | None = None,
) -> None:
    """Logs parameters and metrics of a run and of its model."""
    from mlflow.entities import Metric, Param

    now = int(1000 * time.time())
    client.log_batch(
        run_id,
        [Metric(name, value, now, 0, model_id=model_id) for name, value in metrics.items()],
        [Param(name, value) for name, value in parameters.items()],
    )


@contextmanager
def _unless_it_exists() -> Iterator[None]:
    """Ignores that another process created the same entry first."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as fault:
        if fault.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _requirement() -> str:
    """The requirement of a logged model: this distribution in the version that wrote it."""
    version = installed_version()
    return f"{DISTRIBUTION}=={version}" if version else DISTRIBUTION


def _parameters(bundle: Bundle, report: Report, fingerprint: str) -> dict[str, str]:
    parameters = {
        **{name: str(value)[:400] for name, value in vars(report.config).items()},
        **bundle.calendar.settings(),
        "currency": bundle.revenue.currency,
        **report.counts,
        "as_of": bundle.as_of,
        "data_fingerprint": fingerprint,
        "longest_days": round(bundle.win.windows.longest_days, 1),
        "left_out": ", ".join(sorted(report.left_out))[:400],
        "leaks": ", ".join(leak.attribute for leak in report.leaks)[:400],
        "lightgbm": version("lightgbm"),
        "numpy": version("numpy"),
    }
    return {name: str(value) for name, value in parameters.items()}


def _metrics(report: Report) -> dict[str, float]:
    values: dict[str, float] = {f"seconds.{name}": value for name, value in report.seconds.items()}
    if report.evaluation is not None:
        figures = report.evaluation.overall
        values |= figures["model"]
        for name in figures:
            if name != "model":
                values |= {
                    f"{name}.log_loss": figures[name]["log_loss"],
                    f"{name}.brier": figures[name]["brier"],
                }
        for name, gap in report.evaluation.log_loss_against.items():
            values |= {f"log_loss_against_{name}": gap.mean, f"log_loss_against_{name}_hi": gap.hi}
    for side, weights in report.weights.items():
        values |= {
            f"weight.{side}.{name}": w for name, w in zip(("rates", "linear", "trees"), weights, strict=True)
        }
    return {name.replace(" ", "_"): float(value) for name, value in values.items() if value == value}


def _backtest_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float | None] = {}
    for question, part in result["deals"].items():
        for method, figures in part["overall"]["methods"].items():
            values |= {f"{question}.{method}.{name}": figures[name]["mean"] for name in ("log_loss", "brier")}
    for kind, part in result["periods"].items():
        for method, figures in part["overall"]["methods"].items():
            values[f"{kind}.{method}.crps"] = figures["crps"]["mean"]
    return {name: float(value) for name, value in values.items() if value is not None}


def _catalogue(bundle: Bundle, report: Report) -> dict[str, Any]:
    left_out = {name: {"ja": why.ja, "en": why.en} for name, why in report.left_out.items()}
    return {"features": list(bundle.features), "used": list(bundle.win.layout.names), "left_out": left_out}
