"""Which model versions are there, which one is the champion, how was each trained? Recorded in MLflow."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from models.bundle import Bundle
from training.champion_copy import keep_copy, kept_copy
from training.mlflow_access import download, local_folder
from training.mlflow_connection import FILES, MlflowConnection
from training.mlflow_entries import BUNDLE, backtest_metrics, log_figures, register_version, save_pyfunc
from training.promotion_gate import GateDecision
from training.registry_entry import CHAMPION, NAME, MlflowNeededError, RegistryEntry, registry_entry

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from training.report import Report
    from training.training_record import TrainingRecord

ELSEWHERE = "promoted_elsewhere"  # code of the error where another machine changed the champion meanwhile
SHADOW = "shadow"  # alias of the version that answers beside the champion without being shown
_HISTORY = "champion_history"  # tag of the registered model: all champions, oldest first
_EVALUATION = "evaluation.json"
_BUSY_SECONDS = 3.0  # for a file that another process writes to: there is a copy of the model in service
_LONGEST_VERSION = 9  # digits; MLflow cannot look a longer one up
_LONGEST_TAG = 500  # characters of who promoted a version and why


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
    `exclude`: entered while the champion is changed, it keeps out others who share a server.
    """

    def __init__(
        self,
        home: Path,
        uri: str | None = None,
        exclude: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._mlflow = MlflowConnection(home, uri, exclude)
        self.home, self.uri, self.address = home, self._mlflow.uri, self._mlflow.address

    def log_and_register(self, bundle: Bundle, report: Report, fingerprint: str = "") -> ModelVersion:
        """Log the training with model card and metrics, and register the model; it is not promoted."""
        from training.training_record import TrainingRecord

        return self.register_bundle(bundle, TrainingRecord.of(bundle, report, fingerprint))

    def register_bundle(self, bundle: Bundle, record: TrainingRecord) -> ModelVersion:
        """Registers a model in memory, with what is recorded of its training."""
        with self._mlflow.scratch() as scratch:
            bundle.save(scratch / BUNDLE)
            return self.register(scratch / BUNDLE, record)

    def register(self, bundle: Path, record: TrainingRecord) -> ModelVersion:
        """Registers a saved model; one that is registered already stays as it is."""
        with self._mlflow.connected(writing=True) as client:
            tag = f"name = '{NAME}' and tag.training_id = '{record.training_id}'"
            found = client.search_model_versions(tag)
            if found:
                return self._info(client, str(found[0].version))
            with self._mlflow.run(client, tags={"sancho.training_id": record.training_id}) as run_id:
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
                with self._mlflow.scratch() as scratch:
                    save_pyfunc(bundle, scratch / "model", run_id, logged)
                    number = register_version(client, NAME, run_id, logged, scratch / "model", record.tags())
                return self._info(client, number)

    def log_backtest(self, result: Mapping[str, Any], page: str) -> str:
        """Log a backtest's JSON, page and main metrics as a run; returns its run id."""
        champion = self.champion()
        tags = {"sancho.kind": "backtest"}
        if champion is not None:
            tags["sancho.champion"] = champion.version
        with (
            self._mlflow.connected(writing=True) as client,
            self._mlflow.run(client, "backtest", tags) as run_id,
        ):
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
        with self._mlflow.connected(writing=True) as client:
            if run_id:
                for key, value in tags.items():
                    client.set_tag(run_id, key, value)
                log_figures(client, run_id, {}, figures)
                client.log_dict(run_id, dict(found), name)
                return run_id
            with self._mlflow.run(client, "comparison", {"sancho.kind": "comparison", **tags}) as own:
                log_figures(client, own, {}, figures)
                client.log_dict(own, dict(found), name)
                return own

    def shadow(self) -> ModelVersion | None:
        """The version that answers beside the champion without being shown; None where there is none."""
        with self._mlflow.connected() as client:
            try:
                return self._info(client, self._version(client, SHADOW))
            except SanchoError as fault:  # no_model; MLflow's own failures are MlflowException
                if fault.code != "no_model":
                    raise
                return None

    def set_shadow(self, version: str | None) -> ModelVersion | None:
        """Lets a version answer beside the champion without being shown; None ends that."""
        with self._mlflow.connected(writing=True) as client:
            if version is None:
                if self.shadow() is not None:
                    client.delete_registered_model_alias(NAME, SHADOW)
                return None
            number = self._version(client, version)
            client.set_registered_model_alias(NAME, SHADOW, number)
            return self._info(client, number)

    def evaluation(self, which: str) -> tuple[ModelVersion, dict[str, Any] | None]:
        """A version and how good it was on deals after its training data; None where nothing is recorded."""
        with self._mlflow.connected() as client, self._mlflow.scratch() as scratch:
            info = self._info(client, self._version(client, which))
            kept = {file.path for file in client.list_artifacts(info.run_id)} if info.run_id else set()
            if _EVALUATION not in kept:
                return info, None
            file = client.download_artifacts(info.run_id, _EVALUATION, str(scratch))
            found: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))
            return info, found

    def evaluation_of(self, info: ModelVersion) -> dict[str, Any] | None:
        """The same of a known version, from the home's own files without MLflow where it is there."""
        file = self.home / FILES / info.run_id / "artifacts" / _EVALUATION
        if info.run_id and file.is_file():
            found: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return found
        return self.evaluation(info.version)[1]

    def card(self, which: str, lang: Language) -> str | None:
        """The model card of a version, as HTML; None where none is recorded."""
        with self._mlflow.connected() as client, self._mlflow.scratch() as scratch:
            info, name = self._info(client, self._version(client, which)), f"model_card.{lang}.html"
            kept = {file.path for file in client.list_artifacts(info.run_id)} if info.run_id else set()
            if name not in kept:
                return None
            return Path(client.download_artifacts(info.run_id, name, str(scratch))).read_text("utf-8")

    def load(self, which: str = CHAMPION) -> tuple[Bundle, ModelVersion]:
        """A model by alias or version, and its registry entry; `no_model` where there is none."""
        found = self._loaded_without_mlflow(which)
        if found is not None:
            return found
        with self._mlflow.connected() as client:
            info = self._info(client, self._version(client, which))
            stored = client.get_model_version_download_uri(NAME, info.version)
            folder = local_folder(stored)
            if folder is not None:
                return self._loaded(info, folder), info
            with self._mlflow.scratch() as scratch:
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
        if self._mlflow.is_open:
            raise MlflowNeededError
        self._mlflow.settle()
        try:
            return registry_entry(self.uri, NAME, which, seconds=_BUSY_SECONDS, sound=True)
        except OSError as fault:
            raise self._mlflow.unavailable(fault) from fault

    def _loaded(self, info: ModelVersion, folder: Path) -> Bundle:
        """The model among a version's files; the champion's are copied into the home."""
        bundles = sorted(folder.rglob("bundle.json"))
        if not bundles:
            raise FileNotFoundError(f"version {info.version} has no bundle.json in {folder}")
        bundle = Bundle.load(bundles[0].parent)
        if info.champion:
            keep_copy(self.home, self._mlflow.own_name, vars(info), bundles[0].parent)
        return bundle

    def _keep_copy(self, client: MlflowClient, info: ModelVersion) -> None:
        """The champion's files are copied into the home, where they are on this machine."""
        with suppress(OSError):
            folder = local_folder(client.get_model_version_download_uri(NAME, info.version))
            for found in sorted(folder.rglob("bundle.json"))[:1] if folder is not None else ():
                keep_copy(self.home, self._mlflow.own_name, vars(info), found.parent)

    def last_champion(self) -> tuple[Bundle, ModelVersion] | None:
        """The model last in service here, from its copy in the home; for when the registry cannot be used."""
        kept = kept_copy(self.home, (self._mlflow.own_name, self.address))
        return None if kept is None else (kept[0], ModelVersion(**kept[1]))

    def champion(self) -> ModelVersion | None:
        """The version in service; None before the first."""
        with suppress(MlflowNeededError):
            entry = self._entry(CHAMPION)
            return None if entry is None else _version_of(entry)
        with self._mlflow.connected() as client:
            number = self._champion(client)
            return None if number is None else self._info(client, number)

    def list(self) -> list[ModelVersion]:
        """All versions, newest first."""
        with self._mlflow.connected() as client:
            registered = client.search_model_versions(f"name = '{NAME}'")
            versions = sorted((str(entry.version) for entry in registered), key=int, reverse=True)
            return [self._info(client, number) for number in versions]

    def show(self, version: str) -> dict[str, Any]:
        """One version with its run's parameters and metrics."""
        with self._mlflow.connected() as client:
            info = self._info(client, self._version(client, version))
            run = client.get_run(info.run_id)
            return {**vars(info), "parameters": dict(run.data.params), "metrics": dict(run.data.metrics)}

    def champion_lock(self) -> AbstractContextManager[None]:
        """Locks the champion against changes by others; the same thread may enter again.

        Others: on this machine, and on those that `exclude` reaches. Machines that share a server and nothing
        else do not exclude each other: whoever changes the champion looks afterwards which version holds, and
        where it is another machine's, the error is `promoted_elsewhere`.
        """
        return self._mlflow.locked()

    def promote(
        self,
        version: str,
        decision: GateDecision | None = None,
        by: str = "",
        because: str = "",
        *,
        instead_of: str | None = None,
    ) -> ModelVersion:
        """Make a version the champion, and record the gate's decision on it, or who decided and why.

        It is the champion from one call to the registry on, the one that moves the alias, and before that it
        is not: wherever the process stops, what was recorded stands beside it. Nothing is changed where
        another version than `instead_of` is the champion by then (`promoted_elsewhere`).
        """
        with self._mlflow.connected(writing=True) as client, self._mlflow.locked():
            version = self._version(client, version)
            if decision is not None:
                client.set_model_version_tag(NAME, version, "gate", decision.text.both())
            if by or because:
                at = datetime.now(UTC).isoformat(timespec="seconds")
                said = {"promoted_by": by, "promoted_because": because, "promoted_at": at}
                for key, value in said.items():
                    client.set_model_version_tag(NAME, version, key, value[:_LONGEST_TAG])
            champions = self._champions(client)
            if instead_of is not None and champions[-1:] != [instead_of]:
                raise promoted_elsewhere(version, champions[-1] if champions else "–")
            if not champions or champions[-1] != version:
                client.set_registered_model_alias(NAME, CHAMPION, version)
                # If the process stops here, the next reader adds the champion to the history.
                self._record_champions(client, [*champions, version])
                self._check_champion(client, version)
            info = self._info(client, version)
            self._keep_copy(client, info)
            return info

    def _check_champion(self, client: MlflowClient, version: str) -> None:
        """Sees that a version just put in service holds, and that the history of champions names it.

        Another machine may have changed both since they were read here.
        """
        holds, recorded = self._champion(client), self._recorded_champions(client)
        if holds == version:
            if recorded[-1:] != [version]:
                self._record_champions(client, [*recorded, version])
            return
        before = recorded[:-1] if recorded[-1:] == [holds] else recorded
        if holds is not None and before[-1:] != [version]:
            self._record_champions(client, [*before, version, holds])
        raise promoted_elsewhere(version, holds or "–")

    def record_decision(self, version: str, decision: GateDecision) -> None:
        """Record the gate's decision on a version that was not promoted."""
        with self._mlflow.connected(writing=True) as client:
            client.set_model_version_tag(NAME, version, "gate", decision.text.both())

    def previous_champion(self) -> str:
        """The version that was the champion before the present one."""
        with self._mlflow.connected() as client:
            return self._at_least_two_champions(client)[-2]

    def rollback(self, from_version: str | None = None) -> ModelVersion:
        """Replaces `from_version` (None: the champion at the start of the call) by the champion before it.

        Returns the champion after the call. Nothing changes where `from_version` is no longer the champion.
        """
        with self._mlflow.connected(writing=True) as client:
            expected = from_version or self._version(client, CHAMPION)
            with self._mlflow.locked():
                current = self._version(client, CHAMPION)
                if current != expected:
                    return self._info(client, current)
                champions = self._at_least_two_champions(client)
                # If the process stops between these lines, the next reader adds the champion again.
                self._record_champions(client, champions[:-1])
                client.set_registered_model_alias(NAME, CHAMPION, champions[-2])
                holds = self._version(client, CHAMPION)
                if holds != champions[-2]:
                    raise promoted_elsewhere(champions[-2], holds)
                info = self._info(client, holds)
                self._keep_copy(client, info)
                return info

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
        champions, current = self._recorded_champions(client), self._champion(client)
        return champions if current is None or champions[-1:] == [current] else [*champions, current]

    def _recorded_champions(self, client: MlflowClient) -> builtins.list[str]:
        stored = client.get_registered_model(NAME).tags.get(_HISTORY, "[]")
        return [str(number) for number in json.loads(stored)]

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


def promoted_elsewhere(version: str, holds: str) -> SanchoError:
    """The error where another machine changed the model in service at the same moment."""
    return SanchoError(
        Text(
            "バージョン{v}は使用中になっていません。同時に、別のマシンがバージョン{holds}を採用しました"
            "（使用中はバージョン{holds}）。"
            "sancho models list で確認し、必要であればもう一度実行してください。",
            "Version {v} is not in service: another machine put version {holds} in service at the same "
            "moment, and version {holds} holds. See sancho models list, and try again if need be.",
        ).format(v=version, holds=holds),
        ELSEWHERE,
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
