"""How is the sample organisation built? World, import, training, targets and ranks; no step twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.demo_ranks import write_ranks
from service.demo_world import TARGETS, Step, lay_targets, write_demo_world

if TYPE_CHECKING:
    from service.settings import Settings

SMALL = 2_000  # deals of the sample that a page builds: enough for teams, people and a trained model
_MORNING = "09:00"
_WAITING = "demo-targets.csv"
_LAYING = Text("今四半期の目標を設定しています", "Setting this quarter's targets")
_RANKING = Text("担当者のヨミを書き出しています", "Writing the reps' own ranks")


@dataclass
class Steps:
    """Which steps of the demo are done, in a file of the home; a step interrupted is a step not done."""

    path: Path
    done: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Steps:
        """What an earlier run left."""
        try:
            return cls(path, dict(json.loads(path.read_text("utf-8"))))
        except (OSError, ValueError):
            return cls(path, {})

    def once(self, name: str, work: Callable[[], Any]) -> None:
        """Does a step unless it is done, and keeps that it is."""
        if name in self.done:
            return
        self.done[name] = work()
        passing = self.path.with_suffix(".tmp")
        passing.write_text(json.dumps(self.done), "utf-8")
        passing.replace(self.path)


def build_sample(settings: Settings, deals: int, step: Step, today: date | None = None) -> Steps:
    """World, import, training, targets, each once; `today`: as if it were nine in the morning of that day."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    steps = Steps.read(settings.home / "demo.json")
    if not steps.done:
        _refuse_other_data(settings)
    folder = settings.home / "demo-world"
    morning = None if today is None else f"{today}T{_MORNING}"
    steps.once("world", lambda: _world(folder, deals, today or datetime.now(settings.zone).date(), step))
    steps.once("import", lambda: _import(settings, folder, step))
    steps.once("train", lambda: _train(settings, morning, step))
    steps.once("targets", lambda: _targets(settings, folder, morning, step))
    steps.once("ranks", lambda: _ranks(settings, folder, step))
    return steps


def _world(folder: Path, deals: int, day: date, step: Step) -> dict[str, Any]:
    write_demo_world(folder, folder.parent / _WAITING, deals, day, step)
    return {"deals": deals, "end": (day - timedelta(days=1)).isoformat()}


def _import(settings: Settings, folder: Path, step: Step) -> dict[str, Any]:
    from crm.importing import import_path
    from service.organisation import open_store

    with open_store(settings) as store:
        result = import_path(store, folder, settings.zone, progress=step)
    if result.quarantined:
        raise SanchoError(
            Text(
                "サンプルデータの{n}行を取り込めませんでした。",
                "{n} rows of the sample could not be imported.",
            ).format(n=result.quarantined),
            "demo_failed",
        )
    return {"rows": result.total.imported + result.total.unchanged}


def _train(settings: Settings, as_of: str | None, step: Step) -> dict[str, Any]:
    from service.trainings import train_and_register

    info, *_ = train_and_register(settings, as_of, step)
    return {"version": info.version}


def _targets(settings: Settings, folder: Path, as_of: str | None, step: Step) -> dict[str, Any]:
    """Lays the targets of the present quarter where the forecast leaves it open, and imports them."""
    from service.forecasts import Forecasts
    from service.goals import Goals
    from service.organisation import open_registry, open_store
    from service.serving_state import ServingState

    home = folder.parent
    if not (home / _WAITING).exists():  # a home from before targets were laid
        return {}
    step(_LAYING, 0, 1)
    serving = ServingState(settings, open_store(settings), open_registry(settings))
    try:
        serving.refresh()
        forecast = Forecasts(serving, Goals(serving)).forecast("this-quarter", "company", as_of, "en")
    finally:
        serving.close()
    laid = home / "demo-targets" / TARGETS
    lay_targets(home / _WAITING, folder / "people.csv", forecast, laid)
    step(_LAYING, 1, 1)
    return _import(settings, laid, step)


def _ranks(settings: Settings, folder: Path, step: Step) -> dict[str, Any]:
    """The reps' own ranks, after the training: what the sample's model says does not rest on them."""
    step(_RANKING, 0, 1)
    ranks = folder.parent / "demo-ranks"
    write_ranks(folder, ranks)
    step(_RANKING, 1, 1)
    return _import(settings, ranks, step)


def _refuse_other_data(settings: Settings) -> None:
    from service.organisation import open_store

    with open_store(settings) as store:
        if store.counts()["deals"] == 0:
            return
    raise SanchoError(
        Text(
            "{home} にはすでにデータがあります。SANCHO_HOME に別のフォルダーを指定してください。",
            "{home} already contains data; set SANCHO_HOME to another folder for the sample.",
        ).format(home=settings.home),
        "home_in_use",
    )
