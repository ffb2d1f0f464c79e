"""The trading engine: it decides, trades and tells; the bot only watches and steers it."""

__version__ = "0.1.0"
