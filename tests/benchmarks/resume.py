"""After kill -9: `python -m tests.benchmarks resume [GB [KILLS [MBPS]]]`: seconds until rows are copied again, and what is copied twice.

Copy method `snapshot`, real beat, workers and Valkey under a supervisor that starts again what has died. Killed in turn are the copiers
(worker and children, all at once) and one of the two keepers; at the end both keepers together.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from statistics import median

import structlog

from migrator.machines.cluster import Cluster
from tests.benchmarks import race, race_ways
from tests.benchmarks.race_ways import DATABASE, WAITING, Contest
from tests.machine_room import MachineRoom

MB = 1_048_576
COPIERS, KEEPERS = ("worker-rows",), ("worker-keepers-1", "worker-keepers-2")
COPYING = (
    "SELECT coalesce(sum(p.bytes_processed), 0)::bigint FROM pg_stat_progress_copy p JOIN pg_stat_activity a USING (pid)"
    " WHERE a.application_name LIKE 'pg-migrator copy_part%' AND a.backend_start > to_timestamp({})"
)
FINISHED = "SELECT group_number, relation, number, coalesce(bytes, 0) FROM migrator.parts WHERE copied_at IS NOT NULL"
HELD = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator keeper%' AND backend_xmin IS NOT NULL"

Part = tuple[int, str, int]


def run(gigabytes: str = "2", kills: str = "5", mbps: str = "25") -> None:
    """Prints each kill and the medians. The limit keeps the copy going for long enough."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    source, destination = Cluster.create(16, race.SETTINGS), Cluster.create(18, race.SETTINGS)
    try:
        held = race.fill(source, float(gigabytes) * 1024, "mixed")
        contest = Contest(source, destination, 2)
        limits: dict[str, object] = {"rate_limit_mbps": float(mbps), "part_mb": 32}
        found: dict[str, list[tuple[float, float]]] = {}
        with race_ways.processes(contest, limits) as room:
            source.execute(f"ALTER DATABASE {WAITING} RENAME TO {DATABASE}")
            print(f"{held:.0f} MB at {mbps} MB/s, parts of 32 MB")
            for what, names in _kills(int(kills)):
                seconds, twice = _killed(contest, room, names)
                found.setdefault(what, []).append((seconds, twice))
                print(f"  {what}: copying again after {seconds:.1f} s, {twice / MB:.0f} MB copied twice,"
                      f" load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
        print("medians")
        for what, measured in found.items():
            seconds, twice = (median(each[n] for each in measured) for n in (0, 1))
            print(f"  {what:<16}{seconds:6.1f} s {twice / MB:6.0f} MB twice ({len(measured)} times)")
    finally:
        source.remove()
        destination.remove()


def _kills(number: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    for turn in range(number):
        yield "copiers", COPIERS
        yield "one keeper", KEEPERS[turn % 2 : turn % 2 + 1]
    yield "both keepers", KEEPERS


def _killed(contest: Contest, room: MachineRoom, names: tuple[str, ...]) -> tuple[float, float]:
    """Seconds until a new session copies (0 where others went on all the while), and bytes that are copied a second time."""
    _until(room, lambda: _copying(contest, 0) > MB and _keepers(contest) >= len(KEEPERS))
    in_before, under_way = _finished(contest), _copying(contest, 0)
    wall, begun = time.time(), time.monotonic()
    room.kill_all_of(*names)
    if len(names) < len(KEEPERS) and names != COPIERS:
        return 0.0, _vanished(contest, in_before)
    _until(room, lambda: _copying(contest, wall) > 0)
    seconds, vanished = time.monotonic() - begun, _vanished(contest, in_before)
    assert not vanished or names == KEEPERS, "parts that were in are copied again"
    return seconds, under_way + vanished


def _copying(contest: Contest, since: float) -> int:
    """Bytes that sessions which began after `since` (seconds of the clock) have read of the parts under way."""
    ((found,),) = contest.source.execute(COPYING.format(since))
    return int(found)


def _keepers(contest: Contest) -> int:
    return len(contest.source.execute(HELD))


def _finished(contest: Contest) -> dict[Part, int]:
    """Every part that is in, with its bytes."""
    rows = contest.destination.execute(FINISHED, DATABASE)
    return {(group, relation, number): size for group, relation, number, size in rows}


def _vanished(contest: Contest, before: dict[Part, int]) -> int:
    """Bytes of parts that were in, and that the ledger no longer counts."""
    now = _finished(contest)
    return sum(size for part, size in before.items() if part not in now)


def _until(room: MachineRoom, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not done():
        room.supervisor.tick()
        time.sleep(0.05)
        assert time.monotonic() < deadline, room.logs()[-6000:]
