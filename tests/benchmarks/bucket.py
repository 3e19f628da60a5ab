"""Token buckets: how true several processes keep to a rate, byte by byte, and what a call costs.

`python -m tests.benchmarks bucket [SECONDS]`. Also how tests measure it: `race` is one run.
"""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

from migrator.bucket import Limit
from migrator.machines.cluster import Valkey
from migrator.phases.pacing import MB
from migrator.store import Store
from migrator.throttle import SharedThrottle, draw

BLOCK = MB
Taken = list[tuple[float, float]]
"""When (by the clock that all processes share) and how many bytes."""


@dataclass(frozen=True)
class Race:
    """What each process took, and when the rates were in force: (rate in bytes/s, from, to)."""

    taken: list[Taken]
    spans: list[tuple[float, float, float]]

    def total(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Bytes of all processes within a time."""
        return sum(size for taken in self.taken for at, size in taken if since <= at < until)

    @property
    def allowed(self) -> float:
        """Bytes by the rates alone."""
        return sum(rate * (end - begin) for rate, begin, end in self.spans)


def race(url: str, rates: Sequence[tuple[float, float]], processes: int = 4, block: float = BLOCK) -> Race:
    """Processes take blocks as fast as they are let, at rates (MB/s, for so many seconds) changed while they run."""
    context = multiprocessing.get_context("spawn")
    shared, ready = context.Value("d", rates[0][0] * MB), context.Barrier(processes + 1)
    stop, results = context.Value("d", 0.0), context.Queue()
    runners = [
        context.Process(target=_run, args=(url, shared, ready, stop, results, block), daemon=True)
        for _ in range(processes)
    ]
    for runner in runners:
        runner.start()
    ready.wait(60)
    spans, begun = [], time.monotonic()
    for rate, seconds in rates:
        shared.value = rate * MB
        time.sleep(seconds)
        spans.append((rate * MB, begun, begun := time.monotonic()))
    stop.value = begun
    taken = [results.get(timeout=60) for _ in runners]
    for runner in runners:
        runner.join(60)
    return Race(taken, spans)


def _run(
    url: str, rate: "Synchronized[float]", ready: Barrier, stop: "Synchronized[float]",
    results: "multiprocessing.Queue[Taken]", block: float,
) -> None:  # fmt: skip
    """One worker: it moves nothing, so that only the bucket is measured."""
    throttle = SharedThrottle(
        Store.connect(url), lambda: (Limit("source:7", rate.value), Limit("mapping:m", rate.value * 10))
    )
    throttle.take(0)
    taken: Taken = []
    ready.wait(60)
    while not stop.value:
        draw(throttle, block, lambda seconds: time.sleep(min(seconds, 0.2)))
        taken.append((time.monotonic(), block))
    results.put(taken)


def run(seconds: str = "10") -> None:
    """Prints accuracy, shares and cost."""
    valkey = Valkey()
    try:
        for rate, processes, block in ((20, 4, MB), (100, 8, MB), (5, 4, 8 * MB), (1000, 4, MB)):
            Store.connect(valkey.url).forget("m")
            valkey.kill()
            valkey.start()
            found = race(valkey.url, [(rate, float(seconds))], processes, block)
            end = found.spans[-1][2]
            got, allowed = found.total(until=end), found.allowed
            shares = sorted(round(sum(size for _, size in taken) / MB) for taken in found.taken)
            print(
                f"{rate} MB/s, {processes} processes, blocks of {block // MB} MB, {seconds} s:"
                f" {got / MB / (allowed / rate / MB):.1f} MB/s ({got / allowed - 1:+.1%}), MB per process {shares}"
            )
        _cost(valkey.url)
    finally:
        valkey.remove()


def _cost(url: str, calls: int = 5000) -> None:
    store, limits = Store.connect(url), (Limit("source:8", 1e15), Limit("mapping:n", 1e15))
    for name, call in (("PING", store.ping), ("two buckets at once", lambda: store.take(limits, 1))):
        call()
        times = []
        for _ in range(calls):
            begun = time.perf_counter()
            call()
            times.append(time.perf_counter() - begun)
        times.sort()
        print(f"{name}: p50 {times[calls // 2] * 1e6:.0f} us, p99 {times[calls * 99 // 100] * 1e6:.0f} us")
