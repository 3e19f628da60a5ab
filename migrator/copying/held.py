"""A copy that its throttle holds back reads nothing, and so would not hear that its session on the source has ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from migrator.bucket import Throttle

LOOK_SECONDS = 2.0

SLOW_BYTES = 1_048_576
"""What passes more than this between two looks hears of the end by itself: no more than that stands in the kernel's buffers."""


@dataclass
class Held:
    """A throttle that has `look` called every few seconds while it lets through little or nothing. `look` may raise."""

    inner: Throttle
    look: Callable[[], None]
    _passed: float = 0.0
    _look_at: float = 0.0

    def take(self, cost_bytes: float) -> float:
        """As bucket.Throttle says; asked again after LOOK_SECONDS at the latest."""
        pause = self.inner.take(cost_bytes)
        if not pause:
            self._passed += cost_bytes
            return 0.0
        now = time.monotonic()
        if now >= self._look_at:
            slow, first = self._passed < SLOW_BYTES, not self._look_at
            self._passed, self._look_at = 0.0, now + LOOK_SECONDS
            if slow and not first:
                self.look()
        return min(pause, LOOK_SECONDS)
