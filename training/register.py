"""How does a trained model get into the registry, at once or later, and when is it promoted then?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from crm.errors import SanchoError
from crm.i18n import Text
from models.bundle import Bundle
from training.mlflow_connection import UNAVAILABLE
from training.promotion_gate import GateDecision, not_compared, superseded
from training.registry import ELSEWHERE, ModelVersion, Registry
from training.training_record import TrainingRecord
from training.waiting_models import Verdict, WaitingModel, keep, waiting_lock, waiting_models

WAITING = "model_waiting"  # code of the error where a trained model waits to be registered


@dataclass(frozen=True)
class Registered:
    """A model that waited: its version now, and the decision on it."""

    info: ModelVersion
    decision: GateDecision


def register_or_keep(
    registry: Registry, bundle: Bundle, record: TrainingRecord, verdict: Verdict
) -> tuple[ModelVersion, GateDecision]:
    """Registers a model and promotes it if its verdict holds; else keeps it in the home (`model_waiting`)."""
    try:
        return _decided(registry, registry.register_bundle(bundle, record), verdict)
    except SanchoError as fault:
        if fault.code != UNAVAILABLE:
            raise
        folder = keep(registry.home, registry.address, bundle, record, verdict)
        raise SanchoError(
            Text(
                "{fault}学習したモデルは {folder} に保存しました。"
                "次の sancho train か sancho models register で登録されます。",
                "{fault} The trained model waits in {folder}: the next `sancho train`, or `sancho models "
                "register`, registers it.",
            ).format(fault=fault.text, folder=folder),
            WAITING,
        ) from fault


def register_waiting(registry: Registry) -> Iterator[Registered | SanchoError]:
    """Registers what waits in the home, oldest first, each once; what cannot be read stays, and is told.

    Raises where the registry cannot be used: what is left then goes on waiting.
    """
    if not _anything_waits(registry):
        return
    with waiting_lock(registry.home):
        waiting = waiting_models(registry.home)
        yield from waiting.damaged
        for one in waiting.models:
            yield _registered(registry, one)


def _anything_waits(registry: Registry) -> bool:
    waiting = waiting_models(registry.home)
    return bool(waiting.models or waiting.damaged)


def _registered(registry: Registry, one: WaitingModel) -> Registered | SanchoError:
    # The versions of another registry have the same numbers and are other models.
    compared = one.verdict.compared and one.registry == registry.address
    verdict = replace(one.verdict, compared=compared)
    try:
        found = Registered(*_decided(registry, registry.register(one.bundle, one.record), verdict))
    except SanchoError as fault:
        if fault.code == UNAVAILABLE:
            raise
        return fault  # it does not score as in training, say: it stays, and is never promoted
    one.remove()
    return found


def _decided(registry: Registry, info: ModelVersion, verdict: Verdict) -> tuple[ModelVersion, GateDecision]:
    """Promotes a registered version if its verdict holds for the model in service now, and records why."""
    registry.load(info.version)[0].check()  # the stored model scores the kept rows as in training
    with registry.champion_lock():
        current = registry.champion()
        if info.gate or (current is not None and current.version == info.version):
            return info, verdict.decision  # decided already, by a process that stopped before it was done
        champion = None if current is None else current.version
        decision = _against(verdict, champion)
        if decision.promote:
            try:
                return registry.promote(info.version, decision, instead_of=champion), decision
            except SanchoError as fault:
                if fault.code != ELSEWHERE:
                    raise
                now = registry.champion()  # of another machine, which shares the registry
                decision = superseded("–" if now is None else now.version)
        registry.record_decision(info.version, decision)
    return info, decision


def _against(verdict: Verdict, current: str | None) -> GateDecision:
    """A verdict's decision, where the champion is the one it was compared with; else a refusal."""
    if not verdict.decision.promote or current is None:
        return verdict.decision
    if not verdict.compared:
        return not_compared(current)
    return verdict.decision if current == verdict.champion else superseded(current)
