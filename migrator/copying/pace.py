"""How large the blocks of one copy are: large where nothing holds it back, small where many share a small rate."""

from collections.abc import Callable

from migrator.bucket import Throttle

LARGEST_BLOCK = 1_048_576
SMALLEST_BLOCK = 65_536
FIRST_BLOCK = 131_072
BLOCK_SECONDS = 0.05
"""Under a limit a block is what this copy's share of it brings in this time: a block is read before it is paid for."""


class Pace:
    """Pays for blocks, and learns from how long that takes how large the next may be. `clock` in seconds."""

    def __init__(self, throttle: Throttle, clock: Callable[[], float]) -> None:
        self.block_bytes = FIRST_BLOCK
        self._throttle = throttle
        self._clock = clock
        self._paid_at = clock()
        self._waited = False

    def pay(self, size: int) -> float:
        """0.0: paid, pass the block on. Above: not yet; ask again after so many seconds, and read nothing meanwhile."""
        pause = self._throttle.take(size)
        if pause:
            self._waited = True
            return pause
        now = self._clock()
        share = size / max(now - self._paid_at, 1e-6)
        wanted = share * BLOCK_SECONDS if self._waited else self.block_bytes * 2
        self.block_bytes = int(min(max(wanted, SMALLEST_BLOCK), LARGEST_BLOCK))
        self._paid_at, self._waited = now, False
        return 0.0

    @property
    def slow(self) -> bool:
        """Whether a limit leaves this copy less than 20 MB/s, as its last blocks show it."""
        return self.block_bytes < LARGEST_BLOCK
