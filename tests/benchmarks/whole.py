"""A whole migration of many small tables by real beat and workers: `python -m tests.benchmarks whole [N [SECONDS]]`.

From nothing until every relation is ready and every index stands: seconds, ticks, messages per relation, memory of the workers.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import redis

from migrator.machines.cluster import Cluster
from tests.benchmarks import scale
from tests.machine_room import MachineRoom, Summary, children, instance, machine_room, write_config

RELATIONS = 1_000
QUEUES = ("reconcile", "schema", "relations", "sampling")
LOCKS = {"max_locks_per_transaction": "64"}
"""PostgreSQL's default: what a batch may lock follows from it."""


def run(*arguments: str) -> None:
    """Prints how far it is at every change of phase, and the figures at the end."""
    relations = int(arguments[0]) if arguments else RELATIONS
    seconds = float(arguments[1]) if len(arguments) > 1 else 3600.0
    settings = {**LOCKS, "max_wal_size": "4GB", "shared_buffers": "128MB"}
    source, destination = Cluster.create(16, settings), Cluster.create(18, settings)
    try:
        scale.create(source, relations, 1)
        _migrate(source, destination, relations, seconds)
    finally:
        source.remove()
        destination.remove()


def _migrate(source: Cluster, destination: Cluster, relations: int, seconds: float) -> None:
    pace = {"reconcile_interval_seconds": 5, "ui_refresh_interval_seconds": 5, "stable_seconds": 5}
    with tempfile.TemporaryDirectory() as directory:
        config = write_config(
            Path(directory), instance(source), instance(destination), pace, databases={"include": [scale.DATABASE]}
        )
        begun = time.monotonic()
        with machine_room(config) as room:
            watch = _Watch(room, begun)
            room.until(watch.done, seconds)
            _print_figures(room, relations, time.monotonic() - begun, watch)


class _Watch:
    """Follows the summary: when which phase began, and how large the summary and the workers became."""

    def __init__(self, room: MachineRoom, begun: float) -> None:
        self.room, self.begun = room, begun
        self.phase: object = ""
        self.bytes = 0
        self.peak_kilobytes: dict[str, int] = {}

    def done(self, summary: Summary) -> bool:
        """Whether the light is on."""
        self.bytes = max(self.bytes, len(json.dumps(summary)))
        if summary["phase"] != self.phase:
            self.phase = summary["phase"]
            print(f"{time.monotonic() - self.begun:8.1f} s  {summary['status']}, {self.phase}", flush=True)
        for name, kilobytes in _resident(self.room):
            self.peak_kilobytes[name] = max(self.peak_kilobytes.get(name, 0), kilobytes)
        return summary["status"] == "cutover_ready"


def _resident(room: MachineRoom) -> Iterator[tuple[str, int]]:
    """Peak resident memory of each worker process, in kB."""
    for program in room.machinery.programs:
        pid = room.supervisor.pid(program.name)
        if "worker" in program.name and pid is not None:
            for child in (pid, *children(pid)):
                try:
                    lines = Path(f"/proc/{child}/status").read_text().splitlines()
                except OSError:
                    continue
                yield program.name, next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _print_figures(room: MachineRoom, relations: int, seconds: float, watch: _Watch) -> None:
    with redis.Redis.from_url(room.machinery.redis_url.reveal()) as client:
        sent = int(client.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))
    ticks = [float(str(event["seconds"])) for event in _events(room, "tick")]
    work = sum(int(str(event["actions"])) for event in _events(room, "action applied"))
    transactions = len(list(_events(room, "action applied")))
    print(f"{relations} relations, from nothing to the light: {seconds:.0f} s")
    print(f"  ticks: {len(ticks)}, median {median(ticks):.2f} s, longest {max(ticks):.2f} s")
    print(
        f"  messages: {sent}, {sent / relations:.2f} per relation (ticks and lag samples included); actions: {work} in {transactions}"
    )
    print(f"  largest summary: {watch.bytes / 1024:.0f} kB")
    for name, kilobytes in sorted(watch.peak_kilobytes.items()):
        print(f"  largest process of {name}: {kilobytes / 1024:.0f} MB")


def _events(room: MachineRoom, event: str) -> Iterator[dict[str, object]]:
    for line in room.logs().splitlines():
        if line.startswith("{") and f'"{event}"' in line:
            found = json.loads(line)
            if found.get("event") == event:
                yield found
