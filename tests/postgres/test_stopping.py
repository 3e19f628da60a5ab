"""A task that is told to let go: its statement is cancelled on a real server, it is no failure, and nothing hangs for ever."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from migrator.connection import session_of
from migrator.machines.cluster import Cluster

CONFIG = {
    "instances": {"old": {"server": "127.0.0.1", "port": 1}, "new": {"server": "127.0.0.1", "port": 2}},
    "mappings": [{"source_instance": "old", "destination_instance": "new"}],
    "workers": {"grace_seconds": 1},
}
STUBBORN = """
import time
from workers.stopping import _let_go
_let_go()
print("told", flush=True)
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG))
    return str(file)


@pytest.fixture
def stopping(config: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module, as in a process of a worker's pool; the test runner gets its alarm back."""
    monkeypatch.setenv("MIGRATOR_CONFIG", config)
    from workers import stopping

    alarm, left = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0]
    monkeypatch.setattr(stopping._Process, "stopping", False)
    monkeypatch.setattr(stopping._Process, "of_a_pool", True)
    before = signal.signal(stopping.ASK, stopping._let_go)
    yield stopping
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, left)
    signal.signal(stopping.ASK, before)


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_the_statement_is_cancelled_and_nothing_begins_afterwards(
    stopping: ModuleType, monkeypatch: pytest.MonkeyPatch, shared: Callable[[int], Cluster], number: signal.Signals
) -> None:
    cluster = shared(18)
    done: list[str] = []

    def told() -> bool:
        done.append("told")
        return len(done) == 1

    def tell() -> None:
        for _ in range(2):
            os.kill(os.getpid(), number)

    monkeypatch.setattr(stopping, "_begin_to_stop", told)
    name = f"pg-migrator stopping {os.getpid()}"

    @stopping.interruptible  # type: ignore[untyped-decorator]
    def work() -> None:
        with session_of(cluster.spec("it"), None, name) as session:
            threading.Timer(0.5, tell).start()
            try:
                session.execute("SELECT pg_sleep(60)")
            except psycopg.Error:
                done.append("an error, which a task would count as a failure")
            done.append("went on")

    work()
    assert set(done) == {"told"}
    assert cluster.execute(f"SELECT query FROM pg_stat_activity WHERE application_name = '{name}'") == []
    monkeypatch.setattr(stopping._Process, "stopping", True)
    work()
    assert set(done) == {"told"}


def test_who_does_not_let_go_is_ended_by_the_kernel(config: str) -> None:
    command = [sys.executable, "-c", STUBBORN]
    environment = {**os.environ, "MIGRATOR_CONFIG": config}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"told\n"
            assert process.wait(60) == -signal.SIGALRM
        finally:
            process.kill()


def test_what_is_away_is_put_off(config: str) -> None:
    """Not a traceback: Redis and both servers are away."""
    code = "from workers.tasks import reconcile, sample_lag_of, run_phase; sample_lag_of('old-to-new'); reconcile('old-to-new')"
    environment = {**os.environ, "MIGRATOR_CONFIG": config, "MIGRATOR__REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "-c", f"{code}; run_phase('unknown', None, 'roles')"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("work put off") == 3
