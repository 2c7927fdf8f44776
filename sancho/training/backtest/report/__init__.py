"""How is a backtest shown to people: words, tables, figures, one page that works offline?"""

from sancho.training.backtest.report.page import page

__all__ = ["page"]
