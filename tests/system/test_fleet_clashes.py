"""Two mappings want one name on one destination: told beforehand, refused for that database only, never made twice."""

import json
import multiprocessing
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.config import DatabaseSelection, MappingSpec, RoleConflictStrategy
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Finding
from migrator.tick.reconcile import Assessment, assess, drive
from tests.machine_room import instance
from tests.system.fleet import ROOM, Leg, all_to_the_light, leg
from tests.system.scenario import checksums, drive_until, ours_left

Clusters = Callable[..., Cluster]

TABLE = "CREATE TABLE item (id int PRIMARY KEY, origin text); INSERT INTO item SELECT g, '{0}' FROM generate_series(1, 50) g"


def database(cluster: Cluster, name: str, origin: str) -> None:
    cluster.execute(f'CREATE DATABASE "{name}"')
    cluster.execute(TABLE.format(origin), name)


def found(assessment: Assessment, code: str) -> list[Finding]:
    return [finding for finding in assessment.decision.findings if finding.code == code]


def settled(assessment: Assessment, databases: set[str]) -> bool:
    """Exactly these databases of the mapping are in step."""
    states = {database["name"]: database["status"] for database in assessment.summary["databases"]}  # type: ignore[attr-defined]
    return {name for name, status in states.items() if status in ("synced", "cutover_ready")} == databases


@pytest.mark.finding("database_name_clash", "role_name_clash")
def test_the_second_is_refused_that_database_and_goes_on_with_the_rest(cluster: Clusters, tmp_path: Path) -> None:
    a, b, x = cluster(16), cluster(16), cluster(18)
    database(a, "shop", "a")
    database(b, "shop", "b")
    database(b, "store", "b")
    first, second = leg("a", a, x), leg("b", b, x)
    a.execute("CREATE ROLE clerk")
    b.execute("CREATE ROLE clerk CREATEDB")
    told_by_check_and_plan(first, second, tmp_path)

    all_to_the_light([first])
    seen = drive_until(second.spec, lambda seen: settled(seen, {"store"}))
    (clash,) = found(seen, "database_name_clash")
    assert (clash.blocking, clash.database) == (True, "shop")
    assert f"mapping a has that name for database shop of {first.spec.source.label}" in clash.message
    assert f'databases: {{rename: {{"shop": "shop_s{b.port}"}}}}' in clash.remedy
    assert x.execute("SELECT DISTINCT origin FROM item", "shop") == [("a",)]
    assert b.execute("SELECT database FROM pg_replication_slots") == [("store",)]

    mended = replace(second.spec, databases=DatabaseSelection(rename={"shop": f"shop_s{b.port}"}))
    all_to_the_light([first, replace(second, spec=mended)])
    assert checksums(b, "shop") == checksums(x, f"shop_s{b.port}")
    assert control.abort(first.spec).left == ()
    assert control.abort(mended).left == ()
    assert [ours_left(server) for server in (a, b, x)] == [[], [], []]


def told_by_check_and_plan(first: Leg, second: Leg, folder: Path) -> None:
    """Before anything is made, either mapping is told of the other."""
    clusters = {"one": first.source, "two": second.source, "new": first.destination}
    path = folder / "config.json"
    path.write_text(
        json.dumps(
            {
                "instances": {name: instance(server) for name, server in clusters.items()},
                "mappings": [
                    {"name": "a", "source_instance": "one", "destination_instance": "new"},
                    {"name": "b", "source_instance": "two", "destination_instance": "new"},
                ],
            }
        )
    )
    checked = CliRunner().invoke(main, ["check", "-c", str(path), "--json"])
    assert checked.exit_code == 1
    by_name = {entry["name"]: entry["findings"] for entry in json.loads(checked.stdout)["mappings"]}
    for name, rival, source in (("a", "b", "two"), ("b", "a", "one")):
        (clash,) = [finding for finding in by_name[name] if finding["code"] == "database_name_clash"]
        assert clash["blocking"] and f"(mapping {rival})" in clash["message"] and f"of {source} (" in clash["message"]
        (role,) = [finding for finding in by_name[name] if finding["code"] == "role_name_clash"]
        assert "ALTER ROLE clerk RENAME TO ...;" in role["remedy"]
    second.source.execute("ALTER ROLE clerk RENAME TO clerk_of_b")
    alone = CliRunner().invoke(main, ["check", "b", "-c", str(path)])
    assert alone.exit_code == 1 and "database_name_clash" in alone.stdout and "mapping a" in alone.stdout
    assert "role_name_clash" not in alone.stdout
    planned = CliRunner().invoke(main, ["plan", "-c", str(path)])
    assert 'rename: {"shop": "shop_two"}' in planned.stdout
    assert first.destination.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'migrator'") == []


def test_a_name_with_rows_of_others_is_refused_before_anything_is_made_there(cluster: Clusters) -> None:
    source, x = cluster(16), cluster(18)
    database(source, "shop", "source")
    source.execute("CREATE SCHEMA more; CREATE TABLE more.thing (id int PRIMARY KEY)", "shop")
    database(x, "boutique", "theirs")
    spec = leg("m", source, x, {"shop": "boutique"}).spec
    (refused,) = found(assess(spec), "destination_not_empty")
    assert refused.blocking
    for _ in range(3):
        drive(spec)
    assert x.execute("SELECT 1 FROM pg_namespace WHERE nspname IN ('more', 'migrator')", "boutique") == []


@pytest.mark.finding("database_deselected")
def test_a_database_left_out_while_it_is_replicated_is_told(cluster: Clusters) -> None:
    source, x = cluster(16), cluster(18)
    database(source, "shop", "source")
    database(source, "store", "source")
    spec = leg("m", source, x).spec
    all_to_the_light([Leg(spec, source, x)])
    fewer = replace(spec, databases=DatabaseSelection(exclude=("shop",)))
    (deselected,) = found(assess(fewer), "database_deselected")
    assert deselected.blocking and deselected.database == "shop"
    assert "slot" in deselected.message
    moved = replace(spec, databases=DatabaseSelection(rename={"shop": "elsewhere"}))
    (moved_finding,) = found(assess(moved), "database_deselected")
    assert "is to become elsewhere" in moved_finding.message
    assert found(assess(spec), "database_deselected") == []
    assert control.abort(spec).left == ()


def test_names_that_differ_in_case_or_fill_63_bytes_do_not_clash(cluster: Clusters) -> None:
    a, b, x = cluster(16), cluster(16), cluster(18)
    long = "ä" * 31 + "z"
    database(a, "shop", "a")
    database(b, "Shop", "b")
    database(a, long, "a")
    database(b, f"{long[:-1]}y", "b")
    legs = [leg("a", a, x), leg("b", b, x)]
    all_to_the_light(legs)
    for name, origin in (("shop", "a"), ("Shop", "b"), (long, "a"), (f"{long[:-1]}y", "b")):
        assert x.execute("SELECT DISTINCT origin FROM item", name) == [(origin,)]


SHARED_ROLES = "CREATE ROLE app LOGIN PASSWORD '{0}-password' CONNECTION LIMIT {1}; CREATE ROLE {0}_only;"


@pytest.mark.finding("role_exists")
def test_a_role_of_both_sources_refuses_the_databases_that_need_it_under_fail(cluster: Clusters) -> None:
    a, b, x = cluster(16), cluster(16), cluster(18)
    a.execute(SHARED_ROLES.format("a", 5))
    b.execute(SHARED_ROLES.format("b", 7))
    database(a, "shop", "a")
    database(b, "needs", "b")
    database(b, "free", "b")
    b.execute("CREATE ROLE clerk; GRANT app TO clerk")
    b.execute("GRANT SELECT ON item TO clerk", "needs")
    first = leg("a", a, x)
    all_to_the_light([first])
    strict = leg("b", b, x, role_conflict_strategy=RoleConflictStrategy.FAIL)
    seen = drive_until(strict.spec, lambda seen: settled(seen, {"free"}))
    (refused,) = found(seen, "role_exists")
    assert (refused.blocking, refused.database) == (True, "needs")
    assert "role app (made by mapping a), database needs needs it" in refused.message
    assert x.execute("SELECT 1 FROM pg_database WHERE datname = 'needs'") == []
    assert x.execute("SELECT 1 FROM pg_auth_members WHERE roleid = 'app'::regrole") == []
    assert x.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app'") == [(5,)]

    lenient = replace(strict.spec, role_conflict_strategy=RoleConflictStrategy.MERGE)
    (told,) = found(assess(lenient), "role_differs")
    assert f"made by mapping a from {first.spec.source.label}" in told.message
    (password,) = found(assess(lenient), "role_password_differs")
    assert not password.blocking and "mapping a" in password.message
    all_to_the_light([first, Leg(lenient, b, x)])
    assert x.execute("SELECT 1 FROM pg_auth_members WHERE roleid = 'app'::regrole") == [(1,)]
    assert x.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'app'") == [(5,)]


def test_what_both_ends_gave_survives_the_end_of_one(cluster: Clusters) -> None:
    """Memberships, settings and roles that one mapping brought are there after the other's abort and completion."""
    a, b, x = cluster(16, **ROOM), cluster(16, **ROOM), cluster(18, **ROOM)
    for source, name in ((a, "one"), (b, "two")):
        source.execute("CREATE ROLE app LOGIN; CREATE ROLE readers")
        source.execute(f"CREATE ROLE of_{name}; GRANT of_{name} TO app; GRANT readers TO app")
        database(source, name, name)
        source.execute(f"ALTER ROLE app IN DATABASE {name} SET work_mem = '3MB'")
    a.execute("ALTER ROLE app SET statement_timeout = '1min'")
    b.execute("ALTER ROLE app SET lock_timeout = '2s'")
    legs = [leg("a", a, x), leg("b", b, x)]
    all_to_the_light(legs)
    assert control.abort(legs[0].spec).left == ()
    all_to_the_light(legs[1:])
    control.take_barrier(legs[1].spec)
    assert control.complete(legs[1].spec).left == ()
    assert x.execute("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = 'app'::regrole ORDER BY 1") == [
        ("of_one",),
        ("of_two",),
        ("readers",),
    ]
    (settings,) = x.execute("SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = 0")
    assert sorted(settings[0]) == ["lock_timeout=2s", "statement_timeout=1min"]
    assert x.execute("SELECT count(*) FROM pg_db_role_setting WHERE setdatabase <> 0") == [(2,)]


ROUNDS, DATABASES, ROLES, TICKS = 2, 3, 5, 4


@pytest.mark.timeout(600)
def test_two_processes_never_make_one_thing_twice(cluster: Clusters) -> None:
    """Two mappings with the same databases and roles tick in step, in processes of their own; the server's log counts."""
    x = cluster(18, **ROOM, log_statement="all")
    sources = {"a": cluster(16, **ROOM), "b": cluster(16, **ROOM)}
    specs = [leg(name, source, x).spec for name, source in sources.items()]
    context = multiprocessing.get_context("spawn")
    for number in range(ROUNDS):
        for name, source in sources.items():
            for each in range(ROLES):
                source.execute(f"CREATE ROLE r_{number}_{each}")
            for each in range(DATABASES):
                database(source, f"d_{number}_{each}", name)
        barrier = context.Barrier(2)
        racers = [context.Process(target=ticks_in_step, args=(spec, barrier)) for spec in specs]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(240)
        assert [racer.exitcode for racer in racers] == [0, 0]
    log = x.log()
    assert "already exists" not in log
    made = Counter(re.findall(r"(CREATE ROLE r_\d_\d|RENAME TO d_\d_\d)", log))
    assert len(made) == ROUNDS * (ROLES + DATABASES) and set(made.values()) == {1}, made
    claims = x.execute("SELECT target, mapping, created FROM migrator.databases")
    assert len(claims) == ROUNDS * DATABASES and all(created for _, _, created in claims)
    assert x.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'd\\_%'") == [(ROUNDS * DATABASES,)]


def ticks_in_step(spec: MappingSpec, barrier: Barrier) -> None:
    memory = Memory()
    for _ in range(TICKS):
        barrier.wait(60)
        drive(spec, memory)
