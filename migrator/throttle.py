"""How a copy keeps to the limits of its source and of its mapping, together with every other worker."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from migrator.bucket import Buckets, Limit, Throttle

SLICE_SECONDS = 1.0
"""The longest sleep between two requests: a limit raised or a task ended meanwhile is noticed then."""


@dataclass(frozen=True)
class SharedThrottle:
    """The buckets of a source and of a mapping. `limits` is asked each time: they may change while rows flow."""

    buckets: Buckets
    limits: Callable[[], Sequence[Limit]]

    def take(self, cost_bytes: float) -> float:
        """As bucket.Throttle says. Raises StoreUnavailableError where Redis is away: nobody copies unlimited."""
        return self.buckets.take(self.limits(), cost_bytes)


def draw(throttle: Throttle, cost_bytes: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Come back when the bytes may be moved."""
    while wait := throttle.take(cost_bytes):
        sleep(min(wait, SLICE_SECONDS))
