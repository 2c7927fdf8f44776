"""Which features made the score of boosted trees what it is, and by how much, exactly?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from features.arrays import Floats
from models.explain.splits import read_ensemble

if TYPE_CHECKING:
    from models.explain.layout import TableLayout


MAX_CELLS = 256  # of a table: larger ones spare additions, but are less often still in the cache
MAX_BYTES = 256 << 20  # of all tables of a model; a model that needs more is answered partly without tables
ROWS_PER_THREAD = 64  # with fewer rows, starting a thread costs more than it saves


class Booster(Protocol):
    """The part of lightgbm.Booster that is used."""

    def model_to_string(self) -> str:
        """The model as LightGBM's text."""
        ...


@dataclass(frozen=True)
class TreeShap:
    """Path-dependent SHAP values (Lundberg et al., 2020) of a LightGBM model with one output, from tables.

    The value of a set of known features is the score averaged over the unknown ones as the training rows were
    divided, node by node. `base` is the score where nothing is known. Equal to LightGBM's `pred_contrib`.
    """

    features: tuple[str, ...]
    base: float
    layout: TableLayout

    @classmethod
    def of(cls, model: Booster | str, max_cells: int = MAX_CELLS, max_bytes: int = MAX_BYTES) -> TreeShap:
        """The explainer of a booster, or of its text."""
        from models.explain.layout import build_layout

        ensemble = read_ensemble(model if isinstance(model, str) else model.model_to_string())
        layout, base = build_layout(ensemble, max_cells, max_bytes)
        return cls(ensemble.features, base, layout)

    @property
    def table_bytes(self) -> int:
        """The size of the tables in bytes."""
        return self.layout.bytes

    def contributions(self, x: Floats, threads: int = 1) -> tuple[Floats, float]:
        """What each feature adds to the raw score of rows (n, k): (n, k), and the base they start from."""
        from models.explain.kernels import add_contributions

        x = self._checked(x)
        out = np.zeros(x.shape)
        _in_parts(add_contributions, self.layout, x, out, threads)
        return out, self.base

    def raw(self, x: Floats, threads: int = 1) -> Floats:
        """The raw score (n,), log-odds of a binary model, of rows (n, k)."""
        from models.explain.kernels import add_scores

        x = self._checked(x)
        out = np.zeros(len(x))
        _in_parts(add_scores, self.layout, x, out, threads)
        return out

    def _checked(self, x: Floats) -> Floats:
        if x.ndim != 2 or x.shape[1] != len(self.features):
            raise ValueError(
                f"tree_shap: expected rows of {len(self.features)} features as a matrix, got an array of "
                f"shape {x.shape}; build it with the features in the model's order"
            )
        return np.ascontiguousarray(x, np.float64)


def _in_parts(kernel: Any, layout: TableLayout, x: Floats, out: Floats, threads: int) -> None:
    """Run a kernel on all rows, in several threads where there are enough rows."""
    parts = min(threads, len(x) // ROWS_PER_THREAD)
    if parts <= 1:
        if len(x):
            kernel(layout, x, out)
        return
    ends = np.linspace(0, len(x), parts + 1).astype(int)
    with ThreadPoolExecutor(parts) as pool:
        done = [pool.submit(kernel, layout, x[a:b], out[a:b]) for a, b in pairwise(ends)]
    for part in done:
        part.result()
