"""Benchmarks: ``deploy/bench [name ...]`` measures the figures the README quotes."""
