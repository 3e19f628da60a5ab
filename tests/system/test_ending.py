"""An end that cannot see everything on the source waits, says so, and takes away what is ours once it can."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import control
from migrator.config import DatabaseSelection, MappingSpec, WithoutIdentity
from migrator.errors import UnreachableError
from migrator.machines.cluster import Cluster
from migrator.tick.reconcile import assess
from tests.system.documented import documented
from tests.system.scenario import mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]


@pytest.fixture
def ready(cluster: Clusters) -> tuple[Cluster, Cluster, MappingSpec]:
    """A mapping of two databases at the light."""
    source, destination = cluster(16), cluster(18)
    seed(source)
    source.execute("CREATE DATABASE store")
    source.execute("CREATE TABLE item (id int PRIMARY KEY)", "store")
    spec = mapping(source, destination)
    to_the_light(spec)
    return source, destination, spec


def told(spec: MappingSpec) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.database) for finding in assess(spec).decision.findings]


def test_a_source_database_that_is_locked_keeps_its_ledger(ready: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = ready
    with source.connect("shop") as other, other.transaction():
        other.execute("LOCK pg_publication IN ACCESS EXCLUSIVE MODE")
        left = control.abort(spec).left
        publication, ledger = (entry.what for entry in left)
        assert "in database shop, which cannot be read" in publication
        assert ledger == "ledger in database shop"
        assert told(spec) == [("database_unreadable", "shop")]
    assert control.abort(spec).left == ()
    assert ours_left(source) == ours_left(destination) == []


def test_a_source_database_closed_to_connections_is_not_forgotten(ready: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = ready
    source.execute("ALTER DATABASE shop ALLOW_CONNECTIONS false")
    assert "publication" in control.abort(spec).left[0].what
    assert told(spec) == [("database_unreadable", "shop")]
    source.execute("ALTER DATABASE shop ALLOW_CONNECTIONS true")
    assert control.abort(spec).left == ()
    assert ours_left(source) == ours_left(destination) == []


def test_a_database_dropped_on_the_source_is_tidied_on_the_destination(
    ready: tuple[Cluster, Cluster, MappingSpec],
) -> None:
    source, destination, spec = ready
    (name,) = destination.execute("SELECT subname FROM pg_subscription WHERE subname LIKE '%shop%'")[0]
    destination.execute(f"ALTER SUBSCRIPTION {name} DISABLE", "shop")
    source.execute("DROP DATABASE shop WITH (FORCE)")
    assert control.abort(spec).left == ()
    assert ours_left(source) == ours_left(destination) == []


def test_a_database_left_out_of_the_configuration_since_ends_with_the_others(
    ready: tuple[Cluster, Cluster, MappingSpec],
) -> None:
    source, destination, spec = ready
    fewer = replace(spec, databases=DatabaseSelection(exclude=("shop",), rename={"store": "elsewhere"}))
    assert control.abort(fewer).left == ()
    assert ours_left(source) == ours_left(destination) == []


def test_what_a_locked_source_leaves_can_be_taken_away_as_printed(cluster: Clusters) -> None:
    """The ledger stands beside the journal, and another mapping's rows beside ours: neither of them is to go."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE item (id int PRIMARY KEY)", "shop")
    spec = mapping(source, destination, databases=DatabaseSelection(include=("shop",), rename={"shop": "postgres"}))
    to_the_light(spec)
    (name,) = source.execute("SELECT pubname FROM pg_publication", "shop")[0]
    destination.execute(
        'INSERT INTO migrator.groups SELECT (jsonb_populate_record(g, \'{"mapping": "other"}\')).* FROM migrator.groups g'
    )
    with source.connect("shop") as other, other.transaction():
        other.execute("LOCK pg_publication IN ACCESS EXCLUSIVE MODE")
        publication, ledger = control.abort(spec).left
    source.execute(publication.sql, "shop")
    assert ledger.what == "ledger in database postgres"
    destination.execute(ledger.sql)
    assert destination.execute("SELECT mapping FROM migrator.groups") == [("other",)]
    assert destination.execute("SELECT count(*) FROM migrator.relations") == [(0,)]
    assert destination.execute("SELECT intent FROM migrator.mappings") == [("aborting",)]
    destination.execute("DELETE FROM migrator.groups")
    assert control.abort(spec).left == ()
    assert source.execute(f"SELECT count(*) FROM pg_publication WHERE pubname = '{name}'", "shop") == [(0,)]


def with_full_identity(cluster: Clusters, further: str = "") -> tuple[Cluster, Cluster, MappingSpec]:
    """At the light, with a table whose replica identity we altered."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(f"CREATE TABLE item (id int); {further} INSERT INTO item VALUES (1)", "shop")
    spec = mapping(source, destination, without_identity=WithoutIdentity.REPLICA_IDENTITY_FULL)
    to_the_light(spec)
    return source, destination, spec


def test_replica_identities_that_cannot_be_given_back_are_told_before_the_ledger(cluster: Clusters) -> None:
    source, _, spec = with_full_identity(cluster, "CREATE TABLE plain (id int);")
    with source.connect("shop") as other, other.transaction():
        other.execute("SELECT FROM item")
        identity, ledger = control.abort(spec).left
    assert (identity.side, identity.what) == ("source", "REPLICA IDENTITY FULL of public.item in database shop")
    assert ledger.what == "ledger in database shop"
    source.execute(identity.sql, "shop")
    assert source.execute("SELECT count(*) FROM pg_class WHERE relreplident = 'f'", "shop") == [(0,)]
    assert control.abort(spec).left == ()


def test_a_destination_that_is_gone_says_where_to_read_on(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    spec = mapping(source, destination)
    destination.stop()
    for end in (control.complete, control.abort):
        with pytest.raises(UnreachableError, match="The destination is gone"):
            end(spec)


def test_a_source_given_up_unseen_has_its_altered_tables_named(cluster: Clusters) -> None:
    source, _, spec = with_full_identity(cluster)
    source.stop()
    removal = control.abort(spec, source_gone=True)
    assert removal.left == ()
    assert [each.sql for each in removal.unseen] == ["ALTER TABLE ONLY public.item REPLICA IDENTITY DEFAULT;"]


def test_what_a_lost_destination_leaves_on_the_source_is_found_as_documented(cluster: Clusters) -> None:
    source, destination = cluster(16, wal_sender_timeout="2s"), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE item (id int); CREATE TABLE plain (id int PRIMARY KEY)", "shop")
    spec = mapping(source, destination, without_identity=WithoutIdentity.REPLICA_IDENTITY_FULL)
    to_the_light(spec)
    destination.stop()

    slots = documented("pg_size_pretty")
    ((name, database, *_),) = source.execute(slots)
    assert database == "shop" and name.startswith("migrator_m_shop_")
    while source.execute(slots)[0][2]:
        time.sleep(0.1)
    source.execute(f"SELECT pg_drop_replication_slot('{name}')")
    assert source.execute(documented("SELECT pubname"), "shop") == [(name,)]
    ((holder, give_back),) = source.execute(documented("give_back"), "shop")
    assert (holder, give_back) == (name, "ALTER TABLE ONLY item REPLICA IDENTITY DEFAULT;")
    source.execute(f"DROP PUBLICATION {name}; {give_back}", "shop")
    assert ours_left(source) == []
    assert source.execute("SELECT count(*) FROM pg_class WHERE relreplident = 'f'", "shop") == [(0,)]
