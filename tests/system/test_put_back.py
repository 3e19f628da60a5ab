"""A side that was put back by a copy of its files: same system identifier, same timeline, and changes are lost without a sign."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import control
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Side, Status
from migrator.tick.reconcile import Assessment
from tests.system.scenario import checksums, describe, drive_until, mapping, ours_left, to_the_light


def copy_files(server: Cluster) -> Path:
    """A snapshot of the machine's disk, taken while the server is down."""
    server.stop()
    saved = server.home / "saved"
    shutil.copytree(server.data, saved, symlinks=True)
    server.start()
    return saved


def put_back(server: Cluster, saved: Path) -> None:
    """The files of before; what is there to be written to has its owner and rights from the directory that stood there."""
    owner = server.data.stat()
    server.stop("immediate")
    shutil.rmtree(server.data)
    saved.rename(server.data)
    for path in (server.data, *server.data.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
    (server.data / "postmaster.pid").unlink(missing_ok=True)
    server.start()


def ready(seen: Assessment) -> bool:
    return seen.status is Status.CUTOVER_READY


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.finding("server_put_back")
def test_it_is_told_and_the_mapping_ends_well(cluster: Callable[..., Cluster], side: Side) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)", "shop")
    spec, memory = mapping(source, destination), Memory()
    drive_until(spec, ready, memory=memory)
    server = source if side is Side.SOURCE else destination
    saved = copy_files(server)
    source.execute("INSERT INTO t SELECT generate_series(101, 20100)", "shop")
    last = "SELECT max(id) FROM t"
    drive_until(spec, lambda seen: ready(seen) and destination.execute(last, "shop") == [(20100,)], memory=memory)

    put_back(server, saved)
    seen = drive_until(spec, lambda seen: "server_put_back" in codes(seen), memory=memory)
    (found,) = [finding for finding in seen.decision.findings if finding.code == "server_put_back"]
    assert found.blocking and f"The {side} " in found.message
    assert memory.newest_marker(spec.name) is not None
    forgetful = drive_until(spec, lambda seen: True)
    assert "server_put_back" in codes(forgetful), describe(forgetful)  # it stays, whoever looks
    assert not any(forgetful.decision.actions)

    for command in ("abort", "forget"):
        assert f"pg-migrator {command} {spec.name}" in found.remedy
    assert control.abort(spec).left == ()
    control.forget(spec)
    assert [left for left in ours_left(source) if not left.startswith("session")] == []
    destination.execute("DROP DATABASE shop WITH (FORCE)")
    assert "server_put_back" not in codes(to_the_light(spec))
    assert checksums(source, "shop") == checksums(destination, "shop")


def codes(seen: Assessment) -> set[str]:
    return {finding.code for finding in seen.decision.findings}
