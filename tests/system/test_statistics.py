"""What the planner knows when the light comes: statistics of every relation, and which pages need no visit."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config import CopyMethod
from migrator.machines.cluster import Cluster
from migrator.phases import analyze
from tests.system.scenario import QUICK, mapping, to_the_light

Clusters = Callable[..., Cluster]
QUICK_IN_PARTS = replace(QUICK, part_mb=2)

TABLES = """
CREATE DATABASE shop;
\\c
CREATE TABLE whole (id int PRIMARY KEY, a int, b int, body text);
CREATE TABLE cut (LIKE whole INCLUDING ALL);
CREATE INDEX ON whole (lower(body));
CREATE STATISTICS a_and_b (dependencies) ON a, b FROM whole;
INSERT INTO whole SELECT g, g % 100, g % 100, repeat('x', 200) FROM generate_series(1, 6000) g;
CREATE TABLE tree (id int, kind text) PARTITION BY LIST (kind);
CREATE TABLE branch PARTITION OF tree FOR VALUES IN ('a', 'b') PARTITION BY HASH (id);
CREATE TABLE leaf PARTITION OF branch FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE bare PARTITION OF tree DEFAULT;
CREATE TABLE hollow (id int) PARTITION BY RANGE (id);
ALTER TABLE leaf ADD PRIMARY KEY (id); ALTER TABLE bare ADD PRIMARY KEY (id);
INSERT INTO tree SELECT g, CASE WHEN g % 3 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 900) g;
INSERT INTO cut SELECT g, g % 100, g % 100, repeat('x', 200) FROM generate_series(1, 20000) g;
"""


@pytest.mark.parametrize("method", CopyMethod)
def test_all_is_known_at_the_light(cluster: Clusters, method: CopyMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyze, "VACUUM_BYTES", 8192)
    source, destination = cluster(17, autovacuum="off"), cluster(18, autovacuum="off")
    create, rest = TABLES.split("\\c\n")
    source.execute(create)
    source.execute(rest, "shop")
    spec = mapping(source, destination, copy_method=method, replication=QUICK_IN_PARTS)
    to_the_light(spec)
    visible = dict(
        destination.execute(
            "SELECT relname, relallvisible > 0.9 * relpages FROM pg_class WHERE relname IN ('whole', 'cut')", "shop"
        )
    )
    assert visible == {"whole": True, "cut": True}, "frozen by COPY, or vacuumed"
    known = destination.execute(
        "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'public' ORDER BY 1", "shop"
    )
    assert known == [(name,) for name in ("branch", "cut", "leaf", "tree", "whole", "whole_lower_idx")]
    whole = destination.execute("SELECT DISTINCT tablename FROM pg_stats WHERE inherited ORDER BY 1", "shop")
    assert whole == [("branch",), ("tree",)], "autovacuum never looks at a partitioned table"
    assert destination.execute("SELECT statistics_name FROM pg_stats_ext", "shop") == [("a_and_b",)]
