"""Lag as it is: on an idle source, on one where another database is busy, behind an apply that is held up, and where no lag shows."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from migrator import control
from migrator.bookkeeping import journal, markers
from migrator.connection import session_of
from migrator.machines.cluster import Cluster
from migrator.model import Lsn
from migrator.records import Identity
from migrator.steps import Status
from migrator.tick.reconcile import Assessment, assess, drive
from tests.system.scenario import QUICK, describe, drive_until, mapping, to_the_light

Clusters = Callable[..., Cluster]


def light(seen: Assessment) -> bool:
    return seen.status is Status.CUTOVER_READY


def codes(seen: Assessment) -> set[str]:
    return {finding.code for finding in seen.decision.findings}


@pytest.mark.finding("transaction_open", "prepared_transaction")
def test_lag_and_what_it_does_not_show(cluster: Clusters) -> None:
    source, destination = cluster(15, max_prepared_transactions="2"), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY, body text); INSERT INTO t VALUES (1)", "shop")
    source.execute("CREATE DATABASE other")
    source.execute("CREATE TABLE busy (body text)", "other")
    spec = mapping(source, destination, replication=replace(QUICK, open_transaction_seconds=1.0))
    spec = replace(spec, databases=replace(spec.databases, include=("shop",)))
    to_the_light(spec)

    idle = drive_until(spec, lambda seen: seen.summary["lag_seconds"] == 0)
    assert light(idle), "an idle source: the marker is through, though nobody writes"

    source.execute("INSERT INTO busy SELECT repeat('x', 1000) FROM generate_series(1, 30000)", "other")
    drive_until(spec, light)  # the walsender skips what is not ours; its bytes counted as lag for a moment

    with destination.connect("shop") as holder:
        holder.execute("BEGIN; LOCK TABLE t IN SHARE MODE")
        source.execute("INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(2, 20000) g", "shop")
        held = drive_until(spec, lambda seen: (seen.summary["lag_seconds"] or 0) > 3)  # type: ignore[operator]
        assert held.summary["lag_bytes"] > 1_000_000  # type: ignore[operator]
        groups = held.summary["groups"]
        assert isinstance(groups, list) and len(groups) == 1
        group = groups[0]
        assert group["lag_bytes"] == held.summary["lag_bytes"]
        assert group["lag_seconds"] == held.summary["lag_seconds"] == held.summary["databases"][0]["lag_seconds"]  # type: ignore[index]
        before = held.summary["lag_seconds"]
        time.sleep(1)
        drive(spec)
        assert assess(spec).summary["lag_seconds"] > before  # type: ignore[operator]
    drive_until(spec, lambda seen: light(seen) and seen.summary["lag_seconds"] == 0)

    with suppress(psycopg.errors.AdminShutdown), source.connect("shop") as writer:
        writer.execute("BEGIN; UPDATE t SET body = 'not yet' WHERE id = 1")
        seen = drive_until(spec, lambda seen: "transaction_open" in codes(seen))
        assert seen.summary["lag_seconds"] == 0 and not light(seen), describe(seen)
        (finding,) = [each for each in seen.decision.findings if each.code == "transaction_open"]
        source.execute(finding.remedy.split(": ", 1)[1])
    seen = drive_until(spec, light)
    assert "transaction_open" not in codes(seen)

    source.execute("BEGIN; UPDATE t SET body = 'not yet' WHERE id = 1; PREPARE TRANSACTION 'open'", "shop")
    seen = drive_until(spec, lambda seen: "prepared_transaction" in codes(seen))
    assert not light(seen) and not seen.decision.quiet
    source.execute("COMMIT PREPARED 'open'", "shop")
    drive_until(spec, light)

    rows = 300_000
    source.execute(f"INSERT INTO t SELECT g, repeat('y', 200) FROM generate_series(20001, {rows}) g", "shop")
    drive_until(spec, lambda _: destination.execute("SELECT count(*) FROM t", "shop") == [(rows,)])
    seen = drive_until(spec, lambda seen: light(seen) and seen.summary["groups"][0]["large_transactions"] > 0)  # type: ignore[index]
    assert seen.summary["groups"][0]["large_bytes"] > 2**26  # type: ignore[index]
    assert control.abort(spec).left == ()


def test_markers_of_a_long_outage_are_thinned(cluster: Clusters) -> None:
    server = cluster(18)
    with session_of(server.spec("dst"), None, "test") as session:
        journal.begin(session, "m", Identity("1", 1), Identity("2", 1))
        session.execute(
            "INSERT INTO migrator.markers (mapping, lsn, emitted_at) SELECT 'm', g::text::pg_lsn, clock_timestamp() - interval"
            " '5 s' * (17280 - n) FROM (SELECT n, '0/' || to_hex(n) AS g FROM generate_series(1, 17280) n) x"
        )
        markers.add(session, "m", Lsn(20_000))
        found = journal.read_journal(session, "m").markers
        assert 1_400 < len(found) < 1_600, "a day: one a minute, and the last ten minutes whole"
        assert found[0].lsn == 1, "the oldest stays: lag in seconds is told by it"
        assert [marker.lsn for marker in found[-100:]] == [*range(17_182, 17_281), 20_000]
