"""How many slots, walsenders and workers a configuration needs, against what others leave."""

from dataclasses import replace

import pytest

from migrator.contents import Subscription, SyncState
from migrator.model import Walsender
from migrator.names import application_name
from migrator.observation import DatabasePair
from migrator.phases import headroom
from migrator.phases.headroom import Need
from tests import builders
from tests.builders import DESTINATION_SYSTEM, MAPPING, destination_instance, group, held, instance, pair, slot, view

NAMES = ("shop", "analytics", "bench")


def databases(count: int, relations: int = 5) -> tuple[DatabasePair, ...]:
    return tuple(pair(f"db{number}", relations) for number in range(count))


def ready(database: DatabasePair, states: SyncState = SyncState.READY) -> DatabasePair:
    subscription = Subscription(
        name=group(database.name),
        oid=20000,
        enabled=True,
        owner="postgres",
        slot_name=group(database.name),
        publications=(group(database.name),),
        worker_pid=1,
        apply_error_count=0,
        sync_error_count=0,
        conflict_count=0,
        remote_lsn=None,
        origin_readable=True,
        relations=dict.fromkeys(database.sizes, states),
        copied_bytes={},
        copied_rows={},
    )
    return replace(database, subscriptions=(subscription,))


@pytest.mark.parametrize(
    ("pairs", "settings", "expected"),
    [
        (databases(1), {}, Need(groups=1, sync=2, wished_sync=2)),
        (databases(1, relations=1), {}, Need(1, 1, 1)),
        (databases(1, relations=0), {}, Need(1, 0, 0)),
        (databases(3), {}, Need(3, 1, 6)),
        (databases(3), {"max_logical_replication_workers": "20"}, Need(3, 6, 6)),
        (databases(5), {}, Need(5, 0, 10)),
        (tuple(ready(each) for each in databases(3)), {}, Need(3, 0, 0)),
        ((ready(pair("db0", 5), SyncState.DATA_COPY),), {}, Need(1, 2, 2)),
    ],
)
def test_need(pairs: tuple[DatabasePair, ...], settings: dict[str, str], expected: Need) -> None:
    assert headroom.need_of(view(destination=destination_instance(settings=settings), pairs=pairs)) == expected


def codes(
    *, source: dict[str, str] | None = None, destination: dict[str, str] | None = None, count: int = 1
) -> set[str]:
    pairs = databases(count)
    names = tuple(builders.database(each.name) for each in pairs)
    seen = view(
        instance(settings=source, databases=names), destination_instance(settings=destination, databases=names), pairs
    )
    return {finding.code for finding in headroom.findings(seen) if finding.blocking}


@pytest.mark.parametrize(
    ("source", "destination", "count", "expected"),
    [
        ({}, {}, 1, set()),
        ({}, {}, 3, set()),
        ({"max_replication_slots": "3"}, {}, 1, set()),
        ({"max_replication_slots": "2"}, {}, 1, {"slots_short"}),
        ({"max_wal_senders": "2"}, {}, 1, {"walsenders_short"}),
        ({}, {"max_logical_replication_workers": "1"}, 1, {"logical_workers_short"}),
        ({}, {"max_logical_replication_workers": "2"}, 1, set()),
        ({}, {}, 4, {"logical_workers_short"}),
        ({}, {"max_worker_processes": "2"}, 1, {"worker_processes_short"}),
        ({}, {"max_worker_processes": "3"}, 1, set()),
        ({}, {"max_active_replication_origins": "2"}, 1, {"origins_short"}),
        ({"max_replication_slots": "5"}, {"max_logical_replication_workers": "9"}, 3, {"slots_short"}),
    ],
)
def test_limits(source: dict[str, str], destination: dict[str, str], count: int, expected: set[str]) -> None:
    assert codes(source=source, destination=destination, count=count) == expected


def test_before_18_slots_limit_origins() -> None:
    pairs = databases(1)
    seen = view(instance(16), destination_instance(17, {"max_replication_slots": "2"}), pairs)
    assert [finding.code for finding in headroom.findings(seen)] == ["origins_short"]


@pytest.mark.parametrize("copying", [False, True])
def test_what_is_ours_is_not_in_the_way(copying: bool) -> None:
    """All slots and walsenders taken, by ourselves: while tables are copied, and when all are ready."""
    pairs = (ready(pair("shop"), SyncState.DATA_COPY if copying else SyncState.READY),)
    names = [group(), *([f"pg_20000_sync_16400_{DESTINATION_SYSTEM}"] if copying else [])]
    source = instance(
        settings={"max_replication_slots": str(len(names)), "max_wal_senders": str(len(names))},
        databases=(builders.database("shop"),),
        slots=tuple(slot(name) for name in names),
        senders=tuple(Walsender(application_name(MAPPING, "apply"), "shop") for _ in names),
    )
    destination = destination_instance(held=held(group()), subscriptions=1)
    assert not list(headroom.findings(view(source, destination, pairs)))


def test_what_is_of_others_counts() -> None:
    pairs = databases(1)
    others = (slot("standby"), slot(group("elsewhere")), slot("pg_1_sync_2_7000000000000000009"))
    source = instance(settings={"max_replication_slots": "5"}, databases=(builders.database("db0"),), slots=others)
    (finding,) = headroom.findings(view(source, pairs=pairs))
    assert finding.code == "slots_short"
    assert "others use 3, and this migration needs 3" in finding.message
    assert "max_replication_slots = 6" in finding.remedy


def test_other_subscriptions_take_workers() -> None:
    destination = destination_instance(held=held("a", "b", "c"), subscriptions=3)
    (finding,) = headroom.findings(view(destination=destination, pairs=databases(1)))
    assert finding.code == "logical_workers_short"


def test_few_workers_is_only_a_hint() -> None:
    (finding,) = headroom.findings(view(pairs=databases(3)))
    assert (finding.code, finding.blocking) == ("logical_workers_few", False)


def test_a_full_server_is_only_a_hint() -> None:
    source = instance(clients={"shop": 95})
    (finding,) = headroom.findings(view(source, pairs=databases(1)))
    assert (finding.code, finding.blocking) == ("connections_short", False)
    assert "5 connections left" in finding.message
