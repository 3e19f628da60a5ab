"""The sample databases and the load on them, which the demo and the system tests stand on."""

import time
from collections.abc import Callable

from migrator.machines import samples
from migrator.machines.cluster import Cluster
from migrator.machines.samples.load import Load


def _counts(server: Cluster) -> tuple[int, ...]:
    tables = {"shop": "sales.orders", "analytics": "events.raw", "pgbench": "pgbench_history"}
    return tuple(server.execute(f"SELECT count(*) FROM {table}", database)[0][0] for database, table in tables.items())


def _wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_samples_under_load_survive_their_server(cluster: Callable[..., Cluster]) -> None:
    server = cluster(16, password="for the superuser")
    samples.create(server, "for the 'apps'", events=200, scale=1)
    before = _counts(server)
    with Load(server.spec("source"), "for the 'apps'", per_second=50) as load:
        _wait(lambda: load.committed > 60)
        assert load.tps() > 1
        server.restart()
        again = load.committed
        _wait(lambda: load.committed > again + 60)
    after = _counts(server)
    assert all(old < new for old, new in zip(before, after, strict=True))
    time.sleep(0.3)
    assert _counts(server) == after
    assert "for the" not in server.log()
