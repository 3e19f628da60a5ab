"""Passwords that only libpq knows: a passfile, a service, PGPASSFILE. They reach the destination's subscription, and nobody else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main
from migrator.config_file import load
from migrator.machines.cluster import Cluster
from migrator.steps import Status
from tests.system.scenario import drive_until

SECRET = "kept-elsewhere: \\ '1"
PASSFILE_SPELLING = SECRET.replace("\\", "\\\\").replace(":", "\\:")


def test_passfile_and_service(cluster: Callable[..., Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, destination = cluster(16, password=SECRET), cluster(18, password="other-secret")
    source.execute("CREATE ROLE seller")
    source.execute("CREATE DATABASE shop OWNER seller")
    source.execute(
        "SET ROLE seller; CREATE SCHEMA s; CREATE TABLE s.customer AS SELECT g AS id FROM generate_series(1, 500) g",
        "shop",
    )
    source.execute("ALTER TABLE s.customer ADD PRIMARY KEY (id)", "shop")
    destination.execute("CREATE ROLE mover LOGIN CREATEDB CREATEROLE PASSWORD 'other-secret'")
    destination.execute("GRANT pg_create_subscription, pg_read_all_settings, pg_read_all_stats TO mover")
    destination.execute("GRANT CREATE ON DATABASE postgres TO mover")
    passfile, services, config = tmp_path / "pass", tmp_path / "services", tmp_path / "c.json"
    passfile.write_text(f"{source.host}:{source.port}:*:postgres:{PASSFILE_SPELLING}\n")
    passfile.chmod(0o600)
    services.write_text(f"[new]\nhost={destination.host}\nport={destination.port}\nuser=mover\npassword=other-secret\n")
    instances: dict[str, dict[str, object]] = {
        "old": {"server": source.host, "port": source.port},
        "new": {"service": "new", "servicefile": str(services)},
    }
    mapping = {"source_instance": "old", "destination_instance": "new", "databases": ["shop"]}
    pace = {"stable_seconds": 1}

    def check(**more: object) -> str:
        instances["old"].update(more)
        config.write_text(json.dumps({"instances": instances, "mappings": [mapping], "replication": pace}))
        output = CliRunner().invoke(main, ["check", "-c", str(config)]).output
        assert SECRET not in output and "other-secret" not in output
        return output

    assert "no password supplied" in check()
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    assert ": clear" in check()
    monkeypatch.delenv("PGPASSFILE")
    assert ": clear" in check(passfile=str(passfile))
    spec = load(config, {}).mappings[0]
    drive_until(spec, lambda seen: seen.status in (Status.SYNCED, Status.CUTOVER_READY))
    ((conninfo,),) = destination.execute("SELECT subconninfo FROM pg_subscription", "shop")
    assert "passfile" not in str(conninfo) and "password=" in str(conninfo)
    assert destination.execute("SELECT count(*) FROM s.customer", "shop") == [(500,)]
