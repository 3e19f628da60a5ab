"""False alarms are failures: a healthy migration, busy, idle or copying, is watched for a while and must not warn of anything.

Everything that could grow does not, and no statement of the source's application fails.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
import redis

from migrator import control
from migrator.machines.cluster import Cluster
from tests.machine_room import MachineRoom, Summary, instance, machine_room, write_config
from tests.system.scenario import checksums, descendants

Clusters = Callable[..., Cluster]

QUICK_SECONDS, LONG_SECONDS = 60.0, 600.0
COPIED_MB_PER_SECOND = 1
ROWS_PER_MB = 5_000
"""Some 210 bytes each on their way: at that pace the copying lasts as long as the watching after it."""

HEALTHY = {"maintenance_database_empty", "rate_limit_by_admission"}
"""Notices that are true of these servers, and of this configuration."""

SCHEMA = """
CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL DEFAULT 0);
CREATE TABLE entry (id bigserial PRIMARY KEY, account int NOT NULL REFERENCES account, body text);
INSERT INTO account SELECT generate_series(1, 1000);
CREATE TABLE bulk (id int PRIMARY KEY, body text);
INSERT INTO bulk SELECT g, repeat('x', 200) FROM generate_series(1, %(rows)s) g;
"""


@dataclass
class Application:
    """Writes to the source as fast as `pause` lets it; every error is kept, for none is allowed."""

    source: Cluster
    pause: float = 0.01
    errors: list[str] = field(default_factory=list)
    committed: int = 0

    def __post_init__(self) -> None:
        self._stop = Event()
        self._thread = Thread(target=self._write, daemon=True)

    def __enter__(self) -> "Application":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=30)

    def _write(self) -> None:
        with self.source.connect("shop") as session:
            session.autocommit = True
            number = 0
            while not self._stop.wait(self.pause):
                number += 1
                try:
                    with session.transaction():
                        self._transact(session, number)
                    self.committed += 1
                except psycopg.Error as error:
                    self.errors.append(str(error))

    def _transact(self, session: psycopg.Connection[tuple[object, ...]], number: int) -> None:
        account = 1 + number % 1000
        session.execute("UPDATE account SET balance = balance + 1 WHERE id = %s", (account,))
        session.execute("INSERT INTO entry (account, body) VALUES (%s, repeat('y', 100))", (account,))
        if number % 10 == 0:
            session.execute("DELETE FROM entry WHERE id = (SELECT min(id) FROM entry)")
        if number % 500 == 0:
            session.execute("SELECT count(*) FROM bulk")


@dataclass
class Meter:
    """What must not grow: memory of our processes, sessions on the servers, keys and bytes in Redis."""

    room: MachineRoom
    servers: tuple[Cluster, ...]

    def read(self) -> dict[str, float]:
        pids = [
            pid for child in self.room.supervisor.children if child.pid for pid in (child.pid, *descendants(child.pid))
        ]
        with redis.Redis.from_url(self.room.redis_url) as client:
            used = float(client.info("memory")["used_memory"])
        sessions = [
            row[0]
            for server in self.servers
            for row in server.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator%'"
            )
        ]
        return {
            "memory MB": sum(map(resident_mb, pids)),
            "sessions": float(sum(sessions)),
            "redis MB": used / 2**20,
        }


def resident_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:"))


def warnings(seen: Summary) -> set[str]:
    found = seen["findings"]
    assert isinstance(found, list)
    return {f"{each['code']}: {each['message']}" for each in found if each["code"] not in HEALTHY}


def copying(room: MachineRoom) -> Iterator[Summary]:
    """Every summary that is published until all rows are there."""
    while (seen := room.fresh())["status"] == "in_progress":
        yield seen


def ready(room: MachineRoom, seconds: float) -> Iterator[Summary]:
    """Every summary that is published for so long, and none without the light."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = room.fresh()
        assert seen["status"] == "cutover_ready", seen
        yield seen


def soak(room: MachineRoom, servers: tuple[Cluster, ...], summaries: Iterator[Summary]) -> None:
    """Watch, and compare the beginning with the end: growth is what the second half adds to the first."""
    meter, readings = Meter(room, servers), list[dict[str, float]]()
    for seen in summaries:
        assert warnings(seen) == set()
        assert seen["stalled_since"] is None
        readings.append(meter.read())
    assert len(readings) > 3
    half = len(readings) // 2
    for what, allowance in (("memory MB", 60.0), ("sessions", 8.0), ("redis MB", 4.0)):
        first, second = (max(each[what] for each in part) for part in (readings[:half], readings[half:]))
        assert second <= first * 1.1 + allowance, (what, readings)


SECONDS = [
    pytest.param(QUICK_SECONDS, id="quick"),
    pytest.param(LONG_SECONDS, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
]


@pytest.mark.parametrize("seconds", SECONDS)
def test_healthy_copying_busy_and_idle(cluster: Clusters, tmp_path: Path, seconds: float) -> None:
    """One migration through all three: copying under load, in step under load, in step and idle."""
    source, destination = cluster(15), cluster(18)
    source.execute("CREATE DATABASE shop")
    rows = int(seconds * COPIED_MB_PER_SECOND * ROWS_PER_MB)
    source.execute(SCHEMA % {"rows": rows}, "shop")
    pace = {"reconcile_interval_seconds": 1, "ui_refresh_interval_seconds": 1, "rate_limit_mbps": COPIED_MB_PER_SECOND}
    path = write_config(tmp_path, instance(source), instance(destination), pace)
    with Application(source) as application, machine_room(path, web=False) as room:
        room.until(lambda summary: summary["status"] == "in_progress")
        servers = source, destination
        soak(room, servers, copying(room))
        room.status("cutover_ready")
        soak(room, servers, ready(room, seconds))
        assert application.committed > seconds
        application.__exit__()
        room.status("cutover_ready")
        soak(room, servers, ready(room, seconds))
        assert application.errors == []
        assert checksums(source, "shop") == checksums(destination, "shop")
        spec = room.spec
    assert control.abort(spec).left == ()
    assert application.errors == []
