"""How shall a model be trained? Every choice, with its default, in one place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text


@dataclass(frozen=True)
class TrainConfig:
    """Choices of a training. The same log, cut-off and choices give the same model, number for number.

    owner_blind: scores that do not depend on who sells. exclude: features or columns ("deals.確度") to leave
    out; include: columns to use although the leak screen rejects them. most_moments, most_questions: rows
    beyond so many are drawn at random; 0 = as many as the number of deals warrants. questions: horizons asked
    of each moment.
    """

    seed: int = 0
    threads: int = 2
    fiscal_start_month: int = 4
    country: str = "JP"
    currency: str = "JPY"
    owner_blind: bool = False
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    most_moments: int = 0
    questions: int = 2
    most_questions: int = 0
    trees: int = 200
    leaves: int = 24
    pace: float = 0.06

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> TrainConfig:
        """From a mapping such as a TOML table; an unknown name or a wrong type is told with what is known."""
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in settings.items():
            default = getattr(cls, name, None)
            if name not in known or not _fits(value, default):
                hint = ", ".join(known) if name not in known else type(default).__name__
                raise SanchoError(
                    Text(
                        "学習の設定「{name}」= {value!r} は使えません。使えるもの: {hint}",
                        "training setting {name} = {value!r} cannot be used; expected: {hint}.",
                    ).format(name=name, value=value, hint=hint),
                    "bad_setting",
                )
            values[name] = tuple(value) if isinstance(default, tuple) else value
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> TrainConfig:
        """From the [train] table of a TOML file, or all of it where it has none."""
        content = tomllib.loads(path.read_text("utf-8"))
        return cls.of(content.get("train", content))


def most_rows(deals: int) -> int:
    """How many moments, and how many questions, are worth learning from: some eight of each deal.

    >>> most_rows(100), most_rows(50_000), most_rows(10**6)
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
