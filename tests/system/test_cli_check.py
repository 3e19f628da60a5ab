"""`check` and `plan` on real servers: clear, blocked, unreachable; nothing is changed and no secret is shown."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from migrator.cli import main
from migrator.machines.cluster import Cluster

SOURCE_PASSWORD, DESTINATION_PASSWORD = "source-secret-1", "destination-secret-2"


def configuration(folder: Path, source: Cluster, destination: Cluster, **source_keys: object) -> Path:
    instances = {
        "old": {"server": source.host, "port": source.port, "password": SOURCE_PASSWORD, **source_keys},
        "new": {"server": destination.host, "port": destination.port, "password": DESTINATION_PASSWORD},
    }
    path = folder / "migrator.json"
    mapping = {"source_instance": "old", "destination_instance": "new", "databases": ["shop"]}
    path.write_text(json.dumps({"instances": instances, "mappings": [mapping]}))
    return path


def run(path: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, [arguments[0], "-c", str(path), *arguments[1:]])
    assert SOURCE_PASSWORD not in result.output and DESTINATION_PASSWORD not in result.output
    assert "Traceback" not in result.output
    return result


def traces(side: Cluster) -> list[tuple[object, ...]]:
    """Whatever of ours stands on a server."""
    return [
        *side.execute("SELECT slot_name FROM pg_replication_slots"),
        *side.execute("SELECT subname FROM pg_subscription"),
        *side.execute("SELECT nspname FROM pg_namespace WHERE nspname = 'migrator'"),
        *side.execute("SELECT rolname FROM pg_roles WHERE rolname = 'shopkeeper'"),
    ]


def test_check_and_plan(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    source = cluster(16, password=SOURCE_PASSWORD)
    destination = cluster(18, password=DESTINATION_PASSWORD)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE ROLE shopkeeper LOGIN PASSWORD 'role-secret-3'")
    source.execute("CREATE TABLE public.orders (id int PRIMARY KEY)", database="shop")
    before = traces(source), traces(destination)
    path = configuration(tmp_path, source, destination)

    result = run(path, "check")
    assert result.exit_code == 0, result.output
    result = run(path, "plan", "--sql")
    assert result.exit_code == 0 and "CREATE ROLE shopkeeper" in result.stdout
    assert "the schema of shop is tried" in result.stdout
    assert "{password:shopkeeper}" in result.stdout and "role-secret-3" not in result.stdout
    (mapping,) = json.loads(run(path, "status", "--json").stdout)["mappings"]
    assert mapping["status"] == "not_started" and mapping["databases"][0]["relations"]["total"] == 1
    assert (traces(source), traces(destination)) == before

    source.execute("CREATE TABLE public.log (line text)", database="shop")
    result = run(path, "check", "--json")
    findings = json.loads(result.stdout)["mappings"][0]["findings"]
    assert any("log" in finding["message"] or finding["relation"] == "public.log" for finding in findings), findings

    result = run(configuration(tmp_path, source, destination, password="wrong"), "check")
    assert result.exit_code == 1 and "password authentication failed" in result.stdout
    destination.stop()
    result = run(path, "status")
    assert result.exit_code == 0 and "problematic" in result.stdout


def test_a_source_that_does_not_decode(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    source = cluster(16, password=SOURCE_PASSWORD, wal_level="replica")
    destination = cluster(18, password=DESTINATION_PASSWORD)
    source.execute("CREATE DATABASE shop")
    result = run(configuration(tmp_path, source, destination), "check")
    assert result.exit_code == 1
    assert "wal_level" in result.stdout and "ALTER SYSTEM SET wal_level" in result.stdout
