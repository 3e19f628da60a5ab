"""What is said of extensions, on real servers: the operator's comment on one, and what was told to go with it."""

from collections.abc import Callable

import pytest

from migrator.comparison.schemas import discrepancies
from migrator.machines.cluster import Cluster
from migrator.phases.extras import extras
from migrator.schema.removal import removal
from tests.postgres.schema_trial import Trial, dump, prefixes

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]

SOURCE = """
CREATE SCHEMA "E x";
CREATE EXTENSION hstore WITH SCHEMA "E x";
COMMENT ON EXTENSION hstore IS 'the operator''s';
CREATE EXTENSION citext;
COMMENT ON EXTENSION citext IS NULL;
CREATE EXTENSION pg_trgm;
COMMENT ON EXTENSION plpgsql IS 'PostgreSQL''s own, which pg_dump leaves out too';
CREATE TABLE t (id integer PRIMARY KEY, note text);
CREATE INDEX t_note ON t USING gin (note gin_trgm_ops);
ALTER INDEX t_note DEPENDS ON EXTENSION pg_trgm;
ALTER INDEX t_pkey DEPENDS ON EXTENSION pg_trgm;
CREATE TABLE p (id integer, note text) PARTITION BY LIST (id);
CREATE TABLE p1 PARTITION OF p DEFAULT;
CREATE INDEX p_note ON p (note);
ALTER INDEX p_note DEPENDS ON EXTENSION pg_trgm;
ALTER INDEX p1_note_idx DEPENDS ON EXTENSION citext;
CREATE TABLE spans (id int4range, EXCLUDE USING gist (id WITH &&));
ALTER INDEX spans_id_excl DEPENDS ON EXTENSION citext;
CREATE TABLE known (id integer NOT NULL UNIQUE, other integer UNIQUE DEFERRABLE);
ALTER TABLE known REPLICA IDENTITY USING INDEX known_id_key;
ALTER INDEX known_id_key DEPENDS ON EXTENSION citext;
ALTER INDEX known_other_key DEPENDS ON EXTENSION citext;
CREATE MATERIALIZED VIEW stored AS SELECT 1 AS id;
CREATE INDEX stored_id ON stored (id);
ALTER INDEX stored_id DEPENDS ON EXTENSION citext;
"""


@pytest.fixture
def trial(shared: Shared, database: Databases) -> Callable[[int], Trial]:
    def make(version: int) -> Trial:
        source, target = shared(version), shared(18)
        made = Trial(source, database(source), target, database(target))
        source.execute(SOURCE, made.database)
        return made

    return make


@pytest.mark.parametrize("version", [15, 17, 18])
def test_comments_and_dependencies_arrive(version: int, trial: Callable[[int], Trial], shared: Shared) -> None:
    each = trial(version)
    each.run()
    assert dump(each.source, each.database, shared(18)) == dump(each.destination, each.target, shared(18))
    for step in (each.pre_data(), each.post_data(), each.late_definitions()):
        assert (step.quiet, step.findings) == (True, ())
    assert each.destination.execute(OF_PLPGSQL, each.target) == [("PL/pgSQL procedural language",)]


OF_PLPGSQL = "SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'plpgsql'"


def test_an_extension_that_is_there_gets_its_comment_and_a_difference_is_told(trial: Callable[[int], Trial]) -> None:
    each = trial(15)
    each.destination.execute(
        'CREATE SCHEMA "E x"; CREATE EXTENSION hstore WITH SCHEMA "E x"; CREATE EXTENSION pg_trgm', each.target
    )
    each.run()
    for sql in ("COMMENT ON EXTENSION hstore IS 'another'", "COMMENT ON EXTENSION citext IS 'not away'"):
        each.destination.execute(sql, each.target)
        (finding,) = each.pre_data().findings
        assert finding.code == "schema_drift"
        each.destination.execute(finding.remedy.removeprefix("On the destination: "), each.target)
        assert each.pre_data().quiet


def test_a_comment_of_the_destination_alone_is_one_too_many(trial: Callable[[int], Trial]) -> None:
    each = trial(15)
    each.run()
    each.destination.execute("COMMENT ON EXTENSION pg_trgm IS 'mine'", each.target)
    pair = each.look().database
    assert pair.source_schema is not None and pair.target_schema is not None
    (extra,) = extras(pair.source_schema, pair.target_schema)
    assert extra.identity == "comment on EXTENSION pg_trgm"
    each.destination.execute(removal(extra), each.target)
    assert not [
        found for found in discrepancies(each.look(), cutover_to_come=False) if found.kind != "materialized view"
    ]


def test_the_same_words_are_no_difference_wherever_they_come_from(shared: Shared, database: Databases) -> None:
    """What the one's operator says may be what the other's control file says."""
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    words = "SELECT comment FROM pg_available_extensions WHERE name = 'hstore'"
    each.destination.execute("CREATE EXTENSION hstore", each.target)
    each.source.execute("CREATE EXTENSION hstore; COMMENT ON EXTENSION hstore IS 'data type of ours'", each.database)
    each.destination.execute("COMMENT ON EXTENSION hstore IS 'data type of ours'", each.target)
    assert (each.pre_data().quiet, each.pre_data().findings) == (True, ())
    ((text,),) = each.destination.execute(words, each.target)
    for server, name in ((each.source, each.database), (each.destination, each.target)):
        server.execute(f"COMMENT ON EXTENSION hstore IS '{text}'", name)
    assert (each.pre_data().quiet, each.pre_data().findings) == (True, ())


def test_a_stopped_build_gets_its_dependency_later(trial: Callable[[int], Trial]) -> None:
    each = trial(15)
    for action in each.pre_data().actions:
        each.apply(action)
    (build,) = [action for action in each.post_data().actions if action.summary == "build index public.t_note"]
    for part in prefixes(build):
        each.apply(part)
    (left,) = [action for action in each.post_data().actions if "public.t_note" in action.summary]
    assert left.summary == "set dependencies on extensions of index public.t_note"
    assert each.post_data().findings == ()
    each.run()
    each.destination.execute("ALTER INDEX t_note DEPENDS ON EXTENSION citext", each.target)
    (finding,) = each.post_data().findings
    assert finding.code == "schema_drift"
