"""Clears away what a killed supervisor leaves behind. Run as `python -m migrator.machines.guardian`, told by its standard input.

`+N` and `-N` add and remove process group N. The end of the input is the supervisor's end, whatever ended it: by then its
children have had their SIGTERM from the kernel; what has not gone after the grace period (a Celery worker whose broker is
gone too can wait for ever) is killed.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

GRACE_SECONDS = 5.0


def guard(lines: Iterable[str], grace_seconds: float = GRACE_SECONDS) -> None:
    """Follow the supervisor until it is gone, then kill the groups it had."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while groups and time.monotonic() < deadline:
        time.sleep(0.1)
        groups = _signal(groups, None)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: signal.Signals | None) -> set[int]:
    """Send it to each; the groups that exist."""
    found = set()
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number or 0)
            found.add(group)
    return found


if __name__ == "__main__":
    guard(sys.stdin)
