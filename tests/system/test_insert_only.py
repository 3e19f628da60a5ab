"""Tables without a usable replica identity of which only INSERT and TRUNCATE are replicated, while the application goes on writing."""

import time
from collections.abc import Callable

import pytest

from migrator import control
from migrator.config import CopyMethod, MappingSpec
from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Side, Status
from migrator.tick.reconcile import Assessment, assess
from tests.postgres.schema_trial import dump
from tests.remedy import carry_out
from tests.system.scenario import BY_EITHER, checksums, describe, drive_until, to_the_light
from tests.system.test_without_identity import (
    WITHOUT,
    WRITES,
    application,
    blocking,
    chosen,
    identities,
    nothing_left,
    refusal,
    stage,
)

Clusters = Callable[..., Cluster]

INSERTS = (
    "INSERT INTO loose VALUES (10000 + {n}, 'new')",
    "INSERT INTO child VALUES (10000 + {n}, 10000 + {n})",
    "INSERT INTO tree VALUES (1000 + {n}, 'new')",
    "UPDATE tree SET body = 'changed {n}' WHERE id = 1 + {n} % 400",
    "INSERT INTO deferred VALUES (1000 + {n})",
    "INSERT INTO nothing VALUES (1000 + {n}, '{{}}')",
    "INSERT INTO heir VALUES (1000 + {n}, 'h', 'new')",
    "UPDATE ONLY plain SET body = 'changed {n}' WHERE id = {n} % 300",
    "DELETE FROM ONLY plain WHERE id = 250 + {n} % 300; INSERT INTO plain VALUES (250 + {n} % 300, 'back')",
)
"""To tables without an identity by INSERT alone."""

STATISTICS_SECONDS = 12.0
"""So long after the barrier an idle session of the application may still have something to tell."""


def holds(source: Cluster, publishes_updates: bool) -> set[str]:
    """What the publications of this kind hold."""
    rows = source.execute(
        "SELECT prrelid::regclass::text FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid"
        f" WHERE p.pubupdate = {publishes_updates} AND p.pubdelete = {publishes_updates} AND p.pubinsert AND p.pubtruncate",
        "shop",
    )
    return {name for (name,) in rows}


def replicated(cluster: Clusters, method: CopyMethod) -> tuple[Cluster, Cluster, MappingSpec]:
    """The stage at its light, tables without an identity by INSERT alone: source, destination, mapping."""
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = chosen(source, destination, method, "insert_only")
    to_the_light(spec)
    return source, destination, spec


def told(seen: Assessment, code: str) -> Finding | None:
    return next((finding for finding in seen.decision.findings if finding.code == code), None)


def complete(spec: MappingSpec, source: Cluster, destination: Cluster) -> None:
    time.sleep(STATISTICS_SECONDS)
    assert control.complete(spec).left == ()
    nothing_left(spec, source, destination)


@pytest.mark.parametrize(
    ("method", "version"),
    [
        (CopyMethod.SUBSCRIPTION, 15),
        (CopyMethod.SNAPSHOT, 18),
        pytest.param(CopyMethod.SNAPSHOT, 15, marks=pytest.mark.slow),
    ],
)
def test_inserts_and_truncates_follow(cluster: Clusters, method: CopyMethod, version: int) -> None:
    source, destination = cluster(version), cluster(18)
    stage(source)
    spec = chosen(source, destination, method, "insert_only")
    before = told(assess(spec), "insert_only")
    assert before is not None and "public.loose" in before.message and not before.blocking
    with application(source, INSERTS):
        light = to_the_light(spec)
        assert holds(source, True) == {"plain", "child", "tree_low"}
        assert holds(source, False) == {name.removeprefix("public.") for name in WITHOUT}
        assert {finding.code for finding in light.decision.findings} == {"insert_only"}, describe(light)
        anew = assess(spec)
        assert not list(anew.decision.actions) and not blocking(anew), f"not by the catalogs alone: {describe(anew)}"
        source.execute("TRUNCATE nothing, heir; INSERT INTO nothing VALUES (-1, '{}')", "shop")
    control.take_barrier(spec)
    assert "are counted up to 12 s after the barrier" in refusal(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT count(*) > 0 FROM nothing", "shop") == [(True,)]
    complete(spec, source, destination)
    assert identities(source) == {"nothing": "n"}


@pytest.mark.finding("insert_only_changed")
@pytest.mark.parametrize("method", BY_EITHER)
def test_an_update_or_delete_keeps_the_light_out_until_the_table_is_copied_anew(
    cluster: Clusters, method: CopyMethod
) -> None:
    source, destination = cluster(16), cluster(18)
    sides = {Side.SOURCE: source, Side.DESTINATION: destination}
    stage(source)
    spec = chosen(source, destination, method, "insert_only")
    with application(source, INSERTS):
        to_the_light(spec)
        source.execute("UPDATE loose SET body = 'changed' WHERE id <= 10", "shop")
        source.execute("UPDATE tree SET id = 0 WHERE id = 500", "shop")  # out of tree_high, into tree_low
        source.execute("DELETE FROM deferred WHERE id <= 3", "shop")
        seen = drive_until(spec, lambda seen: len(blocking(seen)) == 3)
        changed = dict.fromkeys(("public.loose", "public.tree_high", "public.deferred"), "insert_only_changed")
        assert blocking(seen) == changed, describe(seen)
        assert seen.status is Status.PROBLEMATIC
        counts = {f.relation: f.message.split()[0] for f in seen.decision.findings if f.blocking}
        assert counts == {"public.loose": "10", "public.tree_high": "1", "public.deferred": "3"}
        for finding in [each for each in seen.decision.findings if each.blocking]:
            carry_out(finding, sides, "shop")
        light = to_the_light(spec)
        assert {finding.code for finding in light.decision.findings} == {"insert_only"}, describe(light)
    control.take_barrier(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    foreign = "SELECT convalidated FROM pg_constraint WHERE conname = 'child_loose_fkey'"
    assert destination.execute(foreign, "shop") == [(True,)], "made anew with the table it refers to"
    source.execute("DELETE FROM heir WHERE id = 1", "shop")
    time.sleep(STATISTICS_SECONDS)
    assert "1 row of public.heir" in refusal(spec), "whoever writes after the barrier all the same"


@pytest.mark.parametrize("method", BY_EITHER)
def test_no_statement_of_the_application_ever_fails(cluster: Clusters, method: CopyMethod) -> None:
    """Nor is one change of the beginning kept silent: what is counted twice is a false alarm. And nothing stays after abort."""
    source, destination = cluster(17), cluster(18)
    stage(source)
    found = dump(source, "shop", destination)
    spec = chosen(source, destination, method, "insert_only")
    with application(source):
        every = dict.fromkeys(WITHOUT, "insert_only_changed")
        drive_until(spec, lambda seen: every.items() <= blocking(seen).items())
        assert holds(source, False) == {name.removeprefix("public.") for name in WITHOUT}
    with application(source, [each for each in WRITES if not each.startswith("INSERT")]):
        assert control.abort(spec).left == ()
    nothing_left(spec, source, destination)
    assert dump(source, "shop", destination) == found


@pytest.mark.finding("insert_only_uncounted")
def test_counters_that_were_reset_are_no_proof(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18)
    sides = {Side.SOURCE: source, Side.DESTINATION: destination}
    stage(source)
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "insert_only")
    to_the_light(spec)
    source.restart()
    to_the_light(spec)
    source.restart("immediate")
    seen = drive_until(spec, lambda seen: len(blocking(seen)) == len(WITHOUT))
    assert blocking(seen) == dict.fromkeys(WITHOUT, "insert_only_uncounted"), describe(seen)
    for finding in [each for each in seen.decision.findings if each.blocking]:
        carry_out(finding, sides, "shop")
    to_the_light(spec)
    source.execute("UPDATE loose SET body = 'x' WHERE id = 7", "shop")
    drive_until(spec, lambda seen: blocking(seen) == {"public.loose": "insert_only_changed"})
    source.execute("SELECT pg_stat_reset_single_table_counters('loose'::regclass)", "shop")
    seen = drive_until(spec, lambda seen: len(blocking(seen)) == len(WITHOUT))
    assert blocking(seen) == dict.fromkeys(WITHOUT, "insert_only_uncounted"), describe(seen)


def settle(seen: Assessment, destination: Cluster) -> None:
    """The last way out: the rows are the same, whatever was counted."""
    for finding in [each for each in seen.decision.findings if each.blocking]:
        destination.execute(finding.remedy.rpartition("on the destination: ")[2], "shop")


def test_what_the_counters_cannot_tell(cluster: Clusters) -> None:
    """What is rolled back is counted; counters of the archiver are reset by themselves. Where the rows are the same, one says so."""
    source, destination, spec = replicated(cluster, CopyMethod.SNAPSHOT)
    source.execute("BEGIN; DELETE FROM deferred; UPDATE nothing SET id = -id; ROLLBACK", "shop")
    seen = drive_until(spec, lambda seen: len(blocking(seen)) == 2)
    assert blocking(seen) == dict.fromkeys(("public.deferred", "public.nothing"), "insert_only_changed"), describe(seen)
    assert all("rolled back" in each.message for each in seen.decision.findings if each.blocking)
    settle(seen, destination)
    source.execute("SELECT pg_stat_reset_shared('archiver')")
    to_the_light(spec)
    source.execute("DELETE FROM deferred WHERE id = 7", "shop")
    seen = drive_until(spec, lambda seen: blocking(seen) == {"public.deferred": "insert_only_changed"})
    counts = [each.message.split()[0] for each in seen.decision.findings if each.blocking]
    assert counts == ["1"], "from there on it is counted anew"


@pytest.mark.parametrize("method", BY_EITHER)
def test_an_identity_that_comes_later_counts_from_the_new_copy_on(cluster: Clusters, method: CopyMethod) -> None:
    source, destination, spec = replicated(cluster, method)
    source.execute("ALTER TABLE loose ADD PRIMARY KEY (id); UPDATE loose SET body = 'x' WHERE id = 7", "shop")
    seen = drive_until(spec, lambda seen: "insert_only_changed" in blocking(seen).values())
    finding = told(seen, "insert_only_changed")
    assert finding is not None and "ALTER TABLE public.loose ADD PRIMARY KEY (...);" in finding.remedy
    carry_out(finding, {Side.SOURCE: source, Side.DESTINATION: destination}, "shop")
    to_the_light(spec)
    assert "loose" in holds(source, True) - holds(source, False)
    source.execute("ALTER TABLE plain DROP CONSTRAINT plain_pkey", "shop")
    drive_until(spec, lambda seen: told(seen, "replica_identity_missing") is not None)
    destination.execute("DROP TABLE plain CASCADE", "shop")
    with application(source, [*INSERTS[:-2], "UPDATE loose SET body = '{n}' WHERE id = {n} % 2000"]):
        to_the_light(spec)
    assert "plain" in holds(source, False) - holds(source, True)
    control.take_barrier(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")


@pytest.mark.parametrize("method", BY_EITHER)
def test_a_table_that_comes_later(cluster: Clusters, method: CopyMethod) -> None:
    source, destination, spec = replicated(cluster, method)
    source.execute('CREATE TABLE "100%% late" (id int)', "shop")
    with application(source, ('INSERT INTO "100%% late" VALUES ({n})',)):
        drive_until(spec, lambda seen: '"100%% late"' in holds(source, False) and seen.status is Status.CUTOVER_READY)
    control.take_barrier(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")


def test_a_choice_that_comes_too_late(cluster: Clusters) -> None:
    """A slot that is older than a publication cannot read on: so a group has both from the beginning, or never."""
    source, destination = cluster(16), cluster(18)
    stage(source)
    drive_until(
        chosen(source, destination, CopyMethod.SUBSCRIPTION, "refuse"), lambda seen: len(holds(source, True)) == 3
    )
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "refuse", loose="insert_only")
    seen = drive_until(spec, lambda seen: not list(seen.decision.actions) and bool(blocking(seen)))
    (late,) = (each for each in seen.decision.findings if each.relation == "public.loose")
    assert late.code == "replica_identity_missing" and "insert_only comes too late" in late.message
    assert "insert_only" not in late.remedy and "replica_identity_full | copy_at_cutover" in late.remedy
    with application(source):
        assert holds(source, False) == set()


def test_what_somebody_does_to_the_publication(cluster: Clusters) -> None:
    source, destination, spec = replicated(cluster, CopyMethod.SUBSCRIPTION)
    ((name,),) = source.execute("SELECT pubname FROM pg_publication WHERE NOT pubupdate", "shop")
    source.execute(f"ALTER PUBLICATION {name.removesuffix('_i')} ADD TABLE loose", "shop")
    seen = drive_until(spec, lambda seen: told(seen, "publication_foreign_relation") is not None)
    finding = told(seen, "publication_foreign_relation")
    assert finding is not None
    carry_out(finding, {Side.SOURCE: source, Side.DESTINATION: destination}, "shop")
    with application(source):
        drive_until(spec, lambda seen: told(seen, "publication_foreign_relation") is None)
    source.execute(f"ALTER PUBLICATION {name} SET (publish = 'insert, update')", "shop")
    seen = drive_until(spec, lambda seen: told(seen, "replication_broken") is not None)
    broken = told(seen, "replication_broken")
    assert broken is not None and f"publication {name} was altered on the source" in broken.message
    assert control.abort(spec).left == ()
    nothing_left(spec, source, destination)


UNCOUNTING = (
    "ALTER SYSTEM SET track_counts = off",
    "ALTER ROLE ALL SET track_counts = 'no'",
    "ALTER DATABASE shop SET track_counts = off",
    'ALTER ROLE "a batch" IN DATABASE shop SET track_counts = 0',
)
"""By the server, by everybody, by a database, and by a role there."""


@pytest.mark.finding("insert_only_not_counting")
def test_whoever_does_not_count_keeps_the_light_out(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    stage(source)
    source.execute("CREATE DATABASE other")
    source.execute(
        "ALTER DATABASE other SET track_counts = off; ALTER ROLE postgres IN DATABASE other SET track_counts = off"
    )
    source.execute('CREATE ROLE "a batch"; ALTER ROLE "a batch" SET track_counts = off')
    spec = chosen(source, destination, CopyMethod.SNAPSHOT, "insert_only")
    mend = 'ALTER ROLE "a batch" RESET track_counts;'
    for number, statement in enumerate(("SELECT 1", *UNCOUNTING)):
        source.execute(statement)
        source.execute("SELECT pg_reload_conf()")
        seen = drive_until(spec, lambda seen: told(seen, "insert_only_not_counting") is not None)
        finding = told(seen, "insert_only_not_counting")
        assert finding is not None and finding.blocking, describe(seen)
        assert len(finding.mends) == 1 and (mend in finding.remedy) == (number == 0), describe(seen)
        assert "other" not in finding.remedy
        carry_out(finding, {Side.SOURCE: source, Side.DESTINATION: destination}, "shop")
        if number:  # it is remembered, whatever was mended: what came meanwhile is in no counter
            seen = drive_until(spec, lambda seen: len(blocking(seen)) == len(WITHOUT))
            assert blocking(seen) == dict.fromkeys(WITHOUT, "insert_only_uncounted"), describe(seen)
            assert all("track_counts was off" in each.message for each in seen.decision.findings if each.blocking)
            settle(seen, destination)
        to_the_light(spec)
    source.execute("ALTER ROLE postgres SET track_counts = on; ALTER ROLE ALL SET track_counts = off")
    drive_until(spec, lambda seen: told(seen, "insert_only_not_counting") is not None)
