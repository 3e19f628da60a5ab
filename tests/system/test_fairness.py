"""More mappings than the workers can tick in an interval: each has its turn, and no queue grows by waiting."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from migrator.machines.processes import Program, Supervisor

MAPPINGS, TICK_SECONDS = 24, 0.5
ROUND_SECONDS = MAPPINGS * TICK_SECONDS
"""Longer than beat's messages once lived."""


def config_of_many(directory: Path, url: str) -> Path:
    """Servers that do not exist: nothing looks at them here."""
    instances = {"old": {"server": "127.0.0.1", "port": 1}, "new": {"server": "127.0.0.1", "port": 2}}
    mappings = [
        {
            "name": f"m{number}",
            "source_instance": "old",
            "destination_instance": "new",
            "databases": {"include": [f"d{number}"]},
        }
        for number in range(MAPPINGS)
    ]
    file = directory / "config.json"
    pace = {"reconcile_interval_seconds": 1}
    file.write_text(json.dumps({"instances": instances, "mappings": mappings, "redis_url": url, "replication": pace}))
    return file


@contextmanager
def running(config: Path, *programs: str) -> Iterator[Supervisor]:
    environment = {**os.environ, "MIGRATOR_CONFIG": str(config), "TICK_SECONDS": str(TICK_SECONDS)}
    commands = {
        "beat": [sys.executable, "-m", "migrator.cli", "beat"],
        "beat2": [sys.executable, "-m", "migrator.cli", "beat"],
        "ticks": [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tests.system.slow_ticks",
            "worker",
            "-Q",
            "reconcile",
            "-c",
            "1",
        ],
    }
    supervisor = Supervisor([Program(name, commands[name], environment) for name in programs], config.parent)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()


def headers(message: str) -> dict[str, object]:
    return dict(json.loads(message)["headers"])


@pytest.mark.timeout(120)
def test_every_mapping_has_its_turn_and_no_queue_grows(tmp_path: Path, valkey: str) -> None:
    client = redis.Redis.from_url(valkey, decode_responses=True)
    with running(config_of_many(tmp_path, valkey), "beat", "beat2", "ticks"):
        deadline = time.monotonic() + 2 * ROUND_SECONDS + 30
        while True:
            ticked = {name: int(count) for name, count in client.hgetall("ticked").items()}
            assert client.llen("reconcile") <= MAPPINGS
            if len(ticked) == MAPPINGS and min(ticked.values()) >= 2:
                break
            assert time.monotonic() < deadline, ticked
            time.sleep(0.2)
    assert max(ticked.values()) - min(ticked.values()) <= 1, "in turn"
    # Nobody serves the samples here: two beats have put in one of each mapping, or two where its mark has expired meanwhile.
    samples = client.lrange("sampling", 0, -1)
    assert MAPPINGS <= len(samples) <= 2 * MAPPINGS
    # No time by which another machine's clock could judge the message.
    assert not any(headers(str(sample))["expires"] or headers(str(sample))["eta"] for sample in samples)
