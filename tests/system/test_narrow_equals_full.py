"""A look at some relations leads to the same actions for them as a look at everything: a message may carry names only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.config import MappingSpec
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.observation import Hints, Scope
from migrator.phases import decide
from migrator.steps import Action
from tests.system.scenario import mapping, seed, to_the_light

Clusters = Callable[..., Cluster]

ON_SOURCE = (
    ("CREATE INDEX late_one ON customer (since)", "DROP INDEX late_one"),
    ("CREATE UNIQUE INDEX late_two ON customer (mail, id)", "DROP INDEX late_two"),
    ("CREATE INDEX late_tree ON orders (state)", "DROP INDEX late_tree"),
    ("CREATE INDEX late_leaf ON orders_2026_a (net)", "DROP INDEX late_leaf"),
    ("ALTER TABLE orders ADD CONSTRAINT late_check CHECK (net > -1)", "ALTER TABLE orders DROP CONSTRAINT late_check"),
    (
        'ALTER TABLE "Zweites".note ADD CONSTRAINT late_key FOREIGN KEY (id) REFERENCES customer NOT VALID',
        'ALTER TABLE "Zweites".note DROP CONSTRAINT late_key',
    ),
    ("COMMENT ON INDEX customer_lower IS 'late'", "COMMENT ON INDEX customer_lower IS NULL"),
    (
        "ALTER INDEX customer_lower ALTER COLUMN 1 SET STATISTICS 7",
        "ALTER INDEX customer_lower ALTER COLUMN 1 SET STATISTICS -1",
    ),
)
"""What the source has and the destination does not, and how to take it away again."""

ON_DESTINATION = (
    ("DROP INDEX customer_lower", "CREATE INDEX customer_lower ON customer (lower(name)) WHERE since > '2000-01-01'"),
    (
        "ALTER TABLE customer DROP CONSTRAINT customer_mail_key",
        "ALTER TABLE customer ADD CONSTRAINT customer_mail_key UNIQUE (mail)",
    ),
    (
        "ALTER TABLE customer DROP CONSTRAINT name_given",
        "ALTER TABLE customer ADD CONSTRAINT name_given CHECK (name <> '')",
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey",
        "ALTER TABLE orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customer",
    ),
    (
        "DROP INDEX orders_customer; CREATE INDEX orders_customer ON ONLY orders (customer)",
        "DROP INDEX orders_customer; CREATE INDEX orders_customer ON orders (customer)",
    ),
)
"""What the destination has lost again."""


@pytest.fixture(scope="module")
def migrated() -> Iterable[tuple[MappingSpec, Cluster, Cluster]]:
    source, destination = Cluster.create(16), Cluster.create(18)
    try:
        seed(source)
        spec = mapping(source, destination)
        to_the_light(spec)
        yield spec, source, destination
    finally:
        source.remove()
        destination.remove()


def actions(spec: MappingSpec, relations: tuple[str, ...] = ()) -> dict[str, list[Action]]:
    """What is to be done for each relation, by a look at some of them or at everything."""
    observation = Looker(spec, "test").look(Scope("shop", relations) if relations else Scope())
    decision = decide(spec, observation, Hints(), datetime.now(UTC))
    found: dict[str, list[Action]] = {}
    for _, action in decision.actions:
        if action.relation is not None and (not relations or action.relation in relations):
            found.setdefault(action.relation, []).append(replace(action, cost_bytes=0))  # a size may grow between looks
    return found


@given(
    st.lists(st.sampled_from(ON_SOURCE), unique=True, max_size=4),
    st.lists(st.sampled_from(ON_DESTINATION), unique=True, max_size=4),
)
@pytest.mark.timeout(900)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_narrow_look_decides_as_a_full_one(
    migrated: tuple[MappingSpec, Cluster, Cluster],
    late: Sequence[tuple[str, str]],
    lost: Sequence[tuple[str, str]],
) -> None:
    spec, source, destination = migrated
    _run(source, [do for do, _ in late])
    _run(destination, [do for do, _ in lost])
    try:
        full = actions(spec)
        assert bool(full) == bool(late or lost)
        for relation in ["public.orders_rest", *full][:4]:
            assert actions(spec, (relation,)) == {name: full[name] for name in full if name == relation}
        assert actions(spec, tuple(full)) == full or not full
    finally:
        _run(destination, [undo for _, undo in lost])
        _run(source, [undo for _, undo in late])


def _run(cluster: Cluster, statements: Iterable[str]) -> None:
    for statement in statements:
        cluster.execute(statement, "shop")
