"""What becomes of models that wait in the home until they can be registered?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.output import note

if TYPE_CHECKING:
    from service.settings import Settings
    from training.promotion_gate import GateDecision


def gate_code(decision: GateDecision) -> str:
    """Why a model was promoted or not, for programs."""
    return decision.code or ("promoted" if decision.promote else "refused")


def register_what_waits(settings: Settings, lang: Language) -> list[dict[str, Any]]:
    """Registers models that wait in the home since the registry could not be used, and says so.

    Where it still cannot be used they go on waiting, and whatever comes next says that it cannot.
    """
    from service.organisation import open_registry
    from training.mlflow_connection import UNAVAILABLE
    from training.register import register_waiting

    done: list[dict[str, Any]] = []
    try:
        for one in register_waiting(open_registry(settings)):
            if isinstance(one, SanchoError):
                note(f"sancho: {one.text.to(lang)}")
                continue
            said = _REGISTERED.format(v=one.info.version, at=one.info.trained_at[:16], gate=one.decision.text)
            note(said.to(lang))
            done.append(
                {
                    "version": one.info.version,
                    "promoted": one.decision.promote,
                    "code": gate_code(one.decision),
                    "reason": one.decision.text.to(lang),
                }
            )
    except SanchoError as fault:
        if fault.code != UNAVAILABLE:
            raise
    return done


_REGISTERED = Text(
    "待機中だったモデル（{at} に学習）をバージョン{v}として登録しました。{gate}",
    "The model that waited (trained {at}) is registered as version {v}. {gate}",
)
