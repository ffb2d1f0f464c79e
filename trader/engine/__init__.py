"""What now: the pure, synchronous engine that turns each event into an outcome."""
