"""SIGTERM: a worker takes nothing new, what its processes are doing is cancelled on the servers, and it is gone.

Celery's warm stop waits for whatever runs, be it hours of CREATE INDEX; its cold stop leaves the statement to the server,
which goes on with it until it misses its client. So the worker stops warmly, and asks its processes to let go (SIGUSR2).
A process in the middle of a task gets a KeyboardInterrupt out of whatever it does. psycopg answers that by cancelling the
statement on the server and waiting for its end; sessions, and with them locks, are given back as after any error.
Nothing is lost: the next worker looks again. What does not heed it in time (a server behind a black hole) is ended by the
kernel's alarm, whatever it hangs in.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import ParamSpec

import billiard
import structlog
from celery.signals import worker_process_init, worker_shutting_down

from workers.app import CONFIG

LOG = structlog.get_logger("workers")

ASK = signal.SIGUSR2
"""What a worker sends to its processes. Celery and billiard leave it to us."""

P = ParamSpec("P")


class Stopped(KeyboardInterrupt):
    """The task was told to let go. A KeyboardInterrupt, since for that psycopg cancels statements."""


class _Process:
    """What this process is, and what it is up to."""

    of_a_pool = False
    at_work = False
    stopping = False


def interruptible(work: Callable[P, None]) -> Callable[P, None]:
    """A task's function that ends at once when the worker is told to end, or does not begin."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        # to the whole group, e.g. by systemd; between tasks it is billiard's
        before = signal.signal(signal.SIGTERM, _let_go) if _Process.of_a_pool else None
        try:
            _Process.at_work = True
            if not _Process.stopping:
                work(*args, **kwargs)
        except Stopped:
            LOG.info("work stopped with its worker", task=work.__name__, arguments=args)
        finally:
            _Process.at_work = False
            if before is not None:
                signal.signal(signal.SIGTERM, before)

    return run


def is_stopping() -> bool:
    """Whether this process was told to end: threads, which no signal reaches, ask."""
    return _Process.stopping


def _let_go(*_: object) -> None:
    """Once: a second signal must not disturb the clearing up."""
    if _begin_to_stop() and _Process.at_work:
        raise Stopped


def _begin_to_stop() -> bool:
    """Set the alarm. False where it was set before."""
    if _Process.stopping:
        return False
    _Process.stopping = True
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, CONFIG.workers.grace_seconds)
    return True


@worker_process_init.connect
def _listen(**_: object) -> None:
    _Process.of_a_pool = True
    signal.signal(ASK, _let_go)


@worker_shutting_down.connect
def _ask(**_: object) -> None:
    _begin_to_stop()
    for pid in filter(None, (process.pid for process in billiard.active_children())):
        with suppress(ProcessLookupError):
            os.kill(pid, ASK)
