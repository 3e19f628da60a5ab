"""health: is this machine's process well? For a container's health check: one question, one sentence, an exit status."""

import os
import socket
import time
from pathlib import Path

import click

from migrator.cli.machines import redis_url
from migrator.cli.options import configuration
from migrator.config import Config
from migrator.errors import MigratorError
from migrator.store import WORKER_SECONDS, Store

BEAT_SCHEDULE = "MIGRATOR_BEAT_SCHEDULE"
LEAST_BEAT_SECONDS = 60.0


@click.command()
@configuration
@click.argument("process", type=click.Choice(["redis", "worker", "beat"]))
def health(config: Config, process: str) -> None:
    """Ask whether Redis answers (redis), and whether this machine's worker or beat is at work.

    Exit status: 0 it is, 1 it is not.
    """
    store = Store.connect(redis_url(config).reveal())
    store.ping()
    if process == "worker" and not store.worker_lives(socket.gethostname()):
        raise MigratorError(f"No worker of this machine has said within {WORKER_SECONDS} s that it lives.")
    if process == "beat":
        _beat(max(LEAST_BEAT_SECONDS, 3 * config.replication.reconcile_interval_seconds))
    click.echo(f"{process}: well")


def _beat(seconds: float) -> None:
    """Beat writes its schedule after every entry it sends."""
    path = Path(os.environ.get(BEAT_SCHEDULE, "/tmp/pg-migrator-beat-schedule"))  # noqa: S108 - as workers.app has it
    files = (file for file in path.parent.iterdir() if file.name.startswith(path.name))  # dbm adds a suffix of its own
    ages = [time.time() - file.stat().st_mtime for file in files]
    if not ages or min(ages) > seconds:
        raise MigratorError(f"Beat has sent nothing for {min(ages):.0f} s." if ages else "Beat has not begun.")
