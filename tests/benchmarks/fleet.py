"""What a tick's look costs with many databases: `python -m tests.benchmarks fleet [DATABASES [MAPPINGS [TABLES]]]`.

First one mapping of all databases, then as many mappings, each with its share of them. Tables are few and plain, so many in each
database: it is sessions and round trips that count here. Each mapping is looked at as by one worker process that keeps what it
remembers. Then the one mapping by turns, at the default intervals: its databases are taken for quiet, since a pipe for each of 200
would measure the pipes.
"""

import statistics
import time

from migrator.bookkeeping import journal
from migrator.config import DatabaseSelection, MappingSpec
from migrator.connection import session_of
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.records import Identity
from migrator.turns import Quiet

TABLES = 5
ROUNDS = 3
SETTINGS = {"max_connections": "200"}


def run(*arguments: str) -> None:
    """Prints seconds per look: the first, which reads every schema, and those after it."""
    databases = int(arguments[0]) if arguments else 200
    mappings = int(arguments[1]) if len(arguments) > 1 else 20
    tables = int(arguments[2]) if len(arguments) > 2 else TABLES
    source, destination = Cluster.create(16, SETTINGS), Cluster.create(18, SETTINGS)
    try:
        names = [f"bench_{number:03}" for number in range(databases)]
        for cluster in (source, destination):
            _create(cluster, names, tables)
        _measure(f"one mapping, {databases} databases", source, destination, [names])
        _measure_turns(source, destination, names)
        share = [names[number::mappings] for number in range(mappings)]
        _measure(f"{mappings} mappings, {databases // mappings} databases each", source, destination, share)
    finally:
        source.remove()
        destination.remove()


def _create(cluster: Cluster, names: list[str], tables: int) -> None:
    model = "bench_model"
    statements = (f"CREATE TABLE t{number} (id bigserial PRIMARY KEY, name text)" for number in range(tables))
    cluster.execute(f"CREATE DATABASE {model}")
    cluster.execute("; ".join(statements), model)
    for name in names:
        cluster.execute(f"CREATE DATABASE {name} TEMPLATE {model} STRATEGY file_copy")
    cluster.execute(f"DROP DATABASE {model}")


def begin(specs: list[MappingSpec]) -> None:
    """As after the first act: from then on a look does not try the line from the destination to the source any more."""
    somebody = Identity("1", 1)
    for spec in specs:
        with session_of(spec.destination, None, "bench") as session:
            journal.begin(session, spec.name, somebody, somebody, spec.source.label)


def _measure_turns(source: Cluster, destination: Cluster, names: list[str]) -> None:
    """Ticks of one mapping, each an interval after the last one began, over one round and a half."""
    spec = MappingSpec(
        "bench0", source.spec("source"), destination.spec("destination"), databases=DatabaseSelection(tuple(names))
    )
    interval, period = spec.replication.reconcile_interval_seconds, spec.replication.quiet_look_interval_seconds
    print(f"\none mapping, {len(names)} quiet databases by turns, a tick every {interval:g} s", flush=True)
    cache, spent, looked, ours = SchemaCache(), list[float](), list[int](), time.process_time()
    seen = Looker(spec, "bench", cache).look()
    for _ in range(int(1.5 * period / interval)):
        begun = time.perf_counter()
        quiet = Quiet(seen.observed_at, {pair.name: pair for pair in seen.databases})
        seen = Looker(spec, "bench", cache).look_by_turns(quiet, ())
        spent.append(time.perf_counter() - begun)
        looked.append(len(names) - len(seen.remembered))
        time.sleep(max(0.0, interval - spent[-1]))
    cpu = (time.process_time() - ours) / len(spent)
    print(
        f"  {len(spent)} looks: median {statistics.median(spent):.2f} s, longest {max(spent):.2f} s; databases looked at: "
        f"median {statistics.median(looked):.0f}, most {max(looked)}; {cpu:.2f} s of our CPU each",
        flush=True,
    )
    cache.sessions.close()


def _measure(what: str, source: Cluster, destination: Cluster, shares: list[list[str]]) -> None:
    print(f"\n{what}", flush=True)
    ends = source.spec("source"), destination.spec("destination")
    cache = SchemaCache()
    specs = [
        MappingSpec(f"bench{number}", *ends, databases=DatabaseSelection(tuple(names)))
        for number, names in enumerate(shares)
    ]
    begin(specs)
    for round_ in range(ROUNDS + 1):
        begun, ours = time.perf_counter(), time.process_time()
        for spec in specs:
            Looker(spec, "bench", cache).look()
        spent, cpu = time.perf_counter() - begun, time.process_time() - ours
        kind = "first" if round_ == 0 else "again"
        print(
            f"  {kind} look: {spent:8.2f} s in all, {spent / len(specs):8.3f} s each; {cpu:6.2f} s of it our CPU",
            flush=True,
        )
    cache.sessions.close()
