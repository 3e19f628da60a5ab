"""health: is this machine's process well? For a container's health check: one question, one sentence, an exit status."""

import socket

import click

from migrator.cli.machines import redis_url
from migrator.cli.options import configuration
from migrator.config import Config
from migrator.errors import MigratorError
from migrator.store import Store
from migrator.store.roster import WORKER_SECONDS

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
        _beat(
            store.beat_age(socket.gethostname()),
            max(LEAST_BEAT_SECONDS, 3 * config.replication.reconcile_interval_seconds),
        )
    click.echo(f"{process}: well")


def _beat(age: float | None, seconds: float) -> None:
    if age is None:
        raise MigratorError("Beat of this machine has not begun yet.")
    if age > seconds:
        raise MigratorError(f"Beat of this machine has done nothing for {age:.0f} s.")
