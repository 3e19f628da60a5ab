"""The whole of a schema on real servers: carried, equal by pg_dump's word, quiet afterwards, whatever stops it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from migrator.contents import SyncState
from migrator.machines.cluster import Cluster
from migrator.phases import pre_data
from migrator.records import Ledger, LedgerRelation
from migrator.steps import Action, Wait
from tests.postgres.schema_trial import Trial, dump, load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]
CASE = {18: ("source.sql", "source_18.sql")}
BEFORE_18 = ("source.sql", "source_before_18.sql")


@pytest.fixture
def trial(shared: Shared, database: Databases) -> Callable[..., Trial]:
    """`trial(15)`: the case loaded into a database of that version, and an empty one of 18 (or another)."""

    def make(version: int, destination: int = 18) -> Trial:
        source, target = shared(version), shared(destination)
        made = Trial(source, database(source), target, database(target))
        load(source, made.database, *(f"everything/{file}" for file in CASE.get(version, BEFORE_18)))
        if destination < 17:
            load(source, made.database, "everything/source_before_17.sql")
        return made

    return make


def unnamed(text: str, version: int) -> str:
    """18 has to shorten the names of NOT NULL constraints that servers before it do not even have."""
    return re.sub(r' CONSTRAINT ("[^"]*_not_null"|\w+_not_null) NOT NULL', " NOT NULL", text) if version < 18 else text


@pytest.mark.parametrize("version", [15, pytest.param(16, marks=pytest.mark.slow), 17, 18])
def test_everything_arrives_as_pg_dump_sees_it(version: int, trial: Callable[..., Trial], shared: Shared) -> None:
    each = trial(version)
    each.run()
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert unnamed(there, version) == here
    for step in (each.pre_data(), each.post_data(), each.late_definitions(), each.user_mappings()):
        assert (step.quiet, step.findings) == (True, ())
    assert [finding.code for finding in each.portability()] == ["not_replicated"]


@pytest.mark.parametrize(("version", "destination"), [(15, 15), pytest.param(15, 16, marks=pytest.mark.slow)])
def test_foreign_keys_of_partitioned_tables_take_the_detour_before_18(
    version: int, destination: int, trial: Callable[..., Trial], shared: Shared
) -> None:
    each = trial(version, destination)
    each.run()
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert there == here
    assert each.pre_data().quiet
    assert each.post_data().quiet


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_stop_after_any_action_ends_the_same(trial: Callable[..., Trial], shared: Shared) -> None:
    """Every action's stop leaves a state from which the next look finds the rest, and only the rest."""
    each = trial(16)
    assert each.run_one_by_one() > 200
    assert each.run() == 0
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert unnamed(there, 16) == here


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_stop_inside_an_action_ends_the_same(trial: Callable[..., Trial], shared: Shared) -> None:
    """An index may be built while its constraint is missing: the stop falls between two statements."""
    each = trial(15)
    assert each.run_torn() > 2
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert unnamed(there, 15) == here


def test_a_narrow_look_gives_the_same_actions(trial: Callable[..., Trial]) -> None:
    """At every stage of the building, for every relation: what the full look says of it is what the narrow one says."""
    each = trial(15)
    for action in each.pre_data().actions:
        each.apply(action)
    while True:
        step = each.post_data()
        for relation in {action.relation for action in step.actions} | {wait.relation for wait in step.waits}:
            assert relation is not None
            narrow = each.post_data(relation)
            assert of(narrow.actions, relation) == of(step.actions, relation)
            assert of(narrow.waits, relation) == of(step.waits, relation)
        if not step.actions:
            break
        for action in step.actions[: max(1, len(step.actions) // 2)]:
            each.apply(action)


def of(work: Iterable[Action] | Iterable[Wait], relation: str) -> list[Action | Wait]:
    return [each for each in work if each.relation == relation]


def test_nothing_is_built_on_a_relation_that_is_not_ready(trial: Callable[..., Trial]) -> None:
    each = trial(15)
    each.state = SyncState.DATA_COPY
    for action in each.pre_data().actions:
        each.apply(action)
    step = each.post_data()
    schema = each.look().database.source_schema
    assert schema is not None
    assert not [action for action in step.actions if schema.storage(str(action.relation))]
    assert {wait.relation for wait in step.waits} >= {"app.customers", "app.orders", "app.lines"}


def test_a_foreign_key_may_refer_to_an_extensions_table(shared: Shared, database: Databases) -> None:
    """As to PostGIS' spatial_ref_sys: the table and its key are the extension's, and no part of what is read."""
    server = shared(18)
    each = Trial(server, database(server), server, database(server))
    for side in (each.database, each.target):
        server.execute("CREATE EXTENSION hstore; CREATE TABLE srs (srid integer PRIMARY KEY)", side)
        server.execute("ALTER EXTENSION hstore ADD TABLE srs", side)
    server.execute("CREATE TABLE geo (id integer PRIMARY KEY, srid integer REFERENCES srs)", each.database)
    each.run()
    assert (each.post_data().quiet, each.post_data().findings) == (True, ())
    assert dump(server, each.database, server) == dump(server, each.target, server)


def test_an_invalid_leftover_is_built_anew(trial: Callable[..., Trial]) -> None:
    each = trial(15)
    each.run()
    each.destination.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.customers_gin'::regclass", each.target
    )
    (action,) = each.post_data().actions
    assert [statement.sql.split(" ")[:3] for statement in action.statements] == [
        ["LOCK", "TABLE", "ONLY"],
        ["DROP", "INDEX", "CONCURRENTLY"],
        ["CREATE", "INDEX", "CONCURRENTLY"],
    ]
    each.apply(action)
    assert each.post_data().quiet


def test_a_partition_that_comes_late_finds_its_place(trial: Callable[..., Trial], shared: Shared) -> None:
    """Its parent already has indexes, checks and foreign keys: nothing is made twice, under no other name."""
    each = trial(15)
    each.run()
    each.source.execute(
        "CREATE TABLE app.orders_2026 PARTITION OF app.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
        "CREATE INDEX late_own ON app.orders_2026 (customer)",
        each.database,
    )
    assert each.run() > 0
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert unnamed(there, 15) == here


@pytest.mark.finding("replication_waits_for_constraint")
def test_what_can_only_be_built_roughly_is_there_before_the_rows(trial: Callable[..., Trial]) -> None:
    """Or is told, where the rows are there already."""
    each = trial(15)
    view = each.look()
    pair = view.database
    begun = replace(pair, ledger=Ledger(relations={"app.bookings": LedgerRelation("app.bookings", 1, 1, 1)}))
    made = [statement.sql for action in pre_data.examine(view).actions for statement in action.statements]
    assert sum("EXCLUDE" in sql for sql in made) == 2
    later = [
        statement.sql
        for action in pre_data.examine(replace(view, pair=begun)).actions
        for statement in action.statements
    ]
    (missing,) = set(made) - set(later)
    assert missing.startswith("ALTER TABLE ONLY app.bookings ADD CONSTRAINT no_overlap EXCLUDE")
    for action in pre_data.examine(replace(view, pair=begun)).actions:
        each.apply(action)
    (told,) = each.post_data().findings
    assert (told.code, told.blocking, told.relation) == ("replication_waits_for_constraint", False, "app.bookings")
    each.run()
    assert each.post_data().findings == ()


DIFFERENCES = [
    ("ALTER TABLE app.customers ALTER bits DROP DEFAULT, ALTER bits TYPE text, ALTER bits SET NOT NULL", "column bits"),
    ("ALTER TABLE app.customers ALTER price DROP DEFAULT", "column price"),
    ("ALTER TABLE app.customers DROP COLUMN bits", "column bits"),
    ("ALTER TABLE app.customers ADD COLUMN more integer", "column more"),
    ("ALTER SEQUENCE app.standalone CACHE 7", "parameters"),
    ("ALTER SEQUENCE app.shared_numbers AS integer MAXVALUE 2147483647", "type"),
    ("ALTER DOMAIN app.positive DROP NOT NULL", "null"),
    ("ALTER DOMAIN app.label DROP CONSTRAINT later", "constraint later"),
    ("COMMENT ON TABLE app.customers IS 'else'", "text"),
    ("ALTER TABLE app.bookings REPLICA IDENTITY NOTHING", "identity"),
    (
        "ALTER TABLE app.lines DROP CONSTRAINT lines_self_fkey; ALTER TABLE app.lines ADD CONSTRAINT lines_self_fkey"
        ' FOREIGN KEY ("self") REFERENCES app.egg',
        "definition",
    ),
    ("DROP INDEX app.customers_gin; CREATE INDEX customers_gin ON app.customers (big)", "definition"),
]


def test_a_difference_is_told_never_mended_by_us_and_its_remedy_mends(trial: Callable[..., Trial]) -> None:
    each = trial(15)
    each.run()
    for sql, where in DIFFERENCES:
        each.destination.execute(sql, each.target)
        steps = (each.pre_data(), each.post_data())
        findings = [finding for step in steps for finding in step.findings]
        assert findings, sql
        assert not [action for step in steps for action in step.actions], sql
        assert any(where in finding.message for finding in findings), sql
        for finding in findings:
            assert (finding.code, finding.blocking) == ("schema_drift", True)
            each.destination.execute(finding.remedy.removeprefix("On the destination: "), each.target)
        each.run()  # what a dropped column or index took along is made again; ends quiet


def test_a_new_label_on_the_destination_is_told(trial: Callable[..., Trial]) -> None:
    each = trial(15)
    for action in each.pre_data().actions:
        each.apply(action)
    each.destination.execute("ALTER TYPE app.mood ADD VALUE 'new'", each.target)
    (finding,) = each.pre_data().findings
    assert "labels: source has 'sad', 'o''k', 'meh', 'happy'; destination has" in finding.message


def test_what_was_dropped_on_the_destination_is_made_again(trial: Callable[..., Trial]) -> None:
    each = trial(15)
    for action in each.pre_data().actions:
        each.apply(action)
    each.destination.execute("ALTER TABLE app.orders DETACH PARTITION app.orders_default", each.target)
    assert each.pre_data().actions
    each.run()


def test_rows_that_are_not_ours_are_told(trial: Callable[..., Trial]) -> None:
    each = trial(15)
    each.run()
    each.filled = frozenset({"app.hen", "app.not_on_the_source"})
    (finding,) = each.pre_data().findings
    assert (finding.code, finding.relation, finding.blocking) == ("destination_not_empty", "app.hen", True)
