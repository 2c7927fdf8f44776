"""How is a backtest presented: sentences, tables, charts, and one page that works offline?"""

from training.backtest.report.figures import figures
from training.backtest.report.page import page

__all__ = ["figures", "page"]
