"""A fleet by real beat and workers: `python -m tests.benchmarks live [MAPPINGS [DATABASES [RELATIONS [SECONDS]]]]`.

All mappings have the same two servers, each its own databases. Until every light is on, at most SECONDS; then a minute of watching
at the default intervals: ticks, what the source is asked, and the processor time of the source, the destination and ourselves.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from migrator.config import Replication
from migrator.machines.cluster import Cluster
from tests.benchmarks import scale
from tests.benchmarks.processor_time import of_servers
from tests.benchmarks.race_ways import own_cpu
from tests.benchmarks.statements import SETTINGS, VERSION, asked
from tests.machine_room import MachineRoom, instance, machine_room

MAPPINGS, DATABASES, RELATIONS, SECONDS = 5, 10, 100, 600
ROOM = {
    "max_connections": "300",
    "max_replication_slots": "150",
    "max_wal_senders": "150",
    "max_worker_processes": "150",
    "max_logical_replication_workers": "120",
    "max_locks_per_transaction": "256",
    "max_wal_size": "4GB",
}
MINUTE = 60.0
STABLE_SECONDS = 5


def run(*arguments: str) -> None:
    """Prints how far the fleet is every half minute, and the figures at the end."""
    given = [*map(int, arguments), *(MAPPINGS, DATABASES, RELATIONS, SECONDS)[len(arguments) :]]
    mappings, databases, relations, seconds = given
    source = Cluster.create(VERSION, {**ROOM, **SETTINGS})
    destination = Cluster.create(18, {**ROOM, "max_active_replication_origins": "150"})
    try:
        names = _create(source, mappings, databases, relations)
        print(f"\n{mappings} mappings, {databases} databases each, {relations} relations in each", flush=True)
        with tempfile.TemporaryDirectory() as directory:
            config = _config(Path(directory), source, destination, names)
            with machine_room(config, web=False) as room:
                _follow(room, list(names), seconds)
                _watch(room, source, destination)
    finally:
        source.remove()
        destination.remove()


def _create(source: Cluster, mappings: int, databases: int, relations: int) -> dict[str, list[str]]:
    """By mapping, the names of its databases."""
    scale.create(source, relations, 1)
    names = {f"mapping_{number}": [f"db_{number}_{each}" for each in range(databases)] for number in range(mappings)}
    for name in [name for each in names.values() for name in each]:
        source.execute(f"CREATE DATABASE {name} TEMPLATE {scale.DATABASE} STRATEGY file_copy")
    return names


def _config(directory: Path, source: Cluster, destination: Cluster, names: Mapping[str, list[str]]) -> Path:
    ends = {"source_instance": "source", "destination_instance": "destination"}
    path = directory / "config.json"
    document = {
        "instances": {
            "source": instance(source, max_connections=100),
            "destination": instance(destination, max_connections=100),
        },
        "mappings": [
            {"name": name, **ends, "schema_trial": False, "databases": {"include": databases}}
            for name, databases in names.items()
        ],
        "replication": {"stable_seconds": STABLE_SECONDS},
    }
    path.write_text(json.dumps(document))
    return path


def _follow(room: MachineRoom, names: list[str], seconds: float) -> None:
    begun, told = time.monotonic(), 0.0

    def ready(_: object) -> bool:
        nonlocal told
        seen = [room.store.summary(name) or {"status": "unseen"} for name in names]
        states = Counter(str(summary["status"]) for summary in seen)
        late = time.monotonic() - begun
        if late > told + 30 or states["cutover_ready"] == len(names):
            told = late
            print(f"  {late:6.0f} s  {dict(states)}, {sum(map(_ready, seen))} relations ready", flush=True)
        return states["cutover_ready"] == len(names)

    room.until(ready, seconds)


def _ready(summary: Mapping[str, object]) -> int:
    totals = summary.get("totals")
    return int(totals["relations"]["ready"]) if isinstance(totals, dict) else 0


def _watch(room: MachineRoom, source: Cluster, destination: Cluster) -> None:
    """A minute in which nobody writes and nothing is to be done."""
    before = len(list(_ticks(room)))
    here, there = own_cpu(room), of_servers([destination])
    with asked(source) as found:
        time.sleep(MINUTE)
    ours, other = own_cpu(room) - here, of_servers([destination]) - there
    ticks = list(_ticks(room))[before:]
    interval = Replication().reconcile_interval_seconds
    print(
        f"  a minute: {len(ticks)} ticks (a mapping's every {interval:g} s), median {median(ticks):.2f} s, longest {max(ticks):.2f} s\n"
        f"  the source: {found.statements:,} statements, {found.milliseconds:,.0f} ms in them; CPU {found.processor_seconds:.2f} s"
        f" (walsenders included)\n"
        f"  CPU of the destination {other:.2f} s, of all our processes {ours:.2f} s",
        flush=True,
    )


def _ticks(room: MachineRoom) -> Iterator[float]:
    """Seconds of every tick so far."""
    for line in room.logs().splitlines():
        if line.startswith("{") and '"tick"' in line:
            event = json.loads(line)
            if event.get("event") == "tick":
                yield float(event["seconds"])
