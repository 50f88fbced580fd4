"""`odradek produce TOPIC`: lines from standard input or a file, one record each.

Records are handed to the client library as fast as it takes them; it batches and retries. It reports only the records that it
could not deliver (a report for each delivered one would cost more than sending it): what was handed over, minus what is still
queued, minus the failures, is delivered. Any failure makes the command fail, at the end, with the counts by reason. A line
that is no record ends the reading; what was read before it is delivered and counted all the same.

librdkafka goes on trying for as long as a record may take; so the cluster is asked something first, and one that does not
answer fails the command after `--request-timeout`, as it does every other.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from odradek.base.clock import SystemClock
from odradek.cli.errors import FAILED, CliError, UsageProblem, exit_code_of, reason_text
from odradek.cli.line_input import BadLine, Headers, LineReader, Outgoing, json_reader, line_reader
from odradek.cli.options import broker_options, json_option, parse_pair
from odradek.cli.output import counted, note, print_json, size_text

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

    from odradek.cli.client import Target

# As much as a broker takes in one request by default (socket.request.max.bytes): the broker, not this command, judges a record.
LINE_BYTES_MAX = 100 * 1024 * 1024
_LINES_PER_POLL = 1000


@click.command()
@click.argument("topic")
@click.option("--file", "-f", "source", type=click.File("rb"), help="Read this file instead of standard input.")
@click.option("--key-separator", "-k", metavar="TEXT", help="Key and value of a line are parted by this. Escapes: \\t.")
@click.option("--input", "form", type=click.Choice(["lines", "json"]), default="lines", show_default=True,
              help="json: an object a line, as `consume --json` prints.")  # fmt: skip
@click.option("--null", metavar="TEXT", help="A key or value equal to this is sent as null.")
@click.option("--partition", "-p", type=click.IntRange(min=0), help="Send all to this partition.")
@click.option("--header", "-H", "headers", multiple=True, metavar="NAME=VALUE", help="A header. Repeatable.")
@click.option("--compression", "-z", type=click.Choice(["none", "gzip", "snappy", "lz4", "zstd"]), default="none",
              show_default=True)  # fmt: skip
@click.option("--acks", type=click.Choice(["0", "1", "all"]), default="all", show_default=True,
              help="all: on disk (or replicated); 1: the leader has it; 0: do not wait.")  # fmt: skip
@json_option
@broker_options
def produce(
    target: Target,
    topic: str,
    source: BinaryIO | None,
    key_separator: str | None,
    form: str,
    null: str | None,
    partition: int | None,
    headers: tuple[str, ...],
    compression: str,
    acks: str,
    as_json: bool,
) -> None:
    """Send lines to TOPIC, one record each.

    \b
    Example: printf 'k1:hello\\nk2:world\\n' | odradek produce orders --key-separator :
    """
    reader = _reader(form, key_separator, null, headers)
    config = {
        "acks": acks,
        "compression.type": compression,
        # The same key goes to the partition that the Java client would choose.
        "partitioner": "murmur2_random",
        "message.max.bytes": LINE_BYTES_MAX,
        "message.timeout.ms": 30_000,
        # How long a topic that the cluster does not know may yet appear: it may have been made a moment ago.
        "topic.metadata.propagation.max.ms": max(1, min(20_000, round(target.timeout * 1000))),
        "delivery.report.only.error": True,
    }
    run = Run(topic, partition)
    run.producer = target.producer({**config, "on_delivery": run.report})
    target.await_answer()
    lines = source or sys.stdin.buffer
    with _progress(lines, topic) as bar:
        run.send_all(lines, reader, bar)
    _tell(run, as_json)


def _reader(form: str, key_separator: str | None, null: str | None, headers: tuple[str, ...]) -> LineReader:
    pairs: Headers = [(name, value.encode()) for name, value in (_header(text) for text in headers)]
    if form == "lines":
        return line_reader(_separator(key_separator), None if null is None else null.encode(), pairs)
    if key_separator is not None or null is not None:
        raise UsageProblem("produce: --key-separator and --null are for --input lines; JSON says key and null itself")
    return json_reader(pairs)


def _header(text: str) -> tuple[str, str]:
    """Unlike a setting's, a header's value is data: blanks at its ends belong to it."""
    name, _ = parse_pair(text, "--header")
    return name, text.partition("=")[2]


def _separator(text: str | None) -> bytes | None:
    if text == "":
        raise UsageProblem("--key-separator: must not be empty")
    return None if text is None else text.replace("\\t", "\t").replace("\\0", "\0").encode()


class Run:
    """One run of the command: what was handed over, and what failed."""

    def __init__(self, topic: str, partition: int | None) -> None:
        self.topic = topic
        self.partition = partition
        self.producer: Producer = None  # type: ignore[assignment]
        self.sent = 0
        self.bytes = 0
        self.failures: Counter[str] = Counter()
        self.exit_codes: set[int] = set()
        self.bad_line: BadLine | None = None
        self.began = SystemClock().monotonic()

    @property
    def exit_code(self) -> int:
        """Of the failures: what they all have in common, for example "not found", else plain failure."""
        return next(iter(self.exit_codes)) if len(self.exit_codes) == 1 else FAILED

    @property
    def delivered(self) -> int:
        return self.sent - self.failures.total() - len(self.producer)

    def report(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failures[reason_text(error)] += 1
            self.exit_codes.add(exit_code_of(error.name()))

    def send_all(self, lines: BinaryIO, reader: LineReader, bar: Any) -> None:
        """Send every line; on a bad line (kept as `bad_line`) or an interrupt what was sent before is still delivered."""
        number = 0
        try:
            while line := lines.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise BadLine(f"longer than {LINE_BYTES_MAX} bytes")
                self.send(reader(line.removesuffix(b"\n").removesuffix(b"\r")))
                self.bytes += len(line)
                if number % _LINES_PER_POLL == 0:
                    self.producer.poll(0)
                    bar(self)
        except BadLine as bad:
            self.bad_line = BadLine(f"line {number}: {bad}")
        finally:
            self.producer.flush()
            bar(self)

    def send(self, record: Outgoing) -> None:
        partition = record.partition if self.partition is None else self.partition
        while True:
            try:
                self.producer.produce(
                    self.topic,
                    record.value,
                    record.key,
                    -1 if partition is None else partition,
                    timestamp=record.timestamp or 0,
                    headers=cast("Any", record.headers or None),
                )
            except BufferError:
                self.producer.poll(0.1)
                continue
            except Exception as refused:
                self._refused(refused)
            self.sent += 1
            return

    def _refused(self, refused: Exception) -> None:
        """The library refuses a record at once (an unknown partition, too large) as it reports others later."""
        from confluent_kafka import KafkaException

        if not isinstance(refused, KafkaException):
            raise refused
        self.report(refused.args[0], None)  # type: ignore[arg-type]


def _before(sent: int, delivered: int) -> str:
    if sent == 0:
        return "no record was sent"
    if delivered < sent:
        return f"of the {counted(sent, 'record')} before it {delivered} {'was' if delivered == 1 else 'were'} delivered"
    return f"the {counted(sent, 'record')} before it {'was' if sent == 1 else 'were'} sent"


def _progress(lines: BinaryIO, topic: str) -> Any:
    """A context giving `bar(run)`: draws on a terminal when the lines don't come from the keyboard, else does nothing."""
    if not sys.stderr.isatty() or lines.isatty():
        return nullcontext(lambda run: None)
    from odradek.cli.progress import bar

    return bar(lines, topic)


def _tell(run: Run, as_json: bool) -> None:
    if as_json:
        print_json({
            "topic": run.topic, "sent": run.sent, "delivered": run.delivered, "failed": run.failures.total(),
            "errors": dict(run.failures),
        })  # fmt: skip
    elif sys.stderr.isatty():
        elapsed = SystemClock().monotonic() - run.began
        note(f"{run.topic}: {counted(run.delivered, 'record')} delivered, {size_text(run.bytes)} in {elapsed:.1f} s")
    failed = _undelivered(run) if run.failures else None
    if run.bad_line is not None:
        if failed is not None:
            note(f"odradek: {failed}")
        raise BadLine(f"{run.bad_line}; {_before(run.sent, run.delivered)}")
    if failed is not None:
        raise failed


def _undelivered(run: Run) -> CliError:
    reasons = "; ".join(f"{count} x {reason}" for reason, count in run.failures.most_common(5))
    told = f"topic {run.topic!r}: {run.failures.total()} of {counted(run.sent, 'record')} not delivered: {reasons}"
    return CliError(told, run.exit_code)
