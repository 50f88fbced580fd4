"""Start-up: from the command to the first answered request, and from `Broker()` to it inside a running program.

The first counts everything: interpreter, imports, opening the data directory. Aim: 300 ms for the command, 100 ms for
`Broker()` once imported. The second start of the command finds its data directory made, after a clean stop.

Bytecode is kept, as an installed program has it, whatever the environment says; the run that writes it is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import harness
from benchmarks.wire_client import api_versions

EMBEDDED = """
import json, sys, time
sys.path.insert(0, {root!r})
from benchmarks.wire_client import api_versions
import odradek
odradek.Broker
api_versions_module_is_imported = __import__("odradek.wire.messages.api_versions")
times = []
for _ in range({rounds}):
    began = time.perf_counter()
    with odradek.Broker() as broker:
        host, port = broker.bootstrap_servers.rsplit(":", 1)
        api_versions(host, int(port))
        times.append(time.perf_counter() - began)
print(json.dumps(times))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    with harness.directory() as cache:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(cache)
        measure(options)


def measure(options: argparse.Namespace) -> None:
    with harness.directory() as data:
        command_ms(data / "data")
        version_ms()
    fresh, again = [], []
    for _ in range(options.repeats):
        with harness.directory() as data:
            fresh.append(command_ms(data / "data"))
            again.append(command_ms(data / "data"))
    harness.note_result("startup", {"from": "command, new data directory"}, fresh, "ms to first answer")
    harness.note_result("startup", {"from": "command, data directory made before"}, again, "ms to first answer")
    program = EMBEDDED.format(root=str(harness.ROOT), rounds=options.repeats)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    embedded = [1000 * seconds for seconds in json.loads(done.stdout)]
    harness.note_result(
        "startup", {"from": "Broker(), imported", "first_ms": round(embedded[0], 1)}, embedded, "ms to first answer"
    )
    versions = [version_ms() for _ in range(options.repeats)]
    harness.note_result("startup", {"from": "odradek --version"}, versions, "ms")


def command_ms(data: Path) -> float:
    """One start, in milliseconds until ApiVersions is answered; stopped again."""
    port = harness.free_port()
    began = time.perf_counter()
    process = harness.start(data, port)
    try:
        harness.wait_for(port, process)
        api_versions("127.0.0.1", port)
        return 1000 * (time.perf_counter() - began)
    finally:
        harness.stop(process)


def version_ms() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "odradek", "--version"], capture_output=True, check=True)
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
