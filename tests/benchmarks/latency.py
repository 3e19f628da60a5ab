"""From a commit on the source until a browser shows its lag: `python -m tests.benchmarks latency [SAMPLES [INTERVAL ...]]`.

Beat, workers, Valkey and the web process as `pg-migrator run` starts them, and a Chromium on the mapping's page. INTERVAL is both
reconcile_interval_seconds and ui_refresh_interval_seconds. Replication would have caught up long before anybody looks: a
lock on the destination holds the transaction's row, so that its bytes stay behind until they were seen.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from migrator.machines.cluster import Cluster
from tests.benchmarks import scale
from tests.browser.conftest import CHROMIUM, wait_for
from tests.machine_room import MachineRoom, instance, machine_room, write_config

SAMPLES = 20
INTERVALS = (5.0, 1.0)
PER_WEB = 4
"""The web process's clock and beat's have the same interval: how far they are apart stays until one of them starts anew."""

RELATIONS = 10
MB = 1_048_576
FIRST_MB, STEP_MB, TOLERANCE_MB, SIZES = 0.5, 0.45, 0.4, 20
"""Each commit has another size than the one before, so that what the page shows tells them apart; from 10 MB on it shows whole ones."""

PATIENCE_SECONDS = 60.0
LAG = """() => {
  const all = [...document.querySelectorAll(".kpis div")];
  const found = all.find((each) => each.querySelector("dt").textContent === "Lag");
  return found ? found.querySelector("dd").textContent : "";
}"""


@dataclass(frozen=True)
class Sample:
    """Seconds of one commit's way: until a look began, until the summary stood in Redis, until the page showed it."""

    look: float
    published: float
    shown: float

    @property
    def whole(self) -> float:
        return self.look + self.published + self.shown


def run(*arguments: str) -> None:
    """Prints medians and maxima per interval, each with servers of its own."""
    samples = int(arguments[0]) if arguments else SAMPLES
    for interval in [float(text) for text in arguments[1:]] or INTERVALS:
        source, destination = Cluster.create(16), Cluster.create(18)
        try:
            scale.create(source, RELATIONS, 1)
            _measure(source, destination, samples, interval)
        finally:
            source.remove()
            destination.remove()


def _measure(source: Cluster, destination: Cluster, samples: int, interval: float) -> None:
    pace = {"reconcile_interval_seconds": interval, "ui_refresh_interval_seconds": interval}
    found: list[Sample] = []
    with tempfile.TemporaryDirectory() as directory:
        config = write_config(
            Path(directory), instance(source), instance(destination), pace, databases={"include": [scale.DATABASE]}
        )
        with machine_room(config) as room:
            room.until(lambda summary: summary["status"] in ("synced", "cutover_ready"))
            for first in range(0, samples, PER_WEB):
                room.kill("web")
                time.sleep(random.uniform(0, interval))
                with _page(room) as page:
                    for number in range(first, min(samples, first + PER_WEB)):
                        found.append(_sample(source, destination, room, page, number, interval))
    print(f"\nan interval of {interval:g} s, {samples} commits", flush=True)
    _print("commit to the look that sees it", [each.look for each in found])
    _print("that look's begin to Redis", [each.published for each in found])
    _print("Redis to the page", [each.shown for each in found])
    _print("commit to the page", [each.whole for each in found])


@contextmanager
def _page(room: MachineRoom) -> Iterator[Page]:
    """The mapping's page in a new browser."""
    wait_for(f"{room.machinery.dashboard}readyz")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            page = browser.new_page()
            page.goto(f"{room.machinery.dashboard}mappings/{room.spec.name}")
            yield page
        finally:
            browser.close()


def _sample(
    source: Cluster, destination: Cluster, room: MachineRoom, page: Page, number: int, interval: float
) -> Sample:
    time.sleep(random.uniform(0, interval))
    megabytes = FIRST_MB + number % SIZES * STEP_MB
    with destination.connect(scale.DATABASE) as holder, holder.transaction(force_rollback=True):
        holder.execute("SELECT FROM t0 FOR UPDATE")
        with source.connect(scale.DATABASE) as writer, writer.transaction():
            writer.execute("UPDATE t0 SET amount = amount + 1")
            writer.execute("SELECT pg_logical_emit_message(true, 'bench', repeat('x', %s))", (int(megabytes * MB),))
        return _seen(room, page, megabytes, time.time())


def _seen(room: MachineRoom, page: Page, megabytes: float, committed: float) -> Sample:
    """Both servers' clocks and ours are this machine's."""

    def in_redis() -> bool:
        lag = room.summary().get("lag_bytes")
        return isinstance(lag, int) and _is(lag / MB, megabytes)

    def on_page() -> bool:
        text = str(page.evaluate(LAG))
        return text.endswith(" MB") and _is(float(text.removesuffix(" MB")), megabytes)

    published = _when(in_redis, room)
    observed = datetime.fromisoformat(str(room.summary()["observed_at"])).timestamp()
    shown = _when(on_page, room)
    return Sample(observed - committed, published - observed, shown - published)


def _when(holds: Callable[[], bool], room: MachineRoom) -> float:
    deadline = time.time() + PATIENCE_SECONDS
    while not holds():
        assert time.time() < deadline, f"the lag was never told: {room.summary()}"
        room.supervisor.tick()
        time.sleep(0.01)
    return time.time()


def _is(shown: float, committed: float) -> bool:
    return committed - 0.01 <= shown < committed + TOLERANCE_MB


def _print(what: str, seconds: list[float]) -> None:
    print(f"  {what:<34} median {statistics.median(seconds):5.2f} s, longest {max(seconds):5.2f} s", flush=True)
