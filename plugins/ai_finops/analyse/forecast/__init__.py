"""Forecasts of daily cost: a line with weekday factors and three methods beside it, their backtests, and the choice among them.

daily.py      a forecast            line.py, weekdays.py, levels.py (steps, spikes), peers.py, ets.py, margins.py
backtest.py   forecasts of earlier origins against what was then spent
choice.py     which method is in use on a date, how wide its intervals are, and how wrong it was
tables.py     both as tables; ai_finops.build.backtest_days keeps the forecasts in the lake
"""

from ai_finops.analyse.forecast.choice import Choices, Chosen, HorizonError
from ai_finops.analyse.forecast.daily import (
    AUTO_ETS,
    LAST_WEEK,
    LINEAR_TREND,
    MEAN_7D,
    METHODS,
    DailyForecast,
    forecast,
)

__all__ = [
    "AUTO_ETS",
    "LAST_WEEK",
    "LINEAR_TREND",
    "MEAN_7D",
    "METHODS",
    "Choices",
    "Chosen",
    "DailyForecast",
    "HorizonError",
    "forecast",
]
