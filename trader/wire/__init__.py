"""HOW DO BYTES TRAVEL? Connections that feeds, order entry and simulator clients stand on.

They know addresses, frames, time limits and budgets, and no venue.
"""
