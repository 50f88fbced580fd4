"""All benchmarks, one after the other: `python -m benchmarks.run [--quick] [NAME...]`.

A program of its own for each, so that none measures what another left in memory. `--quick` shows figures and keeps none.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from benchmarks.record import QUICK, ROOT

# The arguments that make a run short: enough to see that it works, too few to be believed. Those of single rooms ask `quick()`.
SHORT = {
    "startup": ["--repeats", "2"],
    "memory": ["--partitions", "100"],
    "produce_small": ["--requests", "16000", "--repeats", "2"],
    "bulk": ["--records", "100000", "--repeats", "1"],
    "latency": ["--seconds", "0.5", "--repeats", "1"],
    "partitions": ["--partitions", "100"],
    "recovery": ["--megabytes", "64", "--repeats", "1"],
    "log.append": [],
    "log.recovery": [],
    "records.batches": [],
    "wire.codecs": [],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SHORT)}; default all")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that they work; no figure is kept")
    options = parser.parse_args()
    unknown = set(options.names) - SHORT.keys()
    if unknown:
        parser.error(f"no benchmark {sorted(unknown)[0]!r}")
    environment = {**os.environ, QUICK: "1"} if options.quick else None
    failed = []
    for name in options.names or SHORT:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *(SHORT[name] if options.quick else [])]
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
