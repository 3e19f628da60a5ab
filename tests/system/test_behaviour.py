"""A migrated database does what its source does: the same script, run on both sides after the cutover, says the same."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from migrator import control
from migrator.machines.cluster import Cluster
from tests.system.scenario import checksums, mapping, to_the_light

Clusters = Callable[..., Cluster]
CASE = Path(__file__).parents[1] / "cases" / "behaviour"


@pytest.mark.parametrize("version", [15, *(pytest.param(each, marks=pytest.mark.slow) for each in (16, 17, 18))])
def test_both_sides_do_the_same_after_the_cutover(cluster: Clusters, version: int) -> None:
    source, destination = cluster(version), cluster(18)
    source.execute("CREATE ROLE watcher")
    source.execute("CREATE DATABASE acting")
    source.execute((CASE / "source.sql").read_text(encoding="utf-8"), "acting")
    spec = mapping(source, destination)
    to_the_light(spec)
    control.take_barrier(spec)
    assert control.complete(spec).left == ()

    here, there = outcomes(source), outcomes(destination)
    for ours, theirs in zip(here, there, strict=True):
        assert ours == theirs
    assert checksums(source, "acting") == checksums(destination, "acting")
    assert sum(1 for _, outcome in here if isinstance(outcome, str)) == REFUSED


REFUSED = 24
"""Statements of the script that fail: a script that were refused for want of its table would be no proof of anything."""


def outcomes(cluster: Cluster) -> list[tuple[str, object]]:
    """Each statement with the rows it gave, or with what was violated (messages are each version's own)."""
    text = "\n".join(line for line in (CASE / "script.sql").read_text().splitlines() if not line.startswith("--"))
    found: list[tuple[str, object]] = []
    with cluster.connect("acting") as connection:
        for statement in text.strip().split("\n\n"):
            try:
                cursor = connection.execute(statement.encode())
                outcome: object = cursor.fetchall() if cursor.description else cursor.rowcount
            except psycopg.Error as error:
                state = {"23001": "23503"}.get(
                    str(error.sqlstate), error.sqlstate
                )  # RESTRICT: a state of its own from 18 on
                outcome = " ".join(filter(None, (state, error.diag.constraint_name, error.diag.table_name)))
            found.append((statement, outcome))
    return found
