"""What is found when the pipe is not what the ledger remembers, and what holds copying back. All on real servers."""

import time
from collections.abc import Callable
from dataclasses import replace

import fakeredis
import pytest

from migrator import control
from migrator.config import MappingSpec
from migrator.errors import MigratorError, RefusedError
from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Status
from migrator.store import Store
from migrator.tick.inline import Inline
from migrator.tick.reconcile import Assessment, Reconciler, assess, drive
from tests.system.scenario import QUICK, checksums, describe, drive_until, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]


@pytest.fixture
def pair(cluster: Clusters) -> tuple[Cluster, Cluster, MappingSpec]:
    """A seeded 16, an empty 18, and their mapping."""
    source, destination = cluster(16), cluster(18)
    seed(source)
    return source, destination, mapping(source, destination)


def finding(assessment: Assessment, code: str) -> Finding:
    """The first finding of a code; fails with all that was found."""
    found = [entry for entry in assessment.decision.findings if entry.code == code]
    assert found, describe(assessment)
    return found[0]


def group_name(source: Cluster) -> str:
    return str(source.execute("SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'migrator%'")[0][0])


def rows_named(cluster: Cluster, name: str) -> int:
    return int(str(cluster.execute(f"SELECT count(*) FROM customer WHERE name = '{name}'", "shop")[0][0]))


def broken(spec: MappingSpec) -> Finding:
    """`replication_broken` is found, blocks, and nothing is done about it by ourselves."""
    assessment = assess(spec)
    found = finding(assessment, "replication_broken")
    assert found.blocking
    assert assessment.status is Status.PROBLEMATIC
    pipe = ("publication", "subscription", "initial_copy")
    assert not [action for step, action in assessment.decision.actions if step.phase in pipe]
    return found


def test_publication_made_anew_is_broken(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    to_the_light(spec)
    name = group_name(source)
    source.execute(f"DROP PUBLICATION {name}; CREATE PUBLICATION {name} FOR TABLE customer", "shop")
    assert "made anew" in broken(spec).message


def test_relation_taken_out_and_put_back_is_broken(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    to_the_light(spec)
    name = group_name(source)
    source.execute(f"ALTER PUBLICATION {name} DROP TABLE customer", "shop")
    source.execute("INSERT INTO customer (name) VALUES ('lost')", "shop")
    source.execute(f"ALTER PUBLICATION {name} ADD TABLE customer", "shop")
    assert broken(spec).relation == "public.customer"


def test_slot_dropped_is_broken(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    to_the_light(spec)
    name = group_name(source)
    destination.execute(f"ALTER SUBSCRIPTION {name} DISABLE", "shop")
    assert finding(assess(spec), "subscription_disabled").blocking
    time.sleep(1)
    source.execute(f"SELECT pg_drop_replication_slot('{name}')")
    assert "gone" in broken(spec).message
    source.execute("INSERT INTO customer (name) VALUES ('in no slot')", "shop")
    drive(spec)
    source.execute(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')", "shop")
    destination.execute(f"ALTER SUBSCRIPTION {name} ENABLE", "shop")
    source.execute("INSERT INTO customer (name) VALUES ('in the new one')", "shop")
    drive_until(spec, lambda _: rows_named(destination, "in the new one") == 1)
    assert rows_named(destination, "in no slot") == 0
    assert "begins later" in broken(spec).message


def test_subscription_dropped_is_broken(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    to_the_light(spec)
    name = group_name(source)
    destination.execute(f"ALTER SUBSCRIPTION {name} DISABLE", "shop")
    destination.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)", "shop")
    destination.execute(f"DROP SUBSCRIPTION {name}", "shop")
    assert "subscription" in broken(spec).message


@pytest.mark.finding("replication_broken")
def test_table_dropped_and_made_anew_is_broken(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    """Dropping it on the destination too is the consent to copy it from the start."""
    source, destination, spec = pair
    to_the_light(spec)
    source.execute('DROP TABLE "Zweites".note; CREATE TABLE "Zweites".note (id int PRIMARY KEY, body text)', "shop")
    source.execute("INSERT INTO \"Zweites\".note VALUES (1, 'new')", "shop")
    assert broken(spec).relation == '"Zweites".note'
    destination.execute('DROP TABLE "Zweites".note', "shop")
    to_the_light(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")


@pytest.mark.finding("relation_dropped", "relation_renamed")
def test_table_dropped_or_renamed_is_told_and_mended(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    to_the_light(spec)
    source.execute('DROP TABLE "Zweites".note; ALTER TABLE customer RENAME TO client', "shop")
    assessment = assess(spec)
    assert finding(assessment, "relation_dropped").relation == '"Zweites".note'
    assert finding(assessment, "relation_renamed").relation == "public.customer"
    source.execute("INSERT INTO client (name) VALUES ('meanwhile')", "shop")
    destination.execute("ALTER TABLE customer RENAME TO client", "shop")
    destination.execute('DROP TABLE "Zweites".note', "shop")
    to_the_light(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")


def test_slot_lost_is_broken(cluster: Clusters) -> None:
    source = cluster(16, max_slot_wal_keep_size="1MB", min_wal_size="32MB", max_wal_size="32MB")
    destination = cluster(18)
    seed(source)
    spec = mapping(source, destination)
    to_the_light(spec)
    destination.execute(f"ALTER SUBSCRIPTION {group_name(source)} DISABLE", "shop")
    time.sleep(1)
    for _ in range(6):
        source.execute("SELECT pg_logical_emit_message(true, 'x', 'x'); SELECT pg_switch_wal(); CHECKPOINT")
    assert "invalidated" in broken(spec).message


def test_another_server_in_the_source_s_place(pair: tuple[Cluster, Cluster, MappingSpec], cluster: Clusters) -> None:
    """An address that leads elsewhere by now, to the new server say: not even an end takes what it sees there for what there is."""
    source, destination, spec = pair
    to_the_light(spec)
    other = cluster(16)
    seed(other)
    moved = replace(spec, source=replace(spec.source, port=other.port))
    found = finding(assess(moved), "server_replaced")
    assert found.blocking and "abort m --source-gone;" in found.remedy
    assert [left.what for left in control.abort(moved).left] == ["ledger in database shop"]
    assert "--source-gone" in finding(assess(moved), "server_replaced").remedy
    assert control.abort(spec).left == ()
    assert ours_left(source) == ours_left(destination) == ours_left(other) == []


def test_rows_we_did_not_write_are_never_copied_over(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    _, destination, spec = pair
    destination.execute("CREATE DATABASE shop")
    destination.execute('CREATE SCHEMA "Zweites"; CREATE TABLE "Zweites".note (id int PRIMARY KEY, body text)', "shop")
    destination.execute("INSERT INTO \"Zweites\".note VALUES (1, 'theirs')", "shop")
    assessment = drive_until(spec, lambda seen: seen.status is Status.PROBLEMATIC)
    assert finding(assessment, "destination_not_empty").blocking
    assert destination.execute('SELECT * FROM "Zweites".note', "shop") == [(1, "theirs")]


def test_wal_budget_stops_admissions_and_says_so(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    tight = replace(spec, replication=replace(QUICK, wal_budget_gb=0.0001))
    drive_until(tight, lambda seen: seen.summary["phase"] in ("subscription", "initial_copy"))
    source.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 5000000))")
    assessment = drive_until(tight, lambda seen: seen.status is Status.PROBLEMATIC)
    assert finding(assessment, "wal_budget_exceeded").blocking
    to_the_light(spec)


def test_pause_holds_everything_back_and_survives(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    _, destination, spec = pair
    drive_until(spec, lambda seen: seen.summary["phase"] == "pre_data")
    control.pause(spec)
    for _ in range(3):
        assessment = drive(spec)
        assert assessment is not None
        assert assessment.status is Status.PAUSED
        assert not [action for step, action in assessment.decision.actions if step.phase != "sequences"]
    assert destination.execute("SELECT subname FROM pg_subscription") == []
    control.resume(spec)
    to_the_light(spec)


def test_rate_limit_zero_admits_nothing(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    _, destination, spec = pair
    drive_until(spec, lambda seen: seen.summary["phase"] == "pre_data")
    control.set_rate_limit(spec, 0)
    drive_until(spec, lambda seen: seen.summary["phase"] == "initial_copy")
    assert drive(spec) is not None
    assert destination.execute("SELECT count(*) FROM pg_subscription_rel", "shop") == [(0,)]
    control.set_rate_limit(spec, None)
    to_the_light(spec)


def test_new_table_is_picked_up(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    to_the_light(spec)
    source.execute("CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 10)", "shop")
    drive_until(spec, lambda seen: seen.status is Status.IN_PROGRESS)
    to_the_light(spec)
    assert destination.execute("SELECT count(*) FROM fresh", "shop") == [(10,)]


def test_sequences_follow_and_one_ahead_is_found(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    to_the_light(spec)
    source.execute("SELECT nextval('invoice_number'), nextval('countdown')", "shop")
    drive(spec)
    for sequence in ("invoice_number", "countdown"):
        query = f"SELECT last_value, is_called FROM {sequence}"
        assert source.execute(query, "shop") == destination.execute(query, "shop")
    destination.execute("SELECT nextval('countdown')", "shop")
    assert finding(assess(spec), "sequence_ahead").relation == "public.countdown"


def test_a_write_after_the_barrier_refuses_completion(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    to_the_light(spec)
    control.take_barrier(spec)
    source.execute("INSERT INTO customer (name) VALUES ('too late')", "shop")
    time.sleep(1)
    drive(spec)
    with pytest.raises(RefusedError) as refusal:
        control.complete(spec)
    assert any("after the barrier" in reason for reason in refusal.value.reasons)


def test_a_writing_transaction_refuses_the_barrier(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    to_the_light(spec)
    with source.connect("shop") as writer, writer.transaction():
        writer.execute("INSERT INTO customer (name) VALUES ('open')")
        with pytest.raises(RefusedError) as refusal:
            control.take_barrier(spec)
    assert any("writing transaction" in reason for reason in refusal.value.reasons)


def test_a_transaction_left_open_since_the_barrier_refuses_completion(
    pair: tuple[Cluster, Cluster, MappingSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was missed: nothing of it is committed yet, so that no position tells of it. Nor is a barrier that was taken back
    during the look one to complete under."""
    source, destination, spec = pair
    to_the_light(spec)
    control.take_barrier(spec)
    with source.connect("shop") as writer:
        writer.execute('BEGIN; INSERT INTO "Zweites".note VALUES (1)')
        assert control.completion_reasons(spec, assess(spec)) == []
        with pytest.raises(RefusedError) as refusal:
            control.complete(spec)
        (reason,) = refusal.value.reasons
        assert reason.startswith(f"pid {writer.info.backend_pid}, user postgres, database shop: a writing transaction")
        assert destination.execute("SELECT intent FROM migrator.mappings") == [("migrate",)]
        writer.execute("ROLLBACK")

    def then_taken_back(*of: object, **more: object) -> Assessment:
        found = assess(spec)
        assert control.lift_barrier(spec).stood
        return found

    with monkeypatch.context() as during, pytest.raises(RefusedError) as refusal:
        during.setattr(control, "assess", then_taken_back)
        control.complete(spec)
    assert "barrier was taken back" in refusal.value.reasons[0]
    assert destination.execute("SELECT intent FROM migrator.mappings") == [("migrate",)]
    assert not control.lift_barrier(spec).stood, "there is none any more"
    control.take_barrier(spec)
    assert control.complete(spec).left == ()
    with pytest.raises(MigratorError, match="completed"):
        control.lift_barrier(spec)


def at_the_barrier(spec: MappingSpec) -> tuple[Store, Reconciler]:
    """Everything has arrived; requests in the store are for the reconciler's next tick."""
    to_the_light(spec)
    control.take_barrier(spec)
    store = Store(fakeredis.FakeRedis(decode_responses=True))
    return store, Reconciler(spec, Inline(spec, store), store, store)


def asked(spec: MappingSpec) -> dict[str, object]:
    """The request of somebody who is shown the barrier in force."""
    journal = assess(spec).observation.journal
    assert journal is not None and journal.barrier is not None
    return {"kind": "complete", "barrier": str(journal.barrier.lsn)}


def test_a_transaction_left_open_refuses_completion_over_http_too(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    store, reconciler = at_the_barrier(spec)
    with source.connect("shop") as writer:
        writer.execute('BEGIN; INSERT INTO "Zweites".note VALUES (1)')
        store.push_request(spec.name, asked(spec))
        reconciler.tick()
        assert any(str(line["event"]).startswith("completion refused: pid ") for line in store.log(spec.name))
        assert destination.execute("SELECT intent FROM migrator.mappings") == [("migrate",)]
        writer.execute("ROLLBACK")
    before = asked(spec)
    control.take_barrier(spec)
    store.push_request(spec.name, before)
    reconciler.tick()
    assert any("another barrier" in str(line["event"]) for line in store.log(spec.name))
    assert destination.execute("SELECT intent FROM migrator.mappings") == [("migrate",)]
    store.push_request(spec.name, asked(spec))
    reconciler.tick()
    assert destination.execute("SELECT intent FROM migrator.mappings") != [("migrate",)]


@pytest.mark.parametrize("over_http", [False, True])
def test_what_is_committed_just_after_the_look_refuses_completion(
    pair: tuple[Cluster, Cluster, MappingSpec], monkeypatch: pytest.MonkeyPatch, over_http: bool
) -> None:
    """Open while the look reads positions, over when it is asked afterwards who still writes."""
    source, destination, spec = pair
    store, reconciler = at_the_barrier(spec)
    with source.connect("shop") as writer:
        writer.execute('BEGIN; INSERT INTO "Zweites".note VALUES (1)')

        def then_committed(look: Callable[..., Assessment]) -> Callable[..., Assessment]:
            def looking(*of: object, **more: object) -> Assessment:
                seen = look(*of, **more)
                if more or not over_http:  # the tick's own look comes before the one that judges the request
                    writer.execute("COMMIT")
                return seen

            return looking

        if over_http:
            monkeypatch.setattr(Reconciler, "_assess", then_committed(Reconciler._assess))
            store.push_request(spec.name, asked(spec))
            reconciler.tick()
        else:
            monkeypatch.setattr(control, "assess", then_committed(control.assess))
            with pytest.raises(RefusedError):
                control.complete(spec)
    assert destination.execute("SELECT intent FROM migrator.mappings") == [("migrate",)]


def test_completion_without_the_source_asks_nobody_on_it(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    to_the_light(spec)
    source.stop()
    assert all(left.side == "source" for left in control.complete(spec, source_gone=True).left)


def test_abort_with_the_source_gone(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = pair
    to_the_light(spec)
    source.stop()
    removal = control.abort(spec, source_gone=True)
    assert not [left for left in removal.left if left.side == "destination"]
    assert [entry for entry in ours_left(destination) if not entry.startswith("session")] == []


def test_somebody_else_s_schema_of_our_name_is_left_alone(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    _, destination, spec = pair
    destination.execute("CREATE SCHEMA migrator; CREATE TABLE migrator.mappings (theirs int)")
    assessment = Reconciler(spec, Inline(spec)).tick()
    assert assessment is not None
    assert assessment.status is Status.PROBLEMATIC
    assert "did not make" in str(assessment.summary["findings"])
    assert destination.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'mappings'") == [
        ("theirs",)
    ]


def test_a_locked_table_does_not_hang_the_look(pair: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, _, spec = pair
    with source.connect("shop") as holder, holder.transaction():
        holder.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        assert "ACCESS EXCLUSIVE" in finding(assess(spec), "database_unreadable").message
        assert time.monotonic() - began < 30
    assert not [entry for entry in assess(spec).decision.findings if entry.code == "database_unreadable"]
