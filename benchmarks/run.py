"""All end-to-end benchmarks, one after the other: `python -m benchmarks.run [--quick] [NAME...]`."""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.harness import ROOT

# The arguments that make a run short: enough to see that it works, too few to be believed.
QUICK = {
    "startup": ["--repeats", "2"],
    "memory": ["--partitions", "100"],
    "produce_small": ["--requests", "20000", "--repeats", "2"],
    "bulk": ["--records", "200000", "--repeats", "1"],
    "latency": ["--seconds", "1", "--repeats", "1"],
    "recovery": ["--megabytes", "512", "--repeats", "1"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(QUICK)}; default all")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that they work")
    options = parser.parse_args()
    unknown = set(options.names) - QUICK.keys()
    if unknown:
        parser.error(f"no benchmark {sorted(unknown)[0]!r}")
    failed = []
    for name in options.names or QUICK:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *(QUICK[name] if options.quick else [])]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
