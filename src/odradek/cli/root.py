"""The table of commands, and the border where every failure becomes one line and an exit code.

Nothing below this border prints an error or calls `sys.exit`. Click's own handling is not used: it turns a closed pipe into a
failure and prints usage errors on several lines.
"""

from __future__ import annotations

import os
import sys

import click

from odradek import __version__
from odradek.base.errors import OdradekError
from odradek.cli import errors
from odradek.cli.interrupts import Terminated
from odradek.cli.lazy import Entry, LazyGroup
from odradek.cli.standard_streams import occupy

HELP = """An event log that Kafka clients use.

\b
  odradek serve                                  a broker on 127.0.0.1:9092
  odradek topic create orders --partitions 4
  echo hello | odradek produce orders
  odradek consume orders --from-beginning --max-messages 1

Commands that talk to a broker take --bootstrap-server (or ODRADEK_BOOTSTRAP_SERVER) and work on Apache Kafka too.

Exit codes: 0 done, 1 failed, 2 usage, 3 cannot reach the broker, 4 not found, 5 conflict (exists already, in use),
6 damaged files, 130 interrupted, 141 output closed."""

root = LazyGroup(
    "odradek",
    help=HELP,
    entries={
        "serve": Entry("odradek.cli.serve:serve", "Run a broker."),
        "topic": Entry("odradek.cli.topic:topic", "Create, list, describe, alter and delete topics."),
        "produce": Entry("odradek.cli.produce:produce", "Send lines to a topic."),
        "consume": Entry("odradek.cli.consume:consume", "Print the records of a topic."),
        "group": Entry("odradek.cli.group:group", "List, describe, move and delete consumer groups."),
        "log": Entry("odradek.cli.log:log", "Look into log files, and check and repair them."),
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
root.params.append(click.Option(["-V", "--version"], is_flag=True, help="Print the version."))


@click.pass_context
def _without_command(ctx: click.Context, version: bool) -> None:
    if version:
        click.echo(f"odradek {__version__}")
        ctx.exit(errors.OK)


root.callback = _without_command


def run(words: list[str]) -> int:
    """Run one command line; returns its exit code, having said on standard error what went wrong."""
    occupy()
    if "_ODRADEK_COMPLETE" in os.environ:
        root.main(args=words, prog_name="odradek")
    try:
        with root.make_context("odradek", words) as ctx:
            root.invoke(ctx)
        sys.stdout.flush()
        return errors.OK
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        return errors.USAGE
    except click.UsageError as wrong:
        return _complain(_usage_line(wrong), errors.USAGE)
    except (KeyboardInterrupt, click.Abort) as interrupt:
        return errors.TERMINATED if isinstance(interrupt, Terminated) else errors.INTERRUPTED
    except BrokenPipeError:
        return _leave_quietly()
    except errors.CliError as failed:
        return _complain(str(failed), failed.exit_code)
    except (OdradekError, click.ClickException) as failed:
        return _complain(str(failed), _odradek_exit_code(failed))
    except OSError as failed:
        return _complain(_os_error_line(failed), _os_exit_code(failed))


def _complain(line: str, code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _leave_quietly()
    except OSError:  # what could not be written is what we complain about
        _give_up_output()
    try:
        print(f"odradek: {line}", file=sys.stderr)
    except BrokenPipeError:
        return _leave_quietly()
    return code


def _leave_quietly() -> int:
    _give_up_output()
    return errors.BROKEN_PIPE


def _give_up_output() -> None:
    """Point standard output at nothing, so that the interpreter's own last flush does not complain either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _usage_line(wrong: click.UsageError) -> str:
    message = " ".join(wrong.format_message().rstrip(".").split())
    if wrong.ctx is None:
        return message
    path = wrong.ctx.command_path
    command = path.removeprefix("odradek").lstrip()
    return f"{command + ': ' if command else ''}{message} (see {path} --help)"


def _odradek_exit_code(failed: Exception) -> int:
    """Of what other rooms raise: a directory that another process has is in use, everything else has failed."""
    from odradek.aio.errors import LockedError

    return errors.CONFLICT if isinstance(failed, LockedError) else errors.FAILED


def _os_error_line(failed: OSError) -> str:
    reason = failed.strerror or str(failed)
    return f"{failed.filename}: {reason}" if failed.filename else reason


def _os_exit_code(failed: OSError) -> int:
    return errors.NOT_FOUND if isinstance(failed, FileNotFoundError) else errors.FAILED
