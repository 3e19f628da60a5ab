"""Every finding of `check`: made for real, told, mended as its remedy says, gone. No migration has begun here."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
import pytest

from migrator.config import CopyMethod, DatabaseSelection, Secret, WalBudgetAction
from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Side
from tests.conftest import _need
from tests.system.scenario import QUICK
from tests.system.stage import DATABASE, Stage, Trouble

SOURCE, DESTINATION = Side.SOURCE, Side.DESTINATION
TABLE = "CREATE TABLE t (id int PRIMARY KEY);"
CASES: list[tuple[tuple[str, ...], Trouble, int, bool]] = []


def case(*codes: str, by_hand: bool = False, version: int = 15) -> Callable[[Trouble], Trouble]:
    """Findings of one trouble. `by_hand`: a remedy is no statement, or one with a hole; the case does it. `version`: of the source."""

    def add(trouble: Trouble) -> Trouble:
        CASES.append((codes, trouble, version, by_hand))
        return trouble

    return add


@pytest.fixture(scope="module")
def stage_of() -> Iterator[Callable[[int], Stage]]:
    _need(18)
    destination, sources = Cluster.create(18), {}

    def get(version: int) -> Stage:
        _need(version)
        if version not in sources:
            sources[version] = Cluster.create(version, {"max_prepared_transactions": "5"})
        return Stage(sources[version], destination)

    yield get
    for server in (destination, *sources.values()):
        server.remove()


# The settings of the two servers.


@case("wal_level")
def _(stage: Stage) -> Iterator[None]:
    stage.settings(SOURCE, restart=True, wal_level="replica")
    yield


@case("slots_short", "walsenders_short", "connections_short")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(TABLE)
    stage.settings(SOURCE, restart=True, max_replication_slots=1, max_wal_senders=1, max_connections=10)
    yield


@case("logical_workers_short", "worker_processes_short")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(TABLE)
    stage.settings(DESTINATION, restart=True, max_logical_replication_workers=1, max_worker_processes=2)
    yield


@case("origins_short")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(TABLE)
    stage.settings(DESTINATION, restart=True, max_active_replication_origins=1)
    yield


@case("logical_workers_few")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(f"{TABLE} CREATE TABLE u (id int PRIMARY KEY)")
    stage.settings(DESTINATION, restart=True, max_logical_replication_workers=2)
    yield


@case("headroom_shared")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(TABLE)
    stage.options["neighbours"] = (replace(stage.spec, name="other"),)
    stage.settings(SOURCE, restart=True, max_replication_slots=2)
    yield


@case("idle_replication_slot_timeout", version=18)
def _(stage: Stage) -> Iterator[None]:
    stage.settings(SOURCE, idle_replication_slot_timeout="60s")
    yield


@case("output_plugin_refused", version=18)
def _(stage: Stage) -> Iterator[None]:
    if not stage.source.execute("SELECT 1 FROM pg_settings WHERE name = 'output_plugin_libraries'"):
        pytest.skip("this build of 18 is older than August 2026")
    stage.settings(SOURCE, output_plugin_libraries="test_decoding")
    with pytest.raises(psycopg.Error, match="pgoutput"):
        stage.sql("SELECT pg_create_logical_replication_slot('refused', 'pgoutput')")
    yield
    stage.sql("SELECT pg_create_logical_replication_slot('refused', 'pgoutput', true)")


@case("max_slot_wal_keep_size", "replication_timeout_short", "synchronous_standby_any")
def _(stage: Stage) -> Iterator[None]:
    stage.settings(
        SOURCE, max_slot_wal_keep_size="100MB", wal_sender_timeout="3s", synchronous_standby_names="FIRST 1 (*)"
    )
    yield


@case("old_snapshot_threshold")
def _(stage: Stage) -> Iterator[None]:
    stage.settings(SOURCE, restart=True, old_snapshot_threshold="10min")
    stage.options["copy_method"] = CopyMethod.SUBSCRIPTION
    assert stage.told("old_snapshot_threshold") is None
    stage.options["copy_method"] = CopyMethod.SNAPSHOT
    yield


# Estimates.


@case("wal_budget_small", "wal_budget_drops_slot", "decoders_many", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    """Of the WAL that was really written; what is too much of it is set low."""
    stage.sql(f"{TABLE} INSERT INTO t SELECT generate_series(1, 100000)")
    stage.sql("SELECT pg_stat_force_next_flush()") if stage.source.version > 15 else time.sleep(1.5)
    low = replace(QUICK, wal_budget_gb=1e-12, wal_budget_action=WalBudgetAction.DROP_SLOT)
    stage.options = {"databases": DatabaseSelection(include=(DATABASE, "postgres")), "replication": low}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("migrator.phases.wal_forecast.DECODED_MBPS", 0.000001)
        yield
    stage.options = {"replication": QUICK}


# Limits on connections.


def mover_on_both(stage: Stage) -> None:
    """Neither a superuser: whom PostgreSQL lets in whatever the limits say."""
    stage.sql("CREATE ROLE mover LOGIN REPLICATION")
    mover_on_the_destination(stage)
    stage.users[SOURCE] = "mover"
    stage.sql(f"{TABLE} ALTER TABLE t OWNER TO mover")


def of_limits(stage: Stage) -> list[Finding]:
    return [finding for finding in stage.findings() if finding.code == "connection_limit_short"]


@case("connection_limit_short")
def _(stage: Stage) -> Iterator[None]:
    """Two of the source's role are somebody else's, one of the source's database another's."""
    mover_on_both(stage)
    stage.sql(f"CREATE DATABASE {DATABASE}", DESTINATION)
    for side in (SOURCE, DESTINATION):
        stage.sides[side].execute(f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 29")
        stage.sides[side].execute("ALTER ROLE mover CONNECTION LIMIT 31")
    with (
        closing(stage.source.connect(user="mover")),
        closing(stage.source.connect(user="mover")),
        closing(stage.source.connect(DATABASE)),
    ):
        told = of_limits(stage)
        assert [finding.blocking for finding in told] == [False, False, False]
        assert [re.findall(r"\d+", finding.message) for finding in told] == [
            ["31", "2", "30"],
            ["29", "1", "30"],
            ["29", "0", "30"],
        ]
        yield


@case("connection_limit_short")
def _(stage: Stage) -> Iterator[None]:
    """Fewer than any configuration could do with: nothing is begun."""
    mover_on_both(stage)
    stage.sql(f"CREATE DATABASE {DATABASE} CONNECTION LIMIT 7", DESTINATION)
    stage.sql(f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 7")
    for side in (SOURCE, DESTINATION):
        stage.sql("ALTER ROLE mover CONNECTION LIMIT 7", side)
    told = of_limits(stage)
    assert [(finding.blocking, finding.database) for finding in told] == [(True, None)] * 2 + [(True, DATABASE)] * 2
    users, stage.users = stage.users, {}
    assert of_limits(stage) == [], "superusers are let in"
    stage.users = users
    yield


@case("connection_limit_short", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    """The destination's database is not there yet, and will get the limit of the source's, where we are a superuser."""
    stage.sql(f"{TABLE} ALTER DATABASE {DATABASE} CONNECTION LIMIT 12")
    mover_on_the_destination(stage)
    yield
    (told,) = of_limits(stage)
    statement = f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 30;"
    assert "will be given" in told.message and statement in told.remedy and not told.blocking
    stage.sql(f"CREATE DATABASE {DATABASE} CONNECTION LIMIT 12", DESTINATION)
    stage.sql(statement, DESTINATION)


@case("source_unreachable", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    mover_on_both(stage)
    stage.sql("ALTER ROLE mover CONNECTION LIMIT 1")
    stage.users[SOURCE] = "mover"
    with closing(stage.source.connect(user="mover")):
        yield
        assert "ALTER ROLE mover CONNECTION LIMIT -1;" in remedy(stage, "source_unreachable")
    stage.sql("ALTER ROLE mover CONNECTION LIMIT -1")


# Rights.


@case(
    "source_replication_right",
    "source_activity_right",
    "source_create_right",
    "source_ownership",
    "source_select_right",
    "source_sequence_right",
    "row_security_hides_rows",
)
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE ROLE mover LOGIN; CREATE ROLE owner; CREATE SCHEMA app")
    stage.sql(f"SET search_path = app; {TABLE} ALTER TABLE t OWNER TO owner")
    stage.sql(f"{TABLE} ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    stage.sql("CREATE SEQUENCE app.ticket; SELECT nextval('app.ticket')")
    stage.users[SOURCE] = "mover"
    yield


@case("source_sessions_right")
def _(stage: Stage) -> Iterator[None]:
    """By its own setting our user is a role that may nothing with our user's sessions."""
    stage.sql("CREATE ROLE mover REPLICATION; CREATE ROLE clerk LOGIN NOINHERIT REPLICATION IN ROLE mover")
    stage.sql("ALTER ROLE clerk SET role TO mover")
    stage.users[SOURCE], stage.options["copy_method"] = "clerk", CopyMethod.SUBSCRIPTION
    assert stage.told("source_sessions_right") is None
    stage.options["copy_method"] = CopyMethod.SNAPSHOT
    yield


def mover_on_the_destination(stage: Stage, rights: str = "") -> None:
    stage.sql(f"CREATE ROLE mover LOGIN {rights}", DESTINATION)
    stage.users[DESTINATION] = "mover"


@case("destination_create_right")
def _(stage: Stage) -> Iterator[None]:
    mover_on_the_destination(stage)
    stage.sql(f"CREATE DATABASE {DATABASE}", DESTINATION)
    yield


@case(
    "destination_subscription_right",
    "destination_createdb_right",
    "destination_createrole_right",
    "destination_journal_right",
    "destination_dial_untried",
    "destination_origin_right",
    "destination_row_security",
    "destination_ownership_right",
)
def _(stage: Stage) -> Iterator[None]:
    stage.sql(f"CREATE ROLE owner; {TABLE} ALTER TABLE t OWNER TO owner; ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    stage.sql(f"ALTER DATABASE {DATABASE} OWNER TO owner; ALTER SCHEMA public OWNER TO owner; CREATE ROLE seller")
    stage.sql("CREATE ROLE owner", DESTINATION)
    mover_on_the_destination(stage)
    yield


@case("destination_trigger_right")
def _(stage: Stage) -> Iterator[None]:
    """Only of tables that are carried in one piece, and of triggers that fire for us."""
    stage.sql("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    stage.sql(f"{TABLE} CREATE TRIGGER of_replicated AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()")
    stage.sql("CREATE UNLOGGED TABLE u (id int); CREATE RULE r AS ON INSERT TO u DO ALSO NOTIFY told")
    for name in ("fires", "sleeps"):
        stage.sql(f"CREATE TRIGGER {name} AFTER INSERT ON u FOR EACH ROW EXECUTE FUNCTION f()")
    stage.sql("ALTER TABLE u DISABLE TRIGGER sleeps")
    assert stage.told("destination_trigger_right") is None
    mover_on_the_destination(stage)
    finding = stage.told("destination_trigger_right")
    assert finding is not None and not finding.blocking and "fire for their rows: fires ON public.u." in finding.message
    yield


@case("subscription_password_needed", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    mover_on_the_destination(stage)
    yield
    stage.options["source"] = replace(stage.spec.source, password=Secret("known"))


@case("system_identifier_unreadable")
def _(stage: Stage) -> Iterator[None]:
    stage.source.execute(
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; CREATE ROLE mover LOGIN REPLICATION"
    )
    stage.users[SOURCE] = "mover"
    yield
    stage.source.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")


# Tables that cannot be replicated as they stand. Of the ways out that end in dots the case takes the first that does not.


@case(
    "replica_identity_missing",
    "replica_identity_deferrable",
    "replica_identity_index",
    "replica_identity_full",
    by_hand=True,
)
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE TABLE missing (id int)")
    stage.sql("CREATE TABLE deferrable_ (id int PRIMARY KEY DEFERRABLE)")
    stage.sql(
        "CREATE TABLE index_ (id int NOT NULL CONSTRAINT u UNIQUE); ALTER TABLE index_ REPLICA IDENTITY USING INDEX u"
    )
    stage.sql("ALTER TABLE index_ DROP CONSTRAINT u")
    stage.sql("CREATE TABLE full_ (id int, j json); ALTER TABLE full_ REPLICA IDENTITY FULL")
    yield
    for code, table in (("missing", "missing"), ("deferrable", "deferrable_"), ("index", "index_")):
        filled_in(stage, f"replica_identity_{code}", f"ALTER TABLE public.{table} REPLICA IDENTITY FULL;", "")
    filled_in(stage, "replica_identity_full", "ALTER TABLE public.full_ ADD PRIMARY KEY (...);", "id")


@case("replica_identity_generated", by_hand=True, version=18)
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)")
    stage.sql("ALTER TABLE t REPLICA IDENTITY FULL")
    yield
    filled_in(stage, "replica_identity_generated", "ALTER TABLE public.t REPLICA IDENTITY DEFAULT;", "")


def remedy(stage: Stage, code: str) -> str:
    finding = stage.told(code)
    assert finding is not None, code
    return finding.remedy


def filled_in(stage: Stage, code: str, statement: str, dots: str) -> None:
    """The statement, which must stand in the remedy, with something for its dots."""
    assert statement in remedy(stage, code)
    stage.sql(statement.replace("...", dots))


# Extensions, locale, schema.


@case("extension_missing")
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE EXTENSION adminpack")  # gone since 17
    yield


@case("unsupported_extension", by_hand=True, version=18)
def _(stage: Stage) -> Iterator[None]:
    """By a control file of that name: the extension itself does not come with PostgreSQL."""
    folder = stage.source.home / "share" / "extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timescaledb.control").write_text("default_version = '2.1'\n")
    (folder / "timescaledb--2.1.sql").write_text("SELECT 1;\n")
    stage.settings(SOURCE, extension_control_path=f"$system:{folder.parent}")
    stage.sql("CREATE EXTENSION timescaledb")
    yield
    stage.source.execute("CREATE DATABASE other")
    stage.options["databases"] = DatabaseSelection(exclude=(DATABASE,))
    assert stage.told("no_database_selected") is None
    stage.source.execute("DROP DATABASE other")


@case(
    "schema_name_reserved",
    "nullable_below_not_null",
    "partition_identity",
    "built_in_missing",
    "not_replicated",
    by_hand=True,
)
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE SCHEMA migrator; CREATE UNLOGGED TABLE loose (id int PRIMARY KEY)")
    stage.sql("CREATE FUNCTION f() RETURNS int LANGUAGE sql SET force_parallel_mode = on AS 'SELECT 1'")
    stage.sql("CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)")
    stage.sql("CREATE TABLE p1 (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    stage.sql("ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO (9)")
    stage.sql("CREATE TABLE t (id int PRIMARY KEY, x int NOT NULL); CREATE TABLE u (PRIMARY KEY (id)) INHERITS (t)")
    stage.sql("ALTER TABLE u ALTER COLUMN x DROP NOT NULL")
    yield
    filled_in(stage, "schema_name_reserved", "ALTER SCHEMA migrator RENAME TO ...", "mine")
    filled_in(stage, "nullable_below_not_null", "ALTER TABLE public.u ALTER COLUMN x SET NOT NULL;", "")
    filled_in(stage, "partition_identity", remedy(stage, "partition_identity").partition("in its place: ")[2], "ours")
    assert "(RESET force_parallel_mode)" in remedy(stage, "built_in_missing")
    stage.sql("ALTER FUNCTION f() RESET force_parallel_mode; DROP TABLE loose; INSERT INTO p1 DEFAULT VALUES")


@case("extension_older", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    version = "UPDATE pg_extension SET extversion = '{}' WHERE extname = 'plpgsql'"
    stage.sql(version.format("0.9"))
    assert stage.told("extension_older") is None, "newer on the destination"
    stage.sql(version.format("1.10"))
    yield
    told = stage.told("extension_older")
    assert (
        told is not None and not told.blocking and f"plpgsql 1.10 in {DATABASE} (the destination: 1.0)" in told.message
    )
    stage.sql(version.format("1.0"))


@case("large_object_unreadable")
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE ROLE mover LOGIN REPLICATION; SELECT lo_create(0)")
    stage.users[SOURCE] = "mover"
    yield


@case("large_object_not_ours", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.sql("SELECT lo_create(0)")
    stage.sql(f"CREATE DATABASE {DATABASE}", DESTINATION)
    stage.destination.execute("SELECT lo_create(0)", DATABASE)
    yield
    finding = stage.told("large_object_not_ours")
    assert finding is not None
    unlink = "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid IN (...)"
    assert unlink in finding.remedy
    oids = finding.message.rpartition(": ")[2].rstrip(".")
    stage.destination.execute(unlink.replace("...", oids), DATABASE)


@case("destination_not_empty")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(TABLE)
    stage.sql(f"CREATE DATABASE {DATABASE}", DESTINATION)
    stage.destination.execute(f"{TABLE} INSERT INTO t VALUES (1)", DATABASE)
    yield


@case("collation_missing")
def _(stage: Stage) -> Iterator[None]:
    """As on a machine that had not the locale when its server was set up: of the destination's database that we look from."""
    listed = "SELECT collname FROM pg_collation WHERE oid BETWEEN 12000 AND 16383 AND collprovider = 'c' AND collencoding = 6"
    (name,) = sorted({*stage.source.execute(listed)} & {*stage.destination.execute(listed)})[0]
    stage.sql(f'CREATE TABLE t (id int PRIMARY KEY, body text COLLATE "{name}")')
    stage.sql(f'DROP COLLATION pg_catalog."{name}"', DESTINATION)
    yield


# Which databases. The remedies are lines of the configuration.


@case(
    "named_database_missing",
    "pattern_matches_nothing",
    "maintenance_database_empty",
    "database_name_clash",
    by_hand=True,
)
def _(stage: Stage) -> Iterator[None]:
    choice = DatabaseSelection(include=("*", "none", "none*"), rename={"none": "other"})
    stage.source.execute("CREATE DATABASE second")
    stage.options["databases"] = replace(choice, rename={"second": DATABASE})
    yield
    stage.options["databases"] = DatabaseSelection(exclude=("postgres",))
    assert stage.told("database_name_clash") is None
    stage.source.execute("DROP DATABASE second")


@case("no_database_selected", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.options["databases"] = DatabaseSelection(include=("none*",))
    yield
    stage.options["databases"] = DatabaseSelection(include=(DATABASE,))


@case("maintenance_database_unnamed", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.source.execute(TABLE)
    stage.options["databases"] = DatabaseSelection()
    yield
    stage.options["databases"] = DatabaseSelection(exclude=("postgres",))
    assert stage.told("maintenance_database_unnamed") is None
    stage.source.execute("DROP TABLE t")


@case("database_unreadable")
def _(stage: Stage) -> Iterator[None]:
    stage.sql(f"CREATE ROLE mover LOGIN REPLICATION; REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC")
    stage.users[SOURCE] = "mover"
    yield


# Which servers.


@case("source_unreachable", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.source.stop()
    yield
    stage.source.start()


@case("destination_unreachable", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.destination.stop()
    yield
    stage.destination.start()


@case("destination_cannot_reach_source", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.options["source"] = replace(stage.spec.source, replication_port=1)
    yield
    stage.options["source"] = replace(stage.spec.source, replication_port=stage.source.port)


@case("destination_older", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    spec = stage.spec
    stage.options |= {"source": spec.destination, "destination": spec.source}
    yield
    stage.options |= {"source": spec.source, "destination": spec.destination}


@case("destination_below_18", "same_instance", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    spec = stage.spec
    stage.options["destination"] = spec.source
    yield
    stage.options["destination"] = spec.destination


@case("destination_superuser_right", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.source.execute("CREATE ROLE mover LOGIN")
    stage.options["destination"] = replace(stage.spec.source, name="dst", username="mover")
    yield
    finding = stage.told("destination_superuser_right")
    assert finding is not None
    (mend,) = finding.mends
    assert mend.sql in finding.remedy
    stage.source.execute(mend.sql)


@contextmanager
def as_standby(server: Cluster) -> Iterator[None]:
    """A server in recovery, that waits for WAL which does not come."""
    server.stop()
    (server.data / "standby.signal").touch()
    server.start()
    yield


@case("source_in_recovery")
def _(stage: Stage) -> Iterator[None]:
    with as_standby(stage.source):
        yield


@case("destination_in_recovery")
def _(stage: Stage) -> Iterator[None]:
    with as_standby(stage.destination):
        yield


@case("journal_refused", by_hand=True)
def _(stage: Stage) -> Iterator[None]:
    stage.sql("CREATE SCHEMA migrator", DESTINATION)
    yield
    finding = stage.told("journal_refused")
    assert finding is not None and "ALTER SCHEMA migrator RENAME TO ..." in finding.remedy
    stage.sql("ALTER SCHEMA migrator RENAME TO theirs; DROP SCHEMA theirs", DESTINATION)


# Others on the servers.


@case("old_transaction", "prepared_transaction")
def _(stage: Stage) -> Iterator[None]:
    with closing(stage.source.connect(DATABASE)) as open_, stage.source.connect(DATABASE) as client:
        open_.execute(f"BEGIN; {TABLE}")
        client.execute("BEGIN; CREATE TABLE u (id int PRIMARY KEY)")
        client.execute("PREPARE TRANSACTION 'it''s'")
        yield


@case(
    "other_slots",
    "other_subscriptions",
    "md5_passwords",
    "security_labels",
    "destination_in_use",
    "standbys",
    by_hand=True,
)
def _(stage: Stage) -> Iterator[None]:
    """No label provider comes with PostgreSQL: the label is a row of the catalog, as one would write it."""
    stage.sql("SELECT pg_create_physical_replication_slot('theirs')")
    stage.sql("CREATE SUBSCRIPTION theirs CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)")
    stage.sql("SET password_encryption = 'md5'; CREATE ROLE mover LOGIN PASSWORD 'x'")
    stage.sql("SET allow_system_table_mods = on; INSERT INTO pg_shseclabel"
              " SELECT oid, 'pg_authid'::regclass, 'selinux', 'x' FROM pg_authid WHERE rolname = 'mover'")  # fmt: skip
    stage.sql(f"CREATE DATABASE {DATABASE}", DESTINATION)
    with stage.destination.connect(DATABASE), stage.source.connect(replication="true"):
        yield
        assert "while password_encryption is 'scram-sha-256'" in remedy(stage, "md5_passwords")
    stage.sql("SET password_encryption = 'scram-sha-256'; ALTER ROLE mover PASSWORD 'y'")
    stage.sql("SELECT pg_drop_replication_slot('theirs')")
    stage.sql("ALTER SUBSCRIPTION theirs SET (slot_name = NONE)")
    stage.sql("DROP SUBSCRIPTION theirs")
    stage.sql("SET allow_system_table_mods = on; DELETE FROM pg_shseclabel")


@pytest.mark.parametrize(("codes", "trouble", "version", "by_hand"), CASES, ids=[codes[0] for codes, *_ in CASES])
def test_the_remedy_mends_it(
    stage_of: Callable[[int], Stage],
    codes: tuple[str, ...],
    trouble: Trouble,
    version: int,
    by_hand: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("migrator.looks.observe.OLD_SECONDS", 0.0)
    stage = stage_of(version)
    with stage.set_up():
        with contextmanager(trouble)(stage):
            if by_hand:
                found = {finding.code: finding for finding in stage.findings()}
                assert set(codes) <= found.keys(), sorted(found)
                assert all(found[code].remedy for code in codes)
            else:
                mend_all(stage, codes)
        assert not set(codes) & {finding.code for finding in stage.findings()}


def mend_all(stage: Stage, codes: tuple[str, ...]) -> None:
    """Some show only when others are mended: a restarted server is no longer asked the same, a right opens the next door."""
    left, rounds = set(codes), 0
    while left:
        told = [finding for finding in stage.findings() if finding.code in left]
        assert told and rounds < len(codes), (left, sorted({finding.code for finding in stage.findings()}))
        for finding in told:
            stage.mend(finding)
        left, rounds = left - {finding.code for finding in told}, rounds + 1
