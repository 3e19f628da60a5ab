"""Both users without superuser, with no more than they need: from nothing to completed, and their passwords in no log."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import control
from migrator.config import MappingSpec, Secret
from migrator.machines.cluster import Cluster
from migrator.steps import Side
from migrator.tasks.carriage import carry_again
from migrator.tick.reconcile import assess
from tests.remedy import carry_out
from tests.system.scenario import (
    GRANTS,
    ROLES,
    SHOP,
    checksums,
    mapping,
    ours_left,
    sequence_positions,
    to_the_light,
)

Clusters = Callable[..., Cluster]

PASSWORD, COMMON = "pl4nted 'mover", "pl4nted common"
LOGGING = {"log_statement": "all", "log_min_duration_statement": "0", "log_error_verbosity": "verbose"}

ON_THE_SOURCE = """
GRANT seller, shop_owner, pg_read_all_stats TO mover;
GRANT CREATE ON DATABASE shop TO mover;
"""
NOT_REPLICATED = """
SET ROLE seller;
CREATE UNLOGGED TABLE parent (id int PRIMARY KEY);
CREATE UNLOGGED TABLE child (id int REFERENCES parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1);
SELECT lo_from_bytea(4711, 'x');
GRANT SELECT ON LARGE OBJECT 4711 TO reader;
"""
OF_ANOTHER = """
CREATE ROLE clerk;
CREATE SEQUENCE ticket;
SELECT nextval('ticket') FROM generate_series(1, 3);
ALTER SEQUENCE ticket OWNER TO clerk;
"""
ON_THE_DESTINATION = """
GRANT pg_create_subscription TO mover;
GRANT CREATE ON DATABASE postgres TO mover;
GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status() TO mover;
"""


def test_from_nothing_to_completed(cluster: Clusters) -> None:
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    shop_of_its_owner(source)
    create_mover(source, "REPLICATION")
    create_mover(destination, "CREATEDB CREATEROLE")
    source.execute(ON_THE_SOURCE)
    source.execute(NOT_REPLICATED, "shop")
    destination.execute(ON_THE_DESTINATION)
    unlogged = {server: log_everything(server) for server in (source, destination)}
    spec = as_mover(mapping(source, destination, common_password=Secret(COMMON), schema_trial=True))

    to_the_light(spec)
    source.execute("INSERT INTO customer (name, mail) VALUES ('late', 'late@x')", "shop")
    control.take_barrier(spec)
    assert [each.what for each in carry_again(spec, None)] == ["large objects", "unlogged tables"]
    objects = "SELECT oid::int8, lo_get(oid), lomowner::regrole::text, lomacl::text FROM pg_largeobject_metadata"
    assert source.execute(objects, "shop") == destination.execute(objects, "shop")
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert sequence_positions(source, "shop") == sequence_positions(destination, "shop")
    owners = (
        "SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    assert source.execute(owners, "shop") == destination.execute(owners, "shop")
    removal = control.complete(spec)
    assert removal.left == ()
    ours = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'mover'::regrole AND (set_option OR inherit_option)"
    assert destination.execute(ours) == [("pg_create_subscription",)]
    for owed in removal.owed:
        destination.execute(owed.sql)
    assert destination.execute(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE 'mover'::regrole IN (member, grantor)"
    ) == [("pg_create_subscription",)]
    assert ours_left(source) == []
    assert ours_left(destination) == []
    for server, length in unlogged.items():
        assert "pl4nted" not in server.log()[length:]
        assert "SCRAM-SHA-256$" not in server.log()[length:]


@pytest.mark.finding("destination_sequence_right")
def test_every_right_that_is_missing_is_named_with_the_statement_that_gives_it(cluster: Clusters) -> None:
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    shop_of_its_owner(source)
    source.execute(OF_ANOTHER, "shop")
    for server in (source, destination):
        create_mover(server, "")
    spec = as_mover(mapping(source, destination, common_password=Secret(COMMON)))
    for _ in range(10):
        known = assess(spec).decision.findings
        findings = [finding for finding in known if finding.code != "maintenance_database_empty"]
        for finding in findings:
            place, _, remedy = finding.remedy.partition(": ")
            side = source if "the source" in place else destination
            side.execute(remedy, "shop" if "In database shop" in place else "postgres")
        if not findings:
            break
    to_the_light(spec)
    assert sequence_positions(source, "shop") == sequence_positions(destination, "shop")

    destination.execute("CREATE ROLE stranger; ALTER SEQUENCE ticket OWNER TO stranger", "shop")
    destination.execute("REVOKE ALL ON SEQUENCE ticket FROM mover; SELECT setval('ticket', 1)", "shop")
    (finding,) = (each for each in assess(spec).decision.findings if each.code == "destination_sequence_right")
    assert "public.ticket" in finding.message and finding.blocking
    carry_out(finding, {Side.DESTINATION: destination})
    assert all(each.code != "destination_sequence_right" for each in assess(spec).decision.findings)
    destination.execute("ALTER SEQUENCE ticket OWNER TO clerk; REVOKE UPDATE ON SEQUENCE ticket FROM mover", "shop")
    to_the_light(spec)
    assert sequence_positions(source, "shop") == sequence_positions(destination, "shop")


def create_mover(server: Cluster, attributes: str) -> None:
    with server.connect() as connection:
        verifier = connection.pgconn.encrypt_password(PASSWORD.encode(), b"mover", b"scram-sha-256").decode()
        connection.execute(f"CREATE ROLE mover LOGIN {attributes} PASSWORD '{verifier}'")


def log_everything(server: Cluster) -> int:
    """From now on; where in the log that begins."""
    for name, value in LOGGING.items():
        server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    server.execute("SELECT pg_reload_conf()")
    return len(server.log())


def shop_of_its_owner(source: Cluster) -> None:
    """Everything belongs to roles that are no superusers."""
    source.execute(ROLES)
    source.execute("CREATE ROLE seller")
    source.execute("CREATE DATABASE shop OWNER seller")
    source.execute(f"SET ROLE seller; {SHOP}", "shop")
    source.execute(GRANTS, "shop")


def as_mover(spec: MappingSpec) -> MappingSpec:
    source, destination = (
        replace(side, username="mover", password=Secret(PASSWORD)) for side in (spec.source, spec.destination)
    )
    return replace(spec, source=source, destination=destination)
