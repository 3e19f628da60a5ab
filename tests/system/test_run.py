"""`pg-migrator run` on real servers: the ways it ends before the light."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator.cluster import Cluster

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


def test_only_a_person_can_go_on(start: Start) -> None:
    running = start("--until", "ready", wal_level="replica")
    printed, _ = running.communicate(timeout=200)
    assert running.returncode == 1, printed
    assert "Only a person can go on" in printed
    assert "wal_level" in printed
    assert "planted" not in printed


def test_the_time_is_up(start: Start) -> None:
    running = start("--timeout", "2")
    printed, _ = running.communicate(timeout=200)
    assert running.returncode == 3, printed


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
