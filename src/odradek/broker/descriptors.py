"""File descriptors: how many the process may have, and how many of them connections may take.

Every connection and every open segment file is a descriptor, and a shell's usual limit is 1,024. As servers do (Java's
runtime among them), the soft limit is raised to the hard one when a broker process starts. Connections then leave the
last few descriptors to files: a log that cannot open its segment answers with KAFKA_STORAGE_ERROR, which is worse than
a client that waits a little to be let in.

The kernel gives out the lowest free number, so the number of a socket that was just accepted tells how many are taken.
"""

from __future__ import annotations

import resource
from typing import Final

HOW_TO_RAISE: Final = "ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker"
RESERVE_MAX: Final = 64  # descriptors left to files; an eighth of a small limit
_DARWIN_MAX: Final = 10_240  # OPEN_MAX: what macOS accepts where it says "unlimited"


def descriptor_limit() -> int:
    """RLIMIT_NOFILE, the soft one: descriptors that this process may have now."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptor_limit() -> tuple[int, int]:
    """Soft limit before and after raising it to the hard one; the same twice where the system refuses."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, _DARWIN_MAX):
        if before != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > before):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                break
            except (ValueError, OSError):
                continue
    return before, descriptor_limit()


def leaves_too_few(number: int, connections: int, limit: int) -> bool:
    """Whether one more connection than `connections` would take what files need; `number`: the latest descriptor's.

    Where files are what takes the descriptors, connections still get up to half of them: a broker that nobody can reach
    is of no use.
    """
    if limit < 0:  # RLIM_INFINITY
        return False
    return number >= limit - min(RESERVE_MAX, limit // 8) and connections >= limit // 2
