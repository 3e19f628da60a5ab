"""Supervision, with real child processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.machines.processes import Program, Supervisor

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
STUBBORN = [sys.executable, "-c",
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"]  # fmt: skip


def wait(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_killed_is_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor([Program("sleeper", SLEEP)], tmp_path)
    supervisor.start()
    first = supervisor.pid("sleeper")
    assert first is not None
    wait(lambda: (tmp_path / "sleeper.log").read_text() == "here\n")
    os.kill(first, signal.SIGKILL)
    wait(lambda: supervisor.pid("sleeper") is None)
    assert "SIGKILL" in supervisor.tick()[0]
    wait(lambda: not supervisor.tick() and supervisor.pid("sleeper"))
    wait(lambda: (tmp_path / "sleeper.log").read_text() == "here\nhere\n")
    second = supervisor.pid("sleeper")
    assert second is not None and second != first
    supervisor.stop()
    assert not alive(second)


def test_one_that_cannot_run_is_not_started_all_the_time(tmp_path: Path) -> None:
    supervisor = Supervisor([Program("broken", [sys.executable, "-c", "raise SystemExit(3)"])], tmp_path)
    supervisor.start()
    deadline = time.monotonic() + 2
    sentences = []
    while time.monotonic() < deadline:
        sentences += supervisor.tick()
        time.sleep(0.02)
    assert "exit status 3" in sentences[0]
    assert supervisor.children[0].starts == 2
    supervisor.stop()


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor([Program("deaf", STUBBORN, grace_seconds=0.3)], tmp_path)
    supervisor.start()
    wait(lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    pid = supervisor.pid("deaf")
    assert pid is not None
    begun = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begun < 5
    assert not alive(pid)


def test_later_stages_end_first(tmp_path: Path) -> None:
    record = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[2], 'a').write(sys.argv[1]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    programs = [
        Program(name, [sys.executable, "-c", code, name, str(record)], stage=stage)
        for name, stage in (("a", 0), ("b", 1))
    ]
    supervisor = Supervisor(programs, tmp_path)
    supervisor.start()
    wait(lambda: all(child.log.read_text() == "up\n" for child in supervisor.children))
    supervisor.stop()
    assert record.read_text() == "ba"


def orphan(tmp_path: Path, code: str) -> int:
    """The process id of a child whose supervisor was killed."""
    supervisor = (
        "import sys, time; from pathlib import Path; from migrator.machines.processes import Program, Supervisor\n"
        "s = Supervisor([Program('child', [sys.executable, '-c', sys.argv[2]])], Path(sys.argv[1]))\n"
        "s.start(); print(s.pid('child'), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", supervisor, str(tmp_path), code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait(lambda: (tmp_path / "child.log").read_text())
        assert alive(child)
        parent.kill()
    return child


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_no_orphans_when_the_parent_is_killed(tmp_path: Path) -> None:
    child = orphan(tmp_path, SLEEP[2])
    wait(lambda: not alive(child))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_not_even_deaf_ones(tmp_path: Path) -> None:
    child = orphan(tmp_path, STUBBORN[2])
    wait(lambda: not alive(child), 20)
