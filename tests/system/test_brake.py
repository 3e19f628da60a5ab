"""The adaptive brake on real servers: commits that are made to wait, a standby that replays late."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config import MappingSpec
from migrator.machines.cluster import Cluster
from migrator.tick.reconcile import Assessment
from tests.system.scenario import QUICK, drive_until, mapping, to_the_light

Clusters = Callable[..., Cluster]


def codes(seen: Assessment) -> dict[str, str]:
    return {finding.code: finding.message for finding in seen.decision.findings}


def begun(source: Cluster, destination: Cluster, **bounds: float) -> MappingSpec:
    """A mapping with these bounds, at the light: from now on lag is sampled."""
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", "shop")
    spec = mapping(source, destination, replication=replace(QUICK, **bounds))  # type: ignore[arg-type]
    to_the_light(spec)
    return spec


def set_live(source: Cluster, *settings: str) -> None:
    for setting in settings:
        source.execute(f"ALTER SYSTEM {setting}")
    source.execute("SELECT pg_reload_conf()")


@pytest.mark.finding("copy_braked")
def test_slow_commits_slow_the_copy_down_until_they_are_fast_again(cluster: Clusters) -> None:
    source, destination = cluster(16, fsync="on"), cluster(18)  # commit_delay waits before a real flush alone
    spec = begun(source, destination, brake_commit_milliseconds=95.0)
    set_live(source, "SET commit_delay = 100000", "SET commit_siblings = 0")
    on = drive_until(spec, lambda seen: "copy_braked" in codes(seen))
    assert re.search(r"a commit on the source took \d+ ms; .* allows 95\.", codes(on)["copy_braked"])
    rate = on.summary["rate_limit_mbps"]
    assert isinstance(rate, float) and rate <= 64.0
    drive_until(
        spec, lambda seen: seen.summary["rate_limit_mbps"] == 1.0
    )  # halved again and again, but never to a stop
    unlimited = replace(spec, replication=replace(spec.replication, brake_commit_milliseconds=None))
    assert drive_until(unlimited, lambda _: True).summary["rate_limit_mbps"] is None, "taken out of the configuration"
    set_live(source, "RESET commit_delay", "RESET commit_siblings")
    off = drive_until(spec, lambda seen: "copy_braked" not in codes(seen))
    assert off.summary["rate_limit_mbps"] is None


def standby_of(source: Cluster, standby: Cluster, delay: str) -> None:
    """Make of `standby` a streaming copy of `source` that replays so much later."""
    standby.stop()
    source.stop()
    kept = standby.home / "postgresql.conf"
    shutil.copy2(standby.data / "postgresql.conf", kept)
    shutil.rmtree(standby.data)
    subprocess.run(["cp", "-Rp", str(source.data), str(standby.data)], check=True)
    source.start()
    own = f"primary_conninfo = '{source.dsn()} application_name=late'\nrecovery_min_apply_delay = '{delay}'\n"
    (standby.data / "postgresql.conf").write_text(kept.read_text() + own)
    (standby.data / "standby.signal").touch()
    standby.start()


def test_a_late_standby_slows_the_copy_down(cluster: Clusters) -> None:
    source, destination, standby = cluster(16), cluster(18), cluster(16)
    source.execute("CREATE ROLE plain LOGIN REPLICATION CREATEDB")
    spec = begun(source, destination, brake_standby_seconds=1.0)
    standby_of(source, standby, "1h")
    on = drive_until(spec, lambda seen: "copy_braked" in codes(seen))
    assert "the source's standby late replays " in codes(on)["copy_braked"]
    plain = replace(spec, source=replace(spec.source, username="plain"))
    assert "source_activity_right" in codes(drive_until(plain, lambda _: True)), "it would not see the standbys either"
    standby.stop()
    drive_until(spec, lambda seen: "copy_braked" not in codes(seen))
