"""Which trained models wait to be registered? Each in a folder of the home, until the registry has it.

A training takes minutes to hours. Where the registry cannot be used at its end, the model, what is recorded
of it and the gate's decision stay here, and are registered later: once, and never promoted on the strength of
a comparison with a model that is no longer in service.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from crm.errors import SanchoError
from crm.i18n import Text
from crm.sealed_folder import read_sealed, write_sealed
from models.bundle import Bundle
from training.promotion_gate import GateDecision
from training.training_record import TrainingRecord

_BUNDLE = "bundle"
_LOCK_SECONDS = 8.0


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on a model; it holds only while the champion is the one compared with.

    `champion`: that version; None where there was none. `compared`: False where nobody could say which it is.
    """

    decision: GateDecision
    champion: str | None
    compared: bool = True


@dataclass(frozen=True, kw_only=True)
class WaitingModel:
    """A model that waits: its folder, what is recorded of its training, and the gate's decision.

    `registry`: the address whose versions the decision speaks of.
    """

    folder: Path
    registry: str
    record: TrainingRecord
    verdict: Verdict

    @property
    def bundle(self) -> Path:
        """The folder of the model's files."""
        return self.folder / _BUNDLE

    def remove(self) -> None:
        """Ends the waiting: the registry has it."""
        shutil.rmtree(self.folder)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What waits in a home: models, oldest first, and what is wrong with folders that cannot be read."""

    models: tuple[WaitingModel, ...]
    damaged: tuple[SanchoError, ...]


def keep(home: Path, registry: str, bundle: Bundle, record: TrainingRecord, verdict: Verdict) -> Path:
    """Keeps a model in the home until the registry at an address can be used; returns its folder."""
    folder = _folder(home) / record.training_id
    decision = verdict.decision
    facts = {
        "registry": registry,
        "record": record.to_json(),
        "verdict": {
            "promote": decision.promote,
            "ja": decision.text.ja,
            "en": decision.text.en,
            "code": decision.code,
            "champion": verdict.champion,
            "compared": verdict.compared,
        },
    }
    try:
        write_sealed(folder, lambda into: bundle.save(into / _BUNDLE), facts)
    except OSError as fault:
        raise SanchoError(
            Text(
                "学習したモデルを {folder} に保存できません（{reason}）。"
                "SANCHO_HOME に書き込めるようにして、もう一度学習してください。",
                "the trained model cannot be kept in {folder} ({reason}); make SANCHO_HOME writable and "
                "train again.",
            ).format(folder=folder, reason=fault.strerror or type(fault).__name__),
            "home_not_writable",
        ) from fault
    return folder


def waiting_models(home: Path) -> Waiting:
    """What waits, oldest training first."""
    models, damaged = [], []
    folder = _folder(home)
    for one in sorted(folder.iterdir()) if folder.is_dir() else []:
        if one.name.startswith(".") or not one.is_dir():
            continue
        try:
            models.append(_read(one))
        except SanchoError as fault:
            damaged.append(fault)
    models.sort(key=lambda one: (one.record.trained_at, one.record.training_id))
    return Waiting(models=tuple(models), damaged=tuple(damaged))


@contextmanager
def waiting_lock(home: Path) -> Iterator[None]:
    """Only one process of a home registers what waits."""
    folder = _folder(home)
    lock = FileLock(folder / ".lock", timeout=_LOCK_SECONDS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (Timeout, OSError) as fault:
        raise SanchoError(
            Text(
                "待機中のモデル（{folder}）を別のプロセスが登録しています。しばらくしてからもう一度実行してください。",
                "another process is registering the models that wait in {folder}; try again in a moment.",
            ).format(folder=folder),
            "waiting_locked",
        ) from fault
    try:
        yield
    finally:
        lock.release()


def _folder(home: Path) -> Path:
    return home / "waiting"


def _read(folder: Path) -> WaitingModel:
    facts = read_sealed(folder)
    verdict = facts["verdict"]
    decision = GateDecision(verdict["promote"], Text(verdict["ja"], verdict["en"]), code=verdict["code"])
    return WaitingModel(
        folder=folder,
        registry=facts["registry"],
        record=TrainingRecord.from_json(facts["record"]),
        verdict=Verdict(decision, verdict["champion"], verdict["compared"]),
    )
