"""`make bench`, or `python -m tests.benchmarks [NAME [ARGUMENTS]]`, NAME one of BENCHMARKS: measures and prints."""

import sys
from collections.abc import Callable

from tests.benchmarks import (
    bucket,
    copy,
    fleet,
    impact,
    latency,
    live,
    pipe,
    race,
    recorded,
    resume,
    scale,
    schema,
    streams,
    watching,
    whole,
)

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
    "watching": watching.run,
    "latency": latency.run,
    "recorded": recorded.run,
    "live": live.run,
}

if __name__ == "__main__":
    wanted = sys.argv[1:2] or list(BENCHMARKS)
    for name in wanted:
        BENCHMARKS[name](*sys.argv[2:])
