"""`grants` for both ends: pg_hba lines for who really dials, settings with their restarts. (That it suffices: tests/system.)"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from migrator.cli import main


def grants(folder: Path, source: dict[str, object], destination: dict[str, object]) -> str:
    instances = {"old": {"username": "mover", **source}, "new": {"username": "mo-ver", **destination}}
    mapping = {"source_instance": "old", "destination_instance": "new"}
    (folder / "c.json").write_text(json.dumps({"instances": instances, "mappings": [mapping]}))
    result = CliRunner().invoke(main, ["grants", "-c", str(folder / "c.json")])
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        ({"server": "a"}, {"server": "10.0.0.7"}, "hostssl all mover 10.0.0.7/32 scram-sha-256"),
        ({"server": "a"}, {"server": "2001:db8::7"}, "hostssl all mover 2001:db8::7/128 scram-sha-256"),
        ({"server": "a"}, {"server": "new.example.com"}, "hostssl all mover new.example.com scram-sha-256"),
        ({"server": "a", "sslmode": "disable"}, {"server": "/run/pg"}, "host all mover 127.0.0.1/32 scram-sha-256"),
        ({"server": "a", "replication_sslmode": "disable"}, {"server": "b"}, "host all mover b scram-sha-256"),
        ({"server": "a"}, {"server": "b"}, 'hostssl all "mo-ver" ADDRESS/32 scram-sha-256'),
    ],
)
def test_pg_hba(tmp_path: Path, source: dict[str, object], destination: dict[str, object], line: str) -> None:
    assert f"-- {line}\n" in grants(tmp_path, source, destination)


def test_what_is_carried_at_the_cutover_may_have_triggers(tmp_path: Path) -> None:
    lines = grants(tmp_path, {"server": "a"}, {"server": "b"}).splitlines()
    place = lines.index('GRANT SET ON PARAMETER session_replication_role TO "mo-ver";')
    assert "triggers" in lines[place - 1]


def test_settings_and_restarts(tmp_path: Path) -> None:
    lines = grants(tmp_path, {"server": "a"}, {"server": "b"}).splitlines()
    assert "ALTER SYSTEM SET wal_level = 'logical';  -- needs a restart of the source" in lines
    for name in ("max_replication_slots", "max_wal_senders"):
        assert any(f"ALTER SYSTEM SET {name}" in line and "restart of the source" in line for line in lines)
    for name in ("max_logical_replication_workers", "max_worker_processes", "max_active_replication_origins"):
        assert any(f"ALTER SYSTEM SET {name}" in line and "restart of the destination" in line for line in lines)
    assert all(line.startswith(("--", "ALTER", "GRANT", "SELECT", "\\")) for line in lines), lines
