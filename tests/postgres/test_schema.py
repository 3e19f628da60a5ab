"""The whole of a schema on real servers: carried, equal by pg_dump's word, quiet afterwards, whatever stops it."""

import re
from collections.abc import Callable

import pytest

from migrator.cluster import Cluster
from tests.postgres.schema_trial import Trial, dump, load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]
CASE = {15: ("source.sql",), 16: ("source.sql",), 18: ("source.sql", "source_18.sql")}


@pytest.fixture
def trial(shared: Shared, database: Databases) -> Callable[..., Trial]:
    """`trial(15)`: the case loaded into a database of that version, and an empty one of 18 (or another)."""

    def make(version: int, destination: int = 18) -> Trial:
        source, target = shared(version), shared(destination)
        made = Trial(source, database(source), target, database(target))
        load(source, made.database, *(f"everything/{file}" for file in CASE[version]))
        return made

    return make


def unnamed(text: str, version: int) -> str:
    """18 has to shorten the names of NOT NULL constraints that servers before it do not even have."""
    return re.sub(r' CONSTRAINT ("[^"]*_not_null"|\w+_not_null) NOT NULL', " NOT NULL", text) if version < 18 else text


@pytest.mark.parametrize("version", [15, 16, 18])
def test_everything_arrives_as_pg_dump_sees_it(version: int, trial: Callable[..., Trial], shared: Shared) -> None:
    each = trial(version)
    each.run()
    here, there = dump(each.source, each.database, shared(18)), dump(each.destination, each.target, shared(18))
    assert unnamed(there, version) == here
    assert each.pre_data().quiet
    assert each.post_data().quiet
