"""What the source's applications feel: `python -m tests.benchmarks impact [GB [SECONDS [TPS [ROUNDS]]]]`.

pgbench updates and reads single rows at a fixed rate, on the core that the source has to itself; the destination, Valkey and our
processes share the others. Without us, while rows are copied as fast as they come, and while they are copied at 25 MB/s. A
transaction's latency counts from when it should have begun, as `pgbench --rate` has it.
"""

import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import structlog

from migrator.machines.cluster import Cluster
from migrator.machines.provision import client
from tests.benchmarks import race, race_ways
from tests.benchmarks.race_ways import DATABASE, WAITING, Contest
from tests.machine_room import MachineRoom

SCRIPT = """
\\set aid random(1, 100000 * :scale)
\\set other random(1, 100000 * :scale)
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :other;
"""
SCALE = 5
SOURCES_CORE = {0}
COPYING = "SELECT 1 FROM pg_stat_progress_copy p JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'pg-migrator%'"
WAYS: dict[str, dict[str, object] | None] = {
    "without us": None,
    "as fast as it goes": {},
    "at 25 MB/s": {"rate_limit_mbps": 25},
}

Latencies = list[float]


def run(gigabytes: str = "2", seconds: str = "15", tps: str = "200", rounds: str = "3") -> None:
    """Goes round. Prints the median, 95th and 99th percentile of all transactions of a way, in milliseconds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    others = os.sched_getaffinity(0) - SOURCES_CORE
    assert others, "one core is the source's and pgbench's: this needs another"
    with _on(SOURCES_CORE):
        source = Cluster.create(16, race.SETTINGS)
    with _on(others):
        destination = Cluster.create(18, race.SETTINGS)
        try:
            held = race.fill(source, float(gigabytes) * 1024, "mixed")
            _bench(source, "-i", "-q", "-s", str(SCALE))
            source.execute("DROP TABLE pgbench_history", DATABASE)
            contest = Contest(source, destination, 2)
            print(f"{held:.0f} MB, {tps} transactions a second for {seconds} s", flush=True)
            found: dict[str, Latencies] = {way: [] for way in WAYS}
            for _ in range(int(rounds)):
                for way, limits in WAYS.items():
                    measured = _beside(contest, limits, seconds, tps)
                    found[way] += measured
                    print(f"  {way:<20}{_figures(measured)}, load {os.getloadavg()[0]:.1f}", flush=True)
            print("all rounds together")
            for way, latencies in found.items():
                ratio = median(latencies) / median(found["without us"])
                print(f"  {way:<20}{_figures(latencies)}; median {ratio:.2f} of that without us")
        finally:
            source.remove()
            destination.remove()


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Whatever is started within runs on these."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _beside(contest: Contest, limits: dict[str, object] | None, seconds: str, tps: str) -> Latencies:
    """The latencies of pgbench beside a copy that goes on for all of its time; alone where there are no limits to copy within."""
    contest.empty()
    if limits is None:
        return _latencies(contest.source, seconds, tps)
    with race_ways.processes(contest, limits) as room:
        contest.source.execute(f"ALTER DATABASE {WAITING} RENAME TO {DATABASE}")
        _until_copying(contest, room)
        measured = _latencies(contest.source, seconds, tps)
        if not contest.source.execute(COPYING):
            print("  (rows were in before pgbench's time was over: take more GB)")
        return measured


def _until_copying(contest: Contest, room: MachineRoom) -> None:
    while not contest.source.execute(COPYING):
        room.until(lambda _: True)
        time.sleep(0.05)


def _latencies(source: Cluster, seconds: str, tps: str) -> Latencies:
    """Milliseconds, of each transaction."""
    with tempfile.TemporaryDirectory() as directory, _on(SOURCES_CORE):
        script = Path(directory) / "script.sql"
        script.write_text(SCRIPT)
        load = ("-n", "-f", str(script), "-D", f"scale={SCALE}", "-c", "4", "-T", seconds, "-R", tps)
        _bench(source, *load, "-l", "--log-prefix", f"{directory}/log")
        lines = [line.split() for log in Path(directory).glob("log.*") for line in log.read_text().splitlines()]
        return [int(line[2]) / 1000 for line in lines]


def _bench(source: Cluster, *arguments: str) -> None:
    command = [str(client("pgbench")), *arguments, source.dsn(DATABASE)]
    subprocess.run(command, check=True, capture_output=True)


def _figures(latencies: Latencies) -> str:
    ordered = sorted(latencies)
    at = {share: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99)}
    return ", ".join(f"{share:.0%} {value:7.2f} ms" for share, value in at.items())
