"""SHOW: logs, metrics, health, what the host lets us sense, and the locks that keep us alone."""
