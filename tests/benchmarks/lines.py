"""Lines of results as the benchmarks write them, in short."""


def line(day=1, repeats=(1.0, 2.0, 3.0), **fields):
    """One measured on that day of November, on a clean tree unless it says otherwise."""
    return {
        "at": f"2026-11-{day:02}T12:00:00+00:00",
        "repeats": list(repeats),
        "command": "python -m benchmarks.bulk",
        "load_at_start": 0.5,
        "commit": "abc1234",
        "dirty": False,
        "machine": {"cpu": "AMD EPYC", "cores": 2, "kernel": "6.18.44-fc", "load": 1.5},
        "versions": {"python": "3.11.7", "odradek": "0.1.0"},
        **fields,
    }
