"""What every room stands on: errors, invariants, clock, chance, ids, units, configuration, metrics, logging.

Imports the standard library and its own dependencies, and nothing of Odradek above it.
"""
