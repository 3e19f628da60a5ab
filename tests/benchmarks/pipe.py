"""The pipe of copy method snapshot.

`python -m tests.benchmarks pipe [MB [ROUNDS [COPIERS]]]`: against `psql COPY | psql COPY` in binary, as many at once, one table
each, in turns. `python -m tests.benchmarks rate [SECONDS]`: how true copiers keep to a rate together.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median

from migrator.machines.cluster import Cluster, Valkey
from migrator.machines.provision import client
from tests.benchmarks.processor_time import of_servers
from tests.postgres import copier
from tests.postgres.copier import Order, Report
from tests.postgres.copying import NAME, Pair, make_pair

MB = 1_048_576
TABLES = {
    "narrow": ("a int, b bigint, c timestamptz", "g, g * 7, timestamptz '2026-01-01' + g * interval '1 s'", 53),
    "wide": ("id bigint, body text", "g, left(repeat(md5(g::text), 9), 260)", 297),
    "jsonb": (
        "id bigint, doc jsonb",
        "g, jsonb_build_object('name', md5(g::text), 'tags', ARRAY[g, g + 1, g + 2], 'on', g % 2 = 0)",
        157,
    ),
}
"""Columns, a row's values, and about how many bytes it takes in the table."""


@dataclass(frozen=True)
class Run:
    """One way's time, the processor time of its own processes, and that of both servers."""

    seconds: float
    own_cpu: float
    server_cpu: float


def run(megabytes: str = "300", rounds: str = "3", copiers: str = "2") -> None:
    """Prints time, rate and processor time of each way."""
    with ExitStack() as stack:
        pair = _pair(stack)
        for kind in TABLES:
            _compare(pair, kind, int(megabytes), int(rounds), int(copiers))


def run_rates(seconds: str = "10") -> None:
    """Prints what was received from the source under several limits, by several copiers."""
    with ExitStack() as stack:
        pair = _pair(stack)
        _rates(pair, stack.enter_context(Valkey()), float(seconds))


def _pair(stack: ExitStack) -> Pair:
    settings = {"shared_buffers": "256MB", "max_wal_size": "8GB", "checkpoint_timeout": "1h"}
    old, new = Cluster.create(16, settings), Cluster.create(18, settings)
    stack.callback(old.remove)
    stack.callback(new.remove)
    return make_pair(stack, old, new, ("postgres", "postgres"))


def _compare(pair: Pair, kind: str, megabytes: int, rounds: int, copiers: int) -> None:
    columns, values, row_bytes = TABLES[kind]
    tables = [f"public.{kind}{number}" for number in range(copiers)]
    for table in tables:
        pair.on_both(f"CREATE TABLE {table} ({columns})")
        rows = megabytes * MB // row_bytes // copiers
        pair.on_source(f"INSERT INTO {table} SELECT {values} FROM generate_series(1, {rows}) g")
        pair.on_source(f"VACUUM ANALYZE {table}")
    held = sum(pair.on_source(f"SELECT pg_table_size('{table}')")[0][0] for table in tables) / MB
    pair.hold_snapshot()
    ways = {"psql | psql": _psql, "ours, a part per table": _ours, "ours, parts of 32 MB": _ours_in_parts}
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            pair.on_destination(f"TRUNCATE {', '.join(tables)}; DELETE FROM migrator.parts; CHECKPOINT")
            runs[name].append(way(pair, tables))
    print(f"\n{kind}: {held:.0f} MB in {copiers} tables, medians of {rounds}")
    best = median(each.seconds for each in runs["psql | psql"])
    for name, measured in runs.items():
        spent = median(each.seconds for each in measured)
        own, server = median(each.own_cpu for each in measured), median(each.server_cpu for each in measured)
        print(
            f"  {name:<24}{spent:6.2f} s {held / spent:6.0f} MB/s, {spent / best:5.2f} of psql's time;"
            f" CPU own {own:5.2f} s, servers {server:5.2f} s ({own / server:.2f})",
            flush=True,
        )
    pair.on_both(f"DROP TABLE {', '.join(tables)}")


def _psql(pair: Pair, tables: list[str]) -> Run:
    psql, before, begun = str(client("psql")), _server_cpu(pair), time.monotonic()
    own = os.times()
    processes = []
    for table in tables:
        out = [psql, "-Xqc", f"COPY {table} TO STDOUT (FORMAT binary)", pair.old.dsn()]
        into = [psql, "-Xqc", f"COPY {table} FROM STDIN (FORMAT binary)", pair.new.dsn()]
        reading = subprocess.Popen(out, stdout=subprocess.PIPE)
        processes += [reading, subprocess.Popen(into, stdin=reading.stdout)]
        assert reading.stdout is not None
        reading.stdout.close()
    assert all(process.wait() == 0 for process in processes)
    spent, after = time.monotonic() - begun, os.times()
    cpu = after.children_user + after.children_system - own.children_user - own.children_system
    return Run(spent, cpu, _server_cpu(pair) - before)


def _ours(pair: Pair, tables: list[str], part_bytes: int = 1 << 40) -> Run:
    """One process per table, as workers are; from their first statement to the last commit."""
    orders = [Order(pair.old.port, pair.new.port, "postgres", "postgres", NAME, tuple(pair.jobs(table, part_bytes)))
              for table in tables]  # fmt: skip
    before = _server_cpu(pair)
    reports = [copier.report_of(process) for process in [copier.start(order) for order in orders]]
    assert not any(report.error for report in reports), reports[0].error
    spent = max(report.ended for report in reports) - min(report.begun for report in reports)
    return Run(spent, sum(report.cpu_seconds for report in reports), _server_cpu(pair) - before)


def _ours_in_parts(pair: Pair, tables: list[str]) -> Run:
    return _ours(pair, tables, 32 * MB)


def _server_cpu(pair: Pair) -> float:
    return of_servers((pair.old, pair.new))


def _rates(pair: Pair, valkey: Valkey, seconds: float) -> None:
    pair.on_both(
        "CREATE TABLE public.rate (id int, body text); ALTER TABLE public.rate ALTER body SET STORAGE EXTERNAL"
    )
    pair.on_source("INSERT INTO public.rate SELECT g, repeat(md5(g::text), 64) FROM generate_series(1, 700000) g")
    pair.hold_snapshot()
    print(f"\nreceived from the source in {seconds:g} s, by the kernel's count")
    for rate in (5, 25, 100):
        for copiers in (1, 4, 8):
            valkey.kill()
            valkey.start()
            pair.on_destination("TRUNCATE public.rate; DELETE FROM migrator.parts")
            jobs = pair.jobs("public.rate", 60 * MB)
            whole = Order(
                pair.old.port, pair.new.port, "postgres", "postgres", NAME, (), valkey.url, rate * MB, seconds + 2
            )
            shares = [jobs[number::copiers] for number in range(copiers)]
            reports = [
                copier.report_of(each) for each in [copier.start(replace(whole, jobs=share)) for share in shares]
            ]
            got = received(reports, seconds)
            print(f"  {rate:4d} MB/s, {copiers} copiers: {got / seconds / MB:6.1f} MB/s ({got / seconds / MB / rate - 1:+.1%})",
                  flush=True)  # fmt: skip


def received(reports: Sequence[Report], seconds: float) -> int:
    """Bytes that all copiers together had received so long after the first had any."""
    begun = min(report.received[0][0] for report in reports)
    return sum(
        max((size for moment, size in report.received if moment <= begun + seconds), default=0) for report in reports
    )
