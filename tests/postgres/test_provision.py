"""The ground the other tests stand on: clusters start, stop, die and come back, each a server of its own."""

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from migrator.errors import BinariesMissingError
from migrator.machines import provision
from migrator.machines.cluster import Cluster
from migrator.machines.datadir import crc32c

VERSIONS = pytest.mark.parametrize("version", [15, 16, 17, 18])


@VERSIONS
def test_a_cluster_speaks_logical_replication(version: int, shared: Callable[[int], Cluster]) -> None:
    server = shared(version)
    [(number, level)] = server.execute(
        "SELECT current_setting('server_version_num')::int / 10000, current_setting('wal_level')"
    )
    assert (number, level) == (version, "logical")
    assert server.execute("SELECT pg_create_logical_replication_slot('here', 'pgoutput', true)")


@VERSIONS
def test_a_clusters_catalogs_are_those_of_the_build_that_runs_it(
    version: int, shared: Callable[[int], Cluster]
) -> None:
    """Also after the machine's PostgreSQL has had a minor update: a minor release may bring functions of its own."""
    server = shared(version)
    [(share,)] = server.execute("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'")
    functions = (Path(share) / "postgres.bki").read_text().partition("create pg_proc ")[2].partition("close pg_proc")[0]
    pinned = {int(oid) for oid in re.findall(r"^insert \( (\d+) ", functions, re.MULTILINE)}
    assert len(pinned) > 1000
    assert pinned == {oid for (oid,) in server.execute("SELECT oid::bigint FROM pg_proc WHERE oid < 10000")}


def test_two_clusters_of_one_version_are_two_servers(cluster: Callable[..., Cluster]) -> None:
    one, other = cluster(18), cluster(18)
    question = "SELECT system_identifier FROM pg_control_system()"
    assert one.execute(question) != other.execute(question)
    assert one.port != other.port


def test_settings_reach_the_server(cluster: Callable[..., Cluster]) -> None:
    assert cluster(18, wal_level="replica").execute("SHOW wal_level") == [("replica",)]


def test_a_killed_cluster_comes_back_with_its_rows(cluster: Callable[..., Cluster]) -> None:
    server = cluster(18)
    server.execute("CREATE TABLE kept AS SELECT 1 AS n")
    server.execute("CHECKPOINT")
    server.kill()
    with pytest.raises(psycopg.OperationalError):
        server.connect()
    server.start()
    assert server.execute("SELECT n FROM kept") == [(1,)]
    server.restart()
    assert server.execute("SELECT n FROM kept") == [(1,)]


def test_scram_asks_for_the_password(cluster: Callable[..., Cluster]) -> None:
    server = cluster(18, password="open sesame")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        server.connect(password="wrong")
    assert server.execute("SELECT 1") == [(1,)]
    assert "open sesame" not in server.log() + repr(server.spec("it"))


def test_a_database_is_fresh(shared: Callable[[int], Cluster], database: Callable[..., str]) -> None:
    server = shared(18)
    first, second = database(server), database(server, 'Odd "name"')
    server.execute("CREATE TABLE t ()", first)
    assert server.execute("SELECT to_regclass('t')", second) == [(None,)]


def test_valkey_answers(valkey: str) -> None:
    client = redis.Redis.from_url(valkey)
    assert client.ping()
    assert client.config_get("save") == {"save": ""}


def test_a_version_nobody_has_is_named_with_its_remedy() -> None:
    with pytest.raises(BinariesMissingError, match=r"python -m migrator\.machines\.provision 9"):
        provision.postgres_bin(9)


def test_the_environment_chooses_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGRATOR_PG18_BIN", "/somewhere/bin")
    assert str(provision.postgres_bin(18)) == "/somewhere/bin"


def test_crc32c_is_castagnoli() -> None:
    assert crc32c(b"123456789") == 0xE3069283
