"""worker, beat, web, flower: one process each, for many machines. Secrets reach them by the environment only."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from migrator.cli.options import configuration
from migrator.config import Config, CopyMethod, Secret
from migrator.config_file import VARIABLE
from migrator.config_file.environment import PREFIX
from migrator.errors import ConfigError, Fault
from migrator.work import KEEPERS, QUEUES

_OPTIONS = ("--quiet", "-A", "workers.app")
_CELERY = ("-m", "celery", *_OPTIONS)
KEEPER_THREADS = 16
"""Snapshots that one process holds at once; a mapping opens a handful at a time."""
_MONITOR = ("-m", "workers.monitor", *_OPTIONS)


@click.command()
@configuration
@click.option("--queues", metavar="Q,Q...", help=f"Only these of {', '.join(QUEUES)}. Default: all but keepers.")
@click.option("--concurrency", type=click.IntRange(1), help="Processes. Default: workers.concurrency.")
@click.pass_context
def worker(ctx: click.Context, config: Config, queues: str | None, concurrency: int | None) -> None:
    """Run one Celery worker in this process, until SIGTERM.

    The queue keepers, which copy_method snapshot (the default) needs, wants workers of its own: at least two, of threads
    that wait.
    """
    redis_url(config)
    if unknown := sorted({name for name in (queues or "").split(",") if name} - set(QUEUES)):
        raise click.UsageError(f"No queue is called {', '.join(unknown)}; there are {', '.join(QUEUES)}.")
    if queues == KEEPERS:
        pool = ["--pool", "threads", "--concurrency", str(concurrency or KEEPER_THREADS), "--queues", KEEPERS]
    elif queues and KEEPERS in queues.split(","):
        raise click.UsageError("The queue keepers needs a worker of its own: --queues keepers.")
    else:
        if not queues:
            _tell_of_keepers(config)
        chosen = ["--queues", queues] if queues else ["--exclude-queues", KEEPERS]
        pool = ["--concurrency", str(concurrency or config.workers.concurrency), *chosen]
    # several on one machine need names of their own; execve keeps the process id
    name = f"{(queues or 'all').split(',')[0]}-{os.getpid()}@%h"
    _become([*_CELERY, "worker", "--hostname", name, *pool], _core(ctx))


def _tell_of_keepers(config: Config) -> None:
    """To whoever starts one worker for everything: it takes up no snapshot. Who names queues knows that there are several."""
    names = [spec.name for spec in config.mappings if spec.copy_method is CopyMethod.SNAPSHOT]
    if names:
        click.echo(
            f"copy_method snapshot ({', '.join(names)}) needs two more workers: pg-migrator worker --queues keepers",
            err=True,
        )


@click.command()
@configuration
@click.pass_context
def beat(ctx: click.Context, config: Config) -> None:
    """Run the clock: it sends a reconcile per mapping and interval. A second one by accident is harmless."""
    redis_url(config)
    _become([*_CELERY, "beat"], _core(ctx))


@click.command()
@configuration
@click.option("--host", help="Listen address. Default: web.host.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: web.port.")
def web(config: Config, host: str | None, port: int | None) -> None:
    """Run the dashboard. It gets Redis's address and its own, and nothing else of the configuration."""
    names = ",".join(config.web.allowed_hosts)
    own = {"WEB__HOST": host or config.web.host, "WEB__PORT": str(port or config.web.port), "WEB__ALLOWED_HOSTS": names}
    _become(["-m", "web"], _web({"REDIS_URL": redis_url(config).reveal(), **own}))


@click.command()
@configuration
@click.option("--port", type=click.IntRange(1, 65535), help="Default: web.flower_port.")
@click.pass_context
def flower(ctx: click.Context, config: Config, port: int | None) -> None:
    """Run Flower, which shows the workers and their tasks. It has no login: it listens where the dashboard does."""
    redis_url(config)
    listen = [f"--address={config.web.host}", f"--port={port or config.web.flower_port}"]
    _become([*_MONITOR, "flower", *listen], _core(ctx))


def redis_url(config: Config) -> Secret:
    """Where the processes meet; only `run` can do without, since it starts a Valkey of its own."""
    if config.redis_url is None:
        raise ConfigError([Fault("redis_url", "is missing; processes on several machines meet there")])
    return config.redis_url


def _core(ctx: click.Context) -> dict[str, str]:
    """The environment of a process that loads the configuration itself."""
    chosen = ctx.meta.get(VARIABLE) or os.environ.get(VARIABLE)
    return {**os.environ, **({VARIABLE: str(Path(chosen).absolute())} if chosen else {})}


def _web(own: dict[str, str]) -> dict[str, str]:
    """The environment of the dashboard: no credentials of any database, no configuration file."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, VARIABLE, "PG"))}
    return {**kept, **{PREFIX + name: value for name, value in own.items() if value}}


def _become(arguments: list[str], environment: dict[str, str]) -> NoReturn:
    """Replace this process, so that signals and the exit status are the program's own."""
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606 - from a list, without a shell
