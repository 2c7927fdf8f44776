"""Does an organisation in three currencies get the answers of the same in one?

    python benchmarks/currencies.py run FOLDER [--deals N --seed S]    # a folder outside the checkout
    python benchmarks/currencies.py show FOLDER

A simulated organisation is imported and trained twice: as it is, and with two thirds of its deals, contracts
and revenue targets written in USD and EUR, at constant rates (150 and 163.5). `run` stores every answer of
the command line as JSON and goes on where it stopped; `show` prints, for each answer, how many numbers were
compared and the largest relative difference. Amounts are divided by their rate and written with all digits,
so that only the last bit of a number is rounded.

Then the same organisation with rates that move every month: closed revenue of past quarters, calculated here
from the written rows and rates. And without rates of EUR: what is left, and what is named as left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from recorded_answers import command, equal, is_number, questions, relative, values

DAY, PERIOD = "2026-11-20", "2026-Q4"
QUARTERS = ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4")
CONSTANT = {"USD": 150.0, "EUR": 163.5}
TRAINING = "[train]\ntrees = 20\nmax_moments = 2000\nthreads = 1\n"


def main() -> None:
    """Runs or shows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "show"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--deals", type=int, default=500)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--only", choices=("one", "three", "moving", "missing"), help="run one organisation")
    options = parser.parse_args()
    folder = options.folder.resolve()
    if options.what == "run":
        run(folder, options.deals, options.seed, options.only)
    show(folder)


def run(folder: Path, deals: int, seed: int, only: str | None) -> None:
    """All organisations (or one), from nothing to answers."""
    world = folder / "world"
    if not world.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command(["world", str(world), "--deals", str(deals), "--seed", str(seed), "--end", DAY])
    constant = pd.DataFrame(
        [(code, "2000-01-01", rate) for code, rate in CONSTANT.items()], columns=RATE_COLUMNS
    )
    tables = {path.stem: pd.read_csv(path, dtype=str, keep_default_na=False) for path in world.glob("*.csv")}
    written = {
        "one": tables,
        "three": {**re_expressed(tables), "rates": constant},
        "moving": {**re_expressed(tables), "rates": moving_rates()},
        "missing": {**re_expressed(tables), "rates": constant[constant["currency"] != "EUR"]},
    }
    for name, frames in written.items():
        if only not in (None, name):
            continue
        trained_from = None if name in ("one", "three") else folder / "three"
        with installation(folder / name, frames, trained_from) as answers:
            asked = questions(DAY, PERIOD) if trained_from is None else {}
            for quarter in QUARTERS:
                line = ["forecast", quarter, "--as-of", DAY, "--json", "--lang", "en"]
                asked[f"closed {quarter}"] = line
            if trained_from is None:
                asked["what_if_deals"] = what_if_line(tables["deals"])
                out = str(folder / name / "backtest.html")
                line = ["backtest", "--periods", "1", "--weeks", "4", "--as-of", DAY, "--out", out, "--json"]
                asked["backtest"] = line
            for answer, line in asked.items():
                if not (answers / f"{answer}.json").exists():
                    (answers / f"{answer}.json").write_bytes(command(line))
                    print(f"{name}: {answer}", flush=True)


RATE_COLUMNS = ["currency", "at", "rate"]


def re_expressed(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with two of three deals, contracts and targets in USD and EUR."""
    deals, events = tables["deals"], tables["deal_events"]
    code_of = dict(zip(deals["deal_id"], currencies(len(deals)), strict=True))
    of_amount = events["field"] == "amount"
    codes = events["deal_id"].map(code_of)
    found = {**tables, "deals": in_currency(deals, "amount", currencies(len(deals)))}
    found["deal_events"] = events.assign(
        **{
            name: np.where(of_amount, divided(events[name].where(of_amount, ""), codes), events[name])
            for name in ("value", "old_value")
        }
    )
    if "contracts" in tables:
        contracts = tables["contracts"]
        found["contracts"] = in_currency(contracts, "monthly_amount", currencies(len(contracts)))
    targets = tables["targets"]
    money = np.where(targets["metric"] == "revenue", currencies(len(targets)), "JPY")
    found["targets"] = in_currency(targets, "value", money)
    return found


def currencies(size: int) -> np.ndarray:
    """JPY, USD, EUR in turn."""
    return np.resize(np.array(["JPY", "USD", "EUR"], object), size)


def in_currency(frame: pd.DataFrame, column: str, codes: np.ndarray) -> pd.DataFrame:
    """A table with the amounts of a column in these currencies (n,)."""
    return frame.assign(**{column: divided(frame[column], pd.Series(codes)), "currency": codes})


def divided(amounts: pd.Series, codes: pd.Series) -> list[str]:
    """Amounts as texts, divided by their rate, with all digits."""
    return [
        text if not text or code not in CONSTANT else repr(float(text) / CONSTANT[code])
        for text, code in zip(amounts, codes, strict=True)
    ]


def moving_rates() -> pd.DataFrame:
    """A rate for each month, that moves by about 2 % a month."""
    rng, months = np.random.default_rng(5), pd.date_range("2018-01-01", DAY, freq="MS")
    rows = []
    for code, level in CONSTANT.items():
        path = level * np.exp(np.cumsum(0.02 * rng.standard_normal(len(months))))
        rows += [(code, str(day.date()), round(rate, 2)) for day, rate in zip(months, path, strict=True)]
    return pd.DataFrame(rows, columns=RATE_COLUMNS)


def what_if_line(deals: pd.DataFrame) -> list[str]:
    """Assumptions about open deals, and a target."""
    won, lost, repriced, *_ = deals.loc[deals["outcome"] == "", "deal_id"]
    supposed = {"--won": won, "--lost": lost, "--amount": f"{repriced}:3000000", "--target": "90000000"}
    options = [part for option in supposed.items() for part in option]
    return ["what-if", PERIOD, *options, "--as-of", DAY, "--json", "--lang", "en"]


@contextmanager
def installation(folder: Path, frames: dict[str, pd.DataFrame], trained_from: Path | None) -> Iterator[Path]:
    """An installation with these tables, trained, or with the models of another; its folder of answers."""
    home, before = folder / "home", Path.cwd()
    folder.mkdir(exist_ok=True)
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "sancho.toml").write_text(TRAINING, "utf-8")
    os.environ["SANCHO_HOME"] = str(home)
    os.chdir(folder)
    try:
        if not (folder / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            if trained_from is not None:
                shutil.copytree(trained_from / "home", home, ignore=shutil.ignore_patterns("sancho.db*"))
            (folder / "tables").mkdir(exist_ok=True)
            for name, frame in frames.items():
                frame.to_csv(folder / "tables" / f"{name}.csv", index=False)
            (folder / "imported.json").write_bytes(command(["import", str(folder / "tables"), "--json"]))
            if trained_from is None:
                (folder / "trained.json").write_bytes(command(["train", "--as-of", DAY, "--json"]))
            (folder / "ready").touch()
        yield folder / "answers"
    finally:
        os.chdir(before)


def show(folder: Path) -> None:
    """Prints what is there."""
    print("answers in three currencies against the same in one (constant rates)")
    print(f"{'answer':<20}{'numbers':>9}{'texts':>7}{'largest relative difference':>29}{'texts differ':>14}")
    for path in sorted((folder / "one" / "answers").glob("*.json")):
        other = folder / "three" / "answers" / path.name
        if not other.is_file():
            continue
        old, new = values(path, {}), values(other, {})
        same = sorted(old.keys() & new.keys())
        numbers = [at for at in same if is_number(old[at]) and is_number(new[at])]
        texts = [at for at in same if at not in set(numbers)]
        worst = max((relative(old[at], new[at]) for at in numbers), default=0.0)
        differ = [at for at in texts if not equal(old[at], new[at])]
        only = len(old.keys() ^ new.keys())
        more = f"  ({only} on one side only)" if only else ""
        print(f"{path.stem:<20}{len(numbers):>9,}{len(texts):>7,}{worst:>29.1e}{len(differ):>14}{more}")
    for name in ("moving", "missing"):
        print(
            f"\nclosed revenue, {name} rates{'':<8}{'answer':>18}{'by hand':>18}{'left out, EUR':>16}  told"
        )
        for quarter in QUARTERS:
            path = folder / name / "answers" / f"closed {quarter}.json"
            if not path.is_file():
                continue
            answer = json.loads(path.read_bytes())
            worth, left_out = by_hand(folder / name / "tables", quarter)
            told = [each["message"] for each in answer["warnings"] if each["code"] == "missing_rate"]
            print(f"{quarter:<30}{answer['closed']:>18,.2f}{worth:>18,.2f}{left_out:>16,.2f}  {told[:1]}")


def by_hand(tables: Path, quarter: str) -> tuple[float, float]:
    """Closed revenue of a quarter from the written rows and rates, and the amounts that lack a rate."""
    deals, rates = (pd.read_csv(tables / f"{name}.csv") for name in ("deals", "rates"))
    period = pd.Period(quarter.replace("-", ""), "Q")
    closed = pd.to_datetime(deals["closed_at"])
    last = pd.Timestamp(DAY) + pd.Timedelta(days=1)
    won = deals[(deals["outcome"] == "won") & (closed.dt.to_period("Q") == period) & (closed < last)]
    total, left_out = 0.0, 0.0
    for amount, code, day in zip(won["amount"], won["currency"], won["closed_at"], strict=True):
        if code == "JPY":
            total += 0.0 if np.isnan(amount) else amount
            continue
        known = rates[(rates["currency"] == code) & (rates["at"] <= day[:10])].sort_values("at")
        if len(known):
            total += amount * known["rate"].iloc[-1]
        else:
            left_out += amount
    return total, left_out


if __name__ == "__main__":
    main()
