"""How fast are exact explanations compared with LightGBM's own, and are they equal to shap's?

    python -m benchmarks.explanation [--trees 250] [--leaves 24] [--depth 6] [--features 70] [--rows 10000]

Both explain the same rows alternately, in one process, with the same number of threads; ratios are of
medians.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.explain import TreeShap

FRESH = """
import sys, time
import numpy as np
from pathlib import Path
text = Path(sys.argv[1]).read_text()
import numba
from models.explain import TreeShap
start = time.perf_counter()
explainer = TreeShap.of(text)
built = time.perf_counter()
explainer.contributions(np.zeros((1, len(explainer.features))))
print(built - start, time.perf_counter() - built)
"""


def deals(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, k), some with gaps or zeros, the last four categories, and whether a deal was won."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    fifth = k // 5
    x[:, fifth : 2 * fifth] = np.exp(x[:, fifth : 2 * fifth]).round(1)
    x[:, 2 * fifth : 3 * fifth] = rng.poisson(0.7, (n, fifth))
    x[:, 3 * fifth : 4 * fifth][rng.random((n, fifth)) < 0.3] = np.nan
    x[:, -4:] = rng.integers(0, 12, (n, 4))
    x[:, -1][rng.random(n) < 0.1] = np.nan
    weights = np.random.default_rng(0).normal(size=k) * 0.2  # the same world for every seed
    score = (
        np.nan_to_num(x[:, :-4]) @ weights[:-4]
        + np.sin(2 * x[:, 1]) * x[:, 2]
        + (x[:, -4] % 3 == 1) * x[:, 0]
    )
    return x, (rng.random(n) < 1 / (1 + np.exp(-score))).astype(float)


def trained(trees: int, leaves: int, depth: int, k: int) -> Any:
    import lightgbm

    x, won = deals(60_000, k, 1)
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "max_depth": depth,
        "learning_rate": 0.06,
        "min_data_in_leaf": 100,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 10.0,
        "max_bin": 63,
        "num_threads": 2,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(x, won, categorical_feature=list(range(k - 4, k)))
    return lightgbm.train(parameters, data, trees)


def alternately(
    first: Callable[[int], object], second: Callable[[int], object], times: int
) -> tuple[float, float]:
    """Median seconds of each function, called alternately; each call gets its number."""
    seconds = np.empty((times, 2))
    for i in range(-2, times):  # the first two rounds are for warming up
        for side, ask in enumerate((first, second)):
            start = time.perf_counter()
            ask(i)
            if i >= 0:
                seconds[i, side] = time.perf_counter() - start
    ours_median, theirs_median = np.median(seconds, axis=0)
    return float(ours_median), float(theirs_median)


def fresh_process(text: str, cache: str) -> tuple[float, float]:
    """Seconds for building and the first explanation in a new process, with kernels cached in `cache`."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(Path(__file__).parent.parent)}
        out = subprocess.run(
            [sys.executable, "-c", FRESH, file.name],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    built, first = map(float, out.stdout.split())
    return built, first


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("trees", 250), ("leaves", 24), ("depth", 6), ("features", 70), ("rows", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    booster = trained(options.trees, options.leaves, options.depth, options.features)
    size = f"{options.trees} trees of at most {options.leaves} leaves and depth {options.depth}"
    print(f"{size}, {options.features} features")
    explainer = report_building(booster.model_to_string())
    x = deals(options.rows, options.features, 2)[0]
    report_equality(booster, explainer, x)
    for threads in (1, 2):
        report_speed(booster, explainer, x, threads, "one row", 1, 1000, 10)
        report_speed(booster, explainer, x, threads, "1,000 rows", 1000, 15, 15)
    report_scores(booster, explainer, x)


def report_building(text: str) -> TreeShap:
    with tempfile.TemporaryDirectory() as cache:
        cold = fresh_process(text, cache)
        warm = fresh_process(text, cache)
    print(f"new process, nothing compiled yet: built in {cold[0]:.2f} s, first explanation {cold[1]:.2f} s")
    print(f"new process, kernels in the cache: built in {warm[0]:.2f} s, first explanation {warm[1]:.2f} s")
    TreeShap.of(text)
    start = time.perf_counter()
    explainer = TreeShap.of(text)
    built = time.perf_counter() - start
    layout = explainer.layout
    print(
        f"built again in {built:.2f} s: {explainer.table_bytes / 2**20:.1f} MiB, {len(layout.runs)} tables, "
        f"{len(layout.feature)} additions a row, {len(layout.deep_value)} leaves without a table"
    )
    return explainer


def report_equality(booster: Any, explainer: TreeShap, x: np.ndarray) -> None:
    import shap

    values, base = explainer.contributions(x)
    with warnings.catch_warnings(action="ignore"):  # that its answer for binary models once had another shape
        apart = np.abs(values - shap.TreeExplainer(booster).shap_values(x)).max()
    raw = booster.predict(x, raw_score=True)
    gap = np.abs(values.sum(axis=1) + base - raw).max()
    print(f"largest difference to shap.TreeExplainer over {len(x)} rows: {apart:.1e} (aim: 1e-9)")
    print(f"largest gap between base + contributions and the score: {gap:.1e}")
    print(f"score equal to LightGBM's in every bit: {np.array_equal(explainer.raw(x), raw)}")


def report_speed(
    booster: Any,
    explainer: TreeShap,
    x: np.ndarray,
    threads: int,
    name: str,
    count: int,
    times: int,
    aim: int,
) -> None:
    def some(i: int) -> np.ndarray:
        at = i * count % (len(x) - count + 1)
        return x[at : at + count]

    sancho_seconds, lightgbm_seconds = alternately(
        lambda i: explainer.contributions(some(i), threads=threads),
        lambda i: booster.predict(some(i), pred_contrib=True, num_threads=threads),
        times,
    )
    print(
        f"{name}, {threads} thread(s): {lightgbm_seconds / count * 1e6:.1f} us a row by pred_contrib, Sancho "
        f"{sancho_seconds / count * 1e6:.1f} us: {lightgbm_seconds / sancho_seconds:.1f} times as fast "
        f"(goal: {aim})"
    )


def report_scores(booster: Any, explainer: TreeShap, x: np.ndarray) -> None:
    sancho_seconds, lightgbm_seconds = alternately(
        lambda i: explainer.raw(x[i % len(x)][None]),
        lambda i: booster.predict(x[i % len(x)][None], raw_score=True, num_threads=1),
        1000,
    )
    print(
        f"score of one row: {lightgbm_seconds * 1e6:.1f} us by LightGBM, "
        f"{sancho_seconds * 1e6:.1f} us by Sancho"
    )


if __name__ == "__main__":
    main()
