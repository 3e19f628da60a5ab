"""ALTER TABLE on the source changes rows that no WAL record names: told, and mended until both sides hold the same."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from migrator.config import CopyMethod, MappingSpec
from migrator.copying import work
from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Status
from migrator.tasks import mending
from migrator.tick.reconcile import Assessment, drive
from tests.system.scenario import checksums, describe, drive_until, mapping, to_the_light

Clusters = Callable[..., Cluster]

MADE = """
CREATE TABLE {name} (id int PRIMARY KEY, body text);
INSERT INTO {name} SELECT g, 'b' || g FROM generate_series(1, 20) g;
"""

TREE = """
CREATE TABLE tree (id int PRIMARY KEY, body text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (1) TO (11);
CREATE TABLE tree_2 PARTITION OF tree DEFAULT;
INSERT INTO tree SELECT g, 'b' || g FROM generate_series(1, 20) g;
"""

ATTACHED = """
CREATE TABLE child (id int PRIMARY KEY REFERENCES retyped);
INSERT INTO child VALUES (1);
CREATE VIEW shown AS SELECT id FROM retyped;
GRANT SELECT ON retyped TO reader;
"""

KNOWN = {
    "dropped": "ADD COLUMN c int DEFAULT 7; ALTER TABLE {0} ALTER c DROP DEFAULT",
    "changed": "ADD COLUMN c int NOT NULL DEFAULT 7; UPDATE {0} SET c = 1 WHERE id < 5; ALTER TABLE {0} ALTER c SET DEFAULT 8",
    "late": "ADD COLUMN c int; ALTER TABLE {0} ALTER c SET DEFAULT 8; INSERT INTO {0} VALUES (99, 'later')",
    "plain": "ADD COLUMN c int; ALTER TABLE {0} ADD COLUMN d timestamp DEFAULT '2020-02-02 02:02'",
    "listed": "ADD COLUMN c text[] NOT NULL DEFAULT '{{\"it''s \\\\\\\\ %s\",NULL}}'; ALTER TABLE {0} ALTER c DROP DEFAULT",
    "moment": "ADD COLUMN c timestamptz DEFAULT now()",
    "number": "ADD COLUMN c numeric(10,2) DEFAULT 1; ALTER TABLE {0} ADD COLUMN d numeric(4,1) DEFAULT 0.05",
    "domain": "ADD COLUMN c given; ALTER DOMAIN given SET DEFAULT 'late'; ALTER TABLE {0} ADD COLUMN d given",
    "made": "ADD COLUMN c text GENERATED ALWAYS AS (body || '!') STORED",
    "widened": "ALTER body TYPE varchar; ALTER TABLE {0} ALTER body SET STATISTICS 7",
    "longer": "ADD COLUMN c varchar(5) DEFAULT 'c'; ALTER TABLE {0} ADD COLUMN d numeric(5,2) DEFAULT 1.25;"
    " ALTER TABLE {0} ALTER c TYPE varchar(9); ALTER TABLE {0} ALTER d TYPE numeric(9,2)",
    "tree": "RENAME body TO text; ALTER TABLE {0} ADD COLUMN c int DEFAULT 7; ALTER TABLE {0} ALTER c DROP DEFAULT",
}
"""What the catalogs say all of: the older rows get on the destination what they have on the source."""

UNKNOWN = {
    "random": "ADD COLUMN c uuid DEFAULT gen_random_uuid(); ALTER TABLE {0} ALTER c DROP DEFAULT",
    "counted": "ADD COLUMN c int GENERATED ALWAYS AS IDENTITY",
    "retyped": "ALTER body TYPE text USING upper(body)",
    "doubled": "ADD COLUMN c int; UPDATE {0} SET c = 1; ALTER TABLE {0} ALTER c TYPE bigint USING c * 2",
    "replaced": "DROP COLUMN body; ALTER TABLE {0} ADD COLUMN body text DEFAULT 'new'",
}
"""What they do not: only the rows themselves say it."""

HARMLESS = {
    "vacuumed": "VACUUM FULL {0}",
    "emptied": "TRUNCATE {0}",
    "named": "ALTER TABLE {0} RENAME body TO text; UPDATE {0} SET text = 'T' WHERE id < 5",
    "old": "VACUUM FULL {0}",
}


def seed(source: Cluster, which: dict[str, str]) -> None:
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE DOMAIN given AS text", "shop")
    for name in which:
        if name != "tree":
            source.execute(MADE.format(name=name), "shop")
    if "old" in which:
        source.execute("ALTER TABLE old ADD COLUMN c int DEFAULT 3", "shop")
    if "tree" in which:
        source.execute(TREE, "shop")


def alter(source: Cluster, which: dict[str, str]) -> None:
    for name, change in which.items():
        for sentence in change.format(name).split("; "):
            begun = sentence.startswith(("ADD ", "ALTER body", "DROP ", "RENAME "))
            source.execute(f"ALTER TABLE {name} {sentence}" if begun else sentence, "shop")


def found(assessment: Assessment | None, code: str) -> list[Finding]:
    assert assessment is not None
    return [finding for finding in assessment.decision.findings if finding.code == code]


def mended(spec: MappingSpec, destination: Cluster) -> Assessment:
    """To the light, doing at once whatever the remedies of `schema_drift` and `rows_rewritten` say."""

    followed: set[str] = set()  # a tick may still see what was before

    def done(seen: Assessment) -> bool:
        drift = found(seen, "schema_drift")
        for finding in drift or found(seen, "rows_rewritten"):
            if finding.remedy not in followed and drift:
                destination.execute(finding.remedy.partition(": ")[2].partition(" -- ")[0], "shop")
            elif finding.remedy not in followed:
                again(finding, destination)
            followed.add(finding.remedy)
        return seen.status is Status.CUTOVER_READY

    return drive_until(spec, done, 120)


def again(finding: Finding, destination: Cluster) -> None:
    destination.execute(finding.remedy.partition("on the destination, ")[2].partition(";")[0], "shop")


def at_the_light(source: Cluster, destination: Cluster, method: CopyMethod) -> MappingSpec:
    spec = replace(mapping(source, destination), copy_method=method)
    to_the_light(spec)
    return spec


@pytest.mark.parametrize("method", [CopyMethod.SUBSCRIPTION, pytest.param(CopyMethod.SNAPSHOT, marks=pytest.mark.slow)])
def test_what_the_catalogs_say_is_given_to_older_rows(cluster: Clusters, method: CopyMethod) -> None:
    source, destination = cluster(15), cluster(18)
    seed(source, KNOWN)
    spec = at_the_light(source, destination, method)
    alter(source, KNOWN)
    mending.mend(spec, mending.look(spec)[0], lambda _what, _why: None)
    light = mended(spec, destination)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert not found(light, "rows_rewritten"), describe(light)


@pytest.mark.finding("rows_rewritten")
@pytest.mark.parametrize("method", [CopyMethod.SNAPSHOT, pytest.param(CopyMethod.SUBSCRIPTION, marks=pytest.mark.slow)])
def test_what_only_the_rows_say_is_told(cluster: Clusters, method: CopyMethod) -> None:
    source, destination = cluster(15), cluster(18)
    seed(source, UNKNOWN | HARMLESS)
    source.execute("CREATE ROLE reader")
    source.execute(ATTACHED, "shop")
    spec = at_the_light(source, destination, method)
    alter(source, UNKNOWN | HARMLESS)
    told = found(drive(spec), "rows_rewritten")
    assert {finding.relation for finding in told} == {f"public.{name}" for name in UNKNOWN}
    assert all(finding.blocking for finding in told)
    mended(spec, destination)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT count(*) FROM shown", "shop") == [(20,)]
    destination.execute("INSERT INTO retyped VALUES (1000, '')", "shop")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        destination.execute("INSERT INTO child VALUES (1001)", "shop")
    destination.execute("DELETE FROM retyped WHERE id = 1000", "shop")
    assert destination.execute("SELECT has_table_privilege('reader', 'retyped', 'SELECT')", "shop") == [(True,)]
    alter(source, {name: change for name, change in HARMLESS.items() if name != "named"})
    light = to_the_light(spec)
    assert not found(light, "rows_rewritten") and not found(light, "schema_drift"), describe(light)


PRECISE = """
CREATE DOMAIN cents AS numeric(10,2);
CREATE TABLE price (id int PRIMARY KEY, amount numeric(10,2), at timestamp(0), t time(0), c cents, v varchar(5), n numeric(6,2));
INSERT INTO price VALUES (1, 1.25, '2025-01-01', '10:00', 1.25, 'short', 1.25);
CREATE TABLE moment (id int PRIMARY KEY, at timestamp);
INSERT INTO moment VALUES (1, '2025-01-01 10:00');
CREATE TABLE wide (id int PRIMARY KEY, v varchar(5), n numeric(6,2));
INSERT INTO wide VALUES (1, 'short', 1.25);
"""

UNWRITTEN = """
ALTER TABLE price ALTER amount TYPE numeric, ALTER at TYPE timestamp, ALTER t TYPE time, ALTER c TYPE numeric;
INSERT INTO price VALUES (2, 1.23456, '2025-01-01 10:00:00.654321', '10:00:00.7', 1.23456);
SET timezone = 'UTC';
ALTER TABLE moment ALTER at TYPE timestamptz;
INSERT INTO moment VALUES (2, '2025-01-01 10:00+00');
ALTER TABLE wide ALTER v TYPE varchar(20), ALTER n TYPE numeric(12,2);
"""


@pytest.mark.parametrize("method", [CopyMethod.SNAPSHOT, pytest.param(CopyMethod.SUBSCRIPTION, marks=pytest.mark.slow)])
def test_another_type_without_a_rewrite(cluster: Clusters, method: CopyMethod) -> None:
    """What comes until the destination's type follows may be rounded, and old rows shifted by what mends it: both in silence."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("ALTER DATABASE shop SET timezone = 'Europe/Berlin'")
    source.execute(PRECISE, "shop")
    spec = at_the_light(source, destination, method)
    files = "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('price', 'moment', 'wide') ORDER BY 1"
    before = source.execute(files, "shop")
    source.execute(UNWRITTEN, "shop")
    assert source.execute(files, "shop") == before
    told = found(drive(spec), "rows_rewritten")
    assert {finding.relation for finding in told} == {"public.price", "public.moment"}
    (price,) = (finding for finding in told if finding.relation == "public.price")
    assert "in amount, at, t, c may differ" in price.message
    source.execute("INSERT INTO wide VALUES (2, 'not so short', 123456.78)", "shop")
    light = mended(spec, destination)
    assert not found(light, "schema_drift"), describe(light)
    assert checksums(source, "shop") == checksums(destination, "shop")
    epochs = "SELECT extract(epoch FROM at) FROM moment ORDER BY id"
    assert source.execute(epochs, "shop") == destination.execute(epochs, "shop")


def test_another_type_while_rows_are_on_their_way(cluster: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of the snapshot fit the type they had; what is applied afterwards meets the one that the destination has then."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(PRECISE, "shop")
    spec = replace(mapping(source, destination), copy_method=CopyMethod.SNAPSHOT)
    copy = work.Parts.copy
    monkeypatch.setattr(work.Parts, "copy", lambda *_: None)
    drive_until(spec, lambda seen: any(pair.ledger.parts for pair in seen.observation.databases))
    source.execute(UNWRITTEN, "shop")
    monkeypatch.setattr(work.Parts, "copy", copy)
    light = mended(spec, destination)
    assert not found(light, "rows_rewritten"), describe(light)
    assert checksums(source, "shop") == checksums(destination, "shop")
