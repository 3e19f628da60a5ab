"""What watching costs, us and the source: `python -m tests.benchmarks watching [MAPPINGSxRELATIONS ...]`.

Each mapping has one database of so many relations. One process looks as a worker's does: sessions and schemas are kept.
`first` is a process's first look; `full` reads the schema again, as after full_look_interval_seconds; `cheap` is the usual one, a
minute of them at the default interval, so that sizes and sequences come as often as they do; `sample` is a lag sample.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from migrator.config import DatabaseSelection, MappingSpec, Replication
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.names import group_name
from migrator.quote import literal
from migrator.tasks.sampling import sample_lag
from tests.benchmarks import fleet, scale
from tests.benchmarks.statements import SETTINGS, VERSION, asked

CELLS = ("1x10", "1x100", "1x1000", "10x100", "50x100")
ROOM = {"max_connections": "200", "max_replication_slots": "100", "max_wal_size": "4GB"}
ROUNDS = 3
MINUTE = 60.0
DEFAULTS = Replication()


@dataclass(frozen=True)
class Cost:
    """Of one look or sample: median and longest wall seconds, our processor seconds, and what the source had to do."""

    wall: float
    longest: float
    ours: float
    statements: float
    milliseconds: float
    processor_seconds: float


def run(*arguments: str) -> None:
    """Prints a table per cell, one line per kind of look."""
    source = Cluster.create(VERSION, {**ROOM, **SETTINGS})
    destination = Cluster.create(18, ROOM)
    try:
        for cell in arguments or CELLS:
            mappings, _, relations = cell.partition("x")
            with _specs(source, destination, int(mappings), int(relations)) as specs:
                print(f"\n{mappings} mappings of {relations} relations each", flush=True)
                _measure(source, specs)
    finally:
        source.remove()
        destination.remove()


@contextmanager
def _specs(source: Cluster, destination: Cluster, mappings: int, relations: int) -> Iterator[list[MappingSpec]]:
    """Begun mappings, each with a database of its own and a slot, as if a pipe stood."""
    names = [scale.DATABASE, *(f"{scale.DATABASE}_{number}" for number in range(1, mappings))]
    for cluster, rows in ((source, 1), (destination, 0)):
        scale.create(cluster, relations, rows)
        for name in names[1:]:
            cluster.execute(f"CREATE DATABASE {name} TEMPLATE {scale.DATABASE} STRATEGY file_copy")
    ends = source.spec("source"), destination.spec("destination")
    specs = [MappingSpec(name, *ends, databases=DatabaseSelection((name,))) for name in names]
    fleet.begin(specs)
    ((identifier,),) = destination.execute("SELECT system_identifier::text FROM pg_control_system()")
    for name in names:
        slot = literal(group_name(name, str(identifier), name, 1))
        source.execute(f"SELECT pg_create_logical_replication_slot({slot}, 'pgoutput')", name)
    try:
        yield specs
    finally:
        source.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        for cluster in (source, destination):
            for name in names:
                cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _measure(source: Cluster, specs: list[MappingSpec]) -> None:
    interval = DEFAULTS.reconcile_interval_seconds
    with SchemaCache(DEFAULTS.full_look_interval_seconds) as cache:

        def look(spec: MappingSpec) -> None:
            Looker(spec, "look", cache, patient=True).look()

        _print("first", _cost(source, specs, look, 1))
        cache.max_age_seconds = 0
        full = _cost(source, specs, look, ROUNDS)
        cache.max_age_seconds = DEFAULTS.full_look_interval_seconds
        cheap = _cost(source, specs, look, int(MINUTE / interval), interval)
    sample = _cost(source, specs, sample_lag, ROUNDS)
    for kind, cost in (("full", full), ("cheap", cheap), ("sample", sample)):
        _print(kind, cost)
    _print_minute(len(specs), full, cheap, sample)


def _cost(
    source: Cluster, specs: list[MappingSpec], work: Callable[[MappingSpec], object], rounds: int, apart: float = 0.0
) -> Cost:
    """Of each mapping's work in turn, so many rounds, which begin so many seconds apart."""
    spent, ours = [], time.process_time()
    with asked(source) as found:
        for _ in range(rounds):
            begun = time.perf_counter()
            for spec in specs:
                since = time.perf_counter()
                work(spec)
                spent.append(time.perf_counter() - since)
            time.sleep(max(0.0, begun + apart - time.perf_counter()))
    own, times = time.process_time() - ours, len(spent)
    return Cost(
        statistics.median(spent), max(spent), own / times, found.statements / times, found.milliseconds / times,
        found.processor_seconds / times,
    )  # fmt: skip


def _print_minute(mappings: int, full: Cost, cheap: Cost, sample: Cost) -> None:
    """All mappings at the default intervals, by as many processes for ticks as `pg-migrator run` starts: each reads schemas itself."""
    often = mappings * MINUTE / DEFAULTS.reconcile_interval_seconds
    anew = mappings * max(2, min(8, mappings)) * MINUTE / DEFAULTS.full_look_interval_seconds

    def total(of: Callable[[Cost], float]) -> float:
        return often * (of(cheap) + of(sample)) + anew * (of(full) - of(cheap))

    print(
        f"  a minute of it all: {total(lambda cost: cost.statements):,.0f} statements,"
        f" {total(lambda cost: cost.milliseconds) / 1000:.2f} s in statements,"
        f" {total(lambda cost: cost.processor_seconds):.2f} s of the source's CPU,"
        f" {total(lambda cost: cost.ours):.2f} s of ours; {anew:.1f} of {often:.0f} looks are full",
        flush=True,
    )


def _print(kind: str, cost: Cost) -> None:
    print(
        f"  {kind:<8}{cost.wall * 1000:9.1f} ms (longest {cost.longest * 1000:8.1f}); ours {cost.ours * 1000:8.1f} ms CPU;"
        f" source {cost.statements:6.1f} statements, {cost.milliseconds:8.1f} ms in them,"
        f" {cost.processor_seconds * 1000:8.1f} ms CPU",
        flush=True,
    )
