"""One bad relation, or a locked one, keeps its own line red; all others go on. Real beat, workers and Redis."""

from collections.abc import Callable
from pathlib import Path

from migrator.machines.cluster import Cluster
from tests.machine_room import Summary, instance, machine_room, write_config

Clusters = Callable[..., Cluster]

TABLES = 60


def built(destination: Cluster, database: str) -> set[str]:
    """Valid indexes beside the primary keys."""
    rows = destination.execute(
        "SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND indisvalid AND NOT indisprimary",
        database,
    )
    return {name for (name,) in rows}


def keyed(destination: Cluster, database: str, *tables: str) -> bool:
    """Whether the destination has the tables with their primary keys, which the copy waits for: a lock holds up only what follows."""
    if not destination.execute(f"SELECT 1 FROM pg_database WHERE datname = '{database}' AND datallowconn"):
        return False
    keys = ", ".join(f"to_regclass('{table}_pkey')" for table in tables)
    return bool(destination.execute(f"SELECT 1 WHERE num_nulls({keys}) = 0", database))


def failed(summary: Summary) -> set[str]:
    """The relations that the summary calls failed, blocking the light."""
    findings = summary["findings"]
    assert isinstance(findings, list)
    return {each["relation"] for each in findings if each["code"] == "action_failed" and each["blocking"]}


def all_copied(summary: Summary) -> bool:
    totals = summary["totals"]
    assert isinstance(totals, dict)
    return bool(totals["relations"]["ready"] == 2 * TABLES)


PICKY = """
CREATE FUNCTION picky(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN
    IF current_setting('server_version_num')::int >= 180000 AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mended') THEN
        RAISE EXCEPTION 'not on this server';
    END IF;
    RETURN $1;
END$$;
CREATE TABLE bad (id int PRIMARY KEY, n int);
INSERT INTO bad SELECT g, g FROM generate_series(1, 100) g;
CREATE INDEX bad_n_idx ON bad (picky(n));
CREATE INDEX bad_id_n_idx ON bad (id, n);
"""
"""An index that the destination refuses, until it has role mended: by its rows, so that no trial of the schema tells."""


def test_an_index_that_fails_keeps_no_group_from_its_subscription(cluster: Clusters, tmp_path: Path) -> None:
    """Under copy method snapshot indexes come before it; one that keeps failing comes after it, and keeps out the light alone."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    tables = (f"CREATE TABLE t{n} (id int PRIMARY KEY, n int); CREATE INDEX ON t{n} (n);" for n in range(5))
    source.execute(PICKY + "".join(tables), "shop")
    config = write_config(tmp_path, instance(source), instance(destination), {}, copy_method="snapshot")
    others = {"bad_id_n_idx", *(f"t{n}_n_idx" for n in range(5))}
    with machine_room(config, web=False) as room:
        room.until(lambda summary: failed(summary) == {"public.bad"})
        room.until(lambda _: destination.execute("SELECT 1 FROM pg_subscription"))
        source.execute(
            "UPDATE bad SET n = n + 1; INSERT INTO t0 VALUES (1, 1); CREATE TABLE late (id int PRIMARY KEY)", "shop"
        )
        room.until(lambda _: destination.execute("SELECT 1 FROM t0", "shop"))
        seen = room.until(lambda summary: failed(summary) == {"public.bad"} and summary["phase"] == "post_data")
        assert seen["status"] == "problematic"
        assert built(destination, "shop") == others
        destination.execute("CREATE ROLE mended")
        room.status("cutover_ready", 400)
    assert built(destination, "shop") == {*others, "bad_n_idx"}
    assert destination.execute("SELECT sum(n) FROM bad", "shop") == source.execute("SELECT sum(n) FROM bad", "shop")


def test_a_bad_and_a_locked_relation_hold_up_no_other(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = cluster(16), cluster(18)
    for database in ("shop", "crm"):
        source.execute(f"CREATE DATABASE {database}")
        tables = (f"CREATE TABLE t{n} (id int PRIMARY KEY, n int); CREATE INDEX ON t{n} (n);" for n in range(TABLES))
        source.execute("".join(tables), database)
    source.execute("CREATE INDEX bad ON t7 (n, id)", "shop")
    pace = {"lock_timeout_seconds": 1}
    config = write_config(tmp_path, instance(source), instance(destination), pace, copy_method="subscription")
    with machine_room(config, web=False) as room:
        room.until(lambda _: keyed(destination, "shop", "t7", "t9"))
        destination.execute("CREATE TABLE bad (n int)", "shop")  # the name is taken: that index can never be built
        with destination.connect("shop") as somebody:
            somebody.execute("BEGIN; LOCK TABLE t9 IN SHARE UPDATE EXCLUSIVE MODE")
            room.until(all_copied, 240)
            room.until(lambda _: len(built(destination, "crm")) == TABLES, 240)
            room.until(lambda _: len(built(destination, "shop")) == TABLES - 1, 240)
            assert "t9_n_idx" not in built(destination, "shop")
            assert failed(room.until(lambda summary: "public.t7" in failed(summary), 240)) <= {"public.t7", "public.t9"}
        destination.execute("DROP TABLE bad", "shop")
        room.status("cutover_ready", 400)


def owners(destination: Cluster, database: str) -> set[str]:
    """Tables that belong to role app."""
    rows = destination.execute(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND pg_get_userbyid(relowner) = 'app'", database
    )
    return {name for (name,) in rows}


def test_more_locked_relations_than_slots_stop_nobody_else(cluster: Clusters, tmp_path: Path) -> None:
    """Also those that come later: a build that waits for somebody's lock gives its worker back, and goes behind the others."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE ROLE app")
    source.execute("CREATE DATABASE shop")
    table = "CREATE TABLE {0} (id int PRIMARY KEY, n int); CREATE INDEX ON {0} (n); ALTER TABLE {0} OWNER TO app;"
    locked, free = [f"locked{n}" for n in range(4)], [f"free{n}" for n in range(4)]
    source.execute("".join(table.format(name) for name in (*locked, *free)), "shop")
    pace = {"lock_timeout_seconds": 0.5}
    config = write_config(tmp_path, instance(source), instance(destination), pace, copy_method="subscription")
    with machine_room(config, web=False) as room:  # two processes build
        room.until(lambda _: keyed(destination, "shop", *locked))
        with destination.connect("shop") as somebody:
            somebody.execute(f"BEGIN; LOCK TABLE {', '.join(locked)} IN SHARE UPDATE EXCLUSIVE MODE".encode())
            room.until(lambda summary: failed(summary) == {f"public.{name}" for name in locked}, 240)
            source.execute("".join(table.format(name) for name in ("late0", "late1")), "shop")
            room.until(
                lambda _: built(destination, "shop") == {f"{name}_n_idx" for name in (*free, "late0", "late1")}, 240
            )
            room.until(lambda _: owners(destination, "shop") == {*free, "late0", "late1"}, 240)
        room.status("cutover_ready", 400)
    assert owners(destination, "shop") == {*locked, *free, "late0", "late1"}
