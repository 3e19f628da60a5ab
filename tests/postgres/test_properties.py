"""Whatever schema is drawn: made on a source, carried, read back, it is the same model, and the same to pg_dump."""

from collections.abc import Callable, Sequence
from typing import TypedDict

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from migrator.machines.cluster import Cluster
from migrator.quote import identifier
from migrator.schema.compare import differences
from tests import hostile
from tests.postgres import generated
from tests.postgres.schema_trial import Trial, dump, read
from tests.postgres.test_code import spelled_by
from tests.postgres.test_packages import differing
from tests.postgres.test_schema import unnamed

Shared = Callable[[int], Cluster]
DRAWN = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
"""Without shrinking: an example takes seconds, and a smaller one would take hours."""
PAIRS = [(18, 18), pytest.param(15, 18, marks=pytest.mark.slow), pytest.param(15, 15, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_drawn_schema_is_the_same_on_both_sides(
    old: int, new: int, shared: Shared, request: pytest.FixtureRequest
) -> None:
    @settings(DRAWN, **extent(request))
    @given(generated.schema())
    def carried(statements: list[str]) -> None:
        the_same(shared(old), shared(new), shared(18), statements)

    carried()


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_drawn_names_and_texts_survive_in_every_kind(
    old: int, new: int, shared: Shared, request: pytest.FixtureRequest
) -> None:
    @settings(DRAWN, **extent(request))
    @given(generated.names.filter(lambda name: name not in ("kinds", "k")), generated.texts)
    def carried(name: str, text: str) -> None:
        the_same(shared(old), shared(new), shared(18), [hostile.FRAME, *hostile.objects(name, text)])

    carried()


class Extent(TypedDict):
    max_examples: int
    derandomize: bool


def extent(request: pytest.FixtureRequest) -> Extent:
    """A few, always the same, in the quick tier; many others each time in the slow one."""
    slow = request.node.get_closest_marker("slow") is not None
    return Extent(max_examples=40 if slow else 3, derandomize=not slow)


def the_same(source: Cluster, destination: Cluster, tools: Cluster, statements: Sequence[str]) -> None:
    """The statements' objects, carried into an empty database."""
    here, there, spelled = "drawn_source", "drawn_target", "drawn_spelled"
    for cluster, name in ((source, here), (destination, there), (tools, spelled)):
        cluster.execute(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")
        cluster.execute(f"CREATE DATABASE {identifier(name)}")
    with source.connect(here) as connection:
        for sql in statements:
            connection.execute(sql.encode())
    trial = Trial(source, here, destination, there)
    trial.run()
    ours, theirs = read(source, here), read(destination, there)
    assert {item.identity for item in ours.items} == {item.identity for item in theirs.items}
    for item in ours.items:
        found = theirs.find(item.identity)
        assert found is not None and not differences(item, found)
    text, carried = dump(source, here, tools), dump(destination, there, tools)
    if source.version < destination.version:
        text = spelled_by(tools, spelled, text)
    assert not (lines := differing(unnamed(text, source.version), unnamed(carried, source.version))), lines
