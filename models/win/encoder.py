"""How are features encoded for a linear model: scaled logs, dummies and missing indicators?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.arrays import Floats, Ints
from features.kernel_cache import compiled

MEAN_ROWS = 20_000  # rows encoded per block for the mean
LOOKED_AT = 100_000  # rows that suffice to estimate a feature's distribution
LIMIT = 4.0  # values are clipped at this many standard deviations


class _Columns(NamedTuple):
    """An encoder's arrays as the kernel takes them."""

    value: Ints
    logged: NDArray[np.bool_]
    centre: Floats
    scale: Floats
    level: Ints
    code: Floats
    gap: Ints


@dataclass(frozen=True)
class Encoder:
    """Columns from features (n, k): scaled values, a column per frequent level, missing indicators.

    A value column is (value - centre) / scale, of the signed log where `logged`, clipped at 4, 0 where
    unknown.
    """

    value: Ints  # feature index of each value column
    logged: NDArray[np.bool_]
    centre: Floats
    scale: Floats
    level: Ints  # feature index of each level column
    code: Floats  # the level
    gap: Ints  # feature index of each "is unknown" column

    @property
    def sources(self) -> Ints:
        """The feature of each column, int64 of shape (columns,)."""
        return np.concatenate([self.value, self.level, self.gap])

    @property
    def _columns(self) -> _Columns:
        return _Columns(*(getattr(self, name) for name in _Columns._fields))

    def __call__(self, x: Floats) -> Floats:
        """Columns (n, c) for features (n, k)."""
        out: Floats = np.empty((len(x), len(self.value) + len(self.level) + len(self.gap)))
        x = np.ascontiguousarray(x, np.float64)
        _encode(x, self._columns, out)
        return out

    def mean(self, x: Floats) -> Floats:
        """Mean (c,) of the columns over all rows, computed in blocks."""
        total = np.zeros(len(self.value) + len(self.level) + len(self.gap))
        for start in range(0, len(x), MEAN_ROWS):
            total += self(x[start : start + MEAN_ROWS]).sum(axis=0)
        return total / max(len(x), 1)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, for storage."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Encoder:
        """The encoder that `to_json` stored."""
        kinds = {"value": np.int64, "level": np.int64, "gap": np.int64, "logged": np.bool_}
        return cls(**{name: np.asarray(stored[name], kinds.get(name, np.float64)) for name in stored})


def fit_encoder(
    x: Floats, categorical: Sequence[int], min_share: float = 0.01, max_levels: int = 24
) -> Encoder:
    """The encoder for features (n, k), `categorical` ones by their indices.

    Values that range over orders of magnitude are logged. Levels and gaps need a share `min_share` of the
    rows. Very many rows are thinned.
    """
    x = x[:: max(len(x) // LOOKED_AT, 1)]
    value, logged, centre, scale = [], [], [], []
    level, code, gap = [], [], []
    for index in range(x.shape[1]):
        known = x[:, index][~np.isnan(x[:, index])]
        if min_share * len(x) <= len(x) - len(known) <= (1.0 - min_share) * len(x):
            gap.append(index)
        if not len(known):
            continue
        if index in categorical:
            codes, counts = np.unique(known, return_counts=True)
            frequent = codes[np.argsort(-counts, kind="stable")][
                : min(max_levels, int((counts >= min_share * len(x)).sum()))
            ]
            level += [index] * len(frequent)
            code += frequent.tolist()
            continue
        wide = _is_wide(known)
        values = np.sign(known) * np.log1p(np.abs(known)) if wide else known
        low, high = np.quantile(values, [0.005, 0.995])
        sd = float(np.clip(values, low, high).std())
        if sd < 1e-9:
            sd = float(values.std())
        if sd < 1e-9:
            continue
        value.append(index)
        logged.append(wide)
        centre.append(float(np.clip(values, low, high).mean()) if high > low else float(values.mean()))
        scale.append(sd)
    return Encoder(
        np.array(value, np.int64),
        np.array(logged, np.bool_),
        np.array(centre, np.float64),
        np.array(scale, np.float64),
        np.array(level, np.int64),
        np.array(code, np.float64),
        np.array(gap, np.int64),
    )


@compiled
def _encode(x: Floats, columns: _Columns, out: Floats) -> None:
    value, logged, centre, scale, level, code, gap = columns
    for i in range(len(x)):
        for j in range(len(value)):
            raw = x[i, value[j]]
            if logged[j]:
                raw = np.copysign(np.log1p(abs(raw)), raw)
            scaled = (raw - centre[j]) / scale[j]
            out[i, j] = 0.0 if np.isnan(scaled) else min(max(scaled, -LIMIT), LIMIT)
        first = len(value)
        for j in range(len(level)):
            out[i, first + j] = x[i, level[j]] == code[j]
        first += len(level)
        for j in range(len(gap)):
            out[i, first + j] = np.isnan(x[i, gap[j]])


def _is_wide(known: Floats) -> bool:
    size = np.abs(known)
    inside = size[size > 0]
    if len(inside) < 10:
        return False
    return (
        float(np.quantile(size, 0.99)) > 8.0 * max(float(np.median(inside)), 1e-12)
        or float(size.max()) > 30.0
    )
