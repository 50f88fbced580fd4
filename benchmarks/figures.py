"""Which figures there are: where each lies in a line of `results/`, its unit, its aim, and whether README shows it.

A figure is found by its file and by what its line must say (`where`); `path` leads to its values: a list, one value a repeat,
or a single number. A section without figures shows everything that the newest line holds under `figures`; so the single rooms
are told. Labels of charts are shorter than titles, since they stand beside the dots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that somebody may want to know; `aim` is the least or the most that it should be."""

    file: str
    title: str
    unit: str
    where: Mapping[str, object] = field(default_factory=dict)
    path: tuple[str, ...] = ("repeats",)
    better: Literal["more", "less"] = "more"
    aim: float | None = None
    in_readme: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one program, and what it does in a few words. `unit` is for those that the line itself names."""

    file: str
    title: str
    about: str
    figures: tuple[Figure, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures of the same unit, which the title names, on one logarithmic axis."""

    name: str
    title: str
    figures: tuple[Figure, ...]


def _small(title: str, label: str, depth: int, aim: float | None = None) -> Figure:
    where = {"broker": "odradek", "connections": 8, "depth": depth, "acks": 1}
    return Figure("produce_small", title, "per CPU second", where, aim=aim, in_readme=True, label=label)


def _bulk(what: str, batch_size: int, size: str) -> Figure:
    title = f"{what} records of 100 bytes with librdkafka, batches of {size}"
    where = {"broker": "odradek", "batch_size": batch_size, "acks": "1"}
    return Figure(f"bulk_{what}", title, "per CPU second", where, in_readme=True, label=f"{what}, {size} batches")


def _latency(acks: str, part: str, path: str, in_readme: bool = False) -> Figure:
    where = {"broker": "odradek", "rate": 2000, "acks": acks}
    title = f"produce latency at 2,000 requests/s, acks={acks}, {part}"
    return Figure("latency", title, "ms", where, (path,), "less", in_readme=in_readme, label=f"acks={acks}, {part}")


def _startup(title: str, begins: str, aim: float, path: str = "repeats", in_readme: bool = True) -> Figure:
    return Figure("startup", title, "ms", {"from": begins}, (path,), "less", aim, in_readme)


def _memory(title: str, unit: str, path: str, aim: float | None, in_readme: bool = True) -> Figure:
    return Figure("memory", title, unit, {}, (path,), "less", aim, in_readme)


def _partitions(title: str, unit: str, path: str, aim: float | None = None) -> Figure:
    return Figure("partitions", f"10,000 partitions of one record: {title}", unit, {"partitions": 10_000}, (path,), "less", aim)


SMALL = (
    _small(
        "produce requests of one 100-byte record, 8 connections, pipelined, acks=1", "produce, 1 record, pipelined", 16, 40_000
    ),
    _small("the same, one request in flight per connection", "produce, 1 record, one in flight", 1),
)
BULK = (
    _bulk("produce", 1_000_000, "1 MB"),
    _bulk("produce", 16_384, "16 KB"),
    _bulk("consume", 1_000_000, "1 MB"),
    _bulk("consume", 16_384, "16 KB"),
)
LATENCY = tuple(
    _latency(acks, part, path, in_readme=part in ("p50", "p99"))
    for acks in ("1", "all")
    for part, path in (("p50", "repeats"), ("p99", "p99_ms"), ("p99.9", "p999_ms"), ("max", "max_ms"))
)
STARTUP = (
    _startup("`odradek serve` to the first answer, new data directory", "command, new data directory", 300),
    _startup(
        "`odradek serve` to the first answer, data directory made before",
        "command, data directory made before",
        300,
        in_readme=False,
    ),
    _startup("`Broker()` to the first answer, the first in a program", "Broker(), imported", 100, "first_ms"),
    _startup("the same, each of a series", "Broker(), imported", 100),
    _startup("`odradek --version`", "odradek --version", 150),
)
MEMORY = (
    _memory("resident memory, just started", "MiB", "idle_rss_mib", 60),
    _memory("the same, pages shared with other processes counted in part", "MiB", "idle_pss_mib", None, in_readme=False),
    _memory("memory per partition, empty", "KiB", "per_partition_kib", 20),
    _memory("memory per partition, written to", "KiB", "per_written_partition_kib", None, in_readme=False),
    _memory("memory per idle connection", "KiB", "per_connection_kib", 10),
)
PARTITIONS = (
    _partitions("start after a stop in order", "CPU s", "start_clean_cpu_s"),
    _partitions("start after `kill -9`, every log recovered", "CPU s", "start_after_kill_cpu_s"),
    _partitions("stop in order", "s", "stop_clean_s", 5),
    _partitions("resident memory", "MiB", "rss_mib"),
    _partitions("open descriptors", "files", "open_files"),
    _partitions("CPU, idle", "%", "idle_cpu_percent"),
)
RECOVERY = (Figure("recovery", "recovery after `kill -9`", "MB/s", aim=1_000, in_readme=True),)

SECTIONS = (
    Section("produce_small", "Small produce requests", "What a request costs: one record each, acks=1.", SMALL),
    Section("bulk_produce", "Bulk, produced", "librdkafka's batches, acks=1.", BULK[:2]),
    Section("bulk_consume", "Bulk, consumed", "The same records, from the page cache.", BULK[2:]),
    Section(
        "latency",
        "Latency",
        "An open loop on one connection: a request counts from when it was due. acks=all is answered after the `fdatasync`.",
        LATENCY,
    ),
    Section("startup", "Start-up", "Interpreter and imports included, where a command is started.", STARTUP),
    Section("memory", "Memory", "One run; resident size by the kernel's count.", MEMORY),
    Section(
        "recovery", "Recovery", "1 GB of log in the page cache, walked batch by batch at the start after a kill.", RECOVERY
    ),
    Section("partitions", "Many partitions", "10,000 of them, idle, with RLIMIT_NOFILE at 1,024. One run.", PARTITIONS),
    Section("log_append", "Room log: an append", "A batch of 100-byte records to a log on real files.", unit="us of CPU"),
    Section("log_recovery", "Room log: recovery", "A log is walked, its indexes and producers made anew."),
    Section(
        "records_batches", "Room records: a batch", "Checks, patches, codecs, and the state beside a log.", unit="us of CPU"
    ),
    Section("wire_codecs", "Room wire: a message", "Read and written, and by kio where that is installed.", unit="us of CPU"),
)
CHARTS = (
    Chart("throughput", "Records of 100 bytes, per second of the broker's CPU", (*SMALL, *BULK)),
    Chart("latency", "Milliseconds from a produce request to its answer, at 2,000 requests per second", LATENCY),
)
README_FIGURES = tuple(figure for section in SECTIONS for figure in section.figures if figure.in_readme)
