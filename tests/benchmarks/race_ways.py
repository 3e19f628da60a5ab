"""The ways that `race` compares. Each begins with an empty destination, and ends when rows, indexes and statistics are there.

Indexes are built and tables analyzed by as many at once as rows are copied. Ours and tablesync replicate afterwards; the
other two do not.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from migrator.machines.cluster import Cluster
from migrator.machines.provision import client
from tests.benchmarks.processor_time import of_tree
from tests.machine_room import MachineRoom, instance, machine_room, write_config

DATABASE = "race"
WAITING = "race_waits"
"""The database's name while the processes start: the mapping takes `race` alone."""

DONE = (
    "SELECT count(*) FILTER (WHERE analyzed_at IS NOT NULL) = %(tables)s"
    " AND (SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
    "      WHERE c.relnamespace = 'public'::regnamespace AND i.indisvalid) = %(indexes)s"
    " AND (SELECT count(*) FROM pg_subscription_rel WHERE srsubstate = 'r') = %(tables)s FROM migrator.relations"
)


class Contest:
    """Both servers, and what is to be reached: so many tables with so many indexes, by so many jobs."""

    def __init__(self, source: Cluster, destination: Cluster, jobs: int) -> None:
        self.source, self.destination, self.jobs = source, destination, jobs
        ((self.tables, self.indexes),) = source.execute(
            "SELECT count(DISTINCT c.oid), count(i.indexrelid) FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'",
            DATABASE,
        )

    def empty(self) -> None:
        """No trace of the run before, all dirty pages written."""
        for (name,) in self.destination.execute("SELECT subname FROM pg_subscription"):
            for change in ("DISABLE", "SET (slot_name = NONE)"):
                self.destination.execute(f"ALTER SUBSCRIPTION {name} {change}", DATABASE)
            self.destination.execute(f"DROP SUBSCRIPTION {name}", DATABASE)
        self.destination.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.destination.execute("DROP SCHEMA IF EXISTS migrator CASCADE")
        while self.source.execute("SELECT 1 FROM pg_replication_slots"):
            drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
            self.source.execute(drop)
            time.sleep(0.1)
        for (name,) in self.source.execute("SELECT pubname FROM pg_publication", DATABASE):
            self.source.execute(f"DROP PUBLICATION {name}", DATABASE)
        for cluster in (self.source, self.destination):
            cluster.execute("CHECKPOINT")

    def sections(self, *sections: str) -> None:
        """Schema of these sections, from the source's dump, by as many jobs as there are."""
        options = [f"--section={section}" for section in sections]
        with tempfile.TemporaryDirectory() as directory:
            dump = str(Path(directory) / "schema")
            _do("pg_dump", "-Fc", "--schema-only", *options, "-f", dump, self.source.dsn(DATABASE))
            _do("pg_restore", "-j", str(self.jobs), *options, "-d", self.destination.dsn(DATABASE), dump)

    def analyze(self) -> None:
        """Statistics of all tables."""
        _do("vacuumdb", "-q", "--analyze-only", "-j", str(self.jobs), "-d", self.destination.dsn(DATABASE))

    def done(self) -> Iterator[bool]:
        """Again and again whether ours has reached what the others reach, and is subscribed. By one session: each costs the server."""
        wanted = {"tables": self.tables, "indexes": self.indexes}
        while True:
            # As long as the database, or something of it, is not there yet.
            with suppress(psycopg.Error), self.destination.connect(DATABASE) as connection:
                while True:
                    row = connection.execute(DONE.encode(), wanted).fetchone()
                    connection.rollback()
                    yield bool(row and row[0])
            yield False


def tablesync(contest: Contest, *, indexes_first: bool) -> float:
    """One publication, one subscription by hand. Primary keys count as indexes."""
    begun = time.monotonic()
    contest.destination.execute(f"CREATE DATABASE {DATABASE}")
    contest.sections("pre-data", *(["post-data"] if indexes_first else []))
    contest.source.execute("CREATE PUBLICATION hand FOR ALL TABLES", DATABASE)
    contest.source.execute("SELECT pg_create_logical_replication_slot('hand', 'pgoutput')", DATABASE)
    conninfo = contest.source.dsn(DATABASE).replace("'", "''")
    options = "slot_name = 'hand', create_slot = false"
    subscribe = f"CREATE SUBSCRIPTION hand CONNECTION '{conninfo}' PUBLICATION hand WITH ({options})"
    contest.destination.execute(subscribe, DATABASE)
    while contest.destination.execute("SELECT 1 FROM pg_subscription_rel WHERE srsubstate <> 'r'", DATABASE):
        time.sleep(0.1)
    if not indexes_first:
        contest.sections("post-data")
    contest.analyze()
    return time.monotonic() - begun


def dump(contest: Contest) -> float:
    """pg_dump -j into a directory, uncompressed, then pg_restore -j, both of version 18."""
    directory = tempfile.mkdtemp(prefix="race-")
    begun, jobs = time.monotonic(), ("-j", str(contest.jobs))
    try:
        contest.destination.execute(f"CREATE DATABASE {DATABASE}")
        _do("pg_dump", "-Fd", "-Z0", *jobs, "-f", f"{directory}/dump", contest.source.dsn(DATABASE))
        _do("pg_restore", *jobs, "-d", contest.destination.dsn(DATABASE), f"{directory}/dump")
        contest.analyze()
        return time.monotonic() - begun
    finally:
        shutil.rmtree(directory)


def pgcopydb_version() -> str | None:
    """What `pgcopydb --version` says; None where there is none."""
    program = shutil.which("pgcopydb")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\S+)", said.stdout + said.stderr)
    return found[1] if found else "?"


def pgcopydb(contest: Contest) -> float:
    """`pgcopydb clone` with as many table and index jobs; large tables in parts like ours. It runs VACUUM ANALYZE itself."""
    directory = tempfile.mkdtemp(prefix="race-")
    jobs = str(contest.jobs)
    begun = time.monotonic()
    try:
        contest.destination.execute(f"CREATE DATABASE {DATABASE}")
        subprocess.run(
            ["pgcopydb", "clone", "--source", contest.source.dsn(DATABASE), "--target", contest.destination.dsn(DATABASE),
             "--table-jobs", jobs, "--index-jobs", jobs, "--split-tables-larger-than", "256MB", "--dir", f"{directory}/work",
             "--no-owner", "--no-acl"],
            check=True, capture_output=True,
            env={"PATH": f"{client('pg_dump').parent}:/usr/bin:/bin", "HOME": directory},
        )  # fmt: skip
        return time.monotonic() - begun
    finally:
        shutil.rmtree(directory)


@contextmanager
def processes(contest: Contest, replication: dict[str, object]) -> Iterator[MachineRoom]:
    """Everything that `pg-migrator run` starts but the dashboard and Flower, up and waiting for the database."""
    contest.source.execute(f"ALTER DATABASE {DATABASE} RENAME TO {WAITING}")
    with tempfile.TemporaryDirectory() as directory:
        pace = {"reconcile_interval_seconds": 5, "ui_refresh_interval_seconds": 5, "stable_seconds": 60, **replication}
        config = write_config(
            Path(directory), instance(contest.source), instance(contest.destination), pace,
            databases={"include": [DATABASE]}, copy_method="snapshot",
        )  # fmt: skip
        try:
            with machine_room(config, web=False, workers=contest.jobs) as room:
                room.until(lambda summary: bool(summary))
                yield room
        finally:
            with suppress(psycopg.errors.InvalidCatalogName):
                contest.source.execute(f"ALTER DATABASE {WAITING} RENAME TO {DATABASE}")


def ours(contest: Contest, room: MachineRoom) -> float:
    """From the moment the database has the name that the mapping takes, seen by the next tick."""
    contest.source.execute(f"ALTER DATABASE {WAITING} RENAME TO {DATABASE}")
    begun = time.monotonic()
    for done in contest.done():
        if done:
            break
        room.until(lambda _: True)
        time.sleep(0.2)
        assert time.monotonic() < begun + 3600, room.logs()[-6000:]
    return time.monotonic() - begun


def own_cpu(room: MachineRoom) -> float:
    """Processor time of all processes of ours, Valkey included."""
    pids = (room.supervisor.pid(program.name) for program in room.machinery.programs)
    return sum(of_tree(pid) for pid in pids if pid)


def _do(program: str, *arguments: str) -> None:
    subprocess.run([str(client(program)), *arguments], check=True, capture_output=True)
