"""Which model versions are there, which one is the champion, and how did each come to be? Kept in MLflow."""

from __future__ import annotations

import builtins
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text
from sancho.models.bundle import Bundle
from sancho.training.card import model_card
from sancho.training.gate import Verdict

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from sancho.training.report import Report

NAME = "sancho"
EXPERIMENT = "sancho"
CHAMPION = "champion"
_HISTORY = "champion_history"  # tag of the registered model: versions that were champion, oldest first
_BUNDLE = "bundle"


@dataclass(frozen=True)
class ModelInfo:
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
    """The model registry: MLflow at `uri` (MLFLOW_TRACKING_URI), else embedded in SQLite under `home`."""

    def __init__(self, home: Path, uri: str | None = None) -> None:
        self.home = home
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.resolve() / 'mlflow.db'}"

    def log_and_register(self, bundle: Bundle, report: Report, fingerprint: str = "") -> ModelInfo:
        """Log the run with its card and figures and register the model as a version; promotes nothing."""
        with _quiet(), tempfile.TemporaryDirectory() as scratch:
            mlflow, client = self._mlflow()
            folder = Path(scratch) / _BUNDLE
            bundle.save(folder)
            with mlflow.start_run(experiment_id=self._experiment(client)) as run:
                mlflow.log_params(_parameters(bundle, report, fingerprint))
                mlflow.log_metrics(_metrics(report))
                for lang in ("ja", "en"):
                    mlflow.log_text(model_card(bundle, report, lang), f"model_card.{lang}.html")
                mlflow.log_dict(_catalogue(bundle, report), "features.json")
                if report.evaluation is not None:
                    mlflow.log_dict(report.evaluation.to_json(), "evaluation.json")
                logged = mlflow.pyfunc.log_model(
                    name="model",
                    python_model=str(Path(__file__).with_name("pyfunc_code.py")),
                    artifacts={_BUNDLE: str(folder)},
                    pip_requirements=["sancho"],
                    registered_model_name=NAME,
                )
                version, run_id = str(logged.registered_model_version), run.info.run_id
            tags = {"trained_at": bundle.trained_at, "as_of": str(bundle.as_of), "fingerprint": fingerprint}
            for key, value in tags.items():
                client.set_model_version_tag(NAME, version, key, value)
            for key, figure in _metrics(report).items():
                if key in ("log_loss", "brier", "calibration_error", "slope", "log_loss_against_stage_rates"):
                    client.set_model_version_tag(NAME, version, f"figure.{key}", f"{figure:.6g}")
            return self._info(client, version, run_id)

    def log_backtest(self, result: Mapping[str, Any], page: str) -> str:
        """Log a backtest's JSON, page and main figures as a run beside the models'; its run id."""
        champion = self.champion()
        beside = {} if champion is None else {"sancho.champion": champion.version}
        with _quiet():
            mlflow, client = self._mlflow()
            experiment = self._experiment(client)
            with mlflow.start_run(experiment_id=experiment, run_name="backtest") as run:
                mlflow.set_tags({"sancho.kind": "backtest", **beside})
                mlflow.log_params({name: str(value)[:400] for name, value in result["settings"].items()})
                mlflow.log_metrics(_backtest_metrics(result))
                mlflow.log_dict(dict(result), "backtest.json")
                mlflow.log_text(page, "backtest.html")
            return str(run.info.run_id)

    def load(self, which: str = CHAMPION) -> tuple[Bundle, ModelInfo]:
        """A model by alias or version, with what is known of it; `no_model` where there is none."""
        with _quiet():
            mlflow, client = self._mlflow()
            version = self._version(client, which)
            path = mlflow.artifacts.download_artifacts(f"models:/{NAME}/{version}")
            found = sorted(Path(path).rglob("bundle.json"))
            return Bundle.load(found[0].parent), self._info(client, version)

    def champion(self) -> ModelInfo | None:
        """The version in service, None before the first."""
        with _quiet():
            _, client = self._mlflow()
            try:
                return self._info(client, self._version(client, CHAMPION))
            except SanchoError:
                return None

    def list(self) -> list[ModelInfo]:
        """All versions, newest first."""
        with _quiet():
            _, client = self._mlflow()
            found = client.search_model_versions(f"name = '{NAME}'")
            versions = sorted((str(one.version) for one in found), key=int, reverse=True)
            return [self._info(client, version) for version in versions]

    def show(self, version: str) -> dict[str, Any]:
        """One version with its run's parameters and metrics."""
        with _quiet():
            _, client = self._mlflow()
            info = self._info(client, self._version(client, version))
            run = client.get_run(info.run_id)
            return {**vars(info), "parameters": dict(run.data.params), "metrics": dict(run.data.metrics)}

    def promote(self, version: str, verdict: Verdict | None = None) -> ModelInfo:
        """Make a version the champion; the gate's verdict, if one was asked for, is kept with it."""
        with _quiet():
            _, client = self._mlflow()
            version = self._version(client, version)
            past = self._past(client)
            if not past or past[-1] != version:
                self._set_champion(client, [*past, version])
            if verdict is not None:
                client.set_model_version_tag(NAME, version, "gate", verdict.text.both())
            return self._info(client, version)

    def note(self, version: str, verdict: Verdict) -> None:
        """Keep the gate's verdict with a version that was not promoted."""
        with _quiet():
            _, client = self._mlflow()
            client.set_model_version_tag(NAME, version, "gate", verdict.text.both())

    def earlier(self) -> str:
        """The version that was champion before this one."""
        with _quiet():
            _, client = self._mlflow()
            return self._at_least_two(client)[-2]

    def rollback(self) -> ModelInfo:
        """Back to the champion before this one."""
        with _quiet():
            _, client = self._mlflow()
            past = self._at_least_two(client)
            self._set_champion(client, past[:-1])
            return self._info(client, past[-2])

    def _mlflow(self) -> tuple[Any, MlflowClient]:
        # Read when mlflow is first imported: no usage data leaves the machine.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("DO_NOT_TRACK", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow

        if self.uri.startswith("sqlite:///"):
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        said = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        # MLflow exports the address; left there, another home's registry would take it for the user's choice.
        if said is None:
            os.environ.pop("MLFLOW_TRACKING_URI", None)
        return mlflow, mlflow.MlflowClient(self.uri, self.uri)

    def _experiment(self, client: MlflowClient) -> str:
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        place = (self.home.resolve() / "mlartifacts").as_uri() if self.uri.startswith("sqlite:") else None
        return str(client.create_experiment(EXPERIMENT, artifact_location=place))

    def _version(self, client: MlflowClient, which: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            if which.isdigit():
                return str(client.get_model_version(NAME, which).version)
            return str(client.get_model_version_by_alias(NAME, which).version)
        except MlflowException:
            raise SanchoError(
                Text(
                    "モデル「{which}」がありません。"
                    "sancho train で学習するか、sancho models list で版を確認してください。",
                    "There is no model {which!r}; train one (sancho train) or see sancho models list.",
                ).format(which=which),
                "unknown_version" if which.isdigit() else "no_model",
            ) from None

    def _past(self, client: MlflowClient) -> builtins.list[str]:
        stored = client.get_registered_model(NAME).tags.get(_HISTORY, "[]")
        return [str(version) for version in json.loads(stored)]

    def _at_least_two(self, client: MlflowClient) -> builtins.list[str]:
        past = self._past(client)
        if len(past) < 2:
            raise SanchoError(
                Text(
                    "戻せる前の版がありません。sancho models list で版を確認してください。",
                    "There is no earlier champion to go back to; see sancho models list.",
                ),
                "no_earlier_model",
            )
        return past

    def _set_champion(self, client: MlflowClient, past: builtins.list[str]) -> None:
        client.set_registered_model_alias(NAME, CHAMPION, past[-1])
        client.set_registered_model_tag(NAME, _HISTORY, json.dumps(past[-20:]))

    def _info(self, client: MlflowClient, version: str, run_id: str = "") -> ModelInfo:
        found = client.get_model_version(NAME, version)
        tags = found.tags or {}
        figures = {
            key.split(".", 1)[1]: float(value) for key, value in tags.items() if key.startswith("figure.")
        }
        return ModelInfo(
            name=NAME,
            version=str(version),
            trained_at=tags.get("trained_at", ""),
            run_id=str(found.run_id or run_id),
            champion=CHAMPION in (found.aliases or []),
            as_of=tags.get("as_of", ""),
            figures=figures,
            gate=tags.get("gate", ""),
        )


def _parameters(bundle: Bundle, report: Report, fingerprint: str) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        **{name: str(value)[:400] for name, value in vars(report.config).items()},
        **report.counts,
        "as_of": bundle.as_of,
        "data_fingerprint": fingerprint,
        "longest_days": round(bundle.win.windows.longest_days, 1),
        "left_out": ", ".join(sorted(report.left_out))[:400],
        "leaks": ", ".join(leak.attribute for leak in report.leaks)[:400],
        "lightgbm": version("lightgbm"),
        "numpy": version("numpy"),
    }


def _metrics(report: Report) -> dict[str, float]:
    found: dict[str, float] = {f"seconds.{name}": value for name, value in report.seconds.items()}
    if report.evaluation is not None:
        figures = report.evaluation.overall
        found |= figures["model"]
        for name in figures:
            if name != "model":
                found |= {
                    f"{name}.log_loss": figures[name]["log_loss"],
                    f"{name}.brier": figures[name]["brier"],
                }
        for name, gap in report.evaluation.log_loss_against.items():
            found |= {f"log_loss_against_{name}": gap.mean, f"log_loss_against_{name}_hi": gap.hi}
    for side, weights in report.weights.items():
        found |= {
            f"weight.{side}.{name}": w for name, w in zip(("rates", "linear", "trees"), weights, strict=True)
        }
    return {name.replace(" ", "_"): float(value) for name, value in found.items() if value == value}


def _backtest_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float | None] = {}
    for question, part in result["deals"].items():
        for method, one in part["overall"]["methods"].items():
            found |= {f"{question}.{method}.{name}": one[name]["mean"] for name in ("log_loss", "brier")}
    for kind, part in result["periods"].items():
        for method, one in part["overall"]["methods"].items():
            found[f"{kind}.{method}.crps"] = one["crps"]["mean"]
    return {name: float(value) for name, value in found.items() if value is not None}


def _catalogue(bundle: Bundle, report: Report) -> dict[str, Any]:
    left_out = {name: {"ja": why.ja, "en": why.en} for name, why in report.left_out.items()}
    return {"features": list(bundle.features), "used": list(bundle.win.layout.names), "left_out": left_out}


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow tells of migrations, signatures and requirements that are none of the user's business."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "mlflow.store.db.utils")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a path
        warnings.simplefilter("ignore")
        import contextlib

        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
