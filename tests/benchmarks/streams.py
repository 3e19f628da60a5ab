"""Catching up: `python -m tests.benchmarks streams [ROWS [ROUNDS]]`: rows a second that are applied by 1, 2 and 4 streams of a database.

Each time the mapping is brought to replication with so many `streams_per_database`; then our processes end, the subscriptions are
disabled, ROWS are written to eight tables alike, and the clock runs from the moment the subscriptions are enabled again.
"""

import logging
import os
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import structlog

from migrator.machines.cluster import Cluster
from tests.benchmarks import race_ways
from tests.benchmarks.processor_time import of_servers
from tests.benchmarks.race_ways import DATABASE, Contest

STREAMS = (1, 2, 4)
TABLES = 8
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "checkpoint_timeout": "1h"}
COLUMNS = "id bigint PRIMARY KEY, grp int, name text, at timestamptz DEFAULT now()"


def run(rows: str = "400000", rounds: str = "3") -> None:
    """Goes round: each number of streams once, then each again; inserts first, then updates of the same rows."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    source, destination = Cluster.create(16, SETTINGS), Cluster.create(18, SETTINGS)
    each = int(rows) // TABLES
    try:
        _prepare(source)
        contest = Contest(source, destination, 2)
        found: dict[tuple[int, str], list[float]] = {}
        for _ in range(int(rounds)):
            for streams in STREAMS:
                _replicate(contest, streams)
                for kind, write in (("inserts", _insert), ("updates", _update)):
                    rate, cpu = _caught_up(contest, partial(write, source, each), each * TABLES)
                    found.setdefault((streams, kind), []).append(rate)
                    load = os.getloadavg()[0]
                    print(
                        f"  {streams} streams, {kind}: {rate:,.0f} rows/s, CPU servers {cpu:.1f} s, load {load:.1f}",
                        flush=True,
                    )
                for number in range(TABLES):
                    source.execute(f"TRUNCATE t{number}", DATABASE)
        print("medians")
        for (streams, kind), rates in found.items():
            print(
                f"  {streams} streams, {kind:<8}{median(rates):10,.0f} rows/s, {median(rates) / median(found[1, kind]):.2f} of one's"
            )
    finally:
        source.remove()
        destination.remove()


def _prepare(source: Cluster) -> None:
    source.execute(f"CREATE DATABASE {DATABASE}")
    for number in range(TABLES):
        source.execute(f"CREATE TABLE t{number} ({COLUMNS}); CREATE INDEX ON t{number} (grp)", DATABASE)


def _replicate(contest: Contest, streams: int) -> None:
    """From an empty destination to so many subscriptions that follow; then nobody but the servers is left."""
    contest.empty()
    with race_ways.processes(contest, {"streams_per_database": streams}) as room:
        race_ways.ours(contest, room)
    ((made,),) = contest.destination.execute("SELECT count(*) FROM pg_subscription")
    assert made == streams, f"{made} subscriptions"


def _insert(source: Cluster, rows: int) -> None:
    _in_transactions(
        source, rows, "INSERT INTO {table} SELECT g, g % 1000, 'name ' || g FROM generate_series({first}, {last}) g"
    )


def _update(source: Cluster, rows: int) -> None:
    _in_transactions(source, rows, "UPDATE {table} SET name = name || '!' WHERE id BETWEEN {first} AND {last}")


def _in_transactions(source: Cluster, rows: int, statement: str) -> None:
    """Of a hundred rows each, of all tables in turn."""
    with source.connect(DATABASE) as session:
        session.execute("SET synchronous_commit = off")
        for first in range(1, rows + 1, 100):
            for number in range(TABLES):
                session.execute(statement.format(table=f"t{number}", first=first, last=min(rows, first + 99)).encode())
                session.commit()


def _caught_up(contest: Contest, write: Callable[[], None], rows: int) -> tuple[float, float]:
    """Rows a second, and the servers' processor time, while what is written behind disabled subscriptions is applied."""
    names = [name for (name,) in contest.destination.execute("SELECT subname FROM pg_subscription")]
    for name in names:
        contest.destination.execute(f"ALTER SUBSCRIPTION {name} DISABLE", DATABASE)
    write()
    ((position,),) = contest.source.execute("SELECT pg_current_wal_insert_lsn()::text")
    behind = f"SELECT 1 FROM pg_replication_slots WHERE confirmed_flush_lsn < '{position}'"
    servers = contest.source, contest.destination
    before, begun = of_servers(servers), time.monotonic()
    for name in names:
        contest.destination.execute(f"ALTER SUBSCRIPTION {name} ENABLE", DATABASE)
    with contest.source.connect() as session:
        while session.execute(behind.encode()).fetchone():
            session.rollback()
            time.sleep(0.05)
            assert time.monotonic() < begun + 1800, "they do not catch up"
    seconds = time.monotonic() - begun
    return rows / seconds, of_servers(servers) - before
