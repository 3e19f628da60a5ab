"""The demo as a person goes through it: light, three experiments, cutover and completion as instructed, nothing left."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.errors import BinariesMissingError
from migrator.machines import scratch
from migrator.machines.provision import client, postgres_bin, valkey_binary
from migrator.machines.samples import DATABASES
from tests.conftest import absent
from tests.system.scenario import descendants

CLI = (sys.executable, "-m", "migrator.cli")
COUNTS = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator') ORDER BY 1
"""


class Demo:
    """A running demo, what it printed, and the two servers of its configuration."""

    def __init__(self, output: Path) -> None:
        self.output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [*CLI, "demo", "--no-web"], stdout=file, stderr=file, stdin=subprocess.DEVNULL
            )

    def until_ready(self) -> None:
        self.wait(lambda: "Ctrl-C ends the demo" in self.printed, 500)
        path = re.search(r"cutover -c (\S+)", self.printed)
        assert path
        self.config = path[1]
        self.instances: dict[str, dict[str, Any]] = json.loads(Path(self.config).read_text())["instances"]

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def wait(self, condition: Callable[[], object], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.5)

    def paste(self, what: str) -> None:
        """Run the printed line with this text in it."""
        line = next(line for line in self.printed.splitlines() if what in line)
        subprocess.run(shlex.split(line.split("   #")[0]), check=True)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*CLI, arguments[0], "-c", self.config, *arguments[1:]]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def status(self) -> dict[str, Any]:
        [summary] = json.loads(self.command("status", "--json").stdout)["mappings"]
        return dict(summary)

    def connect(self, instance: str, database: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
        it = self.instances[instance]
        return psycopg.connect(host=it["server"], port=it["port"], user=it["username"], password=it["password"],
                               dbname=database, autocommit=True)  # fmt: skip

    def checksums(self, instance: str) -> dict[str, tuple[Any, ...]]:
        """Per table: rows, and a sum over them that does not depend on their order."""
        found = {}
        for database in DATABASES:
            with self.connect(instance, database) as connection:
                for (table,) in connection.execute(COUNTS).fetchall():
                    sums = f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM ONLY {table} t"
                    found[f"{database}: {table}"] = connection.execute(sums).fetchone() or ()
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    for version in (16, 18):
        try:
            postgres_bin(version), valkey_binary(), client("pgbench")
        except BinariesMissingError as error:
            absent(str(version), str(error))
    running = Demo(tmp_path / "demo.out")
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_from_end_to_end(demo: Demo) -> None:
    demo.until_ready()
    demo.paste("kill -9")
    demo.wait(lambda: "worker-rows ended (SIGKILL)" in demo.printed, 20)
    demo.paste("flushall")
    demo.paste("kill -INT")
    demo.wait(lambda: "The source is back." in demo.printed, 60)
    demo.wait(lambda: demo.status()["status"] == "cutover_ready", 90)

    assert demo.command("complete", "demo", "--yes").returncode == 1  # nobody has stopped the writers
    cutover = json.loads(demo.command("cutover", "demo", "--json").stdout)["cutover"]
    stop = next(step["sql"] for step in cutover if step["title"] == "Stop the writers")
    with demo.connect("postgres16") as connection:
        connection.execute(stop)
    barrier = demo.command("cutover", "demo", "--writes-stopped", "--yes")
    demo.wait(lambda: demo.status()["completion"]["safe"], 60)
    source, destination = demo.checksums("postgres16"), demo.checksums("postgres18")
    assert source == destination, barrier.stdout + barrier.stderr
    assert len(source) == 20
    assert any(rows for rows, _ in source.values())

    completion = demo.command("complete", "demo", "--yes")
    assert completion.returncode == 0, completion.stdout + completion.stderr
    assert demo.status()["status"] == "completed"
    with demo.connect("postgres16") as connection:
        assert connection.execute("SELECT slot_name FROM pg_replication_slots").fetchall() == []

    assert not [secret for secret in (it["password"] for it in demo.instances.values()) if secret in demo.printed]
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0  # completed: nothing was interrupted
    assert not Path(demo.config).exists()
    for it in demo.instances.values():
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(host=it["server"], port=it["port"], user=it["username"], password=it["password"])


def homes(pid: int) -> list[Path]:
    """The directories in /tmp that a process holds."""
    held = [os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()]  # noqa: PTH115
    return [Path(target).parent for target in held if target.endswith("/.owner")]


@pytest.mark.slow
def test_nobody_is_left_when_the_demo_is_killed(demo: Demo) -> None:
    demo.wait(lambda: "demo: in_progress" in demo.printed, 200)
    children = descendants(demo.process.pid)
    assert len(children) > 5
    left = homes(demo.process.pid)
    demo.process.kill()
    demo.process.wait()
    deadline = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{pid}") for pid in children):  # noqa: PTH110
        assert time.monotonic() < deadline, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children]
        time.sleep(0.5)
    assert left
    scratch.sweep()
    assert not [path for path in left if path.exists()], "the next one clears away what it has left"


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["Filling the source", "demo: in_progress"])
def test_sigterm_ends_the_demo_with_nothing_left(demo: Demo, moment: str) -> None:
    demo.wait(lambda: moment in demo.printed, 200)
    children, left = descendants(demo.process.pid), homes(demo.process.pid)
    demo.process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert demo.process.wait(60) == 130, demo.printed
    print(f"gone after {time.monotonic() - begun:.1f} s")
    assert left and not [path for path in left if path.exists()]
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
