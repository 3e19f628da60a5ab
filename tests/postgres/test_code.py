"""What PostgreSQL spells as a whole, on real servers: routines, views, triggers and the like arrive as pg_dump sees them."""

import subprocess
from collections.abc import Callable

import pytest

from migrator.machines.cluster import Cluster
from migrator.steps import Action, Step
from tests.postgres.schema_trial import Trial, dump, load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


@pytest.fixture
def trial(shared: Shared, database: Databases) -> Callable[..., Trial]:
    """`trial(15)`: the case loaded into a database of that version, and an empty one of 18 (or another)."""

    def make(version: int, destination: int = 18) -> Trial:
        source, target = shared(version), shared(destination)
        made = Trial(source, database(source), target, database(target))
        load(source, made.database, "code/source.sql")
        return made

    return make


def spelled_by(cluster: Cluster, database: str, text: str) -> str:
    """A dump as the servers of `cluster` spell it: loaded into an empty database, and dumped again."""
    command = [str(cluster.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", cluster.dsn(database)]
    loaded = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    return dump(cluster, database, cluster)


@pytest.mark.parametrize(
    ("version", "destination"),
    [(15, 15), (15, 18), *(pytest.param(version, 18, marks=pytest.mark.slow) for version in (16, 17)), (18, 18)],
)
def test_code_arrives_as_pg_dump_sees_it(
    version: int, destination: int, trial: Callable[..., Trial], shared: Shared, database: Databases
) -> None:
    each = trial(version, destination)
    each.run()
    for step in (each.pre_data(), each.post_data(), each.late_definitions()):
        assert step.quiet
        assert not step.findings, [finding.message for finding in step.findings]
    for sql in each.at_cutover():
        each.destination.execute(sql, each.target)
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert there == (here if version == destination else spelled_by(shared(18), database(shared(18)), here))


ICU = """
CREATE COLLATION us (provider = icu, locale = 'en_US');
CREATE COLLATION phone (provider = icu, locale = 'de@collation=phonebook');
CREATE COLLATION sec (provider = icu, locale = '@colStrength=secondary', deterministic = false);
CREATE COLLATION tag (provider = icu, locale = 'de-AT');
"""


@pytest.mark.parametrize(("version", "destination"), [(15, 15), (15, 17), (15, 18)])
def test_icu_locales_may_be_spelled_otherwise(
    version: int, destination: int, shared: Shared, database: Databases
) -> None:
    """From 16 on CREATE COLLATION makes language tags of them."""
    source, target = shared(version), shared(destination)
    for server in (source, target):
        if server.execute("SELECT count(*) FROM pg_collation WHERE collname LIKE '%-x-icu'") == [(0,)]:
            pytest.skip(f"the server of version {server.version} here was built without ICU")
    each = Trial(source, database(source), target, database(target))
    source.execute(ICU, each.database)
    each.run()
    assert (each.pre_data().quiet, each.pre_data().findings) == (True, ())
    target.execute("DROP COLLATION tag; CREATE COLLATION tag (provider = icu, locale = 'de-CH')", each.target)
    assert [finding.code for finding in each.pre_data().findings] == (["schema_drift"] if destination == 15 else [])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_stop_after_any_action_ends_the_same(
    trial: Callable[..., Trial], shared: Shared, database: Databases
) -> None:
    each = trial(18)
    assert each.run_one_by_one() > 150
    assert each.run() == 0
    for sql in each.at_cutover():
        each.destination.execute(sql, each.target)
    text = dump(each.source, each.database, shared(18))
    assert dump(each.destination, each.target, shared(18)) == spelled_by(shared(18), database(shared(18)), text)


def test_a_narrow_look_gives_the_same_actions(trial: Callable[..., Trial]) -> None:
    """What the full look says of a relation's triggers, rules and policies is what the narrow one says."""
    each = trial(15)
    for action in each.pre_data().actions:
        each.apply(action)
    while step := each.late_definitions():
        for relation in sorted({action.relation for action in step.actions if action.relation}):
            narrow = each.late_definitions(relation)
            assert of(narrow, relation) == of(step, relation)
            assert of(narrow, relation)
        if not step.actions:
            break
        for action in step.actions[: max(1, len(step.actions) // 2)]:
            each.apply(action)


def of(step: Step, relation: str) -> list[Action]:
    return [action for action in step.actions if action.relation == relation]


@pytest.mark.parametrize("version", [15, 18])
def test_a_definition_changed_on_one_side_is_drift(version: int, trial: Callable[..., Trial]) -> None:
    each = trial(version)
    each.run()
    each.source.execute(
        'CREATE OR REPLACE VIEW app.seen AS SELECT id, note AS "No te" FROM app.plain WHERE id > 1;'
        "CREATE OR REPLACE FUNCTION app.double(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';"
        "ALTER TABLE app.plain DISABLE TRIGGER touched; ALTER POLICY own ON app.plain USING (id > 5)",
        each.database,
    )
    steps = (each.pre_data(), each.late_definitions())
    findings = [finding for step in steps for finding in step.findings]
    assert [finding.code for finding in findings] == ["schema_drift"] * 4
    for finding in findings:
        mend = finding.remedy.partition("On the destination: ")[2]
        if mend:
            each.destination.execute(mend, each.target)
    left = [finding.message for step in (each.pre_data(), each.late_definitions()) for finding in step.findings]
    assert len(left) == 1 and left[0].startswith("policy own")
