"""`make bench`, or `python -m tests.benchmarks [copy|scale] [ARGUMENTS]`: measures and prints; asserts nothing."""

import sys

from tests.benchmarks import copy, scale

BENCHMARKS = {"copy": copy.run, "scale": scale.run}

if __name__ == "__main__":
    wanted = sys.argv[1:2] or list(BENCHMARKS)
    for name in wanted:
        BENCHMARKS[name](*sys.argv[2:])
