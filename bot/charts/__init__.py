"""Arrays → PNG, in one warm worker process.

Matplotlib lives in that process alone: ``worker``, ``figure`` and ``plot`` are never imported here.
"""

from bot.charts.painter import Painter
from bot.charts.spec import ChartFailed, ChartSpec, Kind, Series, Threshold, Unit

__all__ = ["ChartFailed", "ChartSpec", "Kind", "Painter", "Series", "Threshold", "Unit"]
