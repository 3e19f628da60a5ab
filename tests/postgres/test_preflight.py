"""Each finding of preflight, made for real on real servers."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from migrator.config import DatabaseSelection, InstanceSpec, MappingSpec, Secret
from migrator.connection import session_of
from migrator.looks.facts import read_missing_locales
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.observation import Hints, Observation
from migrator.phases import identity, preflight, without_identity
from migrator.phases.view import View
from migrator.steps import Finding
from tests.conftest import _need

Findings = dict[str, Finding]


def mapping(source: InstanceSpec, destination: InstanceSpec, **fields: object) -> MappingSpec:
    return replace(MappingSpec("old-to-new", source, destination), **fields)  # type: ignore[arg-type]


def view_of(spec: MappingSpec) -> View:
    observation: Observation = Looker(spec, "test").look()
    return View(spec, observation, Hints(), observation.observed_at)


def examine(spec: MappingSpec) -> Findings:
    """The findings of the mapping and of all its databases, by code."""
    view = view_of(spec)
    found = list(preflight.examine(view).findings)
    if not any(finding.blocking for finding in found):
        for pair in view.observation.databases:
            of_pair = replace(view, pair=pair)
            found += (*identity.examine(of_pair).findings, *without_identity.examine(of_pair).findings)
    return {finding.code: finding for finding in found}


def blocking(findings: Findings) -> set[str]:
    return {code for code, finding in findings.items() if finding.blocking}


class Pair:
    """A source and a destination that stand for the whole module, and a database of one test."""

    def __init__(self, source: Cluster, destination: Cluster) -> None:
        self.source = source
        self.destination = destination
        self.name = ""

    def sql(self, statements: str) -> None:
        """In the test's database of the source."""
        self.source.execute(statements, self.name)

    def spec(self, source_user: str = "postgres", destination_user: str = "postgres", **fields: object) -> MappingSpec:
        return mapping(
            replace(self.source.spec("old"), username=source_user),
            replace(self.destination.spec("new"), username=destination_user),
            **{"databases": DatabaseSelection(include=(self.name,)), **fields},
        )

    def examine(self, source_user: str = "postgres", destination_user: str = "postgres", **fields: object) -> Findings:
        return examine(self.spec(source_user, destination_user, **fields))


@pytest.fixture(scope="module", params=[15, 16])
def servers(request: pytest.FixtureRequest) -> Iterator[Pair]:
    for version in (request.param, 18):
        _need(version)
    source = Cluster.create(request.param, {"max_prepared_transactions": "5"})
    destination = Cluster.create(18, {})
    for role in ("plain", "owner"):
        source.execute(f"CREATE ROLE {role} LOGIN")
    source.execute("GRANT pg_read_all_stats TO plain")
    source.execute("CREATE ROLE asked LOGIN SUPERUSER PASSWORD 'x'")
    hba = source.data / "pg_hba.conf"
    hba.write_text(f"host all asked 127.0.0.1/32 scram-sha-256\n{hba.read_text()}")
    source.execute("SELECT pg_reload_conf()")
    destination.execute("CREATE ROLE plain LOGIN")
    yield Pair(source, destination)
    source.remove()
    destination.remove()


@pytest.fixture
def pair(servers: Pair, database: Callable[..., str]) -> Pair:
    servers.name = database(servers.source)
    return servers


def test_nothing_to_say(pair: Pair) -> None:
    pair.sql("CREATE TABLE t (id int PRIMARY KEY)")
    assert pair.examine() == {}


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("CREATE TABLE t (x int)", "replica_identity_missing"),
        ("CREATE TABLE t (x int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING", "replica_identity_missing"),
        ("CREATE TABLE t (x int PRIMARY KEY DEFERRABLE)", "replica_identity_deferrable"),
        (
            "CREATE TABLE t (x int NOT NULL CONSTRAINT u UNIQUE); ALTER TABLE t REPLICA IDENTITY USING INDEX u;"
            " ALTER TABLE t DROP CONSTRAINT u",
            "replica_identity_index",
        ),
        ("CREATE TABLE t (x int, j json); ALTER TABLE t REPLICA IDENTITY FULL", "replica_identity_full"),
        ("CREATE TABLE t (x int, y int GENERATED ALWAYS AS (x) STORED PRIMARY KEY)", "replica_identity_generated"),
        ("CREATE TABLE t (x int, p point[]); ALTER TABLE t REPLICA IDENTITY FULL", "replica_identity_full"),
        (
            "CREATE DOMAIN d AS json; CREATE TYPE c AS (d d); CREATE TABLE t (c c); ALTER TABLE t REPLICA IDENTITY FULL",
            "replica_identity_full",
        ),
    ],
)
def test_a_table_without_identity(pair: Pair, table: str, code: str) -> None:
    pair.sql(table)
    findings = pair.examine()
    assert blocking(findings) == {code}
    assert (findings[code].relation, findings[code].database) == ("public.t", pair.name)
    assert "ALTER TABLE public.t" in findings[code].remedy


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE t (x int NOT NULL CONSTRAINT u UNIQUE); ALTER TABLE t REPLICA IDENTITY USING INDEX u",
        "CREATE TABLE t (x int, j jsonb, v varchar(3)[], r int4range, e name, b varbit, m money, i inet, c cidr);"
        " ALTER TABLE t REPLICA IDENTITY FULL",
        "CREATE TABLE t (x int PRIMARY KEY, j json); ALTER TABLE t REPLICA IDENTITY FULL",
        "CREATE TABLE t (x int PRIMARY KEY) PARTITION BY RANGE (x);"
        " CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)",
        "CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood); ALTER TABLE t REPLICA IDENTITY FULL",
    ],
)
def test_a_table_with_identity(pair: Pair, table: str) -> None:
    pair.sql(table)
    assert pair.examine() == {}


def test_the_application_is_told_what_would_break_it(pair: Pair) -> None:
    """What the audit says of the source is what PostgreSQL does: a published table without identity refuses UPDATE."""
    pair.sql(
        "CREATE TABLE t (x int PRIMARY KEY DEFERRABLE); INSERT INTO t VALUES (1); CREATE PUBLICATION p FOR TABLE t"
    )
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        pair.sql("UPDATE t SET x = 2")
    assert "replica_identity_deferrable" in pair.examine()


@pytest.mark.parametrize(("key", "arrives"), [("PRIMARY KEY", True), ("", False)])
def test_json_under_full(pair: Pair, key: str, arrives: bool) -> None:
    """Why a primary key excuses FULL: the destination then finds the row by it, and compares nothing else."""
    table = f"CREATE TABLE t (id int {key}, j json)"
    pair.sql(f"{table}; ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, '1')")
    assert ("replica_identity_full" in pair.examine()) is not arrives
    pair.sql("CREATE PUBLICATION p FOR TABLE t")
    pair.sql("SELECT pg_create_logical_replication_slot('full_json', 'pgoutput')")
    pair.destination.execute(f"CREATE DATABASE {pair.name}")
    dsn = pair.source.dsn(pair.name).replace("'", "''")
    pair.destination.execute(table, pair.name)
    pair.destination.execute(
        f"CREATE SUBSCRIPTION full_json CONNECTION '{dsn}' PUBLICATION p WITH (create_slot = false)", pair.name
    )
    try:
        assert eventually(lambda: pair.destination.execute("SELECT id FROM t", pair.name) == [(1,)], 20)
        assert eventually(
            lambda: pair.destination.execute("SELECT srsubstate FROM pg_subscription_rel", pair.name) == [("r",)], 20
        )
        pair.sql("UPDATE t SET j = '2'")
        seconds = 20 if arrives else 3
        assert eventually(lambda: pair.destination.execute("SELECT j FROM t", pair.name) == [(2,)], seconds) is arrives
    finally:
        pair.destination.execute("DROP SUBSCRIPTION full_json", pair.name)
        pair.destination.execute(f"DROP DATABASE {pair.name} WITH (FORCE)")


def eventually(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_every_leaf_is_asked(pair: Pair) -> None:
    pair.sql(
        "CREATE TABLE t (x int PRIMARY KEY) PARTITION BY RANGE (x);"
        ' CREATE TABLE "T 1" PARTITION OF t FOR VALUES FROM (0) TO (9); ALTER TABLE "T 1" REPLICA IDENTITY NOTHING'
    )
    assert pair.examine()["replica_identity_missing"].relation == 'public."T 1"'


def test_unlogged_and_extension_tables_are_not_asked(pair: Pair) -> None:
    pair.sql("CREATE UNLOGGED TABLE t (x int)")
    assert {code: finding.blocking for code, finding in pair.examine().items()} == {"not_replicated": False}


def test_extension_missing(pair: Pair) -> None:
    if pair.source.version != 15:
        pytest.skip("this PostgreSQL 16 has no contrib")
    pair.sql("CREATE EXTENSION pgcrypto; CREATE EXTENSION citext")
    findings = pair.examine()
    if "pgcrypto" in (view_of(pair.spec()).destination.available_extensions):
        pytest.skip("this PostgreSQL 18 has pgcrypto")
    assert blocking(findings) == {"extension_missing"}
    assert "does not have: pgcrypto." in findings["extension_missing"].message


def test_rights_of_a_plain_role_on_the_source(pair: Pair) -> None:
    pair.sql("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO owner; REVOKE pg_read_all_stats FROM plain")
    findings = pair.examine("plain")
    assert blocking(findings) == {"source_replication_right", "source_activity_right"}
    for code in ("source_replication_right", "source_activity_right"):
        pair.sql(findings[code].remedy.removeprefix("On the source: "))
    findings = pair.examine("plain")
    assert blocking(findings) == {"source_create_right", "source_ownership", "source_select_right"}
    for code in ("source_create_right", "source_ownership"):
        pair.sql(findings[code].remedy.removeprefix("On the source: "))
    assert pair.examine("plain") == {}
    pair.sql("REVOKE owner FROM plain; ALTER ROLE plain NOREPLICATION")


def test_row_security(pair: Pair) -> None:
    pair.sql("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    pair.sql(f"ALTER ROLE plain REPLICATION; GRANT CREATE ON DATABASE {pair.name} TO plain")
    findings = pair.examine("plain")
    assert "row_security_hides_rows" in blocking(findings)
    pair.sql(findings["row_security_hides_rows"].remedy.removeprefix("On the source: "))
    assert "row_security_hides_rows" not in pair.examine("plain")
    assert pair.examine() == {}
    pair.sql("ALTER ROLE plain NOREPLICATION NOBYPASSRLS")


def test_rights_of_a_plain_role_on_the_destination(pair: Pair) -> None:
    pair.sql("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    pair.sql("ALTER TABLE t OWNER TO owner")
    findings = pair.examine(destination_user="plain")
    assert blocking(findings) == {
        "destination_subscription_right",
        "destination_createdb_right",
        "destination_createrole_right",
        "destination_journal_right",
        "subscription_password_needed",
    }
    assert not findings["destination_dial_untried"].blocking
    for code in sorted(set(findings) - {"subscription_password_needed", "destination_origin_right"}):
        pair.destination.execute(findings[code].remedy.removeprefix("On the destination: "))
    trusted = replace(pair.source.spec("old"), password=Secret("x"))
    findings = examine(replace(pair.spec(destination_user="plain"), source=trusted))
    assert blocking(findings) == {"destination_cannot_reach_source"}
    assert "ask for postgres's password" in findings["destination_cannot_reach_source"].remedy
    spec = replace(pair.spec(destination_user="plain"), source=replace(trusted, username="asked"))
    findings = examine(spec)
    assert blocking(findings) == {"destination_row_security"}
    pair.destination.execute(findings["destination_row_security"].remedy.removeprefix("On the destination: "))
    findings = examine(spec)
    assert set(findings) == {"destination_origin_right"}
    pair.destination.execute(findings["destination_origin_right"].remedy.partition(": ")[2])
    assert examine(spec) == {}
    pair.destination.execute("DROP OWNED BY plain")
    pair.destination.execute(
        "REVOKE pg_create_subscription FROM plain; ALTER ROLE plain NOCREATEDB NOCREATEROLE NOBYPASSRLS;"
        "REVOKE CREATE ON DATABASE postgres FROM plain; REVOKE SET ON PARAMETER log_min_messages FROM plain"
    )


def test_prepared_transaction(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.looks.observe.OLD_SECONDS", 0.0)
    pair.sql("CREATE TABLE t (id int PRIMARY KEY)")
    with pair.source.connect(pair.name) as client:
        client.execute("BEGIN")
        client.execute("INSERT INTO t VALUES (1)")
        client.execute("PREPARE TRANSACTION 'it''s'")
    try:
        finding = pair.examine()["prepared_transaction"]
    finally:
        pair.sql("ROLLBACK PREPARED 'it''s'")
    assert not finding.blocking
    assert "ROLLBACK PREPARED 'it''s';" in finding.remedy


def test_old_transaction(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrator.looks.observe.OLD_SECONDS", 0.0)
    pair.sql("CREATE TABLE t (id int PRIMARY KEY)")
    with pair.source.connect(pair.name) as client:
        client.execute("BEGIN")
        client.execute("INSERT INTO t VALUES (1)")
        finding = pair.examine()["old_transaction"]
        assert (finding.blocking, finding.remedy) == (
            False,
            f"If it is forgotten, on the source: SELECT pg_terminate_backend({client.info.backend_pid});",
        )


def test_neighbours(pair: Pair) -> None:
    pair.sql("SELECT pg_create_physical_replication_slot('standby')")
    pair.sql("CREATE SUBSCRIPTION elsewhere CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)")
    pair.sql("SET password_encryption = 'md5'; CREATE ROLE old_hash LOGIN PASSWORD 'x'")
    pair.destination.execute(f"CREATE DATABASE {pair.name}")
    try:
        with pair.destination.connect(pair.name):
            findings = pair.examine()
    finally:
        pair.sql("SELECT pg_drop_replication_slot('standby')")
        pair.sql("ALTER SUBSCRIPTION elsewhere SET (slot_name = NONE)")
        pair.sql("DROP SUBSCRIPTION elsewhere")
        pair.sql("DROP ROLE old_hash")
        pair.destination.execute(f"DROP DATABASE {pair.name} WITH (FORCE)")
    assert set(findings) == {"other_slots", "other_subscriptions", "md5_passwords", "destination_in_use"}
    assert not blocking(findings)


def test_unreachable(pair: Pair) -> None:
    spec = pair.spec()
    nobody = replace(spec, source=replace(spec.source, port=1), destination=replace(spec.destination, port=1))
    assert blocking(examine(nobody)) == {"source_unreachable", "destination_unreachable"}
    stranger = replace(spec, source=replace(spec.source, username="stranger"))
    assert 'role "stranger" does not exist' in examine(stranger)["source_unreachable"].message


def of_database(spec: MappingSpec) -> Findings:
    """What is found of the mapping's one database, whatever the instances lack."""
    view = view_of(spec)
    findings = identity.examine(replace(view, pair=view.observation.databases[0])).findings
    return {finding.code: finding for finding in findings}


def test_owners_that_the_destination_had_before(pair: Pair) -> None:
    pair.sql("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO owner; CREATE TYPE mine AS ENUM ('x')")
    pair.destination.execute("CREATE ROLE owner")
    try:
        refused = of_database(pair.spec(destination_user="plain"))["destination_ownership_right"]
        assert refused.blocking and "belong to owner, postgres: it may not SET ROLE to them" in refused.message
        assert "Superusers among them: postgres" in refused.message
        pair.destination.execute("GRANT owner TO plain WITH SET FALSE")
        assert (
            "belong to owner, postgres"
            in of_database(pair.spec(destination_user="plain"))["destination_ownership_right"].message
        )
        pair.sql("ALTER TYPE mine OWNER TO owner")
        refused = of_database(pair.spec(destination_user="plain"))["destination_ownership_right"]
        assert refused.remedy == "On the destination: GRANT owner TO plain WITH INHERIT TRUE, SET TRUE;"
        pair.destination.execute(refused.remedy.removeprefix("On the destination: "))
        assert "destination_ownership_right" not in of_database(pair.spec(destination_user="plain"))
        assert "destination_ownership_right" not in of_database(pair.spec())
    finally:
        pair.destination.execute("DROP ROLE owner")


def test_a_locale_that_the_destination_s_machine_lacks(pair: Pair) -> None:
    """The source's row is what another machine would show: this one could not open such a database."""
    view = view_of(pair.spec())
    foreign = replace(
        view.source, databases=tuple(replace(each, collate="xx_YY.utf8") for each in view.source.databases)
    )
    with session_of(pair.destination.spec("new"), None, "pg-migrator test") as session:
        assert read_missing_locales(session, view.source, view.destination) == frozenset()
        missing = read_missing_locales(session, foreign, view.destination)
    assert missing == {"xx_YY.utf8"}
    seen = replace(view.observation, source=foreign, missing_locales=missing)
    step = identity.examine(replace(view, observation=seen, pair=seen.databases[0]))
    (finding,) = step.findings
    assert (finding.code, finding.blocking) == ("locale_missing", True)
    assert "xx_YY.utf8" in finding.message


def test_security_labels_are_told(pair: Pair) -> None:
    pair.sql("CREATE ROLE labelled")
    label = "INSERT INTO pg_shseclabel SELECT oid, 'pg_authid'::regclass, 'selinux', 'x' FROM pg_authid WHERE rolname = 'labelled'"
    pair.sql(f"SET allow_system_table_mods = on; {label}")
    try:
        findings = pair.examine()
    finally:
        pair.sql("SET allow_system_table_mods = on; DELETE FROM pg_shseclabel; DROP ROLE labelled")
    assert "selinux on role labelled" in findings["security_labels"].message
    assert not findings["security_labels"].blocking


def test_a_database_that_cannot_be_read(pair: Pair) -> None:
    pair.sql(f"REVOKE CONNECT ON DATABASE {pair.name} FROM PUBLIC; ALTER ROLE plain REPLICATION")
    findings = pair.examine("plain")
    pair.sql("ALTER ROLE plain NOREPLICATION")
    assert blocking(findings) == {"database_unreadable"}


def test_selection(pair: Pair) -> None:
    assert blocking(pair.examine(databases=DatabaseSelection(include=("none",)))) == {"no_database_selected"}
    pair.source.execute("CREATE TABLE forgotten (id int PRIMARY KEY)")
    try:
        findings = pair.examine(databases=DatabaseSelection())
        assert blocking(findings) == {"maintenance_database_unnamed"}
        assert pair.examine(databases=DatabaseSelection(exclude=("postgres",))) == {}
        clash = DatabaseSelection(include=(pair.name, "postgres"), rename={"postgres": pair.name})
        assert blocking(pair.examine(databases=clash)) == {"database_name_clash"}
    finally:
        pair.source.execute("DROP TABLE forgotten")


def test_versions_and_sameness(pair: Pair) -> None:
    spec = pair.spec()
    backwards = mapping(spec.destination, spec.source, databases=spec.databases)
    assert blocking(examine(backwards)) == {"destination_older"}
    twice = replace(spec, destination=spec.source)
    findings = examine(twice)
    assert "same_instance" in blocking(findings)
    assert not findings["destination_below_18"].blocking


def test_settings_of_the_source(cluster: Callable[..., Cluster], servers: Pair) -> None:
    source = cluster(
        18,
        wal_level="replica",
        max_replication_slots="1",
        max_wal_senders="1",
        max_slot_wal_keep_size="100MB",
        idle_replication_slot_timeout="60s",
        wal_sender_timeout="3s",
    )
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY)", "shop")
    findings = examine(mapping(source.spec("old"), servers.destination.spec("new")))
    assert blocking(findings) == {"wal_level", "slots_short", "walsenders_short"}
    assert set(findings) - blocking(findings) == {
        "max_slot_wal_keep_size",
        "idle_replication_slot_timeout",
        "replication_timeout_short",
    }
    assert "others use 0, and this migration needs 2" in findings["slots_short"].message


def test_settings_of_the_destination(cluster: Callable[..., Cluster], servers: Pair) -> None:
    destination = cluster(
        18, max_logical_replication_workers="1", max_worker_processes="2", max_active_replication_origins="1"
    )
    servers.source.execute("CREATE DATABASE narrow")
    servers.source.execute("CREATE TABLE t (id int PRIMARY KEY)", "narrow")
    spec = mapping(
        servers.source.spec("old"), destination.spec("new"), databases=DatabaseSelection(include=("narrow",))
    )
    found = blocking(examine(spec))
    servers.source.execute("DROP DATABASE narrow WITH (FORCE)")
    assert found == {"logical_workers_short", "worker_processes_short"}


def test_a_standby(cluster: Callable[..., Cluster], servers: Pair) -> None:
    standby = cluster(18)
    standby.stop()
    (standby.data / "standby.signal").touch()
    standby.start()
    spec = mapping(servers.source.spec("old"), standby.spec("new"))
    assert "destination_in_recovery" in blocking(examine(spec))
    assert "source_in_recovery" in blocking(examine(mapping(standby.spec("old"), servers.destination.spec("new"))))


def test_pg_control_system_denied(cluster: Callable[..., Cluster], servers: Pair) -> None:
    source = cluster(16)
    source.execute("CREATE ROLE plain LOGIN REPLICATION; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    spec = mapping(replace(source.spec("old"), username="plain"), servers.destination.spec("new"))
    remedy = examine(spec)["system_identifier_unreadable"].remedy
    source.execute(remedy.partition(": ")[2])
    assert "system_identifier_unreadable" not in examine(spec)
