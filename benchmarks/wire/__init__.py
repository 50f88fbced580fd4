"""Benchmarks of odradek.wire."""
