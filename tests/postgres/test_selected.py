"""Names and patterns that reach no database of a real source are told; the maintenance database is never passed over in silence."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config import DatabaseSelection, MappingSpec
from migrator.connection import session_of
from migrator.looks.facts import has_user_objects
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.observation import Hints, Scope
from migrator.phases import selected
from migrator.phases.view import View
from migrator.steps import Step

Shared = Callable[[int], Cluster]


def step(shared: Shared, scope: Scope | None = None, **databases: object) -> Step:
    selection = DatabaseSelection(**databases)  # type: ignore[arg-type]
    spec = MappingSpec("m", shared(16).spec("old"), shared(18).spec("new"), databases=selection)
    seen = Looker(spec).look(scope)
    return selected.examine(View(spec, seen, Hints(), seen.observed_at))


def said(shared: Shared, **databases: object) -> dict[str, str]:
    return {finding.code: finding.message for finding in step(shared, None, **databases).findings}


@pytest.mark.parametrize("name", ["no_such", "template1"])
def test_a_name_that_is_not_there_keeps_the_light_out(shared: Shared, database: Callable[..., str], name: str) -> None:
    shop = database(shared(16))
    found = step(shared, include=(shop, name))
    assert [finding.code for finding in found.findings] == ["named_database_missing"]
    assert not found.quiet and name in found.findings[0].message
    renamed = step(shared, include=("*",), rename={name: "x"}, exclude=("postgres",))
    assert [finding.code for finding in renamed.findings] == ["named_database_missing"]
    assert step(shared, Scope(shop), include=(shop, name)).quiet


def test_patterns(shared: Shared, database: Callable[..., str]) -> None:
    shop = database(shared(16))
    assert said(shared, include=(shop,)) == {}
    assert said(shared, include=(f"{shop}*",)) == {}
    found = said(shared, include=(shop, "crm*"), exclude=("scratch",))
    assert set(found) == {"pattern_matches_nothing"}
    messages = [finding.message for finding in step(shared, include=(shop, "crm*"), exclude=("scratch",)).findings]
    assert "matches crm*, which stands under databases.include" in messages[0]
    assert "matches scratch, which stands under databases.exclude" in messages[1]
    assert step(shared, include=(shop, "crm*")).quiet


def test_the_maintenance_database(shared: Shared, database: Callable[..., str]) -> None:
    shop = database(shared(16))
    assert set(said(shared)) == {"maintenance_database_empty"}
    assert said(shared, include=("*",), exclude=("postgres",)) == {}
    assert said(shared, include=(shop, "postgres")) == {}
    other = replace(shared(16).spec("old"), maintenance_database=shop)
    spec = MappingSpec("m", other, shared(18).spec("new"))
    seen = Looker(spec).look()
    (finding,) = selected.examine(View(spec, seen, Hints(), seen.observed_at)).findings
    assert shop in finding.message and not finding.blocking


MADE = (
    "CREATE TABLE t ()",
    "CREATE SEQUENCE s",
    "CREATE TYPE mood AS ENUM ('ok')",
    "CREATE TYPE pair AS (i int)",
    "CREATE DOMAIN d AS int",
    "CREATE TYPE r AS RANGE (subtype = int)",
    "CREATE SCHEMA theirs",
    "CREATE FOREIGN DATA WRAPPER w",
    'CREATE COLLATION c FROM "C"',
    "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)",
    "CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)",
    "SELECT lo_create(0)",
    "INSERT INTO keeper.job (own) VALUES (false)",
)
KEEPER = """
CREATE EXTENSION pg_stat_statements; CREATE SCHEMA keeper; CREATE EXTENSION citext SCHEMA keeper;
CREATE TABLE keeper.job (id serial PRIMARY KEY, owner text, own bool); CREATE INDEX ON keeper.job (owner);
ALTER EXTENSION citext ADD TABLE keeper.job; ALTER EXTENSION citext ADD SEQUENCE keeper.job_id_seq;
UPDATE pg_extension SET extconfig = ARRAY['keeper.job'::regclass::oid], extcondition = ARRAY['WHERE NOT own'] WHERE extname = 'citext';
INSERT INTO keeper.job (own) VALUES (true);
"""
"""Two extensions; one keeps rows of the user's in a table of its own, as pg_cron does, beside what it came with."""


def test_whatever_somebody_keeps_there_is_seen(shared: Shared, database: Callable[..., str]) -> None:
    """Not extensions alone, with their tables, indexes and rows."""
    shop = database(shared(15))
    shared(15).execute(KEEPER, shop)
    with session_of(shared(15).spec("old"), shop, "test") as session:
        assert not has_user_objects(session)
        for made in MADE:
            with session.transaction(force_rollback=True):
                session.execute(f"SET LOCAL search_path = public; {made}".encode())
                assert has_user_objects(session), made
        assert not has_user_objects(session)
    shared(15).execute("CREATE ROLE passer LOGIN; GRANT USAGE ON SCHEMA keeper TO passer", shop)
    try:
        with session_of(replace(shared(15).spec("old"), username="passer"), shop, "test") as session:
            assert has_user_objects(session), "what may not be read may be anything"
    finally:
        shared(15).execute("DROP OWNED BY passer; DROP ROLE passer", shop)
