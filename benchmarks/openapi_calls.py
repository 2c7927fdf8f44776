"""Does the service keep to its OpenAPI, whatever is sent? Calls by operation, and what was found.

    python benchmarks/openapi_calls.py [--home DIR] [--deals 300] [--examples 50] [--seed 1] [--only NAME ...]

Builds (once) a small organisation in a folder, serves it over HTTP, and lets schemathesis call every
operation of its OpenAPI, with all its checks: examples, boundary values and missing parts (coverage), bodies
and parameters by hypothesis that fit the schema and that do not (fuzzing), and calls that follow each other
(stateful). One more check asks that the `code` of each problem is one that the OpenAPI names for that call.
Printed by operation: calls, by class of status, and findings; then each finding once, with how to repeat it.
What is expected is counted apart, with its reason.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

SMALL = {"trees": 20, "leaves": 8, "max_moments": 3000, "questions": 1}
DAY = "2026-11-20"
# Check and operation (empty: all) whose findings are none, and why.
EXPECTED = {
    ("positive_data_acceptance", ""): "what fits a schema may still name a deal or a day that is not there",
    ("negative_data_rejection", "POST /v1/deals/score-batch"): "a bad line is refused in its own place",
    ("negative_data_rejection", "PUT /v1/tables/{table}"): "any text is a text; what it lacks is quarantined",
}
# What a call is made with half of the time, where it would be made with something that fits: else most
# answers were that there is no such deal.
REAL = {"as_of": [DAY], "period": ["2026-Q4", "2026-11"], "scope": ["company", "team:T01"]}
POSSIBLE = {
    "created_at": "2026-10-05", "at": "2026-10-12T10:00:00+09:00", "stage": "提案・見積", "closed_at": None,
    "outcome": None, "currency": None, "field": "競合", "kpi": "leads", "url": "http://127.0.0.1:9/",
}  # fmt: skip
CHOICE = random.Random(1)


@schemathesis.hook
def before_call(_context: Any, case: Any, **_: Any) -> None:
    """Puts something that is there into a call that fits its schema, half of the time."""
    if case.meta is None or case.meta.phase.name.value == "stateful":
        return  # what follows from what was made before stays as it is
    if not all(part.mode.is_positive for part in (case.meta.generation, *case.meta.components.values())):
        return
    for place in (case.path_parameters, case.query):
        for name in set(place or ()) & REAL.keys():
            if CHOICE.random() < 0.5:
                place[name] = CHOICE.choice(REAL[name])
    if isinstance(case.body, dict) and CHOICE.random() < 0.5:
        case.body = with_real_ids(case.body)


def with_real_ids(value: Any) -> Any:
    """A body whose days, stages and ids go together, all else as it is."""
    if isinstance(value, list):
        return [with_real_ids(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: (REAL[name][0] if name in REAL else POSSIBLE[name])
        if name in REAL or name in POSSIBLE
        else with_real_ids(one)
        for name, one in value.items()
    }


@schemathesis.check
def documented_code(_context: Any, response: Any, case: Any) -> None:
    """The code of a problem is one that the OpenAPI names for its status."""
    if response.status_code < 400 or not response.headers.get("content-type", [""])[0].startswith(
        "application/problem"
    ):
        return
    code = json.loads(response.content)["code"]
    documented = (
        case.operation.definition.raw["responses"].get(str(response.status_code), {}).get("x-codes", [code])
    )
    assert code in documented, f"{response.status_code} {code!r} is not documented: {documented}"


schemathesis.serializer("application/x-ndjson")(lambda _context, value: json.dumps(value).encode())


def main() -> int:
    """Calls everything; 1 where something is found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="folder with the organisation, or to build it in")
    parser.add_argument("--deals", type=int, default=300)
    parser.add_argument("--examples", type=int, default=50, help="of each operation by hypothesis")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="operations, by name")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        home = (chosen.home or Path(passing)).resolve()
        os.environ |= {
            "SANCHO_HOME": str(home),
            "SANCHO_TRAIN": json.dumps(SMALL),
            "SANCHO_PRIVATE_WEBHOOKS": "true",
        }
        prepare(home, chosen.deals)
        with served() as (address, key):
            return call(address, key, chosen)


def prepare(home: Path, deals: int) -> None:
    """The organisation, unless it is there."""
    from service.cli import run

    if (home / "sancho.db").exists():
        return
    world = str(home / "world")
    for words in (
        ["world", world, "--deals", str(deals), "--seed", "3", "--end", DAY],
        ["import", world],
        ["train", "--as-of", DAY],
    ):
        if run(words) != 0:
            raise SystemExit(f"sancho {' '.join(words)} failed")


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """The service's address, and a key that may do everything."""
    import uvicorn

    from service.api import attempts
    from service.app import create_app
    from service.logs import configure_logs
    from service.settings import read_settings
    from service.use_cases import UseCases

    attempts.MOST = 10**9  # wrong keys are tried out on purpose
    configure_logs(logging.ERROR)
    cases = UseCases.open(read_settings())
    cases.serving.refresh(warm=True)
    app = create_app(cases.settings, cases, warm=False)
    key = app.state.keys.create("schemathesis", ["admin"])
    deals = cases.deals.list_deals("company", DAY, None, "deal_id", None, 5, "en")["deals"]
    webhook = cases.webhooks.add("http://127.0.0.1:9/", (), "schemathesis")
    REAL.update(
        deal_id=[row["deal_id"] for row in deals],
        webhook_id=[webhook["webhook_id"]],
        job_id=[cases.jobs.add_training({"if_needed": True}, "schemathesis", "en")["job_id"]],
        version=["1"],
        table=["deals", "people", "targets"],
    )
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", key
    finally:
        server.should_exit = True
        thread.join()
        cases.close()


def call(address: str, key: str, chosen: argparse.Namespace) -> int:
    """Runs schemathesis and prints what it did and found."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": chosen.seed,
            "headers": {"Authorization": f"Bearer {key}"},
            "generation": {"max-examples": chosen.examples, "mode": "all", "database": "none"},
            "request-timeout": 120,
            # A body of more than is taken is refused, too.
            "checks": {
                "negative_data_rejection": {
                    "expected-statuses": [400, 401, 403, 404, 405, 409, 413, 415, 422]
                }
            },
        }
    )
    schema = openapi.from_url(f"{address}/openapi.json", config=config)
    if chosen.only:
        schema = schema.include(operation_id=chosen.only)
    calls: Counter[str] = Counter()
    statuses: Counter[tuple[str, int]] = Counter()
    found: dict[tuple[str, str, str], tuple[int, str]] = {}
    expected: Counter[tuple[str, str]] = Counter()
    began = time.monotonic()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            where = getattr(event, "label", "")
            found[("error", where, str(event.info if hasattr(event, "info") else event.exception)[:300])] = (
                1,
                "",
            )
        if not isinstance(event, events.ScenarioFinished):
            continue
        recorder = event.recorder
        for case_id, interaction in recorder.interactions.items():
            label = recorder.cases[case_id].value.operation.label
            calls[label] += 1
            if interaction.response is not None:
                statuses[(label, interaction.response.status_code // 100)] += 1
        for case_id, checks in recorder.checks.items():
            label = recorder.cases[case_id].value.operation.label
            for one in checks:
                if one.failure_info is None:
                    continue
                reason = next(
                    (pair for pair in EXPECTED if pair[0] == one.name and pair[1] in ("", label)), None
                )
                if reason is not None:
                    expected[reason] += 1
                    continue
                told = (one.name, label, str(one.failure_info.failure.title))
                count, sample = found.get(
                    told, (0, f"{one.failure_info.failure.message}\n{one.failure_info.code_sample}")
                )
                found[told] = (count + 1, sample)
    report(calls, statuses, found, expected)
    print(
        f"{sum(calls.values()):,} calls of {len(calls)} operations in {time.monotonic() - began:,.0f} s; "
        f"findings: {len(found)}"
    )
    return 1 if found else 0


def report(
    calls: Counter[str],
    statuses: Counter[tuple[str, int]],
    found: dict[tuple[str, str, str], tuple[int, str]],
    expected: Counter[tuple[str, str]],
) -> None:
    """The table by operation, and each finding once."""
    print(f"{'operation':58} {'calls':>7} {'2xx':>6} {'3xx':>6} {'4xx':>6} {'5xx':>6} {'found':>6}")
    for label, count in sorted(calls.items()):
        by_class = [statuses[(label, number)] for number in (2, 3, 4, 5)]
        findings = sum(1 for _, where, _ in found if where == label)
        told = "".join(f" {number:6,}" for number in by_class)
        print(f"{label:58} {count:7,}{told} {findings:6}")
    for (check, label, title), (count, sample) in sorted(found.items()):
        print(f"\n{check}, {label}: {title} ({count} times)\n{sample[:1500]}")
    print()
    for (check, label), count in expected.items():
        print(f"expected {count:,} times: {check} {label or 'everywhere'}: {EXPECTED[(check, label)]}")


if __name__ == "__main__":
    sys.exit(main())
