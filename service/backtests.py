"""How is an installation's data backtested, and where is what was found kept?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.executor import workers
from service.kept_backtests import FOLDER
from service.trainings import train_config

if TYPE_CHECKING:
    from service.settings import Settings
    from training.backtest import Backtest
    from training.data import Progress


def backtested(
    settings: Settings,
    periods: int | None,
    weeks: Sequence[int] | None,
    as_of: str | None,
    dask: str | None,
    report: Progress,
) -> Backtest:
    """The backtest of the store's data."""
    from crm.i18n import Text
    from service.organisation import open_store
    from training.backtest import backtest
    from training.backtest.origins import recorded_until
    from training.backtest.run import fewer_periods_warnings

    report(Text("データを読み込んでいます", "Reading the data"), 0.0)
    with open_store(settings) as store:
        whole = store.read()
    moment = whole.instant(as_of)
    log = whole.as_of(moment)
    until = recorded_until(log, moment)
    config = train_config(settings)
    with workers(dask, settings, whole) as cluster:
        if cluster is None:
            result = backtest(log, config, periods, weeks, report, until=until)
        else:
            report(Text("期間ごとにワーカーで検証しています", "Workers are backtesting the periods"), 0.0)
            result = cluster.backtest(log, config, periods, weeks, until=until)
    result.warnings += fewer_periods_warnings(periods, result)
    return result


def usual_file(settings: Settings) -> Path:
    """The page of a backtest that ends now, in the home."""
    return settings.home / FOLDER / f"{datetime.now(settings.zone):%Y-%m-%d-%H%M%S}.html"


def write_result(file: Path, html: str, result: Mapping[str, Any]) -> list[Path]:
    """Writes the page of a backtest, and its result as JSON beside it; which files."""
    import orjson

    json_file = file.with_suffix(".json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(html, "utf-8")
    passing = json_file.with_suffix(".part")  # the newest .json is read whenever somebody looks
    passing.write_bytes(orjson.dumps(result))
    passing.replace(json_file)
    return [file, json_file]
