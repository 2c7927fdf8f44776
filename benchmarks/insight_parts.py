"""Which parts of one deal's full answer take how long? Explanation, bottlenecks, actions, similar deals.

    python benchmarks/insight_parts.py [--deals 3000] [--home DIR]

Milliseconds per deal over the open deals of a small organisation, median of five rounds, and each part's
share of the whole insight.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROUNDS = 5
MOST = 200


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=3_000)
    parser.add_argument("--home", type=Path, help="folder with a trained model, or to build one in")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        os.environ["SANCHO_HOME"] = str((chosen.home or Path(passing)).resolve())
        measure(chosen.deals)


def measure(deals: int) -> None:
    """Build the organisation, then measure its answers."""
    from service.bottlenecks import describe_bottleneck
    from service.cli.answer import open_service
    from service.cli.demo import prepare
    from service.settings import read_settings

    settings = read_settings()
    prepare(settings, deals, "en")
    answers = open_service(settings, warm=True)
    context = answers.serving.context(None, None)
    state, forecast = context.state, context.forecast
    rows = range(min(len(forecast.row_by_deal), MOST))
    ids = list(forecast.row_by_deal)[: len(rows)]
    x, win = forecast.scored.x, state.bundle.win
    # What is computed once for all deals.
    answers.recommendations.actions("company", ids[0], None, None, 1, "en")

    def explain() -> None:
        for row in rows:
            three = np.repeat(x[row : row + 1], 3, axis=0)
            win.contributions(three, np.full(3, forecast.moment), np.array([30.0, np.inf, np.inf]))

    def bottlenecks() -> None:
        for row in rows:
            for one in state.bundle.bottlenecks:
                if one.affected_and_at_risk(x[row : row + 1], state.catalogue, state.bundle.levels)[0][0]:
                    describe_bottleneck(one, state.catalogue, "en")

    def actions() -> None:
        for row in rows:
            answers.recommendations.recommend(context, row, forecast.effect(row), "en")

    def similar() -> None:
        for row in rows:
            answers.recommendations.similar_deals(context, row)

    def whole() -> None:
        for deal in ids:
            answers.deals._insight_of_stored(context, deal, "en")

    found = {name: timed(part, len(rows)) for name, part in (
        ("explanation (SHAP)", explain), ("bottlenecks", bottlenecks), ("next actions", actions),
        ("similar deals", similar), ("whole insight", whole),
    )}  # fmt: skip
    total = found["whole insight"]
    known = len(state.bundle.bottlenecks), len(state.bundle.actions)
    print(f"{len(rows)} open deals; {known[0]} bottlenecks and {known[1]} actions known to the model")
    for name, each in found.items():
        print(f"  {name:20s} {each:6.2f} ms  {each / total:.2f} of the whole")
    answers.close()


def timed(part: Callable[[], None], count: int) -> float:
    """Milliseconds per deal, the median of a few rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        part()
        taken.append(1_000 * (time.perf_counter() - began) / count)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
