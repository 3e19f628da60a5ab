"""`make bench`, or `python -m tests.benchmarks [copy|scale|bucket|fleet] [ARGUMENTS]`: measures and prints; asserts nothing."""

import sys
from collections.abc import Callable

from tests.benchmarks import bucket, copy, fleet, scale

BENCHMARKS: dict[str, Callable[..., None]] = {
    "copy": copy.run,
    "scale": scale.run,
    "bucket": bucket.run,
    "fleet": fleet.run,
}

if __name__ == "__main__":
    wanted = sys.argv[1:2] or list(BENCHMARKS)
    for name in wanted:
        BENCHMARKS[name](*sys.argv[2:])
