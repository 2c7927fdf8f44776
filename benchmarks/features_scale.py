"""How fast are the features, how do they scale, and how do they compare with SQL on the same data?

    python benchmarks/features_scale.py                     # 10k and 100k deals, live path, DuckDB
    python benchmarks/features_scale.py --deals 1000000     # the same to 1M deals / 20M events and activities

Each size runs in a separate process, so that its peak memory is its own. Kernels are compiled before the
measurement. DuckDB gets prepared tables with integer ids; the features start from frames.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.instants import DAY
from crm.schema import TABLES, Kind
from features import Calendar, build_features, change_moments, compile_history, compile_live_deal

TOKYO = ZoneInfo("Asia/Tokyo")
EVENTS, ACTIVITIES, SNAPSHOTS = 8, 12, 3
YEARS = 3
LIBRARIES_MIB = 250
START = 1_700_000_000_000_000
STAGES = ["リード獲得", "アポイント", "初回訪問", "提案・見積", "クロージング", "受注", "失注"]
KINDS = ["call", "email", "visit", "web_meeting", "demo", "proposal", "quote", "material", "follow_up"]


class Arrays:
    """A generated organisation as plain arrays, the input of both."""

    def __init__(self, deals: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.deals = deals
        self.created = np.sort(rng.integers(START, START + YEARS * 365 * DAY, deals))
        length = (rng.gamma(2.0, 40.0, deals) * DAY).astype(np.int64) + DAY
        self.closed = self.created + length
        self.outcome = rng.integers(0, 2, deals)
        self.sellers, self.accounts = max(deals // 500, 5), max(deals // 5, 5)
        self.owner = rng.integers(0, self.sellers, deals)
        self.account = rng.integers(0, self.accounts, deals)
        self.product = rng.integers(0, 20, deals)
        self.amount = np.round(rng.lognormal(13, 1, deals))
        part = self._within(rng, length, EVENTS)
        self.event_deal, self.event_at = part
        self.event_field = rng.choice(3, len(self.event_at), p=[0.6, 0.2, 0.2])  # stage, amount, close date
        self.event_value = rng.integers(0, 1_000, len(self.event_at))
        self.act_deal, self.act_at = self._within(rng, length, ACTIVITIES)
        self.act_kind = rng.integers(0, len(KINDS), len(self.act_at))
        self.act_inbound = rng.random(len(self.act_at)) < 0.2
        self.row_deal = np.repeat(np.arange(deals), SNAPSHOTS)
        share = rng.random(len(self.row_deal))
        self.row_at = self.created[self.row_deal] + 1 + (share * length[self.row_deal]).astype(np.int64)

    def _within(
        self, rng: np.random.Generator, length: np.ndarray, each: int
    ) -> tuple[np.ndarray, np.ndarray]:
        deal = np.repeat(np.arange(self.deals), each)
        at = self.created[deal] + (rng.random(len(deal)) * length[deal]).astype(np.int64)
        order = np.argsort(at, kind="stable")
        return deal[order], at[order]


def codes(values: np.ndarray, names: list[str]) -> pd.Series:
    return pd.Series(pd.Categorical.from_codes(values, categories=pd.Index(names)))


def moments(values: np.ndarray) -> pd.Series:
    return pd.Series(values.view("datetime64[us]")).dt.tz_localize("UTC")


def frame(table: str, rows: int, **columns: pd.Series | np.ndarray) -> pd.DataFrame:
    """A table of the schema in its column types; columns not given are empty, without the cost of text."""
    empty = {
        Kind.MOMENT: lambda: moments(np.full(rows, np.iinfo(np.int64).min)),
        Kind.DATE: lambda: pd.Series(np.full(rows, np.datetime64("NaT"), "datetime64[us]")),
        Kind.MONEY: lambda: pd.Series(np.full(rows, np.nan)),
        Kind.NUMBER: lambda: pd.Series(np.full(rows, np.nan)),
        Kind.FLAG: lambda: pd.Series(pd.array(np.zeros(rows, bool), "boolean")),
    }
    made = {
        column.name: columns.get(column.name, empty.get(column.kind, lambda: codes(np.full(rows, -1), []))())
        if column.name not in columns
        else columns[column.name]
        for column in TABLES[table].columns
    }
    return pd.DataFrame(made)


def event_log(a: Arrays) -> EventLog:
    ids = [f"D{n}" for n in range(a.deals)]
    people = [f"P{n}" for n in range(a.sellers)]
    accounts = [f"C{n}" for n in range(a.accounts)]
    # Values of events are text: stages, amounts and dates by turns of the field.
    dates = np.arange("2023-11-15", "2028-01-01", dtype="datetime64[D]").astype(str).tolist()
    names = STAGES[:5] + [str(1000 * n) for n in range(1_000)] + dates
    day = (a.event_at // DAY) - np.datetime64("2023-11-15", "D").astype(np.int64)
    value = np.select(
        [a.event_field == 0, a.event_field == 1],
        [a.event_value % 5, 5 + a.event_value],
        1_005 + np.clip(day + a.event_value % 90, 0, len(dates) - 1),
    )
    tables = {
        "deals": frame(
            "deals",
            a.deals,
            deal_id=pd.Series(ids, dtype="str"),
            created_at=moments(a.created),
            stage=codes(np.where(a.outcome == 1, 5, 6), STAGES),
            account_id=codes(a.account, accounts),
            owner_id=codes(a.owner, people),
            product=codes(a.product, [f"商品{n}" for n in range(20)]),
            amount=pd.Series(a.amount),
            closed_at=moments(a.closed),
            outcome=codes(a.outcome, ["lost", "won"]),
        ),
        "deal_events": frame(
            "deal_events",
            len(a.event_at),
            deal_id=codes(a.event_deal, ids),
            at=moments(a.event_at),
            field=codes(a.event_field, ["stage", "amount", "expected_close_date"]),
            value=codes(value, names),
        ),
        "activities": frame(
            "activities",
            len(a.act_at),
            activity_id=codes(np.full(len(a.act_at), -1), []),
            at=moments(a.act_at),
            kind=codes(a.act_kind, KINDS),
            deal_id=codes(a.act_deal, ids),
            actor_id=codes(a.owner[a.act_deal], people),
            direction=codes(a.act_inbound.astype(int), ["out", "in"]),
        ),
    }
    empty = EventLog.of({}, TOKYO)
    return EventLog({**empty.tables, **tables}, TOKYO)


def clocked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result of the work, its seconds, and its seconds of processor time (without other programs)."""
    start, busy = time.perf_counter(), time.process_time()
    done = work()
    return done, time.perf_counter() - start, time.process_time() - busy


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(deals: int, sql: bool) -> dict[str, float]:
    calendar = Calendar(TOKYO)
    small = Arrays(50)
    warm = compile_history(event_log(small), calendar)
    build_features(warm, small.row_deal, small.row_at)
    change_moments(warm, START)
    arrays = Arrays(deals)
    log = event_log(arrays)
    before = peak_mib()
    history, compiling, compiling_cpu = clocked(lambda: compile_history(log, calendar))
    x, building, building_cpu = clocked(lambda: build_features(history, arrays.row_deal, arrays.row_at))
    peak = peak_mib()
    _, snapping, _ = clocked(lambda: change_moments(history, START + 2 * YEARS * 365 * DAY))
    _, cutting, _ = clocked(lambda: log.as_of(START + YEARS * 183 * DAY))
    found = {
        "deals": deals,
        "rows": len(x),
        "features": x.shape[1],
        "compile_s": compiling,
        "build_s": building,
        "cpu_s": compiling_cpu + building_cpu,
        "moments_s": snapping,
        "as_of_s": cutting,
        "frames_mib": before,
        "peak_mib": peak,
        "ms_per_feature": 1000 * (compiling + building) / x.shape[1],
    }
    if sql:
        found["duckdb_ms_per_feature"] = 1000 * in_sql(arrays, history, x) / 5
    return found


QUERIES = {
    "stage": """select r.row, e.value % 5 as v from rows r asof left join stages e
        on e.deal = r.deal and e.t < r.t""",
    "activities_30d": f"""select r.row, count(a.t) as v from rows r left join acts a
        on a.deal = r.deal and a.t < r.t and a.t >= r.t - {30 * DAY} group by r.row""",
    "days_since_activity": f"""select r.row, (r.t - a.t) / {DAY} as v from rows r asof left join acts a
        on a.deal = r.deal and a.t < r.t""",
    "amount_changes": """with c as (select deal, t, sum(case when value <> was then 1 else 0 end)
        over (partition by deal order by t) as n from
        (select deal, t, value, lag(value) over (partition by deal order by t) as was from amounts) x)
        select r.row, coalesce(c.n, 0) as v from rows r asof left join c on c.deal = r.deal and c.t < r.t""",
    "seller_closed": """with c as (select owner, t, count(*) over (partition by owner order by t) as n
        from closings)
        select r.row, coalesce(c.n, 0) as v from (select rows.*, owner from rows join deals using (deal)) r
        asof left join c on c.owner = r.owner and c.t < r.t""",
}


def in_sql(a: Arrays, history: object, x: np.ndarray) -> float:
    """Seconds that DuckDB takes for five of the features; the values must agree."""
    import duckdb

    con = duckdb.connect()
    con.execute("set threads = 2")
    given = {
        "rows": pd.DataFrame({"row": np.arange(len(a.row_at)), "deal": a.row_deal, "t": a.row_at}),
        "acts": pd.DataFrame({"deal": a.act_deal, "t": a.act_at}),
        "deals": pd.DataFrame({"deal": np.arange(a.deals), "owner": a.owner}),
        "closings": pd.DataFrame({"owner": a.owner, "t": a.closed}),
        "stages": _events(a, 0),
        "amounts": _events(a, 1),
    }
    for name, data in given.items():
        con.register("given", data)
        con.execute(f"create table {name} as select * from given")
        con.unregister("given")
    names = [feature.name for feature in history.features]  # type: ignore[attr-defined]
    total = 0.0
    for name, query in QUERIES.items():
        start = time.perf_counter()
        answer = con.execute(query).fetchnumpy()
        taken = time.perf_counter() - start
        total += taken
        value = np.empty(len(x))
        value[np.asarray(answer["row"])] = np.ma.filled(np.ma.asarray(answer["v"]).astype(np.float64), np.nan)
        values = x[:, names.index(name)]
        agree = np.isclose(values, value, equal_nan=True).mean()
        print(f"    DuckDB {name:22s} {taken:7.2f} s   agrees on {agree:.6%} of rows", file=sys.stderr)
        assert agree > 0.99999, name
    return total


def _events(a: Arrays, field: int) -> pd.DataFrame:
    of_field = a.event_field == field
    return pd.DataFrame(
        {"deal": a.event_deal[of_field], "t": a.event_at[of_field], "value": a.event_value[of_field]}
    )


def live(deals: int) -> None:
    """Microseconds for one deal of a request: compiling its history, and its features."""
    arrays = Arrays(deals)
    log = event_log(arrays)
    history = compile_history(log, Calendar(TOKYO))

    def iso(at: int) -> str:
        return datetime.fromtimestamp(at / 1e6, UTC).isoformat()

    taken = []
    for deal in np.random.default_rng(2).integers(0, deals, 1_000):
        row = {
            "deal_id": "new",
            "created_at": iso(arrays.created[deal]),
            "stage": STAGES[3],
            "owner_id": f"P{arrays.owner[deal]}",
            "account_id": f"C{arrays.account[deal]}",
            "product": "商品1",
            "amount": arrays.amount[deal],
            "expected_close_date": "2026-12-25",
        }
        step = DAY
        events = [
            {"at": iso(arrays.created[deal] + n * step), "field": "stage", "value": STAGES[n % 5]}
            for n in range(EVENTS)
        ]
        acts = [
            {"at": iso(arrays.created[deal] + n * step), "kind": "call", "actor_id": row["owner_id"]}
            for n in range(ACTIVITIES)
        ]
        moment = np.array([arrays.created[deal] + 30 * DAY])
        start = time.perf_counter()
        one = compile_live_deal(history, row, events, acts)
        middle = time.perf_counter()
        build_features(one, np.zeros(1, np.int64), moment)
        taken.append((middle - start, time.perf_counter() - middle))
    made, built = np.median(np.array(taken) * 1e6, axis=0)
    whole = np.percentile(np.array(taken).sum(1) * 1e6, [50, 95])
    print(
        f"live path, one deal with {EVENTS} events and {ACTIVITIES} activities, past of {deals:,} deals:\n"
        f"  one_deal {made:.0f} us + build {built:.0f} us; together median {whole[0]:.0f}, "
        f"p95 {whole[1]:.0f} us"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deals", type=int, default=100_000)
    parser.add_argument("--no-sql", action="store_true")
    parser.add_argument("--one", type=int, help="measure one size and print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, not options.no_sql)))
        return
    sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= options.deals]
    sizes = sizes if options.deals in sizes else [*sizes, options.deals]
    found = []
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size), *(["--no-sql"] if options.no_sql else [])]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        print(answer.stderr, end="")
        answer.check_returncode()
        m = json.loads(answer.stdout)
        found.append(m)
        seconds = m["compile_s"] + m["build_s"]
        print(
            f"{size:>9,} deals, {size * (EVENTS + ACTIVITIES):>11,} events and activities -> "
            f"{m['rows']:,} rows x {m['features']} features\n"
            f"  compile {m['compile_s']:.2f} s + build {m['build_s']:.2f} s = {seconds:.2f} s "
            f"({m['cpu_s']:.2f} s of processor time), {m['rows'] / m['build_s']:,.0f} rows/s built; "
            f"peak {m['peak_mib']:,.0f} MiB "
            f"(of which frames {m['frames_mib']:,.0f}); snapshot moments {m['moments_s']:.2f} s; "
            f"log.as_of {m['as_of_s']:.2f} s"
        )
        if "duckdb_ms_per_feature" in m:
            ratio = m["ms_per_feature"] / m["duckdb_ms_per_feature"]
            print(
                f"  per feature {m['ms_per_feature']:.1f} ms against DuckDB "
                f"{m['duckdb_ms_per_feature']:.1f} ms: ratio {ratio:.3f} (below 1: faster than SQL)"
            )
    for a, b in pairwise(found):
        factor = b["deals"] / a["deals"]
        time_ratio = b["cpu_s"] / a["cpu_s"]
        memory_ratio = (b["peak_mib"] - LIBRARIES_MIB) / (a["peak_mib"] - LIBRARIES_MIB)
        print(
            f"{a['deals']:,} -> {b['deals']:,} deals ({factor:.0f} times): "
            f"processor time {time_ratio:.1f} times, {time_ratio ** (1 / np.log2(factor)):.2f} per doubling; "
            f"memory above the "
            f"libraries' {LIBRARIES_MIB} MiB {memory_ratio:.1f} times"
        )
    live(min(options.deals, 100_000))


if __name__ == "__main__":
    main()
