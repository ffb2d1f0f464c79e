"""Hear: what venues say, decoded into events. Holds no opinion on it."""
