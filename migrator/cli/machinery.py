"""Everything a migration needs on this machine, as child processes: Valkey, workers, beat, dashboard, Flower."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.config import Config, Secret
from migrator.config_file import VARIABLE
from migrator.config_file.environment import PREFIX, silenced
from migrator.errors import MigratorError
from migrator.machines import scratch
from migrator.machines.ports import free_port, is_free
from migrator.machines.processes import Program
from migrator.machines.provision import valkey_command
from migrator.work import KEEPERS

_CLI = (sys.executable, "-m", "migrator.cli")
_SHORT_WORK = "reconcile,sampling"
_LONG_WORK = "schema,relations,parts"
_KEEPERS = 2
"""Processes that hold snapshots, so that the death of one loses none."""
_LAST_GRACE_SECONDS = 3.0
"""Valkey's, which ends after the others."""
_LEAST_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Machinery:
    """What is started, and where it is found."""

    programs: tuple[Program, ...]
    logs: Path
    redis_url: Secret
    dashboard: str | None
    flower: str | None
    notes: tuple[str, ...] = ()


def arrange(config: Config, file: str | None, *, port: int | None, workers: int | None, web: bool) -> Machinery:
    """Choose ports and write down every command line. Nothing is started yet; only the logs' directory is made.

    What killed ones have left in /tmp is cleared away first.
    """
    scratch.sweep()
    logs = scratch.make("pg-migrator-")
    notes: list[str] = []
    web_port = _port(config.web.port, port, "dashboard", notes)
    flower_port = _port(config.web.flower_port, None, "Flower", notes)
    valkey_port = None if config.redis_url else free_port()
    url = config.redis_url or Secret(f"redis://127.0.0.1:{valkey_port}/0")
    environment = {
        PREFIX + "REDIS_URL": url.reveal(),
        PREFIX + "WEB__PORT": str(web_port),
        PREFIX + "WEB__FLOWER_PORT": str(flower_port),
        PREFIX + "WORKERS__GRACE_SECONDS": f"{_grace(config):g}",
        **({VARIABLE: str(Path(file).absolute())} if file else {}),
    }
    environment |= silenced(environment, os.environ)
    children = list(_children(config, environment, workers or config.workers.concurrency, web))
    if valkey_port:
        notes.append(f"For retry, carry and status elsewhere on this machine: export {PREFIX}REDIS_URL={url.reveal()}")
        children.insert(
            0, Program("valkey", valkey_command(valkey_port, logs), grace_seconds=_LAST_GRACE_SECONDS, stage=0)
        )
    host = config.web.host
    return Machinery(
        tuple(children), logs, url,
        f"http://{host}:{web_port}/" if web else None, f"http://{host}:{flower_port}/" if web else None, tuple(notes),
    )  # fmt: skip


def _children(config: Config, environment: dict[str, str], workers: int, web: bool) -> Iterator[Program]:
    ticks = max(2, min(8, len(config.mappings)))
    for name, queues, processes in (("worker-ticks", _SHORT_WORK, ticks), ("worker-rows", _LONG_WORK, workers)):
        command = [*_CLI, "worker", "--queues", queues, "--concurrency", str(processes)]
        yield Program(name, command, environment, grace_seconds=_grace(config))
    # Also where no mapping says snapshot: a database that has begun by it goes on by it, whatever the configuration says since.
    for number in range(1, _KEEPERS + 1):
        command = [*_CLI, "worker", "--queues", KEEPERS]
        yield Program(f"worker-keepers-{number}", command, environment, grace_seconds=_grace(config))
    for name in ("beat", "web", "flower") if web else ("beat",):
        yield Program(name, [*_CLI, name], environment, grace_seconds=_grace(config))


def _grace(config: Config) -> float:
    """What is left to the others of the time in which all of us have to end, Valkey last."""
    return max(_LEAST_GRACE_SECONDS, config.workers.grace_seconds - _LAST_GRACE_SECONDS)


def _port(configured: int, asked: int | None, whose: str, notes: list[str]) -> int:
    """The port asked for, else the configured one, else (with a note) one that is free."""
    if is_free(asked or configured):
        return asked or configured
    if asked:
        raise MigratorError(f"Port {asked} is taken.", "Choose another with --port.")
    chosen = free_port()
    notes.append(f"Port {configured} is taken; the {whose} listens on {chosen}.")
    return chosen


def file_of(option: str | None) -> str | None:
    """The configuration file that children are to load: the option's, else the environment's."""
    return option or os.environ.get(VARIABLE)
