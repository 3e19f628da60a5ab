"""Where the relations lie: tablespaces by their names on the destination, the database's own where it has none."""

from collections.abc import Callable, Iterator

import pytest

from migrator.config import MappingSpec
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.quote import identifier
from tests.postgres.schema_trial import Trial, dump

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]
Place = Callable[[Cluster, str], None]
ODD = 'Odd "x" 1'
SPREAD = """
CREATE TABLE plain (id integer CONSTRAINT plain_key PRIMARY KEY USING INDEX TABLESPACE fast, note text, during int4range,
    CONSTRAINT one_at_a_time EXCLUDE USING gist (during WITH &&) USING INDEX TABLESPACE fast WHERE (id > 0) DEFERRABLE,
    CONSTRAINT noted UNIQUE (note) WITH (fillfactor = 70) USING INDEX TABLESPACE fast DEFERRABLE) TABLESPACE fast;
CREATE INDEX plain_some ON plain (id) INCLUDE (note) WITH (fillfactor = 60) TABLESPACE "Odd ""x"" 1" WHERE (note <> ' TABLESPACE ');
CREATE TABLE parts (id integer) PARTITION BY LIST (id) TABLESPACE fast;
CREATE TABLE part_1 PARTITION OF parts DEFAULT TABLESPACE pg_default;
CREATE INDEX parts_id ON parts (id) TABLESPACE fast;
CREATE MATERIALIZED VIEW seen TABLESPACE fast AS SELECT 1 AS one;
CREATE UNIQUE INDEX seen_one ON seen (one) TABLESPACE fast;
"""
STORED = """SELECT c.relname, t.spcname FROM pg_class c LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'i', 'I', 'm') ORDER BY 1"""


@pytest.fixture
def in_place(shared: Shared) -> Iterator[Place]:
    """`in_place(cluster, 'fast')`: a tablespace inside the data directory, dropped after the databases."""
    made: list[tuple[Cluster, str]] = []

    def make(cluster: Cluster, name: str) -> None:
        with cluster.connect() as connection:
            connection.execute("SET allow_in_place_tablespaces = on")
            connection.execute(f"CREATE TABLESPACE {identifier(name)} LOCATION ''".encode())
        made.append((cluster, name))

    yield make
    for cluster, name in made:
        cluster.execute(f"DROP TABLESPACE {identifier(name)}")


def test_tablespaces_of_the_same_name_hold_the_same(shared: Shared, in_place: Place, database: Databases) -> None:
    in_place(shared(18), "fast")
    in_place(shared(18), ODD)
    source, target = shared(15), shared(18)
    in_place(source, "fast")
    in_place(source, ODD)
    each = Trial(source, database(source), target, database(target))
    source.execute(SPREAD, each.database)
    each.places = {"fast": "fast", ODD: ODD}
    each.run()
    assert dump(each.destination, each.target, target) == dump(source, each.database, target)
    assert each.destination.execute(STORED, each.target) == source.execute(STORED, each.database)
    each.destination.execute(
        "ALTER TABLE plain SET TABLESPACE pg_default; ALTER INDEX plain_some SET TABLESPACE fast", each.target
    )
    findings = (*each.pre_data().findings, *each.post_data().findings)
    assert [(finding.code, finding.blocking) for finding in findings] == [("schema_drift", False)] * 2
    for finding in findings:
        each.destination.execute(finding.remedy.removeprefix("On the destination: "), each.target)
    assert each.destination.execute(STORED, each.target) == source.execute(STORED, each.database)


def test_tablespaces_are_mapped_or_defaulted_and_said_so(shared: Shared, in_place: Place, database: Databases) -> None:
    in_place(shared(18), "quick")
    in_place(shared(15), "fast")
    in_place(shared(15), ODD)
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    shared(15).execute(SPREAD, each.database)
    each.places = {"fast": "quick"}
    each.run()
    stored = dict(each.destination.execute(STORED, each.target))
    assert {name for name, place in stored.items() if place == "quick"} == {
        "plain", "plain_key", "one_at_a_time", "noted", "parts", "parts_id", "part_1_id_idx", "seen", "seen_one",
    }  # fmt: skip
    assert (stored["plain_some"], stored["part_1"]) == (None, None)
    (note,) = each.portability()
    assert (note.code, note.blocking) == ("tablespace_missing", False)
    assert "index public.plain_some" in note.message


def test_a_look_names_tablespaces_as_the_destination_does(shared: Shared, in_place: Place, database: Databases) -> None:
    in_place(shared(18), "quick")
    in_place(shared(15), "fast")
    in_place(shared(15), ODD)
    name = database(shared(15))
    database(shared(18), name)
    shared(15).execute(SPREAD, name)
    spec = MappingSpec(
        "placing",
        shared(15).spec("source"),
        shared(18).spec("destination"),
        tablespaces={"fast": "quick", ODD: "pg_default"},
    )
    (pair,) = (pair for pair in Looker(spec).look().databases if pair.name == name)
    assert pair.source_schema is not None
    assert pair.source_schema.table("public.plain").tablespace == "quick"
    assert {index.name: index.tablespace for index in pair.source_schema.indexes}["plain_some"] is None
    assert pair.source_schema.unplaced == ()
