"""The trial of the destination's line to the source: it leaves nothing behind, no password in any log, and speaks for each role."""

import socket
from collections.abc import Callable
from dataclasses import replace

from migrator.config import DatabaseSelection, MappingSpec, Secret
from migrator.looks.dial import dial
from migrator.machines.cluster import Cluster
from tests.system.scenario import ours_left

MARK = "pl4nted"
LOGGING = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_error_verbosity": "verbose",
    "log_min_messages": "info",
}


def test_the_trial_and_the_log(cluster: Callable[..., Cluster]) -> None:
    source, destination = cluster(16, password=f"{MARK}-old", **LOGGING), cluster(18, password=f"{MARK}-new", **LOGGING)
    source.execute("CREATE DATABASE shop")
    destination.execute("CREATE ROLE mover LOGIN PASSWORD 'plain'")
    destination.execute("GRANT pg_create_subscription TO mover; GRANT CREATE ON DATABASE postgres TO mover")
    mark = len(destination.log())
    spec = MappingSpec("m", source.spec("old"), destination.spec("new"), databases=DatabaseSelection(include=("shop",)))
    as_mover = replace(spec, destination=replace(spec.destination, username="mover", password=Secret("plain")))
    version = source.connect().info.server_version

    assert dial(spec, version, ["shop"]) == {}
    assert dial(as_mover, version, ["shop"]) is None  # not tried: the password would stand in the log
    destination.execute("GRANT SET ON PARAMETER log_min_messages TO mover")
    assert dial(as_mover, version, ["shop"]) == {}
    for wrong in ({"replication_port": 1}, {"replication_server": "nowhere.invalid"}):
        elsewhere = replace(as_mover, source=replace(as_mover.source, **wrong))
        said = dial(elsewhere, version, ["shop", "postgres"])
        assert said and "could not connect to the publisher" in said["shop"] and MARK not in str(said)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # nobody accepts: one database waits, all are told
        hole = replace(as_mover.source, replication_port=silent.getsockname()[1], connect_timeout_seconds=2)
        said = dial(replace(as_mover, source=hole), version, ["shop", "postgres"])
        assert said == dict.fromkeys(("shop", "postgres"), "no answer within 2 s")
    destination.execute("REVOKE CREATE ON DATABASE postgres FROM mover")
    assert dial(as_mover, version, ["shop"]) == {}  # the findings about rights tell that

    assert "set_config('log_min_messages'" in destination.log()[mark:]  # it does log all that it may
    assert MARK not in destination.log()[mark:]
    assert ours_left(source) == ours_left(destination) == []
    assert destination.execute("SELECT count(*) FROM pg_subscription") == [(0,)]
