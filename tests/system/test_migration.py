"""One mapping from an empty destination to the light, and to its end, with the work done in this process."""

from collections.abc import Callable

import pytest

from migrator import control
from migrator.cluster import Cluster
from migrator.errors import RefusedError
from migrator.reconcile import assess
from migrator.steps import Status
from tests.system.scenario import (
    checksums,
    describe,
    drive_until,
    mapping,
    ours_left,
    seed,
    sequence_positions,
    to_the_light,
)

Clusters = Callable[..., Cluster]


@pytest.mark.parametrize("version", [15, 16])
def test_from_nothing_to_completed(cluster: Clusters, version: int) -> None:
    source, destination = cluster(version), cluster(18)
    seed(source)
    spec = mapping(source, destination)

    to_the_light(spec)
    source.execute("INSERT INTO customer (name, mail) VALUES ('late', 'late@x')", "shop")
    source.execute("SELECT nextval('invoice_number')", "shop")
    with pytest.raises(RefusedError):
        control.complete(spec)
    control.take_barrier(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert sequence_positions(source, "shop") == sequence_positions(destination, "shop")
    removal = control.complete(spec)

    assert removal.left == ()
    assert ours_left(source) == []
    assert ours_left(destination) == []
    control.forget(spec)
    assert destination.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'migrator'") == []


def test_quiet_once_converged(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    to_the_light(spec)
    again = assess(spec)
    assert again.decision.quiet, describe(again)
    assert [action.summary for _, action in again.decision.actions] == []


def test_abort_leaves_the_source_as_found_and_stays_aborted(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    drive_until(spec, lambda assessment: assessment.summary["phase"] in ("initial_copy", "post_data", "catchup"))
    removal = control.abort(spec)
    assert removal.left == ()
    assert ours_left(source) == []
    assert ours_left(destination) == []
    assert drive_until(spec, lambda assessment: True).status is Status.ABORTED
    assert ours_left(source) == []
