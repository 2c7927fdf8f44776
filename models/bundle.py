"""What does scoring need? One value that holds it all, saved and loaded as text and arrays, never as code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.errors import SanchoError
from crm.i18n import Text
from crm.organisation import Organisation
from features.arrays import Floats, Ints
from features.calendar import Calendar
from features.levels import Levels
from models.actions import ActionEffect
from models.bottlenecks import Bottleneck
from models.forecast.common_factors import CommonFactors
from models.forecast.new_business import NewBusiness
from models.forecast.revenue import RevenueModel
from models.win.base_models import FeatureLayout, Linear
from models.win.blind import BlindVariant
from models.win.horizons import HorizonWindows
from models.win.level import Level
from models.win.model import Side, WinModel
from models.win.one_deal import OneDeal
from models.win.reference import Peers
from models.win.stacking import Stack
from models.win.stage_rates import StageRates
from models.win.trees import Trees

FORMAT = 13
TOLERANCE = 1e-9  # check rows must score as in training, within this tolerance


@dataclass(frozen=True)
class ModelWarning:
    """A warning that is part of every answer of the model."""

    code: str
    message: Text

    def to_json(self) -> dict[str, str]:
        """Code and both languages."""
        return {"code": self.code, "ja": self.message.ja, "en": self.message.en}

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> ModelWarning:
        """The warning that `to_json` stored."""
        return cls(stored["code"], Text(stored["ja"], stored["en"]))


@dataclass(frozen=True)
class CheckRows:
    """A few training moments with their scores at training time; the readiness check scores them again."""

    x: Floats
    at: Ints
    horizon: Floats
    won_by: Floats


@dataclass(frozen=True, kw_only=True)
class ProofRows:
    """Later questions (m,) with what a model fitted until `cut` by the bundle's recipe said of them.

    `deal` is the position in `deal_ids`; horizons are in days, infinite = ever. A later model that is fitted
    until `cut` without these deals can be compared on them.
    """

    cut: int
    deal_ids: NDArray[np.str_]
    deal: Ints
    at: Ints
    horizon: Floats
    outcome: Floats
    weight: Floats
    chance: Floats

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is stored as arrays."""
        return {name: value for name, value in vars(self).items() if name != "cut"}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A trained model. `features` are the names of the columns of `x` in order, `levels` their categories.

    `common_factors` are the sizes of shocks that deals share: the prior ones until they are estimated.
    """

    win: WinModel
    revenue: RevenueModel
    new_business: NewBusiness | None
    features: tuple[str, ...]
    levels: Levels
    calendar: Calendar
    as_of: int
    trained_at: str
    self_check: CheckRows
    peers: Peers
    warnings: tuple[ModelWarning, ...] = ()
    common_factors: CommonFactors = field(default_factory=CommonFactors.prior)
    drop_amount: bool = False  # the amount is recorded only at closing: it is not used
    bottlenecks: tuple[Bottleneck, ...] = ()
    bottlenecks_looked_for: int | None = None  # conditions in segments that were compared; before: not kept
    actions: tuple[ActionEffect, ...] = ()
    rate_kind: str = "market"  # the exchange rates at which amounts in other currencies were converted
    recipe: str = ""  # the settings it was trained with, as text
    proof: ProofRows | None = None
    blind: BlindVariant | None = None  # models of before have none

    @cached_property
    def one_deal(self) -> OneDeal:
        """The win model, ready to be asked about one deal at a time."""
        return OneDeal.of(self.win)

    @property
    def currency(self) -> str:
        """The organisation's currency at training, in which all amounts of the model are."""
        return self.revenue.currency

    def other_currency(self, organisation: Organisation) -> Text | None:
        """What to do where the organisation counts in another currency than the model; None: it does not."""
        if organisation.currency == self.currency:
            return None
        return Text(
            "この時点の組織の通貨は{now}ですが、モデルは{then}で学習しています。"
            "`sancho train` で再学習してください。",
            "The organisation's currency is {now} at this moment, but the model was trained in {then}; "
            "retrain it with `sancho train`.",
        ).format(now=organisation.currency, then=self.currency)

    def check_currency(self, organisation: Organisation) -> None:
        """Raises where the organisation counts in another currency than the model."""
        if (other := self.other_currency(organisation)) is not None:
            raise SanchoError(other, "currency_changed")

    def amount_now(self, amount: Floats) -> Floats:
        """The amounts (n,) that the revenue model may use."""
        return np.full(len(amount), np.nan) if self.drop_amount else amount

    def check(self) -> float:
        """Largest difference of the check rows' scores then and now; raises if above the tolerance."""
        kept = self.self_check
        if not len(kept.at):
            return 0.0
        gap = float(np.abs(self.win.won_by(kept.x, kept.at, kept.horizon) - kept.won_by).max())
        if not gap <= TOLERANCE:
            raise SanchoError(
                Text(
                    "モデルの点検に失敗しました。保存した商談の確率が学習時と{gap:.2g}異なります。"
                    "前のバージョンに戻すか（sancho models rollback）、再学習してください（sancho train）。",
                    "The model failed its check: stored deals score {gap:.2g} away from their scores in "
                    "training; roll back (sancho models rollback) or retrain (sancho train).",
                ).format(gap=gap),
                "model_check_failed",
            )
        return gap

    def save(self, folder: Path) -> None:
        """Write the model into a folder: bundle.json, arrays.npz and the trees as LightGBM text."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, NDArray[Any]] = {
            f"kept.{name}": value for name, value in vars(self.self_check).items()
        }
        arrays |= {f"peers.{name}": value for name, value in vars(self.peers).items()}
        arrays |= {f"revenue.{name}": value for name, value in self.revenue.arrays().items()}
        if self.proof is not None:
            arrays |= {f"proof.{name}": value for name, value in self.proof.arrays().items()}
        win, of_win = _win_fields(self.win, folder)
        arrays |= of_win
        blind = None
        if self.blind is not None:
            fields, of_blind = _win_fields(self.blind.win, folder)
            blind = {"win": fields, "much": self.blind.much}
            arrays |= {f"blind.{name}": value for name, value in of_blind.items()}
        text = {
            "format": FORMAT,
            "win": win,
            "blind": blind,
            "revenue": self.revenue.to_json(),
            "new_business": None if self.new_business is None else self.new_business.to_json(),
            "features": list(self.features),
            "levels": dict(self.levels),
            "calendar": self.calendar.settings(),
            "as_of": self.as_of,
            "trained_at": self.trained_at,
            "warnings": [warning.to_json() for warning in self.warnings],
            "common_factors": self.common_factors.to_json(),
            "drop_amount": self.drop_amount,
            "recipe": self.recipe,
            "proof": None if self.proof is None else {"cut": self.proof.cut},
            "bottlenecks": [one.to_json() for one in self.bottlenecks],
            "bottlenecks_looked_for": self.bottlenecks_looked_for,
            "actions": [one.to_json() for one in self.actions],
            "rate_kind": self.rate_kind,
        }
        (folder / "bundle.json").write_text(json.dumps(text, ensure_ascii=False, allow_nan=True), "utf-8")
        np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """The model saved in a folder; it gives the same answers, bit for bit."""
        text = json.loads((folder / "bundle.json").read_text("utf-8"))
        if text["format"] != FORMAT:
            raise SanchoError(
                Text(
                    "このモデルは別のバージョンのSanchoで作られています（形式{found}）。"
                    "sancho train で再学習してください。",
                    "This model was made by another version of Sancho (format {found}); "
                    "retrain it (sancho train).",
                ).format(found=text["format"]),
                "model_format",
            )
        with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        calendar = Calendar.of(text["calendar"])
        win = _win(text["win"], arrays, calendar, folder)
        new, proof, blind = text["new_business"], text.get("proof"), text.get("blind")
        return cls(
            win=win,
            revenue=RevenueModel.restored(text["revenue"], _part(arrays, "revenue")),
            new_business=None if new is None else NewBusiness.from_json(new),
            features=tuple(text["features"]),
            levels=text["levels"],
            calendar=calendar,
            as_of=text["as_of"],
            trained_at=text["trained_at"],
            self_check=CheckRows(**_part(arrays, "kept")),
            peers=Peers(**_part(arrays, "peers")),
            warnings=tuple(ModelWarning.from_json(warning) for warning in text["warnings"]),
            common_factors=CommonFactors.from_json(text["common_factors"]),
            drop_amount=text["drop_amount"],
            bottlenecks=tuple(Bottleneck.from_json(one) for one in text["bottlenecks"]),
            bottlenecks_looked_for=text.get("bottlenecks_looked_for"),
            actions=tuple(ActionEffect.from_json(one) for one in text["actions"]),
            rate_kind=text.get("rate_kind", "market"),
            recipe=text.get("recipe", ""),
            proof=None if proof is None else ProofRows(cut=proof["cut"], **_part(arrays, "proof")),
            blind=None
            if blind is None
            else BlindVariant(_win(blind["win"], _part(arrays, "blind"), calendar, folder), blind["much"]),
        )


def _win_fields(win: WinModel, folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What is stored of a win model as text and as arrays; its trees are written into the folder."""
    arrays: dict[str, NDArray[Any]] = {"win.used": win.used}
    sides: dict[str, dict[str, Any]] = {}
    for name, side in (("won", win.won), ("lost", win.lost)):
        sides[name] = {"stack": side.stack.to_json(), "linear": None, "trees": None, "plain": None}
        if side.linear is not None:
            sides[name]["linear"] = side.linear.to_json()
            arrays |= {f"{name}.{key}": value for key, value in side.linear.arrays().items()}
        for kind, trees in (("trees", side.trees), ("plain", side.plain)):
            if trees is not None:
                file = f"{name}.lightgbm.txt" if kind == "trees" else f"{name}.{kind}.lightgbm.txt"
                sides[name][kind] = {"file": file, "threads": trees.threads}
                (folder / file).write_text(trees.text, "utf-8")
    fields = {
        "layout": vars(win.layout),
        "rates": win.rates.to_json(),
        "sides": sides,
        "ever_days": win.ever_days,
        "longest_days": win.windows.longest_days,
        "pace": win.windows.pace.tolist(),
        "season": win.windows.season.tolist(),
        "closed_deals": win.closed_deals,
        "level": win.level.to_json(),
    }
    return fields, arrays


def _win(
    text: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], calendar: Calendar, folder: Path
) -> WinModel:
    layout: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in text["layout"].items()
    }
    sides = {}
    for name, side in text["sides"].items():
        linear = None if side["linear"] is None else Linear.restored(side["linear"], _part(arrays, name))
        trees, plain = (
            None
            if side[kind] is None
            else Trees((folder / side[kind]["file"]).read_text("utf-8"), side[kind]["threads"])
            for kind in ("trees", "plain")
        )
        sides[name] = Side(linear, trees, Stack.from_json(side["stack"]), plain)
    return WinModel(
        used=arrays["win.used"],
        layout=FeatureLayout(**layout),
        rates=StageRates.from_json(text["rates"]),
        won=sides["won"],
        lost=sides["lost"],
        ever_days=text["ever_days"],
        closed_deals=text["closed_deals"],
        windows=HorizonWindows(
            calendar,
            text["longest_days"],
            np.asarray(text["pace"], np.float64),
            np.asarray(text["season"], np.float64),
        ),
        level=Level.from_json(text["level"]) if "level" in text else Level.none(),
    )


def _part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.split(".", 1)[1]: value for name, value in arrays.items() if name.startswith(f"{prefix}.")}


def check_rows(win: WinModel, x: Floats, at: Ints, horizon: Floats) -> CheckRows:
    """Rows with their present scores."""
    return CheckRows(x, at, horizon, win.won_by(x, at, horizon))
