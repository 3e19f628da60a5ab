"""Names, texts and settings made to change what SQL means: everything arrives under its own name, and says what it said."""

from collections.abc import Callable

import pytest

from migrator.machines.cluster import Cluster
from migrator.quote import identifier, literal
from tests import hostile
from tests.postgres.schema_trial import Trial, dump
from tests.postgres.test_code import spelled_by
from tests.postgres.test_packages import differing
from tests.postgres.test_schema import unnamed

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


def hostile_trial(version: int, shared: Shared, database: Databases) -> Trial:
    """A source with an object of every kind for every name, and an empty destination with a victim."""
    source, destination = shared(version), shared(18)
    trial = Trial(source, database(source), destination, database(destination))
    with source.connect(trial.database) as connection:
        connection.execute(hostile.FRAME)
        for name in hostile.NAMES:
            for sql in hostile.objects(name):
                connection.execute(sql.encode())
    return trial


def set_everything(cluster: Cluster, database: str) -> None:
    """The database's settings, one statement each: the last one makes every later session read only."""
    name = identifier(database)
    with cluster.connect(database) as connection:
        connection.execute(hostile.EVIL)
        for setting, value in hostile.SETTINGS.items():
            words = value if setting == "search_path" else literal(value)
            connection.execute(f"ALTER DATABASE {name} SET {setting} = {words}".encode())


def reset_everything(cluster: Cluster, database: str) -> None:
    cluster.execute(f"ALTER DATABASE {identifier(database)} RESET ALL")
    with cluster.connect(database) as connection:
        connection.execute("DROP SCHEMA IF EXISTS evil CASCADE; DROP ACCESS METHOD IF EXISTS evil_heap")


@pytest.mark.parametrize("version", [15, pytest.param(18, marks=pytest.mark.slow)])
def test_every_name_and_text_arrives_as_it_is(version: int, shared: Shared, database: Databases) -> None:
    trial = hostile_trial(version, shared, database)
    trial.run()
    arrived(trial, shared, database)


@pytest.mark.parametrize(("version", "both"), [(15, False), pytest.param(18, True, marks=pytest.mark.slow)])
def test_what_a_database_sets_for_its_sessions_changes_nothing(
    version: int, both: bool, shared: Shared, database: Databases
) -> None:
    """Set on the source alone, as before the destination has its settings, and on both, as after."""
    trial = hostile_trial(version, shared, database)
    ends = [(trial.source, trial.database), (trial.destination, trial.target)]
    for end in ends if both else ends[:1]:
        set_everything(*end)
    try:
        trial.run()
    finally:
        for end in ends:
            reset_everything(*end)
    arrived(trial, shared, database)


def arrived(trial: Trial, shared: Shared, database: Databases) -> None:
    """Nothing is left to do, and pg_dump finds the two sides equal."""
    for step in (trial.pre_data(), trial.post_data(), trial.late_definitions()):
        assert step.quiet
        assert not step.findings, [finding.message for finding in step.findings]
    here = spelled_by(shared(18), database(shared(18)), dump(trial.source, trial.database, shared(18)))
    there = dump(trial.destination, trial.target, shared(18))
    assert not (found := differing(unnamed(here, trial.source.version), unnamed(there, trial.source.version))), found
