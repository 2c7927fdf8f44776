"""How is a backtest shown to people: sentences, tables, figures, one page that works offline?"""

from sancho.training.backtest.report.figures import figures
from sancho.training.backtest.report.page import page

__all__ = ["figures", "page"]
