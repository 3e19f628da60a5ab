"""One mapping from an empty destination to the light, and to its end, with the work done in this process."""

from collections.abc import Callable

import pytest

from migrator import control
from migrator.errors import RefusedError
from migrator.machines.cluster import Cluster
from migrator.steps import Status
from migrator.tick.reconcile import Assessment, assess
from tests.system.fleet import Leg, equal
from tests.system.scenario import (
    checksums,
    describe,
    drive_until,
    mapping,
    ours_left,
    seed,
    to_the_light,
)

Clusters = Callable[..., Cluster]


SAME_MAJOR = [pytest.param(15, 15, marks=pytest.mark.slow), pytest.param(16, 16, marks=pytest.mark.slow)]
"""A destination older than 18 is allowed, and said to be."""


@pytest.mark.parametrize(("old", "new"), [(15, 18), (16, 18), (17, 18), (18, 18), *SAME_MAJOR])
def test_from_nothing_to_completed(cluster: Clusters, old: int, new: int) -> None:
    source, destination = cluster(old), cluster(new)
    seed(source)
    spec = mapping(source, destination, schema_trial=True)

    light = to_the_light(spec)
    assert notices(light) == (set() if new == 18 else {"destination_below_18"})
    source.execute("INSERT INTO customer (name, mail) VALUES ('late', 'late@x')", "shop")
    source.execute("SELECT nextval('invoice_number')", "shop")
    with pytest.raises(RefusedError):
        control.complete(spec)
    control.take_barrier(spec)
    equal(Leg(spec, source, destination), ["shop"])
    removal = control.complete(spec)

    assert removal.left == ()
    assert ours_left(source) == []
    assert ours_left(destination) == []
    control.forget(spec)
    assert destination.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'migrator'") == []


def notices(seen: Assessment) -> set[str]:
    """What is said at the light, but for what is true of every cluster of these tests."""
    return {finding.code for finding in seen.decision.findings} - {"maintenance_database_empty"}


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


@pytest.mark.finding("locale_provider_missing")
def test_a_database_that_sorts_by_icu_is_refused_alone_where_the_destination_has_none(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18)
    if destination.execute("SELECT 1 FROM pg_collation WHERE collname LIKE '%-x-icu'"):
        pytest.skip("this build of 18 has ICU")
    seed(source)
    source.execute("CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LOCALE 'C.UTF-8'")
    source.execute(
        "CREATE TABLE word (id int PRIMARY KEY, text text); INSERT INTO word VALUES (1, 'Öl'), (2, 'Zug')", "sorted"
    )
    spec = mapping(source, destination)

    def shop_is_there(seen: Assessment) -> bool:
        states = {database["name"]: database["status"] for database in seen.summary["databases"]}  # type: ignore[attr-defined]
        return states == {"shop": "synced", "sorted": "problematic"}

    seen = drive_until(spec, shop_is_there)
    (refused,) = [finding for finding in seen.decision.findings if finding.blocking]
    assert (refused.code, refused.database) == ("locale_provider_missing", "sorted")
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT 1 FROM pg_database WHERE datname = 'sorted'") == []
    destination.execute("CREATE DATABASE sorted")
    seen = to_the_light(spec)
    assert notices(seen) == {"database_locale_differs"}
    assert checksums(source, "sorted") == checksums(destination, "sorted")
    assert control.abort(spec).left == ()
