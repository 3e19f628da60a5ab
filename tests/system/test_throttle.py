"""The limit byte by byte, by several processes on a real Valkey. Only bytes are counted: a slow machine takes fewer, never more."""

import time

import pytest

from migrator.bucket import BURST_SECONDS, Limit
from migrator.errors import StoreUnavailableError
from migrator.machines.cluster import Valkey
from migrator.phases.pacing import MB
from migrator.store import Store
from tests.benchmarks.bucket import BLOCK, race


@pytest.mark.parametrize("rate", [20, 100])
def test_never_more_than_the_rate(valkey: str, rate: int) -> None:
    found = race(valkey, [(rate, 5.0)], processes=4)
    (_, begun, end) = found.spans[0]
    assert found.total(until=end) <= found.allowed + rate * MB * BURST_SECONDS + BLOCK
    assert found.total(begun, begun + 1.0) > 0
    assert all(found.taken), "every process gets its turn"


def test_changed_and_paused_while_rows_flow(valkey: str) -> None:
    found = race(valkey, [(50, 2.0), (0, 3.0), (5, 3.0)], processes=3)
    (fast, begun, paused), (_, _, resumed), (slow, _, end) = found.spans
    assert 0 < found.total(until=paused) <= fast * (paused - begun + BURST_SECONDS) + BLOCK
    # who had asked when the pause came may still take; after a second nobody does
    assert found.total(paused + 1.0, resumed) == 0
    assert 0 < found.total(resumed, end) <= slow * (end - resumed + BURST_SECONDS) + BLOCK


def test_the_debt_of_a_dead_worker_drains_by_itself(valkey: str) -> None:
    limits = (Limit("source:7", 1.0 * MB),)
    assert Store.connect(valkey).take(limits, 1.5 * MB) == 0.0  # and it is gone
    heir = Store.connect(valkey)
    wait = heir.take(limits, 1)
    assert wait > 0
    time.sleep(wait)
    assert heir.take(limits, 1) == 0.0


def test_nobody_copies_while_redis_is_away() -> None:
    server = Valkey()
    store, limits = Store.connect(server.url), (Limit("source:7", 100.0 * MB),)
    try:
        assert store.take(limits, MB) == 0.0
        server.kill()
        with pytest.raises(StoreUnavailableError):
            store.take(limits, MB)
        server.start()
        assert store.take(limits, MB) == 0.0, "it goes on by itself, scripts loaded anew"
    finally:
        server.remove()
