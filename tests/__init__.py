"""The tests; what several of them share lives in tests.support."""
