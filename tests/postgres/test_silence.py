"""A server that says nothing any more: whoever only looks gives up, and can say so."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from migrator import connection
from migrator.config import InstanceSpec
from migrator.connection import connect, session_of
from migrator.errors import UnreachableError
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.model import Instance, Unreachable
from tests.faults.fault_proxy import FaultProxy, Mode
from tests.system.scenario import mapping


def behind(proxy: FaultProxy) -> InstanceSpec:
    return InstanceSpec(name="x", server="127.0.0.1", port=proxy.port, username="postgres", connect_timeout_seconds=2)


def test_a_session_gives_up_on_silence_and_is_closed(shared: Callable[[int], Cluster]) -> None:
    server = shared(18)
    with FaultProxy(server.host, server.port) as proxy, connect(behind(proxy), None, "silence", None, 1.0) as session:
        assert session.execute("SELECT 1 AS one").fetchall() == [{"one": 1}]
        proxy.set(Mode.BLACK_HOLE)
        with pytest.raises(psycopg.OperationalError, match="no answer within 1 s"):
            session.execute("SELECT 2")
        assert session.closed
        with pytest.raises(UnreachableError, match="timeout expired"):
            connect(behind(proxy), None, "silence")


def test_who_may_take_long_is_not_hurried(shared: Callable[[int], Cluster]) -> None:
    server = shared(18)
    hasty = connect(server.spec("x"), None, "haste", None, 0.5)
    with hasty, pytest.raises(psycopg.OperationalError, match="no answer"):
        hasty.execute("SELECT pg_sleep(2)")
    with connect(server.spec("x"), None, "patience") as session:
        session.execute("SELECT pg_sleep(2)")
    with session_of(server.spec("x"), None, "patience") as session:
        assert session.patience_seconds == connection.SILENCE_SECONDS


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_look_at_a_frozen_server_ends(
    side: str, shared: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, destination = shared(16), shared(18)
    monkeypatch.setattr("migrator.looks.sessions.SILENCE_SECONDS", 1.0)
    frozen = source if side == "source" else destination
    with FaultProxy(frozen.host, frozen.port) as proxy:
        spec = replace(mapping(source, destination), **{side: behind(proxy)})  # type: ignore[arg-type]
        assert isinstance(getattr(Looker(spec).look(), side), Instance)
        proxy.set(Mode.BLACK_HOLE)
        assert isinstance(getattr(Looker(spec).look(), side), Unreachable)
