"""Composition root: settings in, objects wired by hand, one task group."""

from trader.app.options import RunOptions
from trader.app.process import run

__all__ = ["RunOptions", "run"]
