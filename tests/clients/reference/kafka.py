"""One Apache Kafka node (KRaft, broker and controller in one) on loopback: the reference for our suites.

The problem: a test that fails against Odradek says something only if it passes against Kafka, and a
directory that Kafka wrote must open in Odradek.

The contract: `ReferenceKafka` is a context manager. It formats its data directory unless it already is,
listens on free ports of 127.0.0.1, and is ready (a client saw the node in the metadata) when `start` returns.
`stop` asks with SIGTERM, so that the directory is left as a clean shutdown leaves it. A directory can be
opened again by the next.

As a program: `python tests/clients/reference/kafka.py [--port N] [--data-dir DIR] [--set name=value ...]`
runs until interrupted and prints the bootstrap address.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO

from confluent_kafka.admin import AdminClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from reference import jars
from reference.settings import SUITE_CONFIG

CLUSTER_ID = "b2RyYWRlay1yZWZlcmVuYw"  # any 16 bytes, base64: these read "odradek-referenc"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ReferenceKafka:
    """A node's life: formatted, started, stopped; owned by one thread."""

    def __init__(self, data_dir: Path | None = None, config: Mapping[str, str] | None = None, port: int = 0) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="reference-kafka-"))
        self._config = {**SUITE_CONFIG, **(config or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self.data_dir = data_dir if data_dir is not None else self._home / "data"
        self.port = port or free_port()
        self.bootstrap_servers = f"127.0.0.1:{self.port}"

    def __enter__(self) -> ReferenceKafka:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Format if need be, launch, and wait until a client sees the node."""
        properties = self._write_properties()
        if not (self.data_dir / "meta.properties").exists():
            self._format(properties)
        self._output = (self._home / "kafka.log").open("ab")
        command = jars.java("kafka.Kafka", str(properties))
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.STDOUT)
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """SIGTERM, then SIGKILL past the limit; the data directory stays if it was given."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._output is not None:
            self._output.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL: the directory is left as a crash leaves it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What the node has said so far."""
        return (self._home / "kafka.log").read_text(errors="replace")

    def _write_properties(self) -> Path:
        controller = free_port()
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.data_dir),
            **self._config,
        }
        self._home.mkdir(exist_ok=True)
        path = self._home / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _format(self, properties: Path) -> None:
        command = jars.java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties))
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"formatting {self.data_dir} failed: {done.stdout}{done.stderr}")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"Kafka ended before it was ready:\n{self.log()}")
            if self._listens() and self._has_joined():
                return
            time.sleep(0.1)
        raise RuntimeError(f"Kafka was not ready within {START_SECONDS_MAX} s:\n{self.log()}")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _has_joined(self) -> bool:
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=5).brokers)
        except Exception:  # librdkafka's errors have one class; any of them means "not yet"
            return False


def main(argv: list[str]) -> int:
    """The program: run a node in the foreground."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args(argv)
    config = dict(item.split("=", 1) for item in options.set)
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, lambda *_: sys.exit(0))
    with ReferenceKafka(options.data_dir, config, options.port) as kafka:
        print(kafka.bootstrap_servers, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
