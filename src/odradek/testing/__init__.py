"""Odradek in tests: the pytest plugin."""
