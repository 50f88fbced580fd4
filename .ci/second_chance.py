"""Which of the tests that failed may be run once more: `second_chance.py LOG LASTFAILED`, node ids on standard output.

The problem: real clients on two busy cores now and then miss a deadline of their own, and a change must not fail for that.
But to run again whatever failed would hide the very finds that some tests exist for: a crash, a power cut or a garbage input
that breaks the broker once in a thousand tries is not undone by the try that passes.

The contract: LOG is what the run printed, LASTFAILED pytest's own list of failures (`.pytest_cache/v/cache/lastfailed`).
Ends with 0 and one node id a line where all that failed may be tried again, else with 1 and the reason.

The rules:
* the run came to its end: after an interruption or an error of pytest's own nobody knows what the rest would have said;
* nothing below `FINAL` failed. Such a test has printed its seed, and is run again with it, by hand;
* few failed: deadlines are missed by one test or two, and what fails by the dozen is broken.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

FINAL = ("tests/crash/", "tests/fuzz/", "tests/hostile/test_signals.py")
FAILURES_MAX = 5
CLOSING = re.compile(r"^=* ?(\d+ [a-z]+(?:, \d+ [a-z]+)*) in \d+\.\d+s(?: \([\d:]+\))? ?=*$", re.MULTILINE)
BROKEN_OFF = re.compile(r"^(?:!{3,} .* !{3,}|INTERNALERROR>.*)$", re.MULTILINE)


def closing_line(log: str) -> str:
    """What pytest said last about all tests, as in `1 failed, 9 passed in 2.00s`; empty if it never came to that."""
    return next((found.group().strip("= ") for found in reversed(list(CLOSING.finditer(log)))), "")


def refusal(log: str, failed: list[str]) -> str:
    """Why these failures stand, or nothing where they may be tried again."""
    if broken := BROKEN_OFF.search(log):
        return f"the run broke off: {broken.group().strip('! ')}"
    if not failed or not closing_line(log):
        return "no test failed, so something else did; see above"
    if final := [node for node in failed if node.startswith(FINAL)]:
        return f"crash and fuzz tests have no second chance (their seeds are above): {', '.join(final)}"
    if len(failed) > FAILURES_MAX:
        return f"{len(failed)} tests failed, and only {FAILURES_MAX} at most are taken for missed deadlines"
    return ""


def main(log: Path, last_failed: Path) -> int:
    """Decide, and print."""
    failed = sorted(json.loads(last_failed.read_text())) if last_failed.exists() else []
    if reason := refusal(log.read_text(errors="replace"), failed):
        print(f"ci: {reason}", file=sys.stderr)
        return 1
    print("\n".join(failed))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
