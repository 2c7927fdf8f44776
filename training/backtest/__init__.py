"""How accurate were forecasts in the past? Rolling origins, for deals and periods, with baseline methods."""

from training.backtest.result import to_json
from training.backtest.run import Backtest, BacktestFold, backtest

__all__ = ["Backtest", "BacktestFold", "backtest", "to_json"]
