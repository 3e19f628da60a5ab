"""What one process remembers where there is no Redis: failures, so that a broken action is not tried in a tight loop."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from migrator import backoff
from migrator.bucket import STANDSTILL_SECONDS, Limit
from migrator.model import Failure, Lsn

CEILING_SECONDS = 30.0
"""Somebody sits in front of a command that has no Redis, and waits for it."""


class Failures(Protocol):
    """Who remembers failed actions between two decisions: the Store, or a process's own Memory."""

    def failures(self, name: str) -> Mapping[str, Failure]: ...

    def record_failure(self, name: str, key: str, message: str, now: datetime) -> Failure: ...

    def clear_failure(self, name: str, key: str) -> None: ...

    def clear_failures(self, name: str) -> None: ...

    def take(self, limits: Sequence[Limit], cost_bytes: float) -> float: ...

    def known_slots(self, queue: str) -> int | None: ...


class Memory:
    """Failures of this process alone. It has no token buckets: with a rate limit set, nothing is admitted."""

    def __init__(self) -> None:
        self._failures: dict[str, Failure] = {}
        self._markers: dict[str, Lsn] = {}

    def failures(self, name: str) -> Mapping[str, Failure]:
        return dict(self._failures)

    def record_failure(self, name: str, key: str, message: str, now: datetime) -> Failure:
        count = self._failures[key].count + 1 if key in self._failures else 1
        failure = Failure(
            key, message, count, now + timedelta(seconds=min(CEILING_SECONDS, backoff.seconds(count) / 2))
        )
        self._failures[key] = failure
        return failure

    def clear_failure(self, name: str, key: str) -> None:
        self._failures.pop(key, None)

    def clear_failures(self, name: str) -> None:
        self._failures.clear()

    def take(self, limits: Sequence[Limit], cost_bytes: float) -> float:
        return STANDSTILL_SECONDS if limits else 0.0

    def known_slots(self, queue: str) -> int | None:
        """None: this process does its work by itself, or does not know who would."""
        return None

    def remember_marker(self, name: str, lsn: Lsn) -> None:
        self._markers[name] = lsn

    def newest_marker(self, name: str) -> Lsn | None:
        return self._markers.get(name)
