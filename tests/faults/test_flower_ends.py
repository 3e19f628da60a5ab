"""Flower ends when it is told to, also when the Redis it waits for is gone."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from migrator.machines.cluster import Valkey
from migrator.machines.ports import free_port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_flower_ends_without_redis(tmp_path: Path) -> None:
    valkey, port, file = Valkey(), free_port(), tmp_path / "config.json"
    instances = {"old": {"server": "127.0.0.1", "port": 1}, "new": {"server": "127.0.0.1", "port": 2}}
    mapping = {"source_instance": "old", "destination_instance": "new"}
    file.write_text(json.dumps({"instances": instances, "mappings": [mapping], "redis_url": valkey.url}))
    command = [sys.executable, "-m", "migrator.cli", "flower", "-c", str(file), "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    ) as flower:
        try:
            while not answers(f"http://127.0.0.1:{port}/healthcheck"):
                assert flower.poll() is None
                time.sleep(0.5)
            valkey.kill()
            time.sleep(6)  # its threads are waiting for the broker by then
            flower.terminate()
            assert flower.wait(20) == 0
        finally:
            flower.kill()
            valkey.remove()
