"""Does the face answer as the rooms do, and does it load nothing before it is asked?"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from datetime import date, datetime
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sancho
from crm.distribution import DISTRIBUTION
from crm.errors import SanchoError
from crm.instants import as_of_instant
from features import compile_history, open_at
from models.scoring import COLUMNS
from sancho._rooms import ROOMS

ROOT = Path(__file__).parents[2]
DAY = "2026-08-31"
QUICK = {"trees": 20, "leaves": 8, "max_moments": 3_000}


@pytest.fixture(scope="module")
def log():
    return sancho.sample(deals=300, seed=3, end="2026-09-30")


@pytest.fixture(scope="module")
def trained(log):
    return sancho.train(log, DAY, **QUICK)


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`python -c CODE` in a folder, with the project on the path behind it."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def test_importing_sancho_loads_no_room_and_nothing_heavy(tmp_path):
    loaded = "sorted({name.split('.')[0] for name in sys.modules})"
    done = python(f"import sys, sancho; dir(sancho); print(*{loaded})", tmp_path)
    assert done.returncode == 0, done.stderr
    heavy = {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "lightgbm", "mlflow", "numba", "sqlalchemy"}
    assert not (heavy | set(ROOMS)) & set(done.stdout.split())


def test_every_public_name_is_there_and_known_to_type_checkers():
    assert all(getattr(sancho, name) is not None for name in sancho.__all__)
    assert dir(sancho) == sancho.__all__ == sorted(sancho.__all__)
    tree = ast.parse(Path(sancho.__file__).read_text("utf-8"))
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    names = {alias.name for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names | {"__version__"} == set(sancho.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fortune'"):
        sancho.fortune  # noqa: B018


def test_no_other_installed_distribution_owns_a_room_s_name():
    owners = {name: set(packages_distributions().get(name, ())) for name in (*ROOMS, "sancho")}
    assert all(owner <= {DISTRIBUTION} for owner in owners.values()), owners


def test_somebody_s_own_models_and_features_are_named_in_one_sentence(tmp_path):
    (tmp_path / "models.py").write_text("")
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "__init__.py").write_text("")
    done = python("import sancho", tmp_path)
    assert done.returncode == 1
    sentence = done.stderr.strip().splitlines()[-1]
    theirs = tmp_path.resolve() / "features" / "__init__.py"
    assert sentence == (
        f"ImportError: sancho: the package 'features' should be {ROOT.resolve() / 'features'}, but Python "
        f"finds {theirs}; rename that file or folder, or start Python in another one."
    )
    theirs.unlink()
    assert f"finds {tmp_path.resolve() / 'models.py'}; rename" in python("import sancho", tmp_path).stderr


def test_a_models_py_that_is_loaded_already_is_named_too(tmp_path):
    (tmp_path / "models.py").write_text("")
    code = f"import models, sys; sys.path.remove(''); sys.path.insert(0, {str(ROOT)!r}); import sancho"
    done = python(code, tmp_path)
    assert f"finds {tmp_path.resolve() / 'models.py'}; rename" in done.stderr


def test_empty_folders_named_like_rooms_are_no_hindrance(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "training").mkdir()
    code = "import sancho; log = sancho.sample(deals=30, days=200); print(sancho.Bundle, sancho.Registry)"
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "<class 'models.bundle.Bundle'> <class 'training.registry.Registry'>\n"


def test_the_same_sample_is_made_again_and_another_seed_makes_another():
    first = sancho.sample(deals=60, seed=1, end="2026-06-30", days=300, bottlenecks=0)
    again = sancho.sample(deals=60, seed=1, end=date(2026, 6, 30), days=300, bottlenecks=0)
    other = sancho.sample(deals=60, seed=2, end="2026-06-30", days=300, bottlenecks=0)
    pd.testing.assert_frame_equal(first["deals"], again["deals"])
    assert not first["deals"].equals(other["deals"])
    assert first["activities"]["at"].max() < pd.Timestamp("2026-07-01", tz="Asia/Tokyo")


def test_the_store_is_the_one_of_the_settings_unless_one_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SANCHO_DATABASE_URL", raising=False)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    with sancho.open_store() as store:
        assert store.read()["deals"].empty
    with sancho.open_store(str(tmp_path / "other.db")) as store:
        assert store.counts()["deals"] == 0
    assert (tmp_path / "home" / "sancho.db").exists()
    assert (tmp_path / "other.db").exists()


def test_a_moment_may_be_given_in_any_form(log, trained):
    instant = as_of_instant(DAY, log.zone)
    assert trained[0].as_of == trained[1].as_of == instant
    expected = sancho.features(log, DAY)
    for same in (date(2026, 8, 31), datetime(2026, 9, 1), instant, np.int64(instant)):
        pd.testing.assert_frame_equal(sancho.features(log, same), expected)


def test_an_unknown_training_choice_is_refused(log):
    with pytest.raises(SanchoError, match="training setting tree = 20 cannot be used"):
        sancho.train(log, DAY, tree=20)
    with pytest.raises(SanchoError, match="training setting tree = 20 cannot be used"):
        sancho.backtest(log, tree=20)


def test_scores_are_those_of_the_models_room_with_the_quarter_as_default(log, model):
    scores = sancho.score(model, log, as_of=DAY)
    period = sancho.score(model, log, "2026-Q3", DAY)
    pd.testing.assert_frame_equal(scores, period)
    assert scores.columns.tolist() == list(COLUMNS)
    assert scores["period"].unique().tolist() == ["2026-Q3"]
    assert scores["win_by_period_end"].is_monotonic_decreasing
    moment = as_of_instant(DAY, log.zone)
    history = compile_history(log.as_of(moment), model.calendar, model.levels)
    assert set(scores["deal_id"]) == set(history.deal_ids[open_at(history, moment)])
    assert sancho.score(model, log, "2026-Q4", DAY)["period"].unique().tolist() == ["2026-Q4"]


def test_the_model_s_features_reproduce_its_scores(log, model):
    x = sancho.features(log, DAY, model=model)
    assert x.columns.tolist() == list(model.features)
    at = np.full(len(x), as_of_instant(DAY, log.zone))
    ever = model.win.curve(x.to_numpy(), at, np.array([np.inf])).won[:, 0]
    scores = sancho.score(model, log, as_of=DAY).set_index("deal_id")["win_probability"]
    np.testing.assert_array_equal(ever, scores.loc[x.index].to_numpy())


def test_features_for_people_have_names_where_those_for_the_model_have_codes(log, model):
    named = sancho.features(log, DAY)
    coded = sancho.features(log, DAY, model=model)
    pd.testing.assert_series_equal(named["days_in_stage"], coded["days_in_stage"])
    levels = np.array(model.levels["stage"], object)
    assert named["stage"].tolist() == levels[coded["stage"].astype(int)].tolist()


def test_features_of_named_deals_come_in_their_order(log):
    open_deals = sancho.features(log, DAY)
    wanted = open_deals.index[[3, 0]].tolist()
    frame = sancho.features(log, DAY, wanted)
    assert frame.index.tolist() == wanted
    pd.testing.assert_series_equal(frame["days_in_stage"], open_deals["days_in_stage"].loc[wanted])
    with pytest.raises(KeyError, match=r"deals created before the moment, got \['D9999999'\]"):
        sancho.features(log, DAY, ["D9999999"])


def test_a_forecast_answers_for_a_scope_and_another_target(log, model):
    company = sancho.forecast(model, log, "2026-Q3", DAY)
    easy = sancho.forecast(model, log, "2026-Q3", DAY, target=1.0)
    hard = sancho.forecast(model, log, "2026-Q3", DAY, target=1e15)
    assert company["scope"] == "company"
    assert hard["probability"] <= company["probability"] <= easy["probability"]
    team = log["teams"]["team_id"].iloc[-1]
    assert sancho.forecast(model, log, "2026-Q3", DAY, scope=f"team:{team}")["scope"] == f"team:{team}"


def test_no_bottleneck_is_found_where_hardly_any_deal_is(log):
    assert sancho.bottlenecks(log, DAY) == ()


def test_actions_come_with_the_largest_effect_first(log, model):
    frame = sancho.actions(model, log, DAY)
    assert frame.columns.tolist() == ["deal_id", "action", "effect", "low", "high", "recommended"]
    assert len(frame) == len(model.actions) * len(sancho.features(log, DAY))
    assert len(model.actions) > 0
    assert frame["effect"].is_monotonic_decreasing
    assert (frame["low"] <= frame["effect"]).all()
    assert (frame["effect"] <= frame["high"]).all()
    assert (frame.loc[frame["recommended"], "low"] > 0).all()


def test_a_registered_model_is_loaded_again(tmp_path, monkeypatch, trained):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    registry = sancho.Registry(tmp_path)
    info = registry.log_and_register(*trained)
    loaded, _ = registry.load(info.version)
    assert isinstance(loaded, sancho.Bundle)
    assert loaded.check() == 0.0
