"""How many sessions we have on a server, all processes on all machines together: the server counts, and is believed."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import psycopg
from psycopg.rows import DictRow

from migrator.config import InstanceSpec
from migrator.errors import SessionLimitError

KNOCKING = 2
"""Sessions kept free under the limit: who asks for one is on the server, and counted, before it is told yes or no."""

LEAVING_SECONDS = 0.05
"""A closed session stays on the server for a moment: the next in turn comes after it has gone."""

TURN_SECONDS = 3.0

_OURS = (
    "SELECT count(*) AS ours FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator %'"
    " AND coalesce(backend_type, 'client backend') = 'client backend'"
)


@contextmanager
def one_at_a_time(instance: InstanceSpec) -> Iterator[None]:
    """While processes of this machine ask for a session one after the other, their number never exceeds the limit.

    A courtesy, not a condition: who has waited for its turn too long (somebody may be dialling a dead host) asks anyway.
    """
    name = f"pg-migrator-{os.getuid()}-{crc32(f'{instance.server}:{instance.port}'.encode()):08x}.lock"
    try:
        file = os.open(Path(tempfile.gettempdir()) / name, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        deadline = time.monotonic() + TURN_SECONDS
        while not _locked(file) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def stay_within_limit(session: psycopg.Connection[DictRow], instance: InstanceSpec) -> None:
    """Raise SessionLimitError where this session is one too many."""
    row = session.execute(_OURS).fetchone()
    if row is not None and row["ours"] > instance.max_connections - KNOCKING:
        session.close()
        time.sleep(LEAVING_SECONDS)
        raise SessionLimitError(
            f"{instance.name} has as many sessions of ours as it may have (instances.{instance.name}.max_connections ="
            f" {instance.max_connections}).",
            "The work is put off. Raise the limit, or run fewer workers, where that happens often.",
        )
