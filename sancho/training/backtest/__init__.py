"""Would it have held? Rolling origins over past periods, at deal and period level, against plain methods."""

from sancho.training.backtest.run import Backtest, Fold, backtest

__all__ = ["Backtest", "Fold", "backtest"]
