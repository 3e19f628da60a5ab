"""One process each: which program this one becomes, and what it is told by which way."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main

CONFIG = {
    "instances": {"old": {"server": "old", "password": "dbsecret"}, "new": {"server": "new"}},
    "mappings": [{"source_instance": "old", "destination_instance": "new"}],
    "redis_url": "redis://:queuesecret@queue/0",
    "workers": {"concurrency": 3},
    "web": {"port": 9000, "flower_port": 9001, "allowed_hosts": ["a.example", "b.example"]},
}

Become = Callable[..., tuple[list[str], dict[str, str]]]


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Become:
    """Runs a command and returns the arguments and the environment it would go on with."""
    path = tmp_path / "c.json"
    path.write_text(json.dumps(CONFIG))
    monkeypatch.setenv("MIGRATOR__INSTANCES__NEW__PASSWORD", "envsecret")
    monkeypatch.setenv("PGPASSWORD", "pgsecret")
    seen: list[tuple[list[str], dict[str, str]]] = []

    def execve(_program: str, arguments: list[str], environment: dict[str, str]) -> None:
        seen.append((arguments, environment))

    monkeypatch.setattr(os, "execve", execve)

    def invoke(*arguments: str) -> tuple[list[str], dict[str, str]]:
        result = CliRunner().invoke(main, [arguments[0], "-c", str(path), *arguments[1:]])
        assert result.exit_code == 0, result.output
        command, environment = seen.pop()
        assert "secret" not in " ".join(command)
        return command[1:], environment

    return invoke


def test_worker_beat_and_flower_find_the_file(become: Become, tmp_path: Path) -> None:
    celery = ["-m", "celery", "--quiet", "-A", "workers.app"]
    command, environment = become("worker")
    assert command == [
        *celery,
        "worker",
        "--hostname",
        f"all-{os.getpid()}@%h",
        "--concurrency",
        "3",
        "--exclude-queues",
        "keepers",
    ]
    assert environment["MIGRATOR_CONFIG"] == str(tmp_path / "c.json")
    command, _ = become("worker", "--queues", "relations,schema", "--concurrency", "1")
    assert command[7] == f"relations-{os.getpid()}@%h"
    assert command[8:] == ["--concurrency", "1", "--queues", "relations,schema"]
    assert become("beat")[0] == [*celery, "beat"]
    monitor = ["-m", "workers.monitor", "--quiet", "-A", "workers.app"]
    assert become("flower")[0] == [*monitor, "flower", "--address=127.0.0.1", "--port=9001"]
    assert become("flower", "--port", "9002")[0][-1] == "--port=9002"


def test_the_web_process_is_told_nothing_of_the_databases(become: Become) -> None:
    command, environment = become("web", "--host", "0.0.0.0")
    assert command == ["-m", "web"]
    ours = {
        name: value for name, value in environment.items() if name.startswith(("MIGRATOR__", "MIGRATOR_CONFIG", "PG"))
    }
    assert ours == {
        "MIGRATOR__REDIS_URL": "redis://:queuesecret@queue/0",
        "MIGRATOR__WEB__HOST": "0.0.0.0",
        "MIGRATOR__WEB__PORT": "9000",
        "MIGRATOR__WEB__ALLOWED_HOSTS": "a.example,b.example",
    }
    assert "PATH" in environment


def test_they_need_redis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**CONFIG, "redis_url": None}))
    for command in ("worker", "beat", "web", "flower"):
        result = CliRunner().invoke(main, [command, "-c", str(path)])
        assert result.exit_code == 2 and "redis_url: is missing" in result.stderr


def test_a_worker_says_which_workers_are_still_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    mapping = {**CONFIG["mappings"][0], "name": "large"}  # type: ignore[index]
    monkeypatch.setattr(os, "execve", lambda *_: None)
    for mappings, arguments, told in (
        ([mapping], [], True),
        ([mapping], ["--queues", "keepers"], False),
        ([mapping], ["--queues", "parts"], False),
        ([{**mapping, "copy_method": "subscription"}], [], False),
    ):
        path.write_text(json.dumps({**CONFIG, "mappings": mappings}))
        result = CliRunner().invoke(main, ["worker", "-c", str(path), *arguments])
        assert ("pg-migrator worker --queues keepers" in result.stderr and "large" in result.stderr) is told, (
            result.output
        )
