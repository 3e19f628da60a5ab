"""A small migration under a write load, for faults to befall: its servers, how far it got, and the proof at its end."""

from collections.abc import Callable
from pathlib import Path

from migrator import control
from migrator.config import MappingSpec
from migrator.machines import samples
from migrator.machines.cluster import Cluster
from migrator.machines.samples.load import Load
from tests.machine_room import MachineRoom, instance, write_config
from tests.system.scenario import checksums, invalid_indexes, ours_left, sequence_positions

Clusters = Callable[..., Cluster]

SLOWLY, NOTHING, FREELY = 0.4, 0.0, 1000.0
"""MB/s: parts of PART_MB come one by one, of all relations in minutes; none; all."""
PART_MB = 0.2


def stage(
    cluster: Clusters, version: int, events: int = 6000, listen_addresses: str = "127.0.0.1", **settings: str
) -> tuple[Cluster, Cluster]:
    """A source with the sample databases, and an empty 18; both ask for a password. `settings`: the destination's."""
    source = cluster(version, password="old-secret", listen_addresses=listen_addresses)
    destination = cluster(18, password="new-secret", listen_addresses=listen_addresses, **settings)
    samples.create(source, "app-secret", events=events, scale=1)
    return source, destination


def configuration(directory: Path, source: Cluster, destination: Cluster, rate: float) -> Path:
    """Straight lines, no detours."""
    return write_config(
        directory, instance(source), instance(destination), {},
        databases={"include": list(samples.DATABASES)}, replication={"rate_limit_mbps": rate, "part_mb": PART_MB},
    )  # fmt: skip


def stay_in_mid_copy(room: MachineRoom) -> None:
    """Some relations are copied, some are not, and so it stays."""
    room.until(lambda seen: seen["phase"] == "initial_copy" and seen["progress"]["bytes_copied"])  # type: ignore[index]
    control.set_rate_limit(room.spec, NOTHING)


def prove_equal(spec: MappingSpec, load: Load, source: Cluster, destination: Cluster) -> None:
    """Writers stopped, barrier taken: every table and every sequence the same on both sides, every index usable."""
    load.stop()
    control.take_barrier(spec)
    for database in samples.DATABASES:
        assert checksums(source, database) == checksums(destination, database), database
        assert sequence_positions(source, database) == sequence_positions(destination, database), database
        assert invalid_indexes(source, database) == invalid_indexes(destination, database) == [], database


def end_well(room: MachineRoom, load: Load, source: Cluster, destination: Cluster) -> None:
    """From the light to completed: both sides equal, nothing of ours left."""
    load.stop()
    if room.machinery.dashboard:
        assert room.post_completion("m") == 409
    prove_equal(room.spec, load, source, destination)
    room.until(lambda seen: seen["completion"]["safe"])  # type: ignore[index]
    if room.machinery.dashboard:
        assert room.post_completion("another") == 400
        assert room.post_completion("m") == 202
    else:
        assert control.complete(room.spec).left == ()
    room.status("completed")
    room.supervisor.stop()
    assert ours_left(source) == []
    assert ours_left(destination) == []
