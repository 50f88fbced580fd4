"""The Java stories, compiled once for all workers against the kafka-clients jar into `.cache/`."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

from reference.jars import classpath, exclusive, java, require

SOURCES = sorted(Path(__file__).parent.joinpath("java").glob("*.java"))
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
NAMES = (
    *(f"{kind}-{codec}" for kind in ("roundtrip", "megabyte") for codec in CODECS),
    "roundtrip-acks-0",
    "roundtrip-acks-1",
    "idempotent-order",
    "positions-and-moments",
    "too-large",
    "auto-creation",
    "group-range",
    "group-roundrobin",
    "group-sticky",
    "group-cooperative",
    "group-static",
    "group-pattern",
    "group-commit",
    "admin-topics",
    "admin-topic-refusals",
    "admin-configs",
    "admin-offsets-and-records",
    "admin-groups",
    "admin-cluster",
)


def compiled() -> Path:
    """The directory of the compiled classes."""
    jars = classpath()
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()
    with exclusive("java-stories") as home:
        mark = home / "whole"
        if not mark.exists() or mark.read_text() != stamp:
            home.mkdir(exist_ok=True)
            command = [require("javac", "default-jdk-headless"), "-Xlint:all,-try", "-cp", jars, "-d", str(home)]
            done = subprocess.run([*command, *map(str, SOURCES)], check=False, capture_output=True, text=True)
            if done.returncode != 0 or re.search(r"warning: \[", done.stderr):
                raise RuntimeError(f"javac: {done.stdout}{done.stderr}")
            mark.write_text(stamp)
    return home


def command(*args: str) -> list[str]:
    """The command line that runs `Stories` with `args`."""
    return java("Stories", *args, extra_classpath=str(compiled()))
