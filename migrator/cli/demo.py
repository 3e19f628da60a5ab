"""demo: a whole migration between two throw-away servers of this machine, by the real system, under a live load."""

import json
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from migrator.cli.machinery import arrange
from migrator.cli.progress import Progress
from migrator.cli.run import Moments, conduct, no_web, port, timeout, until, workers
from migrator.cli.verdict import Outlook
from migrator.config_file import load
from migrator.machines import samples, scratch
from migrator.machines.cluster import Cluster
from migrator.machines.processes import Supervisor
from migrator.machines.samples.load import Load

NAME = "demo"
_SOURCE_VERSION, _DESTINATION_VERSION = 16, 18
_BREAK_SECONDS = 10.0
"""How long the source stays away when somebody stops it."""


@click.command()
@until
@timeout
@port
@workers
@no_web
def demo(until: str | None, timeout: float | None, port: int | None, workers: int | None, no_web: bool) -> None:
    """Migrate a shop, its analytics and pgbench from PostgreSQL 16 to 18 on this machine, while they are written to.

    Both servers come from the packages of the `demo` extra and are gone afterwards. Exit status: as of run.
    """
    # also while servers are made and removed; what runs in between has its own way of ending
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with stage() as scene:
        machinery = arrange(load(scene.config), str(scene.config), port=port, workers=workers, web=not no_web)
        encore = _no_encore if until else scene.at_the_light(machinery.redis_url.reveal())
        moments = Moments(scene.each_tick, encore, slots_outlive_us=False)
        status = conduct(machinery, Outlook([NAME], bool(until), timeout), moments)
        click.echo("Removing both servers ...")
    raise SystemExit(status)


@dataclass
class Scene:
    """Two servers, the load on the source, and the configuration between them."""

    source: Cluster
    destination: Cluster
    writers: Load
    config: Path
    _gone_since: float | None = None

    def each_tick(self, progress: Progress) -> None:
        """Tell the load; start the source again when somebody has stopped it."""
        progress.caption = f"live load {self.writers.tps():.0f} transactions/s, {self.writers.committed} committed"
        if self.source.running:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = time.monotonic()
            progress.say(f"The source has stopped. It comes back in {_BREAK_SECONDS:.0f} s.")
        elif time.monotonic() - self._gone_since > _BREAK_SECONDS:
            self.source.start()
            progress.say("The source is back.")

    def at_the_light(self, redis_url: str) -> "Encore":
        """What to print at the green light."""
        return Encore(self, redis_url)


@dataclass(frozen=True)
class Encore:
    """Printed at the green light: how to cut over, and three experiments."""

    scene: Scene
    redis_url: str

    def __call__(self, progress: Progress, supervisor: Supervisor) -> None:
        command = f"{shlex.quote(sys.argv[0])} {{}} -c {shlex.quote(str(self.scene.config))} {NAME}"
        flush = f"import redis; redis.Redis.from_url('{self.redis_url}').flushall()"
        progress.say(
            "\nThe cutover, step by step (in another terminal; this one goes on):\n"
            f"  {command.format('cutover')}\n"
            f"  {command.format('complete')}\n"
            "\nOr try to break it. Each of these ends at the green light again:\n"
            f"  kill -9 {supervisor.pid('worker-rows')}   # a worker\n"
            f"  {shlex.quote(sys.executable)} -c {shlex.quote(flush)}   # everything in Redis\n"
            f"  kill -INT {self.scene.source.pid}   # the source, which stays away for {_BREAK_SECONDS:.0f} s\n"
            "\nCtrl-C ends the demo and removes both servers.\n"
        )


def _no_encore(progress: Progress, supervisor: Supervisor) -> None:
    """With --until ready the demo ends at the light: there is nothing left to paste into."""
    progress.say("\nTo cut over, or to try and break it, run the demo without --until ready.\n")


@contextmanager
def stage() -> Iterator[Scene]:
    """Servers started, databases filled, the load running, the configuration written; everything gone afterwards."""
    with ExitStack() as stack:
        home = scratch.make("pg-migrator-demo-")
        stack.callback(scratch.remove, home)
        click.echo(f"Starting PostgreSQL {_SOURCE_VERSION} and {_DESTINATION_VERSION} ...")
        source = Cluster.create(_SOURCE_VERSION, password=secrets.token_urlsafe(16))
        stack.callback(source.remove)
        destination = Cluster.create(_DESTINATION_VERSION, password=secrets.token_urlsafe(16))
        stack.callback(destination.remove)
        click.echo(f"Source: port {source.port}. Destination: port {destination.port}. Filling the source ...")
        password = secrets.token_urlsafe(16)
        samples.create(source, password)
        writers = Load(source.spec("source"), password)
        stack.callback(writers.stop)
        writers.start()
        click.echo("Three applications write to the source from now on.")
        yield Scene(source, destination, writers, _write_config(home, source, destination))


def _write_config(home: Path, source: Cluster, destination: Cluster) -> Path:
    """The directory is ours alone: the passwords stand in the file."""
    instances = {
        name: {"server": server.host, "port": server.port, "username": server.superuser, "password": server.password}
        for name, server in (("postgres16", source), ("postgres18", destination))
    }
    mapping = {
        "name": NAME,
        "source_instance": "postgres16",
        "destination_instance": "postgres18",
        "databases": {"include": list(samples.DATABASES)},
    }
    pace = {"reconcile_interval_seconds": 2, "ui_refresh_interval_seconds": 1, "stable_seconds": 10}
    file = home / "config.json"
    file.write_text(json.dumps({"instances": instances, "mappings": [mapping], "replication": pace}, indent=2))
    return file
