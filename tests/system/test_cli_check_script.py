"""`check` ends with one script: fed to psql on a badly set-up pair, and after the restarts it names, `check` is clear."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from migrator.cli import main
from migrator.machines.cluster import Cluster
from migrator.machines.provision import client

SUPERUSER = "superuser-secret"
ODD = "Odd \"na'me\\"

BAD_SOURCE = {
    "wal_level": "replica",
    "max_replication_slots": "1",
    "max_wal_senders": "2",
    "wal_sender_timeout": "5s",
}
BAD_DESTINATION = {
    "max_logical_replication_workers": "1",
    "max_worker_processes": "2",
    "max_active_replication_origins": "1",
    "wal_receiver_timeout": "3s",
}


def test_the_script_mends_a_bad_pair(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    servers = {
        "old": cluster(16, password=SUPERUSER, **BAD_SOURCE),
        "new": cluster(18, password=SUPERUSER, **BAD_DESTINATION),
    }
    for server in servers.values():
        server.execute("CREATE ROLE mover LOGIN PASSWORD 'mover-secret'")
    for number, name in enumerate(("shop", ODD)):
        prepare(servers["old"], name, f"seller {number}")
    path = tmp_path / "c.json"
    instances = {
        name: {"server": server.host, "port": server.port, "username": "mover", "password": "mover-secret"}
        for name, server in servers.items()
    }
    mapping = {"source_instance": "old", "destination_instance": "new", "databases": ["shop", ODD]}
    path.write_text(json.dumps({"instances": instances, "mappings": [mapping]}))

    before = CliRunner().invoke(main, ["check", "-c", str(path), "--json"])
    document = json.loads(before.stdout)
    assert before.exit_code == 1 and not document["clear"]
    codes = {finding["code"] for finding in document["mappings"][0]["findings"]}
    assert {"wal_level", "slots_short", "source_replication_right", "source_select_right"} <= codes
    assert {"destination_journal_right", "origins_short", "row_security_hides_rows", "source_ownership"} <= codes
    assert [remedy["sql"] for remedy in document["remedies"]].count("ALTER ROLE mover BYPASSRLS;") == 2

    plain = CliRunner().invoke(main, ["check", "-c", str(path)]).stdout
    text = CliRunner().invoke(main, ["check", "-c", str(path), "--script"]).stdout
    assert plain.endswith(text) and text == document["script"]
    assert "mover-secret" not in plain and text.count("-- RESTART") == 2
    psql(servers["old"], text)
    for server in servers.values():
        server.restart()
    after = CliRunner().invoke(main, ["check", "-c", str(path)])
    assert after.exit_code == 0, after.stdout
    assert "-- RESTART" not in after.stdout and "-- ====" not in after.stdout, after.stdout


def prepare(source: Cluster, name: str, owner: str) -> None:
    """A database whose table only its owner reads, row by row."""
    quoted = '"' + name.replace('"', '""') + '"'
    source.execute(f'CREATE ROLE "{owner}"')
    source.execute(f'CREATE DATABASE {quoted} OWNER "{owner}"')
    source.execute(
        f'SET ROLE "{owner}"; CREATE SCHEMA "S 1"; CREATE TABLE "S 1".orders (id int PRIMARY KEY);'
        'ALTER TABLE "S 1".orders ENABLE ROW LEVEL SECURITY; ALTER TABLE "S 1".orders FORCE ROW LEVEL SECURITY',
        name,
    )


def psql(server: Cluster, script: str) -> None:
    """As the script's head says; it goes to the other server by itself."""
    command = [str(client("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port)]
    environment = {**os.environ, "PGPASSWORD": SUPERUSER, "PGUSER": server.superuser, "PGDATABASE": "postgres"}
    done = subprocess.run(command, input=script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{script}"
