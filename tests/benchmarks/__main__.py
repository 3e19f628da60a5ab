"""`make bench`, or `python -m tests.benchmarks [NAME [ARGUMENTS]]`: measures and prints; every one without a name, which takes hours."""

import sys
from collections.abc import Callable

from tests.benchmarks import bucket, copy, fleet, impact, pipe, race, resume, scale, schema, streams, whole

BENCHMARKS: dict[str, Callable[..., None]] = {
    "copy": copy.run,
    "scale": scale.run,
    "schema": schema.run,
    "bucket": bucket.run,
    "fleet": fleet.run,
    "whole": whole.run,
    "pipe": pipe.run,
    "rate": pipe.run_rates,
    "race": race.run,
    "resume": resume.run,
    "streams": streams.run,
    "impact": impact.run,
}

if __name__ == "__main__":
    wanted = sys.argv[1:2] or list(BENCHMARKS)
    for name in wanted:
        BENCHMARKS[name](*sys.argv[2:])
