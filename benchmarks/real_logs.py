"""Which real logs is accuracy measured on, and what do baseline methods predict on the same past?"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from crm.eventlog import EventLog
from crm.importing import import_path
from crm.instants import DAY, NEVER, as_of_instant
from crm.organisation import Organisation
from crm.store import Store
from features import History, build_features, compile_history, deal_states, open_at
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.scoring import feature_columns
from training import metrics
from training.comparison import origin_of

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("SANCHO_SHARED_DATA", ROOT.parent / "shared" / "data"))
ORGANISATIONS = {
    name: Organisation(fiscal_start_month=1, time_zone=time_zone, country=country, currency=currency)
    for name, time_zone, country, currency in (
        ("loan_applications", "Europe/Amsterdam", "NL", "EUR"),
        ("crm_sales_opportunities", "America/New_York", "US", "USD"),
        ("b2b_qualification", "Europe/Ljubljana", "SI", "EUR"),
    )
}
PRIOR = 5.0  # deals by which a stage leans on all
FOLDERS = {"loan_applications": "loan_applications_2011"}


def imported(mapping: str) -> EventLog:
    """The log of a shipped mapping; exits with a message where its data is not available."""
    folder = FOLDER / FOLDERS.get(mapping, mapping)
    if not folder.is_dir():
        print(f"skipped: the data is not at {folder}; set SANCHO_SHARED_DATA")
        sys.exit(0)
    organisation = ORGANISATIONS[mapping]
    with tempfile.TemporaryDirectory() as scratch:
        store = Store.open(f"sqlite:///{scratch}/real.db", organisation=organisation)
        result = import_path(store, folder, organisation.zone, mapping)
        for table, counts in result.tables.items():
            print(f"{table}: {counts}")
        return store.read()


def judge_open(log: EventLog, bundle: Bundle, cut: int, end: str) -> None:
    """Every deal open at the cut-off: won by a day? Baselines count all deals open on each past day."""
    left = (as_of_instant(end, log.zone) - cut) / DAY
    past = compile_history(log.as_of(cut), bundle.calendar, bundle.levels)
    deal = open_at(past, cut)
    at = np.full(len(deal), cut)
    ours = score(bundle, past, deal, at, left)
    # What then happened is read from the whole log.
    full = compile_history(log, bundle.calendar, bundle.levels)
    won = won_within(full, full.deal_ids.get_indexer(past.deal_ids[deal]).astype(np.int64), at, left)
    days = np.arange(int(past.created.min()), cut - int(left * DAY) + 1, DAY)
    then = [(open_at(past, int(day)), int(day)) for day in days]
    learned = np.concatenate([found for found, _ in then])
    moments = np.concatenate([np.full(len(found), day) for found, day in then])
    print(f"\nwon by {end}, {len(deal)} deals open at the cut-off, {int(won.sum())} were won")
    compare(ours, baselines(past, learned, moments, left, deal, at), won, deal, at)


def won_within(history: History, deal: Ints, at: Ints, days: float) -> Floats:
    closed = history.closed[deal]
    return ((history.outcome[deal] == 1) & (closed != NEVER) & (closed < at + int(days * DAY))).astype(float)


def base_rate(won: Floats) -> float:
    return float((won.sum() + 0.5) / (len(won) + 1.0))


def baselines(
    history: History, learned: Ints, moments: Ints, days: float, deal: Ints, at: Ints
) -> dict[str, Floats]:
    """Base rate and stage-rate table for deals at moments, fitted on others at their moments."""
    won = won_within(history, learned, moments, days)
    rate = base_rate(won)
    then, now = deal_states(history, learned, moments).stage, deal_states(history, deal, at).stage
    by_stage = np.array(
        [(won[then == code].sum() + PRIOR * rate) / ((then == code).sum() + PRIOR) for code in now]
    )
    return {"base rate": np.full(len(deal), rate), "stage-rate table": by_stage}


def score(bundle: Bundle, history: History, deal: Ints, at: Ints, days: float) -> Floats:
    x = build_features(history, deal, at)[:, feature_columns(bundle, history)]
    return bundle.win.won_by(x, at, np.full(len(deal), days))


def compare(ours: Floats, plain: dict[str, Floats], won: Floats, deal: Ints, at: Ints) -> None:
    """Prints the scores of all and our differences; rows of a deal, and of four weeks, share their luck."""
    for name, chance in {"Sancho": ours, **plain}.items():
        found = metrics.summary(chance, won)
        print(
            f"  {name:17s} log loss {found['log_loss']:.4f}  Brier {found['brier']:.4f}  "
            f"expected {chance.sum():7.1f}  AUC {found['auc']:.3f}  slope {found['slope']:.2f}  "
            f"calibration error {found['calibration_error']:.3f}"
        )
    rng = np.random.default_rng(7)
    for name, chance in plain.items():
        for label, of in (("log loss", metrics.log_losses), ("Brier", metrics.brier_scores)):
            gap = metrics.paired_difference(of(ours, won), of(chance, won), deal, rng, origin=origin_of(at))
            print(f"  {label} against {name}: {gap}")
