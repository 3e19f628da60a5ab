"""Preflight is asked at every tick. With exactly the headroom it asks for, under load and behind a fence, it says nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from migrator.config import DatabaseSelection
from migrator.machines.cluster import Cluster
from migrator.steps import Status
from migrator.tick.reconcile import Assessment, assess
from tests.system.scenario import drive_until, mapping, seed


def said(assessment: Assessment) -> set[str]:
    """What preflight blocks with."""
    steps = (step for step in assessment.decision.steps if step.phase == "preflight")
    return {f"{finding.code}: {finding.message}" for step in steps for finding in step.findings if finding.blocking}


@contextmanager
def writers(source: Cluster, database: str, count: int = 3) -> Iterator[None]:
    """Sessions that insert and update all the time."""
    stop = Event()

    def write() -> None:
        with source.connect(database) as session:
            while not stop.is_set():
                session.execute("INSERT INTO customer (name) VALUES ('live')")
                session.execute("UPDATE orders SET net = net + 1 WHERE id % 500 = 1")
                stop.wait(0.01)

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(write) for _ in range(count)]
        try:
            yield
        finally:
            stop.set()
            for each in running:
                each.result()


def test_with_exactly_the_headroom_it_asks_for(cluster: Callable[..., Cluster]) -> None:
    source = cluster(15, max_replication_slots="3", max_wal_senders="3")
    destination = cluster(
        18,
        max_logical_replication_workers="3",
        max_worker_processes="4",
        max_active_replication_origins="3",
        max_sync_workers_per_subscription="2",
    )
    seed(source)
    spec = mapping(source, destination, databases=DatabaseSelection(include=("shop",)))
    complaints: set[str] = set()

    def ready(assessment: Assessment) -> bool:
        complaints.update(said(assessment))
        return assessment.status is Status.CUTOVER_READY

    with writers(source, "shop"):
        drive_until(spec, ready, 200)
    source.execute("ALTER ROLE app NOLOGIN")
    source.execute("ALTER DATABASE shop SET default_transaction_read_only = on")
    fenced = assess(spec)
    assert said(fenced) == set()
    assert complaints == set()
    assert source.execute("SELECT count(*) FROM pg_replication_slots") == [(1,)]
