"""How is a model written into MLflow: its files, its figures, its version?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.distribution import DISTRIBUTION, installed_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE = "bundle"  # folder of our own files among an MLflow model's
_SAVING = threading.Lock()  # MLflow reads model code in a global state of the process


def save_pyfunc(bundle: Path, files: Path, run_id: str, logged: Any) -> None:
    """Writes an MLflow model: a saved bundle under `BUNDLE`, the code that reads it, and its requirements."""
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
            artifacts={BUNDLE: str(bundle)},
            pip_requirements=[_requirement()],
            mlflow_model=metadata,
        )


def register_version(
    client: MlflowClient, name: str, run_id: str, logged: Any, files: Path, tags: Mapping[str, str]
) -> str:
    """Stores a model's files and registers them as the next version of a name, with tags, in one request."""
    from mlflow.entities import LoggedModelOutput

    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    client.log_model_artifacts(logged.model_id, str(files))
    client.finalize_logged_model(logged.model_id, "READY")
    with unless_it_exists():
        client.create_registered_model(name)
    # The location of the files, not models:/<id>, which MLflow would look up at the process's tracking URI.
    registered = client.create_model_version(
        name, source=logged.artifact_location, run_id=run_id, model_id=logged.model_id, tags=dict(tags)
    )
    versions = json.dumps([{"name": name, "version": registered.version}])
    client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": versions})
    return str(registered.version)


def log_figures(
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
def unless_it_exists() -> Iterator[None]:
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


def backtest_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """The main figures of a backtest, by question, method and score."""
    values: dict[str, float | None] = {}
    for question, part in result["deals"].items():
        for method, figures in part["overall"]["methods"].items():
            values |= {f"{question}.{method}.{name}": figures[name]["mean"] for name in ("log_loss", "brier")}
    for kind, part in result["periods"].items():
        for method, figures in part["overall"]["methods"].items():
            values[f"{kind}.{method}.crps"] = figures["crps"]["mean"]
    return {name: float(value) for name, value in values.items() if value is not None}
