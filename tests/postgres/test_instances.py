"""What read_instance says of real servers, as a superuser and as a role that may do next to nothing."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from migrator.connection import session_of
from migrator.looks.instances import read_instance, read_transactions
from migrator.machines.cluster import Cluster
from migrator.model import Instance, Lsn, Transaction

every_version = pytest.mark.parametrize("version", [15, 16, 17, 18])
Clusters = Callable[[int], Cluster]
Databases = Callable[..., str]


def look(server: Cluster, user: str = "postgres") -> Instance:
    with session_of(replace(server.spec("s"), username=user), None, "pg-migrator test instances") as session:
        return read_instance(session)


def look_for_transactions(server: Cluster) -> list[Transaction]:
    with session_of(server.spec("s"), None, "pg-migrator test instances") as session:
        return list(read_transactions(session, older_than=0.0))


@pytest.fixture
def plain(shared: Clusters, version: int) -> str:
    """A role with the REPLICATION attribute and nothing else."""
    shared(version).execute(
        "DO $$ BEGIN IF to_regrole('plain') IS NULL THEN CREATE ROLE plain LOGIN REPLICATION; END IF; END $$"
    )
    return "plain"


@every_version
def test_a_superuser_sees_everything(shared: Clusters, version: int) -> None:
    seen = look(shared(version))
    ((identifier, number, timeline),) = shared(version).execute(
        "SELECT system_identifier::text, current_setting('server_version_num')::int, timeline_id"
        " FROM pg_control_system(), pg_control_checkpoint()"
    )
    assert (seen.system_identifier, seen.version, seen.timeline) == (identifier, number, timeline)
    assert seen.major == version
    assert not seen.in_recovery
    assert isinstance(seen.wal_lsn, Lsn)
    assert seen.user.superuser
    assert seen.settings["wal_level"] == "logical"
    assert {"postgres", "template0", "template1"} <= {database.name for database in seen.databases}
    assert seen.available_extensions["plpgsql"] == "1.0"
    assert next(role for role in seen.roles if role.name == "postgres").bootstrap


@every_version
def test_a_plain_role_sees_all_but_passwords(shared: Clusters, version: int, plain: str) -> None:
    all_of_it, seen = look(shared(version)), look(shared(version), plain)
    assert (seen.user.name, seen.user.superuser, seen.user.replication) == (plain, False, True)
    assert seen.system_identifier == all_of_it.system_identifier
    assert seen.timeline == all_of_it.timeline
    assert [database.name for database in seen.databases] == [database.name for database in all_of_it.databases]
    assert {role.has_password for role in seen.roles} == {None}
    assert seen.database("postgres").may_create is False  # type: ignore[union-attr]


@every_version
def test_without_pg_control_system_the_identifier_is_empty(cluster: Callable[..., Cluster], version: int) -> None:
    server = cluster(version)
    server.execute("CREATE ROLE plain LOGIN; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    seen = look(server, "plain")
    assert seen.system_identifier == ""
    assert seen.timeline == 1


@every_version
def test_a_database_as_it_stands(shared: Clusters, database: Databases, version: int) -> None:
    name = database(shared(version), f"Odd {version}")
    shared(version).execute(f"COMMENT ON DATABASE \"{name}\" IS 'a comment'")
    shared(version).execute(f"ALTER DATABASE \"{name}\" SET work_mem = '8MB'")
    shared(version).execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 7')
    shared(version).execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
    seen = look(shared(version)).database(name)
    assert seen is not None
    assert (seen.comment, seen.settings, seen.connection_limit) == ("a comment", ("work_mem=8MB",), 7)
    assert seen.acl is not None
    assert (seen.provider, seen.encoding, seen.tablespace) == ("c", "UTF8", "pg_default")


@every_version
def test_a_database_closed_to_us_has_no_size(shared: Clusters, database: Databases, version: int, plain: str) -> None:
    name = database(shared(version))
    shared(version).execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    seen = look(shared(version), plain).database(name)
    assert seen is not None
    assert (seen.may_connect, seen.may_create) == (False, False)


@every_version
def test_roles_memberships_and_settings(cluster: Callable[..., Cluster], version: int) -> None:
    server = cluster(version)
    server.execute(
        "SET password_encryption = 'md5'; CREATE ROLE app LOGIN PASSWORD 'x' VALID UNTIL '2031-01-01 00:00+00'"
    )
    server.execute("CREATE ROLE readers; GRANT readers TO app WITH ADMIN OPTION")
    server.execute("ALTER ROLE app SET work_mem = '8MB'; ALTER ROLE app IN DATABASE postgres SET search_path = a, b")
    seen = look(server)
    app = next(role for role in seen.roles if role.name == "app")
    assert (app.login, app.has_password, app.md5_password) == (True, True, True)
    assert app.valid_until == "2031-01-01 00:00:00.000000+00"
    membership = next(membership for membership in seen.memberships if membership.member == "app")
    assert (membership.role, membership.admin_option) == ("readers", True)
    assert membership.set_option is (None if version == 15 else True)
    assert {(setting.database, setting.setting) for setting in seen.role_settings} == {
        (None, "work_mem=8MB"),
        ("postgres", "search_path=a, b"),
    }


@every_version
def test_slots_with_positions(cluster: Callable[..., Cluster], version: int) -> None:
    server = cluster(version)
    server.execute("SELECT pg_create_logical_replication_slot('mine', 'pgoutput')")
    slot = look(server).slot("mine")
    assert slot is not None
    assert isinstance(slot.confirmed_flush_lsn, Lsn)
    assert (slot.plugin, slot.database, slot.active, slot.wal_status) == ("pgoutput", "postgres", False, "reserved")
    assert (slot.inactive_since is not None) is (version >= 17)


@every_version
def test_open_and_prepared_transactions(cluster: Callable[..., Cluster], version: int) -> None:
    server = cluster(version, max_prepared_transactions="2")
    server.execute("CREATE TABLE t (x int)")
    with server.connect() as writer, server.connect() as preparer:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (1)")
        preparer.execute("BEGIN")
        preparer.execute("INSERT INTO t VALUES (2)")
        preparer.execute("PREPARE TRANSACTION 'p''1'")
        time.sleep(0.05)
        seen = {transaction.kind: transaction for transaction in look_for_transactions(server)}
        assert seen["open"].identity == str(writer.info.backend_pid)
        assert seen["open"].writing
        assert (seen["prepared"].identity, seen["prepared"].database) == ("p'1", "postgres")
        assert look(server).transactions == (), "younger than a minute"
        writer.execute("ROLLBACK")
        preparer.execute("ROLLBACK PREPARED 'p''1'")


@every_version
def test_clients_are_those_of_others(cluster: Callable[..., Cluster], version: int) -> None:
    server = cluster(version)
    with server.connect(), server.connect():
        seen = look(server)
    assert seen.clients == {"postgres": 2}
    assert seen.connections == 3


@every_version
def test_a_standbys_walsender_has_no_database(cluster: Callable[..., Cluster], version: int) -> None:
    server = cluster(version)
    with closing(server.connect(replication="true", application_name="standby1")) as walsender:
        walsender.pgconn.send_query(b"START_REPLICATION PHYSICAL 0/0")
        deadline = time.monotonic() + 5
        while not (senders := look(server).senders) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [(sender.application, sender.database) for sender in senders] == [("standby1", None)]
