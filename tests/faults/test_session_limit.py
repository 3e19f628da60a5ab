"""A small limit on our sessions, and the real workers: the servers never see more, and the light comes all the same."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrator.machines.cluster import Cluster
from tests.machine_room import instance, machine_room, write_config
from tests.system.scenario import seed

LIMIT = 8

OURS = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name LIKE 'pg-migrator %' AND backend_type = 'client backend'
"""


@contextmanager
def counted(server: Cluster, seen: list[int]) -> Iterator[None]:
    """Counts our sessions on a server all the time."""
    stop = threading.Event()

    def watch() -> None:
        with server.connect() as watcher:
            while not stop.wait(0.02):
                row = watcher.execute(OURS).fetchone()
                seen.append(row[0] if row else 0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.timeout(400)
def test_the_servers_never_see_more_sessions_than_they_may(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    seed(source)
    config = write_config(
        tmp_path,
        instance(source, max_connections=LIMIT),
        instance(destination, max_connections=LIMIT),
        {},
        common_password="app-secret",
    )
    there: list[int] = []
    here: list[int] = []
    with counted(source, there), counted(destination, here), machine_room(config, web=False) as room:
        room.status("cutover_ready", 300)
        room.fresh(3)
    assert 1 < max(there) <= LIMIT
    assert 1 < max(here) <= LIMIT
