"""How large the blocks of one copy are: large where nothing holds it back, small where many share a small rate."""

from collections.abc import Callable

from migrator.bucket import Throttle

LARGEST_BLOCK = 1_048_576
SMALLEST_BLOCK = 32_768
FIRST_BLOCK = 65_536
BLOCK_SECONDS = 0.05
"""Under a limit a block is what this copy's share of it brings in this time: a block is read before it is paid for."""


GROWTH = 16
"""So many blocks have gone before one is as large: when a limit is met, what was read unpaid is small beside what was paid."""
MEASURE_SECONDS = 0.5
"""How long a share of a limit is measured. Block by block it would swing: each waits for the debt of the one before."""


class Pace:
    """Pays for blocks, and learns from how long that takes how large the next may be. `clock` in seconds."""

    def __init__(self, throttle: Throttle, clock: Callable[[], float]) -> None:
        self.block_bytes = FIRST_BLOCK
        self._throttle = throttle
        self._clock = clock
        self._since, self._bytes = clock(), 0
        self._waited = self._limited = False

    def pay(self, size: int) -> float:
        """0.0: paid, pass the block on. Above: not yet; ask again after so many seconds, and read nothing meanwhile."""
        pause = self._throttle.take(size)
        if pause:
            self._waited = self._limited = True
            return pause
        self._bytes += size
        seconds = self._clock() - self._since
        if not self._limited:
            self._resize(max(self.block_bytes, self._bytes / GROWTH))
        elif seconds >= MEASURE_SECONDS:
            self._resize(self._bytes / seconds * BLOCK_SECONDS if self._waited else self.block_bytes * 2)
            self._since, self._bytes, self._waited = self._since + seconds, 0, False
        return 0.0

    def _resize(self, wanted: float) -> None:
        self.block_bytes = int(min(max(wanted, SMALLEST_BLOCK), LARGEST_BLOCK))

    @property
    def window_bytes(self) -> int:
        """How much the kernel may hold for us to read; 0: nothing has held this copy back yet, it may decide by itself."""
        if not self._limited:
            return 0
        return self.block_bytes if self.block_bytes < LARGEST_BLOCK else 4 * LARGEST_BLOCK
