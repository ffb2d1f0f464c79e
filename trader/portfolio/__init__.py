"""What do we have: ledgers, stop-losses, closings, rebalancing, reconciliation. Pure."""
