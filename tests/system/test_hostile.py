"""Databases, roles, schemas, tables and publications named to break what quotes carelessly, through the whole machine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.machines.cluster import Cluster
from migrator.quote import identifier, literal
from tests import hostile
from tests.machine_room import instance, write_config
from tests.system.fleet import Leg, equal
from tests.system.scenario import mapping, ours_left, to_the_light

Clusters = Callable[..., Cluster]

OLD, NEW, ROLE = (f"pl4nted-{name} '\"\\%{{x}}" for name in ("old", "new", "role"))
DATABASES = ('"; DROP TABLE public.victim; --', "line\nfeed {source_conninfo} %s $$ back\\slash 'größe'")
"""All that hurts; the objects within bear the rest of the names."""
THEIRS = {f"publication {name}" for name in hostile.NAMES}
COMMANDS = (
    ("status",), ("status", "--json"), ("check",), ("check", "--json"), ("plan",), ("plan", "--sql"), ("plan", "--json"),
    ("cutover",), ("cutover", "--json"), ("grants",),
)  # fmt: skip


def test_hostile_names_change_nothing_on_their_way(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = cluster(16, password=OLD), cluster(18, password=NEW)
    make_roles(source)
    for database in DATABASES:
        make_database(source, database)
    spec = mapping(source, destination)
    config = write_config(tmp_path, instance(source), instance(destination), {}, schema_trial=True)
    texts = dict(printed(config))
    light = to_the_light(spec)
    texts["at the light"] = json.dumps(light.summary, default=str)
    texts |= {f"{command}, later": text for command, text in printed(config)}
    assert "\x1b" not in texts["status, later"] + texts["check, later"]
    assert all(line.startswith("--") for line in texts["plan"].splitlines())
    insert_late(source)
    for each in light.summary["cutover"]:  # type: ignore[attr-defined]
        if each["title"] == "Stop the writers":
            source.execute(each["sql"])
    assert source.execute("SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres'") == [(0,)]
    control.take_barrier(spec)
    for name in hostile.NAMES:  # undone, so that the roles can be compared
        source.execute(f"ALTER ROLE {identifier(name)} LOGIN")
    equal(Leg(spec, source, destination), DATABASES)
    assert control.complete(spec).left == ()
    for server in (source, destination):
        assert [each for each in ours_left(server) if each not in THEIRS] == []

    assert [place for place, text in texts.items() if "pl4nted" in text] == []
    for server in (source, destination):
        assert "pl4nted-old" not in server.log() and "pl4nted-new" not in server.log()
        for database in DATABASES:
            assert server.execute("SELECT count(*) FROM public.victim", database) == [(1,)]
    assert verifiers(destination) == verifiers(source)


def make_roles(source: Cluster) -> None:
    """A role for every name, each with a password of its own and a setting."""
    with source.connect() as connection:
        for number, name in enumerate(hostile.NAMES):
            verifier = connection.pgconn.encrypt_password(f"{ROLE}{number}".encode(), name.encode(), b"scram-sha-256")
            role = identifier(name)
            connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD {literal(verifier.decode())}".encode())
            connection.execute(f"COMMENT ON ROLE {role} IS {literal(name)}".encode())
            connection.execute(f"ALTER ROLE {role} SET application_name = {literal('n' + name[:20])}".encode())


def make_database(source: Cluster, database: str) -> None:
    """A schema and a table for every name, owned by and granted to the role of that name, with a row each."""
    source.execute(f"CREATE DATABASE {identifier(database)} OWNER {identifier(hostile.NAMES[0])}")
    source.execute(f"COMMENT ON DATABASE {identifier(database)} IS {literal(database)}")
    with source.connect(database) as connection:
        connection.execute("CREATE TABLE public.victim (id integer PRIMARY KEY); INSERT INTO public.victim VALUES (1)")
        for name in hostile.NAMES:
            for sql in table(name):
                connection.execute(sql.encode())


def table(name: str) -> Iterator[str]:
    n, text = identifier(name), literal(name)
    yield f"CREATE SCHEMA {n} AUTHORIZATION {n}"
    yield (
        f"CREATE TABLE {n}.{n} ({n} integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, txt text DEFAULT {text},"
        f" CONSTRAINT {n} CHECK ({n} > 0 OR txt <> {text}))"
    )
    yield f"INSERT INTO {n}.{n} (txt) VALUES (DEFAULT), ({text} || 'x')"
    yield f"CREATE INDEX ON {n}.{n} (lower(txt)) WHERE txt <> {text}"
    yield f"COMMENT ON TABLE {n}.{n} IS {text}; CREATE VIEW {n}.view AS SELECT txt AS {n} FROM {n}.{n}"
    yield f"ALTER TABLE {n}.{n} OWNER TO {n}; GRANT SELECT ({n}), UPDATE ON {n}.{n} TO {identifier(hostile.NAMES[-1])}"
    yield f"CREATE PUBLICATION {n} FOR TABLE {n}.{n} WHERE ({n} > 0)"


def insert_late(source: Cluster) -> None:
    """Rows that only replication brings."""
    for database in DATABASES:
        with source.connect(database) as connection:
            for name in hostile.NAMES:
                n = identifier(name)
                connection.execute(f"INSERT INTO {n}.{n} (txt) VALUES ({literal(name)}), (NULL)".encode())


def printed(config: Path) -> Iterator[tuple[str, str]]:
    """What every command that changes nothing prints; none ends in a traceback."""
    for command in COMMANDS:
        result = CliRunner().invoke(main, [command[0], "-c", str(config), *command[1:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.exception)
        yield " ".join(command), result.output


def verifiers(cluster: Cluster) -> list[tuple[object, ...]]:
    """Every role of ours with its verifier, settings and comment."""
    return cluster.execute(
        "SELECT rolname, rolpassword, (SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid),"
        " shobj_description(oid, 'pg_authid') FROM pg_authid a WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1"
    )
