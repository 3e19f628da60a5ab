"""A writer that was forgotten: what applications wrote on the destination survives all advice, and no row of his is lost unseen."""

from collections.abc import Callable

import pytest

from migrator import control
from migrator.config import MappingSpec, WithoutIdentity
from migrator.errors import RefusedError
from migrator.machines.cluster import Cluster
from migrator.tasks.carriage import carry_again, keep
from migrator.tasks.sampling import sample_lag
from tests.system.scenario import drive_until, mapping, ours_left, to_the_light

TABLES = """
CREATE TABLE customer (id int PRIMARY KEY, body text);
CREATE TABLE ticket (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO ticket SELECT FROM generate_series(1, 5);
CREATE UNLOGGED TABLE session (id int PRIMARY KEY, body text);
INSERT INTO session VALUES (1, 'source');
CREATE TABLE loose (id int);
INSERT INTO loose VALUES (1);
SELECT lo_from_bytea(4711, 'source');
"""

SESSIONS = "SELECT id, body FROM session ORDER BY 1"


def reasons(spec: MappingSpec) -> str:
    with pytest.raises(RefusedError) as refused:
        control.complete(spec)
    return " ".join(refused.value.reasons)


@pytest.fixture
def arrived(cluster: Callable[..., Cluster]) -> tuple[Cluster, Cluster, MappingSpec]:
    """A mapping of which everything has arrived after the write stop, what is carried too."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(TABLES, "shop")
    spec = mapping(source, destination, without_identity=WithoutIdentity.COPY_AT_CUTOVER)
    to_the_light(spec)
    _restarted_on_the_way(spec, source, destination)
    assert len(list(carry_again(spec, None))) == 3
    source.execute("INSERT INTO loose VALUES (2)", "shop")  # which moves no position
    assert "table public.loose were written on the source after they were carried" in reasons(spec)
    assert [each.what for each in carry_again(spec, None)] == ["table public.loose"]
    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]
    return source, destination, spec


def _restarted_on_the_way(spec: MappingSpec, source: Cluster, destination: Cluster) -> None:
    """The barrier, while a TRUNCATE that puts a sequence back is still to be applied: it comes after the first of the finalising."""
    ((name,),) = destination.execute("SELECT subname FROM pg_subscription")
    destination.execute(f"ALTER SUBSCRIPTION {name} DISABLE", "shop")
    source.execute("TRUNCATE ticket RESTART IDENTITY; INSERT INTO ticket DEFAULT VALUES", "shop")

    def then_applied(*of: object) -> None:
        destination.execute(f"ALTER SUBSCRIPTION {name} ENABLE", "shop")
        sample_lag(spec)

    with pytest.MonkeyPatch.context() as during:
        during.setattr(control, "sample_lag", then_applied)
        control.take_barrier(spec)
    for server in (source, destination):
        assert server.execute("SELECT last_value, is_called FROM ticket_id_seq", "shop") == [(1, True)]


def test_whoever_obeys_loses_nothing_of_what_was_written_since_the_switch(
    arrived: tuple[Cluster, Cluster, MappingSpec],
) -> None:
    source, destination, spec = arrived
    destination.execute("INSERT INTO session VALUES (2, 'application'); SELECT lo_put(4711, 0, 'theirs')", "shop")
    source.execute("INSERT INTO customer VALUES (1, 'late')", "shop")
    drive_until(spec, lambda _: bool(destination.execute("SELECT id FROM customer", "shop")))
    assert "after the barrier" in reasons(spec)
    control.take_barrier(spec)
    assert list(carry_again(spec, None)) == [], "nothing of it was written on the source since"
    assert destination.execute(SESSIONS, "shop") == [(1, "source"), (2, "application")]
    assert destination.execute("SELECT lo_get(4711)", "shop") == [(b"theirs",)]

    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]

    source.execute("TRUNCATE session; SELECT lo_put(4711, 0, 'late')", "shop")
    assert "pg-migrator carry m --keep" in reasons(spec)
    with pytest.raises(RefusedError, match="applications") as refused:
        list(carry_again(spec, None))
    assert "pg-migrator carry m --keep" in refused.value.remedy
    assert {what for _, what in keep(spec)} == {"unlogged tables", "large objects"}
    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]
    assert control.complete(spec).left == ()
    assert destination.execute(SESSIONS, "shop") == [(1, "source"), (2, "application")]
    assert not ours_left(source) and not ours_left(destination)
