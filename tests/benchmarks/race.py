"""Whole copies side by side: `python -m tests.benchmarks race [GB [JOBS [ROUNDS [mixed|single [WAYS]]]]]`.

Each way goes from an empty destination to rows in, indexes built, statistics there and (ours, tablesync) subscribed. Ours: copy
method `snapshot`, by real beat, workers and Valkey, which are up before the clock starts. WAYS: `ours,dump`, say; all by default.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import structlog

from migrator.machines.cluster import Cluster
from tests.benchmarks import race_timeline, race_ways
from tests.benchmarks.processor_time import of_servers
from tests.benchmarks.race_ways import DATABASE, Contest

MB = 1_048_576
SETTINGS = {
    "fsync": "on", "shared_buffers": "512MB", "max_wal_size": "8GB", "min_wal_size": "8GB", "checkpoint_timeout": "15min",
    "maintenance_work_mem": "128MB",
}  # fmt: skip

KINDS = {
    "narrow": ("id int, b bigint, at timestamptz", "g, g * 7, timestamptz '2026-01-01' + g * interval '1 s'", 53, ()),
    "wide": ("id bigint, body text", "g, left(repeat(md5(g::text), 9), 260)", 297, ()),
    "document": (
        "id bigint, doc jsonb",
        "g, jsonb_build_object('name', md5(g::text), 'tags', ARRAY[g, g + 1, g + 2], 'on', g % 2 = 0)",
        157, (),
    ),
    "indexed": (
        "id bigint, grp int, name text, at timestamptz, body text",
        "g, g % 1000, 'name ' || g, timestamptz '2026-01-01' + g * interval '1 s', left(repeat(md5(g::text), 6), 180)",
        250, ("(grp)", "(name)", "(at)", "(lower(name), grp)"),
    ),
}  # fmt: skip
"""Columns, a row's values, about how many bytes it takes, and what is indexed besides the primary key."""

SHARES = {
    "mixed": (("narrow", 0.1), ("wide", 0.3), ("document", 0.25), ("indexed", 0.35)),
    "single": (("indexed", 1.0),),
}
TABLES_OF_A_KIND = {"mixed": 3, "single": 1}


@dataclass(frozen=True)
class Run:
    """One way, once. `own_cpu`: of our processes, None where the way is not ours."""

    seconds: float
    server_cpu: float
    own_cpu: float | None = None


def run(
    gigabytes: str = "2", jobs: str = "2", rounds: str = "1", shape: str = "mixed", ways: str = "", *settings: str
) -> None:
    """Goes round: each way once, then each again. `settings`: of our `replication`, as `part_mb=64`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    workers = {"max_sync_workers_per_subscription": jobs}
    source, destination = Cluster.create(16, SETTINGS), Cluster.create(18, {**SETTINGS, **workers})
    try:
        held = fill(source, float(gigabytes) * 1024, shape)
        contest = Contest(source, destination, int(jobs))
        _make_wal_segments(destination, held)
        replication: dict[str, object] = {
            key: float(value) for key, _, value in (each.partition("=") for each in settings)
        }
        chosen = {
            name: way
            for name, way in _ways(contest, replication).items()
            if not ways or name.split()[0] in ways.split(",")
        }
        print(f"{held:.0f} MB in {contest.tables} tables with {contest.indexes} indexes; {jobs} jobs", flush=True)
        runs: dict[str, list[Run]] = {name: [] for name in chosen}
        for _ in range(int(rounds)):
            for name, way in chosen.items():
                contest.empty()
                runs[name].append(way())
                print(f"  {name:<40}{runs[name][-1].seconds:7.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
        _report(runs, held)
    finally:
        source.remove()
        destination.remove()


def _ways(contest: Contest, replication: dict[str, object]) -> dict[str, Callable[[], Run]]:
    theirs: dict[str, Callable[[], float]] = {
        "before (tablesync, indexes before)": lambda: race_ways.tablesync(contest, indexes_first=True),
        "after (tablesync, indexes after)": lambda: race_ways.tablesync(contest, indexes_first=False),
        "dump (pg_dump -j, pg_restore -j)": lambda: race_ways.dump(contest),
    }
    version = race_ways.pgcopydb_version()
    if version is None:
        print("pgcopydb is not installed: left out")
    else:
        theirs[f"pgcopydb {version}"] = lambda: race_ways.pgcopydb(contest)
    measured = {name: _measured(contest, way) for name, way in theirs.items()}
    return {"ours (snapshot, real workers)": lambda: _ours(contest, replication), **measured}


def _measured(contest: Contest, way: Callable[[], float]) -> Callable[[], Run]:
    def measure() -> Run:
        servers = contest.source, contest.destination
        before = of_servers(servers)
        return Run(way(), of_servers(servers) - before)

    return measure


def _ours(contest: Contest, replication: dict[str, object]) -> Run:
    servers = contest.source, contest.destination
    with race_ways.processes(contest, replication) as room:
        own, before, since = race_ways.own_cpu(room), of_servers(servers), time.time()
        seconds = race_ways.ours(contest, room)
        measured = Run(seconds, of_servers(servers) - before, race_ways.own_cpu(room) - own)
        race_timeline.show(room, contest, since)
        return measured


def fill(source: Cluster, megabytes: float, shape: str) -> float:
    """MB of all tables, TOAST included."""
    source.execute(f"CREATE DATABASE {DATABASE}")
    for kind, share in SHARES[shape]:
        columns, values, row_bytes, indexes = KINDS[kind]
        rows = int(megabytes * MB * share / row_bytes / TABLES_OF_A_KIND[shape])
        for number in range(TABLES_OF_A_KIND[shape]):
            table = f"{kind}{number}"
            source.execute(f"CREATE TABLE {table} ({columns}, PRIMARY KEY (id))", DATABASE)
            source.execute(f"INSERT INTO {table} SELECT {values} FROM generate_series(1, {rows}) g", DATABASE)
            for index in indexes:
                source.execute(f"CREATE INDEX ON {table} {index}", DATABASE)
    source.execute("VACUUM ANALYZE", DATABASE)
    sizes = "SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    ((size,),) = source.execute(sizes, DATABASE)
    return float(size) / MB


def _make_wal_segments(destination: Cluster, megabytes: float) -> None:
    """So that whoever comes first does not make the files which all others take over: that took a sixth of a run's processor time."""
    message = f"SELECT pg_logical_emit_message(false, 'race', repeat('x', {MB})) FROM generate_series(1, {2 * int(megabytes)})"
    destination.execute(message)


def _report(runs: dict[str, list[Run]], megabytes: float) -> None:
    best = median(run.seconds for run in next(iter(runs.values())))
    print("medians; how many times as long as the first")
    for name, measured in runs.items():
        seconds, servers = median(run.seconds for run in measured), median(run.server_cpu for run in measured)
        own = [run.own_cpu for run in measured if run.own_cpu is not None]
        ours = f", own {median(own):.1f} s ({median(own) / servers:.2f})" if own else ""
        rate = f"{megabytes / seconds:6.0f} MB/s"
        print(f"  {name:<40}{seconds:7.1f} s {rate} {seconds / best:6.2f}; CPU servers {servers:.1f} s{ours}")
