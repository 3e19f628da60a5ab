"""The real machinery for a test: every process that `pg-migrator run` starts, in reach of kill -9, with its Redis and logs."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from migrator.cli.machinery import Machinery, arrange
from migrator.config import MappingSpec
from migrator.config_file import load
from migrator.errors import StoreUnavailableError
from migrator.machines import scratch
from migrator.machines.cluster import Cluster
from migrator.machines.processes import Program, Supervisor
from migrator.store import Store

Summary = dict[str, object]

PACE = {"reconcile_interval_seconds": 1, "ui_refresh_interval_seconds": 1, "stable_seconds": 1}


class MachineRoom:
    """Processes under a supervisor, kept alive as long as somebody waits in `until`."""

    def __init__(self, machinery: Machinery, spec: MappingSpec, config: Path, redis_url: str | None = None) -> None:
        """`redis_url`: how we reach Redis, where that is not how the processes do."""
        self.machinery = machinery
        self.spec = spec
        self.config = config
        self.supervisor = Supervisor(machinery.programs, machinery.logs)
        self.redis_url = redis_url or machinery.redis_url.reveal()
        self.store = Store.connect(self.redis_url)

    def summary(self) -> Summary:
        """What was published last; empty while nothing was, or Redis is away."""
        try:
            return self.store.summary(self.spec.name) or {}
        except StoreUnavailableError:
            return {}

    def until(self, done: Callable[[Summary], object], seconds: float = 240.0) -> Summary:
        """Keep everything running until a summary satisfies; fails with what was seen and logged."""
        deadline = time.monotonic() + seconds
        while True:
            self.supervisor.tick()
            seen = self.summary()
            if seen and done(seen):
                return seen
            assert time.monotonic() < deadline, f"{json.dumps(seen, indent=1)}\n{self.logs()[-6000:]}"
            time.sleep(0.2)

    def fresh(self, ticks: int = 1) -> Summary:
        """The summary of a look that began after now, and of so many more after it."""
        for _ in range(ticks):
            before = self.summary().get("observed_at")
            seen = self.until(lambda summary: summary["observed_at"] != before)  # noqa: B023 - called at once
        return seen

    def phase(self, *phases: str) -> Summary:
        """Wait until the mapping is in one of these phases."""
        return self.until(lambda summary: summary["phase"] in phases)

    def status(self, status: str, seconds: float = 240.0) -> Summary:
        """Wait until the mapping has this status."""
        return self.until(lambda summary: summary["status"] == status, seconds)

    def kill(self, *names: str) -> None:
        """SIGKILL for processes of ours, and a wait until they run again."""
        pids = {name: self._pid(name) for name in names}
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        self.until(lambda _: all(self.supervisor.pid(name) not in (pid, None) for name, pid in pids.items()), 60)

    def kill_a_child(self, name: str) -> None:
        """SIGKILL for the youngest child of a process of ours."""
        os.kill(self.children_of(name)[-1], signal.SIGKILL)

    def kill_all_of(self, *names: str) -> None:
        """SIGKILL for processes of ours with all their children, at once; nobody waits for them here."""
        pids = [pid for name in names if (pid := self.supervisor.pid(name)) is not None]
        for pid in [each for parent in pids for each in _with_descendants(parent)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def children_of(self, name: str) -> list[int]:
        """The children of a process of ours, oldest first; none where it does not run."""
        pid = self.supervisor.pid(name)
        return [] if pid is None else children(pid)

    def _pid(self, name: str) -> int:
        pid = self.supervisor.pid(name)
        assert pid is not None, f"{name} is not running: {self.logs()[-3000:]}"
        return pid

    def flush(self) -> None:
        """FLUSHALL: everything in Redis is gone."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    def post_completion(self, typed: str) -> int:
        """`POST /api/mappings/<name>/complete` as the dashboard sends it; the HTTP status."""
        request = urllib.request.Request(
            f"{self.machinery.dashboard}api/mappings/{self.spec.name}/complete",
            json.dumps({"name": typed}).encode(),
            {"Content-Type": "application/json", "X-Requested-With": "pg-migrator"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def logs(self) -> str:
        """What our processes said."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.machinery.logs.glob("*.log")))


def children(pid: int) -> list[int]:
    """Of all threads of a process."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return []


def _with_descendants(pid: int) -> list[int]:
    return [pid, *(found for child in children(pid) for found in _with_descendants(child))]


@contextmanager
def machine_room(
    config: Path,
    *,
    web: bool = True,
    redis_url: str | None = None,
    programs: Sequence[Program] = (),
    workers: int = 2,
) -> Iterator[MachineRoom]:
    """Everything started, and stopped at the end. Without Flower, which no migration needs.

    `redis_url`: how the test itself reaches Redis, where that is not how the processes do. `programs`: these and no others.
    """
    loaded = load(config, {})
    arranged = arrange(loaded, str(config), port=None, workers=workers, web=web)
    programs = tuple(programs) or tuple(program for program in arranged.programs if program.name != "flower")
    room = MachineRoom(
        Machinery(tuple(programs), arranged.logs, arranged.redis_url, arranged.dashboard, None),
        loaded.mappings[0],
        config,
        redis_url,
    )
    room.supervisor.start()
    try:
        yield room
    except BaseException:
        scratch.keep(arranged.logs)
        raise
    finally:
        room.supervisor.stop()
    scratch.remove(arranged.logs)


def by_hand(
    name: str, config: Path, home: Path, *words: str, around: Callable[[list[str]], list[str]] = list
) -> Program:
    """`pg-migrator ...` as on a machine of its own: its own directory, none of our environment. `around` wraps the command."""
    home.mkdir(exist_ok=True)
    clean = ["env", "-i", f"--chdir={home}", f"PATH={os.environ['PATH']}", f"HOME={home}"]
    command = [*clean, sys.executable, "-m", "migrator.cli", words[0], "-c", str(config), *words[1:]]
    return Program(name, around(command))


def write_config(
    directory: Path,
    source: Mapping[str, object],
    destination: Mapping[str, object],
    pace: Mapping[str, object],
    redis_url: str | None = None,
    **fields: object,
) -> Path:
    """A configuration with one mapping, `m`; `fields` are the mapping's. Schemas are not tried, unless these say so."""
    ends = {"name": "m", "source_instance": "source", "destination_instance": "destination"}
    mapping = {**ends, "schema_trial": False, **fields}
    path = directory / "config.json"
    path.write_text(
        json.dumps(
            {
                "instances": {"source": source, "destination": destination},
                "mappings": [mapping],
                "replication": {**PACE, **pace},
                "redis_url": redis_url,
            }
        )
    )
    return path


def instance(cluster: Cluster, **fields: object) -> dict[str, object]:
    """How the configuration tells of a cluster."""
    known = {"server": cluster.host, "port": cluster.port, "username": cluster.superuser, "password": cluster.password}
    return {**known, **fields}
