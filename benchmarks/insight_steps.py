"""What does each step of an insight for a sent deal cost, in microseconds of processor time?

    python benchmarks/insight_steps.py [--home DIR] [--deals 8000] [--rounds 7] [--profile CASE]

Builds (once) an organisation in a folder, opens it as the service does, and answers requests in this process:
a deal alone ("bare"), with 20 events and 20 activities ("20+20"), and the same as of yesterday ("as_of").
Printed of each: the steps from the bytes that come to the bytes that leave, each without the steps inside it,
from the round that took least. `--profile` prints where a case spends its time by function instead.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import os
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from serve_insight import CASES, body, prepare

REQUESTS = 100  # a round
# Steps by name, and where the function of each is looked up by who calls it.
STEPS = {
    "the request: parse and check its shape": ("service.schemas", "ScoreRequest.model_validate_json"),
    "the request: checks beyond the shape": ("service.deal_insight", "read_request"),
    "rows to arrays": ("service.live_request", "compile_live_deal"),
    "features": ("service.deal_insight", "build_features"),
    "prediction and contributions": ("service.deal_insight", "ask_model"),
    "amounts if won": ("models.forecast.revenue", "RevenueModel.draws"),
    "state, moment, period": ("service.serving_state", "ServingState.period"),
    "simulation of the day": ("service.serving_state", "ServingState.context_of"),
    "effect on the goal": ("service.period_forecast", "PeriodForecast.effect_of"),
    "segments": ("service.deal_insight", "segment_codes"),
    "actions: candidates": ("service.deal_insight", "candidate_actions"),
    "actions: recommended": ("service.recommendations", "Recommendations.recommend_among"),
    "similar deals": ("service.recommendations", "Recommendations.deals_similar_to"),
    "warning of unknown stages": ("service.deal_insight", "sent_deal_warning"),
    "answer: intervals of the chance": ("service.insight", "chance_intervals"),
    "answer: intervals of the amount": ("service.insight", "amount_intervals"),
    "answer: trend": ("service.explain", "trend"),
    "answer: reasons": ("service.explain", "reasons"),
    "answer: factors": ("service.explain", "factors"),
    "answer: bottlenecks": ("service.insight", "_bottlenecks"),
    "answer: its other fields": ("service.deal_insight", "build_insight"),
    "answer: model, warnings": ("service.serving_state", "ServingState.metadata"),
    "answer: names": ("service.names", "Names.with_deals"),
    "answer: encoding": ("orjson", "dumps"),
}


class Clock:
    """Processor time of each step, without that of the steps inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self._inside = [0]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted under a name."""

        def run(*given: Any, **named: Any) -> Any:
            self._inside.append(0)
            began = time.thread_time_ns()
            try:
                return function(*given, **named)
            finally:
                whole = time.thread_time_ns() - began
                self.spent[name] = self.spent.get(name, 0) + whole - self._inside.pop()
                self._inside[-1] += whole

        return run

    def watch(self) -> None:
        """Puts the timed functions in the place of the plain ones."""
        for name, (module, path) in STEPS.items():
            owner: Any = importlib.import_module(module)
            *parts, last = path.split(".")
            for part in parts:
                owner = getattr(owner, part)
            if hasattr(owner, last):
                setattr(owner, last, self.timed(name, getattr(owner, last)))


def main() -> None:
    """Answers, and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deals", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--home", type=Path, help="folder with a trained model, or to build one in")
    parser.add_argument("--profile", choices=CASES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        os.environ["SANCHO_HOME"] = str((chosen.home or Path(passing)).resolve())
        prepare(chosen.deals)
        from service.cli.answer import open_service
        from service.schemas import ScoreRequest
        from service.settings import read_settings

        deals = open_service(read_settings(), warm=True).deals
        asked = {case: [body(case, number) for number in range(REQUESTS)] for case in CASES}

        def answer(sent: bytes) -> bytes:
            return orjson.dumps(deals.score_deal(ScoreRequest.model_validate_json(sent), "ja"))

        for case in CASES:
            for sent in asked[case]:
                answer(sent)
        if chosen.profile:
            profile(answer, asked[chosen.profile])
            return
        plain = {case: least(answer, asked[case], chosen.rounds) for case in CASES}
        clock = Clock()
        clock.watch()
        spent = {case: by_step(clock, answer, asked[case], chosen.rounds) for case in CASES}
        show(plain, spent)


def least(answer: Callable[[bytes], bytes], sent: list[bytes], rounds: int) -> float:
    """Microseconds an answer, of the round that took least."""
    taken = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for one in sent:
            answer(one)
        taken.append((time.process_time_ns() - began) / len(sent) / 1000)
    return min(taken)


def by_step(
    clock: Clock, answer: Callable[[bytes], bytes], sent: list[bytes], rounds: int
) -> dict[str, float]:
    """Microseconds an answer by step, of the round that took least."""
    answer = clock.timed("everything between", answer)
    taken = []
    for _ in range(rounds):
        clock.spent.clear()
        for one in sent:
            answer(one)
        taken.append({name: spent / len(sent) / 1000 for name, spent in clock.spent.items()})
    return min(taken, key=lambda steps: sum(steps.values()))


def show(plain: dict[str, float], spent: dict[str, dict[str, float]]) -> None:
    """Prints the table: a row a step, a column a case."""
    print(f"{'µs of processor time an answer':42s}" + "".join(f"{case:>10s}" for case in CASES))
    for name in (*STEPS, "everything between"):
        print(f"{name:42s}" + "".join(f"{spent[case].get(name, 0.0):10.0f}" for case in CASES))
    print(f"{'sum':42s}" + "".join(f"{sum(spent[case].values()):10.0f}" for case in CASES))
    print(f"{'the same without being watched':42s}" + "".join(f"{plain[case]:10.0f}" for case in CASES))


def profile(answer: Callable[[bytes], bytes], sent: list[bytes]) -> None:
    """Prints the functions that take longest."""
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for one in sent * 3:
        answer(one)
    profiler.disable()
    for order in ("tottime", "cumtime"):
        pstats.Stats(profiler).sort_stats(order).print_stats(60)


if __name__ == "__main__":
    main()
