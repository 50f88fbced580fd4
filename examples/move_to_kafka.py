"""Move what Odradek holds to Apache Kafka, files and all: topics, records, offsets, groups. Needs nothing but Python.

    python move_to_kafka.py topics odradek-data                  prints the commands that make the topics in Kafka
    python move_to_kafka.py ids odradek-data localhost:9092      has Kafka (running) pass over Odradek's producer ids
    python move_to_kafka.py files odradek-data kafka-data        copies the partitions over Kafka's (both stopped)

In this order, on one Kafka broker, with both stopped in order before `files`. docs/formats.md, "Moving to Apache Kafka",
has the whole story and the reasons. Odradek's directory is only read.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import socket
import sqlite3
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

Lines = list[list[str]]
CHECKPOINTS = ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "replication-offset-checkpoint")
CLEAN = ".kafka_cleanshutdown"
TOPIC_ID = "partition.metadata"
EPOCHS = "leader-epoch-checkpoint"
INIT_PRODUCER_ID = 22
ANSWER_SECONDS = 60


class CannotMove(Exception):
    """Something to be put right first; nothing was changed."""


def metadata(source: Path) -> dict[str, bytes]:
    """All of Odradek's metadata by key."""
    path = source / "metadata.db"
    if not path.is_file():
        raise CannotMove(f"{source} is no data directory of Odradek: it has no metadata.db")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
        return dict(store.execute("SELECT key, value FROM entries"))


def topics(source: Path) -> Iterator[str]:
    """For each topic the command that makes it, with its partitions and settings, under a new id."""
    for key, value in sorted(metadata(source).items()):
        kind, _, name = key.partition("/")
        if kind != "topics":
            continue
        topic = json.loads(value)
        words = ["--topic", name, "--partitions", str(len(topic["partitions"])), "--replication-factor", "1"]
        for config in sorted(topic["configs"].items()):
            words += ["--config", "=".join(config)]
        yield shlex.join(["kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--create", *words])


def pass_over_ids(source: Path, bootstrap: str) -> int:
    """Ask Kafka for producer ids until it is past those that Odradek gave; the last one. Kafka counts from 0, too."""
    wanted = int(metadata(source).get("producer-ids/next", b"0"))
    host, _, port = bootstrap.rpartition(":")
    # API key, version 0, correlation id, client id null; transactional id null, its time-out
    request = struct.pack(">hhihhi", INIT_PRODUCER_ID, 0, 0, -1, -1, ANSWER_SECONDS * 1000)
    given = -1
    with socket.create_connection((host, int(port)), ANSWER_SECONDS) as server, server.makefile("rb") as answers:
        while given < wanted - 1:
            server.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", answers.read(4))
            _correlation, _throttled, error, answer, _epoch = struct.unpack(">iihqh", answers.read(size))
            if error == 0:
                given = answer
            else:  # the next thousand ids are on their way from the controller
                time.sleep(0.1)
    return given


def read_lines(path: Path) -> Lines:
    """A checkpoint's lines, without the version and the count before them."""
    return [line.split() for line in path.read_text().splitlines()[2:]] if path.exists() else []


def write_lines(path: Path, lines: Lines) -> None:
    path.write_text("\n".join(["0", str(len(lines)), *map(" ".join, lines)]) + "\n")


def partitions(directory: Path) -> dict[str, Path]:
    """Partition directories by name; deleted ones end in a word, Kafka's own metadata is none of ours."""
    found = {path.name: path for path in directory.iterdir() if path.is_dir() and path.name.rpartition("-")[2].isdecimal()}
    return {name: path for name, path in found.items() if name != "__cluster_metadata-0"}


def last_epoch(partition: Path) -> int:
    return max((int(epoch) for epoch, _start in read_lines(partition / EPOCHS)), default=-1)


def check(source: Path, target: Path) -> None:
    """Raise `CannotMove` unless `files` can do its work and Kafka will understand the outcome."""
    for directory in (source, target):
        if not (directory / CLEAN).exists():
            raise CannotMove(f"{directory} is in use or its broker was killed: start it, and stop it in order")
    ours, theirs = partitions(source), partitions(target)
    moved = {name.rpartition("-")[0] for name in ours}
    if differing := sorted(name for name in ours.keys() ^ theirs.keys() if name.rpartition("-")[0] in moved):
        raise CannotMove(f"these partitions are on one side only, make the topics alike first: {', '.join(differing)}")
    if full := sorted(name for name in ours if any(log.stat().st_size for log in theirs[name].glob("*.log"))):
        raise CannotMove(f"these partitions of Kafka's hold records, which would be lost: {', '.join(full)}")
    behind = max(last_epoch(ours[name]) - last_epoch(theirs[name]) for name in ours) if ours else 0
    if behind > 0:
        raise CannotMove(f"Kafka's leader epochs are {behind} behind, and a start raises them by 2: start it, and stop it")


def copy_files(source: Path, target: Path) -> int:
    """Put Odradek's partitions in the place of Kafka's, which keep their topics' ids; how many there were."""
    check(source, target)
    ours, theirs = partitions(source), partitions(target)
    for name, partition in ours.items():
        topic_id = (theirs[name] / TOPIC_ID).read_bytes()
        shutil.rmtree(theirs[name])
        shutil.copytree(partition, theirs[name], ignore=shutil.ignore_patterns("*.deleted", "*.damaged"))
        (theirs[name] / TOPIC_ID).write_bytes(topic_id)
    for checkpoint in CHECKPOINTS:
        kept = [line for line in read_lines(target / checkpoint) if "-".join(line[:2]) not in ours]
        moved = [line for line in read_lines(source / checkpoint) if "-".join(line[:2]) in ours]
        write_lines(target / checkpoint, kept + moved)
    return len(ours)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("topics", "ids", "files"))
    parser.add_argument("source", type=Path, help="Odradek's data directory")
    parser.add_argument("target", nargs="?", default="localhost:9092", help="HOST:PORT of Kafka, or its data directory")
    options = parser.parse_args(argv)
    try:
        if options.step == "topics":
            print("\n".join(topics(options.source)))
        elif options.step == "ids":
            print(f"Kafka has given producer ids up to {pass_over_ids(options.source, options.target)}")
        else:
            print(f"{copy_files(options.source, Path(options.target))} partitions copied")
    except (CannotMove, OSError) as error:
        print(f"move_to_kafka: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
