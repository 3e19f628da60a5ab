"""`pg-migrator run` on real servers: the ways it ends before the light."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.machines import scratch
from migrator.machines.cluster import Cluster
from tests.system.scenario import descendants

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(cluster: Callable[..., Cluster], tmp_path: Path) -> Start:
    """Starts `run` between a source of these settings and a destination; nothing is in them."""

    def start(*arguments: str, **source: str) -> "subprocess.Popen[str]":
        servers = {"old": cluster(16, password="planted1", **source), "new": cluster(18, password="planted2")}
        servers["old"].execute("CREATE DATABASE shop")
        instances = {
            name: {"server": it.host, "port": it.port, "username": it.superuser, "password": it.password}
            for name, it in servers.items()
        }
        mapping = {"source_instance": "old", "destination_instance": "new"}
        pace = {"reconcile_interval_seconds": 1, "stable_seconds": 1}
        file = tmp_path / "config.json"
        file.write_text(json.dumps({"instances": instances, "mappings": [mapping], "replication": pace}))
        command = [sys.executable, "-m", "migrator.cli", "run", "-c", str(file), "--no-web", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return start


def logs_of(printed: str) -> Path:
    """The directory that `run` said it logs to."""
    found = re.search(r"Logs: (\S+)/", printed)
    assert found, printed
    return Path(found[1])


def test_only_a_person_can_go_on(start: Start) -> None:
    running = start("--until", "ready", wal_level="replica")
    printed, _ = running.communicate(timeout=200)
    assert running.returncode == 1, printed
    assert "Only a person can go on" in printed
    assert "wal_level" in printed
    assert "planted" not in printed
    assert logs_of(printed).exists(), "kept for the person"
    shutil.rmtree(logs_of(printed))


def test_the_time_is_up(start: Start) -> None:
    running = start("--timeout", "2")
    printed, _ = running.communicate(timeout=200)
    assert running.returncode == 3, printed
    shutil.rmtree(logs_of(printed))


def test_interrupted_with_slots_left(start: Start) -> None:
    running = start("--workers", "1")
    assert running.stdout is not None
    printed = ""
    deadline = time.monotonic() + 200
    while "catchup" not in printed and "synced" not in printed and "cutover_ready" not in printed:
        assert time.monotonic() < deadline, printed
        printed += running.stdout.readline()
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 130, printed + rest
    assert "pg-migrator abort old-to-new" in rest
    assert not logs_of(printed).exists()


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A configuration of servers that do not exist."""
    file = tmp_path / "config.json"
    instances = {"old": {"server": "127.0.0.1", "port": 1}, "new": {"server": "127.0.0.1", "port": 2}}
    mapping = {"source_instance": "old", "destination_instance": "new"}
    file.write_text(json.dumps({"instances": instances, "mappings": [mapping], "workers": {"grace_seconds": 15}}))
    return file


def run(file: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "migrator.cli", "run", "-c", str(file), "--no-web", "--workers", "1", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, env={**os.environ, **environment}, **pipes)  # type: ignore[call-overload,no-any-return]


def read_until(running: "subprocess.Popen[str]", *words: str) -> str:
    assert running.stdout is not None
    printed = ""
    while any(word not in printed for word in words):
        line = running.stdout.readline()
        assert line, printed
        printed += line
    return printed


def test_the_second_with_one_configuration_says_so(nowhere: Path) -> None:
    with nowhere.open() as held:
        assert scratch.lock(held.fileno())
        running = run(nowhere)
        printed, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert f"at work on this machine already with {nowhere}" in printed


def test_redis_away_is_said(nowhere: Path) -> None:
    running = run(nowhere, "--timeout", "10", MIGRATOR__REDIS_URL="redis://:planted3@127.0.0.1:1/0")
    printed, _ = running.communicate(timeout=120)
    assert running.returncode == 3
    assert "Redis does not answer" in printed and "Everything waits until it does" in printed
    assert "planted3" not in printed
    shutil.rmtree(logs_of(printed))


def test_what_the_environment_says_in_another_way_is_no_second_word(nowhere: Path, valkey: str, tmp_path: Path) -> None:
    """The children are told where Redis is, and the ports: by variables of their own beside those that they inherit."""
    secret = tmp_path / "redis"
    secret.write_text(f"{valkey}\n")
    running = run(nowhere, MIGRATOR__REDIS_URL_FILE=str(secret), MIGRATOR__Web__Port="19999")
    try:
        printed = read_until(running, "problematic")
        assert "ended" not in printed
    finally:
        running.send_signal(signal.SIGTERM)
        rest, _ = running.communicate(timeout=60)
    assert running.returncode == 130, rest


def test_a_configuration_broken_while_it_runs_and_the_end_by_sigterm(nowhere: Path) -> None:
    running = run(nowhere)
    try:
        printed = read_until(running, "problematic")
        good = nowhere.read_text()
        nowhere.write_text(good.replace('"port": 1', '"port": "one"'))
        [worker] = [pid for pid in descendants(running.pid) if "schema,relations" in command_of(pid)][:1]
        os.kill(worker, signal.SIGKILL)
        printed += read_until(running, "worker-rows ended (SIGKILL)", "worker-rows ended (exit status 2)")
        assert "Its last words: " in printed and "port" in printed.rsplit("last words", 1)[1]
        nowhere.write_text(good)
        children = descendants(running.pid)
        running.send_signal(signal.SIGTERM)
        rest, _ = running.communicate(timeout=60)
        assert running.returncode == 130, rest
        assert not logs_of(printed).exists()
        assert not [pid for pid in children if "migrator" in command_of(pid) or "celery" in command_of(pid)]
    finally:
        running.kill()
        running.wait()


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
