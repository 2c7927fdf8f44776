"""How long does each call about sets of KPIs take? And do proposals pass the check?

    SANCHO_HOME=DIR python benchmarks/kpi_set_calls.py [--accept]

On an organisation that is there, with a trained model (`sancho demo` makes one), whose current quarter has
been simulated, as in a service that has warmed up. Seconds of processor time of each call, the first time
and again; nothing is stored, unless it is told to `--accept` all proposals, so that there is something to
review. Then how many people are proposed how many KPIs, and how many of these pass all criteria of the SMART
check; last, one proposal for a person of each style in both languages.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from service.callers import Caller
from service.schemas import AcceptRequest, CheckRequest, ProposeRequest
from service.schemas.kpi_sets import ChosenKpi
from service.schemas.kpis import ProposedKpi
from service.settings import read_settings
from service.use_cases import UseCases

PERIOD = "this-quarter"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accept", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    use = UseCases.open(read_settings())
    use.serving.refresh(warm=True)
    sets, goals = use.sets_of_kpis, use.goals
    everybody = ProposeRequest(period=PERIOD)
    forecast = use.serving.context(None, PERIOD).forecast
    seller = int(np.bincount(forecast.simulation.pipeline.person).argmax())
    somebody = f"person:{forecast.organisation.people[seller]}"
    calls: dict[str, Callable[[], Any]] = {
        "candidates of a person": lambda: sets.candidates(PERIOD, somebody, None, "en"),
        "candidates of the company": lambda: sets.candidates(PERIOD, "company", None, "en"),
        "proposal for a person": lambda: sets.propose(ProposeRequest(period=PERIOD, scope=somebody), "en"),
        "proposals for everybody": lambda: sets.propose(everybody, "en"),
        "a person's set": lambda: sets.show(somebody, PERIOD, "en"),
        "review of the company": lambda: sets.review(PERIOD, "company", None, "en"),
    }
    for name, call in calls.items():
        print(f"{name:28s} first {_seconds(call):6.2f} s   again {_seconds(call):6.2f} s")
    if options.accept:
        accepting = [(one, partial(_accept, use, one)) for one in sets.propose(everybody, "en")["sets"]]
        seconds = [_seconds(accept) for one, accept in accepting if one["kpis"]]
        print(f"{'accepting a set':28s} mean  {np.mean(seconds):6.2f} s   of {len(seconds)}")
        use.serving.refresh(warm=True)
        for name in ("a person's set", "review of the company"):
            print(f"{name:28s} first {_seconds(calls[name]):6.2f} s   again {_seconds(calls[name]):6.2f} s")
    made = {lang: sets.propose(everybody, lang)["sets"] for lang in ("ja", "en")}
    print("people by number of KPIs:", dict(sorted(Counter(len(one["kpis"]) for one in made["en"]).items())))
    rows = [
        ProposedKpi(kpi=kpi["kpi"], scope=one["scope"], value=kpi["value"], period=PERIOD)
        for one in made["en"]
        for kpi in one["kpis"]
    ]
    checked = goals.check_kpis(CheckRequest(proposals=rows), "en")["proposals"]
    passed = sum(all(found["ok"] for found in row["smart"].values()) for row in checked)
    print(f"proposed KPIs that pass the check: {passed} of {len(checked)}")
    for style in ("field", "route", "inside"):
        for lang in ("ja", "en"):
            one = next((one for one in made[lang] if one["style"] == style and len(one["kpis"]) >= 3), None)
            for kpi in [] if one is None else one["kpis"]:
                print(f"{style} {lang}: {kpi['sentence']}")
    use.close()


def _accept(use: UseCases, proposed: dict[str, Any]) -> None:
    kpis = [ChosenKpi(kpi=kpi["kpi"], value=kpi["value"]) for kpi in proposed["kpis"]]
    caller = Caller(name="benchmark", rights=())
    use.sets_of_kpis.accept(proposed["scope"], PERIOD, AcceptRequest(kpis=kpis), caller, "en")


def _seconds(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    main()
