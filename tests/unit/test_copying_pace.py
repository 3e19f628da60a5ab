"""Blocks are as large as the rate allows, and each is paid for by what it holds."""

from migrator.bucket import Bucket, taken
from migrator.copying.pace import FIRST_BLOCK, LARGEST_BLOCK, SMALLEST_BLOCK, Pace

MB = 1_048_576


class Simulation:
    """A bucket with a clock of its own: waiting moves it, and so does reading at `line` bytes per second."""

    def __init__(self, rate: float | None, line: float = 400 * MB) -> None:
        self.now, self._rate, self._line = 0.0, rate, line
        self._bucket: Bucket | None = None
        self.pace = Pace(self, lambda: self.now)

    def take(self, cost_bytes: float) -> float:
        if self._rate is None:
            return 0.0
        (self._bucket,), wait = taken([self._bucket], [self._rate], cost_bytes, self.now)
        return wait

    def run(self, seconds: float) -> float:
        """Bytes that were read."""
        read = 0.0
        while self.now < seconds:
            block = self.pace.block_bytes
            self.now += block / self._line
            read += block
            while pause := self.pace.pay(block):
                self.now += pause
        return read


def test_blocks_grow_while_nothing_holds_them_back() -> None:
    simulation = Simulation(None)
    assert simulation.pace.block_bytes == FIRST_BLOCK
    simulation.run(0.1)
    assert simulation.pace.block_bytes == LARGEST_BLOCK and simulation.pace.window_bytes == 0


def test_a_small_rate_makes_small_blocks_and_a_large_one_large() -> None:
    slow, fast = Simulation(1.0 * MB), Simulation(100.0 * MB)
    slow.run(5)
    fast.run(5)
    assert slow.pace.block_bytes < 2 * SMALLEST_BLOCK and slow.pace.window_bytes == slow.pace.block_bytes
    assert fast.pace.block_bytes == LARGEST_BLOCK and fast.pace.window_bytes > LARGEST_BLOCK


def test_the_rate_is_kept_to_five_percent_over_ten_seconds() -> None:
    for rate in (1, 5, 25, 100):
        read = Simulation(rate * MB).run(10)
        assert abs(read / (rate * MB * 10) - 1) < 0.05, rate


def test_a_rate_that_is_lifted_lets_blocks_grow_again() -> None:
    simulation = Simulation(1.0 * MB)
    simulation.run(5)
    simulation._rate = None
    simulation.run(10)
    assert simulation.pace.block_bytes == LARGEST_BLOCK and simulation.pace.window_bytes > LARGEST_BLOCK
