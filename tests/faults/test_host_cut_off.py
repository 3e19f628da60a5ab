"""A worker's host is cut off, and no FIN or RST ever arrives: its locks come back by themselves, and it notices too."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from migrator.machines.cluster import Cluster
from tests.faults.namespaces import FarHost, far_host, open_to

BOUND_SECONDS = 30
"""What docs/many-machines.md promises: keepalives and tcp_user_timeout (20 s), then the next look at the client (5 s)."""

STATES = {
    1: ("under a running statement", "SELECT pg_sleep(3600)"),
    2: ("idle", ""),
    3: ("idle in a transaction", "BEGIN; SELECT pg_advisory_xact_lock(4)"),
}
"""By the number of the lock: what its holder is doing."""


@pytest.fixture
def host() -> Iterator[FarHost]:
    """A host of its own."""
    with far_host() as made:
        yield made


def held(server: Cluster) -> set[int]:
    """The locks that are not free yet."""
    rows = server.execute("SELECT objid::int FROM pg_locks WHERE locktype = 'advisory' AND granted")
    return {row[0] for row in rows} & STATES.keys()


@contextmanager
def holders(host: FarHost, server: Cluster) -> Iterator[dict[int, "subprocess.Popen[str]"]]:
    """One session on the far host for each state, holding its lock."""
    words = [sys.executable, "-m", "tests.faults.holder", host.near_address, str(server.port)]
    made = {
        lock: subprocess.Popen(host.command([*words, str(lock), statement]), stdout=subprocess.PIPE, text=True)
        for lock, (_, statement) in STATES.items()
    }
    try:
        assert all(said(process) == "held\n" for process in made.values())
        yield made
    finally:
        for process in made.values():
            process.kill()
            process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    """The next line of a holder."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", [15, 18])
def test_its_locks_come_back_and_it_notices(version: int, cluster: Callable[..., Cluster], host: FarHost) -> None:
    server = cluster(version, listen_addresses="*")
    open_to(host, server)
    with holders(host, server) as made:
        time.sleep(1)  # the statements run
        host.cut_off()
        begun, left = time.monotonic(), held(server)
        assert left == STATES.keys()
        while left:
            assert time.monotonic() < begun + BOUND_SECONDS, [STATES[lock][0] for lock in left]
            time.sleep(0.2)
            for lock in left - (left := held(server)):
                print(f"{version}: the lock held {STATES[lock][0]} was free after {time.monotonic() - begun:.1f} s")
        _, at, why = said(made[1]).split(maxsplit=2)
        print(f"{version}: the worker under a running statement noticed after {float(at) - begun:.1f} s: {why}")
        assert float(at) < begun + BOUND_SECONDS
