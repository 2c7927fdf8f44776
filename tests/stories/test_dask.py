"""Does work spread over Dask come out as it does in one process?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from distributed import Client, LocalCluster

from crm.distribution import DISTRIBUTION
from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.frames import micros
from crm.importing import import_path
from crm.instants import as_of_instant
from crm.periods import parse_period
from crm.store import Store
from features import Calendar, build_features, change_moments, compile_history
from models.bundle import Bundle
from models.scoring import score_open
from models.win.trees import TreeSettings
from service.cli import run
from simulator import WorldSettings, crm_tables, simulate, write
from training.backtest import backtest
from training.backtest.origins import Span, choose_periods
from training.backtest.result import to_json
from training.config import TrainConfig
from training.dask import Cluster, LogSource, open_cluster, to_parquet
from training.dask.gather import ATTEMPTS, gathered, lost, repeated, together
from training.fit import train
from training.report import Report

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-09-30", TOKYO)
CALENDAR = Calendar(TOKYO)
NOWHERE = LogSource("", parquet="none")
SMALL = TrainConfig(trees=20, leaves=8, max_moments=3_000, questions=1, threads=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write(simulate(WorldSettings(deals=700, seed=4, end=date(2026, 11, 23))), folder)
    return folder


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.of(crm_tables(simulate(WorldSettings(deals=700, seed=4, end=date(2026, 11, 23)))), TOKYO)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers in threads of this process: quick to start, the same paths."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as workers,
        Client(workers) as one,
    ):
        yield one


@pytest.fixture(scope="module")
def spread(client: Client, log: EventLog, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return Cluster(client, to_parquet(log, tmp_path_factory.mktemp("parquet")))


@pytest.fixture(scope="module")
def here(log: EventLog) -> tuple[Bundle, Report]:
    return train(log, NOW, SMALL)


def test_features_by_partition_are_equal_bit_for_bit(spread: Cluster, log: EventLog):
    history = compile_history(log.as_of(NOW), CALENDAR)
    deals, moments = change_moments(history, NOW)
    order = np.random.default_rng(0).permutation(len(deals))
    deals, moments = deals[order], moments[order]
    theirs = spread.features(NOW, CALENDAR, history.levels, deals, moments)
    assert theirs.tobytes() == build_features(history, deals, moments).tobytes()


def test_features_are_the_same_when_workers_read_the_store(
    client: Client, world: Path, log: EventLog, tmp_path: Path
):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        import_path(store, world, TOKYO)
        log = store.read(TOKYO)
    history = compile_history(log.as_of(NOW), CALENDAR)
    deals, moments = (values[::7] for values in change_moments(history, NOW))
    stored = Cluster(client, LogSource.in_store(url, log))
    theirs = stored.features(NOW, CALENDAR, history.levels, deals, moments)
    assert theirs.tobytes() == build_features(history, deals, moments).tobytes()


def test_a_model_trained_on_workers_is_within_the_noise_of_another_seed(
    spread: Cluster, log: EventLog, here: tuple[Bundle, Report]
):
    one, report = here
    two, spread_report = train(log, NOW, SMALL, executor=spread.executor(NOW, CALENDAR))
    kept = one.self_check
    assert two.self_check.x.tobytes() == kept.x.tobytes(), "the same rows were learned from"
    assert two.win.won.trees.text != one.win.won.trees.text, "the trees grew elsewhere"
    other = [train(log, NOW, replace(SMALL, seed=seed)) for seed in (1, 2)]
    gaps = [np.abs(_asked(model, kept) - _asked(one, kept)).mean() for model in (two, *(m for m, _ in other))]
    assert gaps[0] <= max(gaps[1:])
    loss = [one.evaluation.overall["model"]["log_loss"] for one in (report, spread_report)]
    assert loss[1] == pytest.approx(loss[0], abs=0.02)


def _asked(model: Bundle, kept) -> np.ndarray:
    return model.win.won_by(kept.x, kept.at, kept.horizon)


def test_scores_by_partition_are_those_of_one_process(
    spread: Cluster, log: EventLog, here: tuple[Bundle, Report]
):
    period = parse_period("2026-Q4")
    ours = score_open(here[0], log, NOW, period, "7")
    theirs = spread.score_open(here[0], NOW, period, "7")
    assert theirs["deal_id"].tolist() == ours["deal_id"].tolist()
    for name in theirs.select_dtypes("number").columns:
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-12)
    assert (theirs.drop(columns=theirs.select_dtypes("number").columns)).equals(
        ours.drop(columns=ours.select_dtypes("number").columns)
    )


def test_a_backtest_by_period_is_that_of_one_process(
    spread: Cluster, log: EventLog, monkeypatch: pytest.MonkeyPatch
):
    quick = replace(SMALL, trees=5, max_moments=1_500)
    _, chosen = choose_periods(Span.of(log, NOW), TOKYO, 3)
    created = micros(log["deals"]["created_at"])
    # The first of them starts too early to learn for: that stops none of the others.
    enough = int((created < chosen[1].start(TOKYO)).sum())
    monkeypatch.setattr("training.backtest.run.MIN_TRAINED", enough)
    ours = to_json(backtest(log, quick, 3, (8,), until=NOW))
    theirs = to_json(spread.backtest(log, quick, 3, (8,), until=NOW))
    assert [fold["period"] for fold in theirs["folds"]] == [period.name for period in chosen[1:]]
    # Sums in another number of threads differ in their last bits.
    (words, numbers), (said, figures) = _flat(ours), _flat(theirs)
    assert said == words
    np.testing.assert_allclose(figures, numbers, rtol=1e-6, atol=1e-9)


def _flat(result: dict) -> tuple[list[str], list[float]]:
    """What of a result is not a float, with where it stands; and its floats in the same order."""
    numbers: list[float] = []

    def keep(text: str) -> float:
        numbers.append(float(text))
        return 0.0

    words = json.loads(json.dumps(result, sort_keys=True), parse_float=keep)
    return [json.dumps(words)], numbers


def test_an_address_where_nobody_answers_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.dask.connect.PATIENCE_SECONDS", 1)
    with (
        pytest.raises(SanchoError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        open_cluster("tcp://127.0.0.1:9", NOWHERE),
    ):
        pass


def test_a_scheduler_without_workers_is_told(client: Client):
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as nobody,
        pytest.raises(SanchoError, match="has no workers"),
        open_cluster(nobody.scheduler_address, NOWHERE),
    ):
        pass


def test_workers_elsewhere_are_not_sent_to_a_file_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    deals = tmp_path / "deals.csv"
    deals.write_text("deal_id,created_at,stage\nD1,2026-01-05,アポイント\n", "utf-8")
    assert run(["import", str(deals)]) == 0
    assert run(["train", "--dask", "tcp://127.0.0.1:9", "--lang", "en"]) == 1
    assert "cannot read SQLite" in capsys.readouterr().err


def test_a_stores_address_with_its_password_is_never_shown():
    source = LogSource("", url="postgresql+psycopg://sancho:secret@db/sancho")
    assert "secret" not in repr(source)
    assert "secret" not in str(source)


def test_a_worker_that_reads_other_data_says_so(client: Client, log: EventLog, tmp_path: Path):
    earlier = to_parquet(log.as_of(NOW), tmp_path)
    to_parquet(log.as_of(as_of_instant("2025-12-31", TOKYO)), tmp_path)  # the folder moves on
    late = Cluster(client, earlier)
    with pytest.raises(SanchoError, match="that differs from this process") as fault:
        late.features(NOW, CALENDAR, {}, np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert "ワーカー" in fault.value.text.ja


def test_workers_look_again_when_the_data_have_grown(client: Client, log: EventLog, tmp_path: Path):
    for moment in ("2025-12-31", "2026-03-31"):
        known = log.as_of(as_of_instant(moment, TOKYO))
        history = compile_history(known.as_of(NOW), CALENDAR)
        deals, moments = (values[-50:] for values in change_moments(history, NOW))
        one = Cluster(client, to_parquet(known, tmp_path))
        theirs = one.features(NOW, CALENDAR, history.levels, deals, moments)
        assert theirs.tobytes() == build_features(history, deals, moments).tobytes(), moment


@pytest.fixture
def few() -> Iterator[tuple[LocalCluster, Client]]:
    """Two workers to be lost."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as workers,
        Client(workers, set_as_default=False) as one,
    ):
        yield workers, one


def test_work_that_needs_all_workers_ends_when_one_is_lost(
    few: tuple[LocalCluster, Client], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.dask.gather.LOOK_SECONDS", 0.05)
    _, client = few
    for_ever = Event()

    def work() -> None:
        client.retire_workers(list(client.nthreads())[:1])
        for_ever.wait(20)

    with pytest.raises(SanchoError, match="a worker stopped"):
        together(client, work)
    for_ever.set()


def test_a_task_does_not_wait_for_ever_for_workers_that_are_gone(
    few: tuple[LocalCluster, Client], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.dask.gather.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("training.dask.gather.PATIENCE_SECONDS", 0.2)
    _, client = few
    client.retire_workers(list(client.nthreads()))
    with pytest.raises(SanchoError, match="a worker stopped"):
        gathered(client, [client.submit(abs, -1, pure=False)])


@pytest.fixture(scope="module")
def processes() -> Iterator[Client]:
    """Two workers in processes of their own, under Dask's nanny as `dask worker` starts them."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as workers,
        Client(workers, set_as_default=False) as one,
    ):
        yield one


def kill_one(client: Client) -> None:
    """Ends a worker as the system does that wants its memory."""
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


def test_trees_are_fitted_again_where_a_worker_was_killed(processes: Client, monkeypatch: pytest.MonkeyPatch):
    import lightgbm

    rng = np.random.default_rng(3)
    columns = rng.normal(size=(2_000, 3))
    outcome = (columns[:, 1] + 0.3 * rng.normal(size=2_000) > 0.2).astype(float)
    given = (columns, [outcome, 1 - outcome], np.ones(2_000), (), (), [TreeSettings(5, 4)] * 2)
    cluster = Cluster(processes, NOWHERE)
    undisturbed = cluster.trees(*given)
    fit, kills = lightgbm.DaskLGBMRegressor.fit, [1, 0, 0]

    def fit_with_a_loss(model: object, *arrays: object, **options: object) -> object:
        if kills.pop(0):
            kill_one(processes)
        return fit(model, *arrays, **options)

    monkeypatch.setattr(lightgbm.DaskLGBMRegressor, "fit", fit_with_a_loss)
    trees = cluster.trees(*given)
    assert kills == []  # the first once more, then the second
    # Other workers see other rows, and so other bounds of bins: the same signal, not the same digits.
    for ours, theirs, truth in zip(trees, undisturbed, (outcome, 1 - outcome), strict=True):
        assert np.abs(ours.score(columns) - theirs.score(columns)).mean() < 0.02
        assert np.corrcoef(ours.score(columns), truth)[0, 1] > 0.8


def test_a_killed_workers_part_is_done_again(processes: Client):
    kill_one(processes)
    assert Cluster(processes, NOWHERE)._all(abs, [(-number,) for number in range(8)]) == list(range(8))


def test_work_that_loses_a_worker_each_time_ends(few: tuple[LocalCluster, Client]):
    times = []

    def work() -> None:
        times.append(1)
        raise lost()

    with pytest.raises(SanchoError, match="a worker stopped"):
        repeated(few[1], work)
    assert len(times) == ATTEMPTS


def test_a_scheduler_that_is_gone_is_told_as_such(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.dask.gather.LOOK_SECONDS", 0.05)
    workers = LocalCluster(n_workers=0, processes=False, dashboard_address=":0")
    with Client(workers, set_as_default=False) as client:
        waiting = client.submit(abs, -1, pure=False)  # for a worker that never comes
        workers.close()
        for ask in (
            lambda: gathered(client, [waiting]),
            lambda: together(client, lambda: None),
            lambda: Cluster(client, NOWHERE)._all(abs, [(1,)]),
        ):
            with pytest.raises(SanchoError, match="scheduler has gone away") as caught:
                ask()
            assert caught.value.code == "no_cluster"


def test_a_fault_of_the_work_itself_is_told_as_it_is(few: tuple[LocalCluster, Client]):
    _, client = few
    with pytest.raises(ZeroDivisionError):
        together(client, lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        gathered(client, [client.submit(divmod, 1, 0, pure=False)])


def test_workers_with_another_version_are_refused(
    few: tuple[LocalCluster, Client], monkeypatch: pytest.MonkeyPatch
):
    versions = iter(["1.0", "2.0", "2.0"])
    monkeypatch.setattr("importlib.metadata.version", lambda name: {DISTRIBUTION: next(versions)}[name])
    with (
        pytest.raises(SanchoError, match=r"worker .* has sancho-sales 2\.0; install 1\.0 there"),
        open_cluster(few[0].scheduler_address, NOWHERE),
    ):
        pass


def test_without_dask_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(SanchoError, match=r"pip install 'sancho-sales\[scale\]'"),
        open_cluster("local", NOWHERE),
    ):
        pass


def test_training_in_one_process_loads_no_dask():
    code = "import sys, training.promote, service.cli; sys.exit('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
