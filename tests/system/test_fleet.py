"""Several mappings at once on real servers, under write load: all come to the light, nobody disturbs anybody."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from migrator import control
from migrator.config_file import load
from migrator.machines import samples
from migrator.machines.cluster import Cluster
from migrator.machines.samples.load import Load
from migrator.steps import Status
from tests.machine_room import PACE, MachineRoom, instance, machine_room
from tests.system.fleet import ROOM, Leg, all_to_the_light, equal, in_parallel, leg, shop_load, side_by_side
from tests.system.scenario import ours_left, seed

Clusters = Callable[..., Cluster]

PASSWORD = "sample-password-planted"


def renamed(suffix: str) -> dict[str, str]:
    return {name: f"{name}{suffix}" for name in samples.DATABASES}


@contextmanager
def load_on(*sources: Cluster) -> Iterator[None]:
    """The sample databases and their applications on each source."""
    for source in sources:
        samples.create(source, PASSWORD, events=1500, scale=1)
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(source.spec("load"), PASSWORD, per_second=5)) for source in sources]
        yield
    assert all(load.committed > 0 for load in loads)


def finish(legs: list[Leg], *databases: str) -> None:
    """Barrier, comparison, completion; and nothing of ours is left anywhere."""

    def end(one: Leg) -> None:
        control.take_barrier(one.spec)
        equal(one, databases)
        assert control.complete(one.spec).left == (), one.name

    in_parallel(end, legs)
    for cluster in {id(c): c for one in legs for c in (one.source, one.destination)}.values():
        assert ours_left(cluster) == []


def test_two_by_two_under_load(cluster: Clusters) -> None:
    a, b = cluster(16, **ROOM), cluster(18, **ROOM)
    x, y = cluster(18, **ROOM), cluster(18, **ROOM)
    seed(a)
    seed(b)
    there = {"shop": "shop_b"}
    legs = [leg("ax", a, x), leg("ay", a, y), leg("bx", b, x, there), leg("by", b, y, there)]
    with shop_load((a, "shop"), (b, "shop")):
        all_to_the_light(legs)
    finish(legs, "shop")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_by_two_by_the_real_processes(cluster: Clusters, tmp_path: Path) -> None:
    """Beat, workers and Redis as `pg-migrator run` starts them, four mappings in one configuration."""
    clusters = {"a": cluster(15, **ROOM), "b": cluster(16, **ROOM), "x": cluster(18, **ROOM), "y": cluster(18, **ROOM)}
    for name in "ab":
        seed(clusters[name])
    path = tmp_path / "config.json"
    mappings = [
        {
            "name": source + destination,
            "source_instance": source,
            "destination_instance": destination,
            "databases": {"rename": {"shop": f"shop_{source}"}},
        }
        for source in "ab"
        for destination in "xy"
    ]
    instances = {name: instance(server) for name, server in clusters.items()}
    path.write_text(json.dumps({"instances": instances, "mappings": mappings, "replication": PACE}))
    legs = [Leg(spec, clusters[spec.name[0]], clusters[spec.name[1]]) for spec in load(path, {}).mappings]
    with shop_load((clusters["a"], "shop"), (clusters["b"], "shop")), machine_room(path, web=False) as room:
        room.until(lambda _: all(status_of(room, one) == "cutover_ready" for one in legs), 400)
    finish(legs, "shop")


def status_of(room: MachineRoom, one: Leg) -> object:
    return (room.store.summary(one.name) or {}).get("status")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_by_two_whole_instances(cluster: Clusters) -> None:
    """Three databases each, with their applications writing: twelve streams at once."""
    a, b = cluster(15, **ROOM), cluster(18, **ROOM)
    x, y = cluster(18, **ROOM), cluster(18, **ROOM)
    legs = [leg("ax", a, x), leg("ay", a, y), leg("bx", b, x, renamed("_b")), leg("by", b, y, renamed("_b"))]
    with load_on(a, b):
        all_to_the_light(legs, 900)
    finish(legs, *samples.DATABASES)


def test_abort_of_one_leaves_the_others_alone(cluster: Clusters) -> None:
    """The same databases feed two destinations; one mapping is given up, the other goes on and loses nothing."""
    source, x, y = cluster(16, **ROOM), cluster(18, **ROOM), cluster(18, **ROOM)
    seed(source)
    legs = [leg("x", source, x), leg("y", source, y)]
    side_by_side(legs, lambda seen: seen.summary["phase"] in ("initial_copy", "post_data", "catchup", None))
    assert control.abort(legs[0].spec).left == ()
    source.execute("INSERT INTO customer (name, mail) VALUES ('after', 'after@x')", "shop")
    all_to_the_light(legs[1:])
    assert ours_left(x) == []
    control.take_barrier(legs[1].spec)
    equal(legs[1], ["shop"])
    assert control.complete(legs[1].spec).left == ()
    assert ours_left(source) == []


def test_the_end_of_one_leaves_the_journal_of_the_others(cluster: Clusters) -> None:
    """Two sources into one destination: what one mapping's end takes away, the other still needs."""
    a, b, x = cluster(16, **ROOM), cluster(16, **ROOM), cluster(18, **ROOM)
    seed(a)
    seed(b, "store")
    legs = [leg("a", a, x), leg("b", b, x)]
    side_by_side(legs[1:], lambda seen: seen.status is not Status.NOT_STARTED)
    assert control.abort(legs[0].spec).left == ()
    all_to_the_light(legs[1:])
    control.take_barrier(legs[1].spec)
    equal(legs[1], ["store"])
    assert control.complete(legs[1].spec).left == ()
    assert ours_left(x) == []
