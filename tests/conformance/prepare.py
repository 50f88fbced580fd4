"""Fetch and build what the conformance suites stand on, before any test runs and with its own error if it fails.

`python tests/conformance/prepare.py`; a second run finds everything in `.cache/` and takes no time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

import java_stories
import rdkafka_suite
from reference.jars import classpath, require

STEPS: dict[str, Callable[[], object]] = {
    "kcat": lambda: require("kcat", "kcat"),
    "Apache Kafka's jars": classpath,
    "the Java stories": java_stories.compiled,
    "librdkafka's test suite": rdkafka_suite.built,
}


def main() -> int:
    """Prepare all, one line each; what cannot be had is told by name, without a stack."""
    for name, make in STEPS.items():
        began = time.monotonic()
        try:
            make()
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or ""
            print(f"conformance: {name}: {error}\n{said}".rstrip(), file=sys.stderr)
            return 1
        print(f"conformance: {name}: ready ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
