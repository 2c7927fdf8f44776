"""How is a model trained? Every setting, with its default."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Text

_NO_RECIPE = ("seed", "threads", "fiscal_start_month", "country", "currency")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training. The same log, cut-off and settings give the same model, number for number.

    Fiscal year, time zone, country and currency are the organisation's, which the log says as of the cut-off.
    """

    seed: Annotated[int, Text("乱数の種", "Seed of all random draws")] = 0
    threads: Annotated[int, Text("学習に使うスレッドの数", "Threads a training uses")] = 2
    owner_blind: Annotated[
        bool, Text("担当者によらない受注確率にする", "Win probabilities do not depend on the rep")
    ] = False
    exclude: Annotated[
        tuple[str, ...],
        Text(
            "使わない特徴量または列（例 deals.確度）", "Features or columns to leave out, such as deals.確度"
        ),
    ] = ()
    include: Annotated[
        tuple[str, ...],
        Text("リーク検査で除外されても使う列", "Columns to use although the leakage screen rejects them"),
    ] = ()
    max_moments: Annotated[
        int,
        Text(
            "学習に使う時点の上限（超えた分は無作為に選ぶ）。0 = 商談数に応じて決める",
            "Snapshots to train on, drawn at random beyond that; 0 = by the number of deals",
        ),
    ] = 0
    questions: Annotated[
        int, Text("1つの時点について学習する期間の数", "Horizons trained on at each snapshot")
    ] = 2
    max_questions: Annotated[
        int,
        Text(
            "学習に使う行（時点×期間）の上限。0 = 商談数に応じて決める",
            "Rows (snapshot and horizon) to train on; 0 = by the number of deals",
        ),
    ] = 0
    trees: Annotated[int, Text("木の数", "Trees of a boosted model")] = 200
    leaves: Annotated[int, Text("1本の木の葉の数の上限", "Leaves of a tree, at most")] = 24
    learning_rate: Annotated[float, Text("学習率", "Learning rate of the boosted models")] = 0.06

    @property
    def recipe(self) -> str:
        """How a model is made of data: all settings but the seed, the threads and the organisation's own."""
        told = {name: value for name, value in vars(self).items() if name not in _NO_RECIPE}
        return json.dumps(told, ensure_ascii=False, sort_keys=True)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> TrainConfig:
        """From a mapping such as a TOML table; an error names what is unknown or of a wrong type."""
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in settings.items():
            default = getattr(cls, name, None)
            if name not in known or not _fits(value, default):
                hint = ", ".join(known) if name not in known else type(default).__name__
                raise SanchoError(
                    Text(
                        "学習の設定「{name}」= {value!r} は使えません。使えるもの：{hint}",
                        "training setting {name} = {value!r} cannot be used; expected: {hint}.",
                    ).format(name=name, value=value, hint=hint),
                    "bad_setting",
                )
            values[name] = tuple(value) if isinstance(default, tuple) else value
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> TrainConfig:
        """From the [train] table of a TOML file, or from the whole file if it has none."""
        content = tomllib.loads(path.read_text("utf-8"))
        return cls.of(content.get("train", content))


def max_rows(deals: int) -> int:
    """The largest number of moments, and of questions, to train on: eight for each deal, within limits.

    >>> max_rows(100), max_rows(50_000), max_rows(10**6)
    (80000, 400000, 1000000)
    """
    return max(80_000, min(8 * deals, 1_000_000))


def _fits(value: object, default: object) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))
