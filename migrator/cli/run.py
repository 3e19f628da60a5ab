"""run: a whole migration on this machine, until it is interrupted or what was waited for has come."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from collections.abc import Iterator

import click

from migrator.cli.commands import Exit
from migrator.cli.machinery import Machinery, arrange, file_of
from migrator.cli.options import configuration
from migrator.cli.progress import Progress, Summary
from migrator.cli.report import console, document, documents, print_findings
from migrator.config import Config
from migrator.config_file import VARIABLE
from migrator.errors import StoreUnavailableError
from migrator.ports import wait_listening
from migrator.processes import Supervisor
from migrator.store import Store

TIMEOUT = 3
_TICK_SECONDS = 0.5
_READY = {"cutover_ready", "completed"}
_OVER = {"completed", "aborted"}
_BLOCKED_SECONDS = 10.0
_HEALING_SECONDS = 60.0
_MAY_HEAL = {"source_unreachable", "destination_unreachable", "action_failed", "apply_failing", "tablesync_failing",
             "database_unreadable", "slot_creation_waits", "connections_short"}  # fmt: skip
"""Findings that often go by themselves: a server restarts, a lock is released. They are given more time."""

options = (
    click.option("--until", type=click.Choice(["ready"]), help="End as soon as every mapping is ready for cutover."),
    click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Give up after S seconds (status 3)."),
    click.option("--port", type=click.IntRange(1, 65535), help="Of the dashboard. Default: web.port."),
    click.option("--workers", type=click.IntRange(1), help="Processes for long work. Default: workers.concurrency."),
    click.option("--no-web", is_flag=True, help="Without dashboard and Flower."),
)


def run_options[Command: Callable[..., object]](command: Command) -> Command: ...
