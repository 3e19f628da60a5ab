"""What `grants` prints is enough: fed to psql, a migration by roles without superuser reaches the end."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.config_file import load
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Status
from migrator.tasks.carriage import carry_again
from migrator.tick.reconcile import drive

SUPERUSER = "superuser-secret"


def test_least_privilege_carries_a_migration(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    servers = {"old": cluster(16, password=SUPERUSER), "new": cluster(18, password=SUPERUSER)}
    servers["old"].execute("CREATE ROLE seller NOLOGIN")
    servers["old"].execute("CREATE DATABASE shop OWNER seller")
    servers["old"].execute(
        "SET ROLE seller; CREATE SCHEMA sales; CREATE TABLE sales.orders (id serial PRIMARY KEY, t text);"
        "INSERT INTO sales.orders (t) SELECT 'x' FROM generate_series(1, 100);"
        "CREATE UNLOGGED TABLE sales.basket (t text);"
        "CREATE FUNCTION sales.f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO sales.orders (t) VALUES ('by a trigger'); RETURN NULL; END $$;"
        "CREATE TRIGGER f AFTER INSERT ON sales.basket FOR EACH ROW EXECUTE FUNCTION sales.f();"
        "INSERT INTO sales.basket VALUES ('y')",
        "shop",
    )
    path = tmp_path / "c.json"
    instances = {
        name: {"server": server.host, "port": server.port, "username": "mover", "password": "mover-secret"}
        for name, server in servers.items()
    }
    mapping = {"source_instance": "old", "destination_instance": "new", "databases": ["shop"]}
    path.write_text(json.dumps({"instances": instances, "mappings": [mapping]}))
    for side, name in (("source", "old"), ("destination", "new")):
        script = CliRunner().invoke(main, ["grants", "-c", str(path), "--side", side])
        assert script.exit_code == 0
        psql(servers[name], script.stdout)
        psql(servers[name], script.stdout)  # and again: nothing to complain of
        servers[name].execute("ALTER ROLE mover PASSWORD 'mover-secret'")

    result = CliRunner().invoke(main, ["check", "-c", str(path)])
    assert result.exit_code == 0, result.output
    spec, memory = load(path, {}).mappings[0], Memory()
    for _ in range(40):
        assessment = drive(spec, memory)
        if assessment is not None and assessment.status is Status.SYNCED:
            break
    assert assessment is not None and assessment.status is Status.SYNCED, assessment
    control.take_barrier(spec)
    assert [each.what for each in carry_again(spec, None)] == ["unlogged tables"]
    assert servers["new"].execute("SELECT count(*), max(t) FROM sales.orders", "shop") == [(101, "x")]
    assert servers["new"].execute("SELECT t FROM sales.basket", "shop") == [("y",)]
    assert servers["new"].execute(
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'orders'", "shop"
    ) == [("seller",)]


def psql(server: Cluster, script: str) -> None:
    command = [str(server.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port)]
    environment = {**os.environ, "PGPASSWORD": SUPERUSER, "PGUSER": server.superuser, "PGDATABASE": "postgres"}
    done = subprocess.run(command, input=script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
