"""A trial of the schema: what the destination will not take is told whole beforehand, and nothing of the trial stays."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config import DatabaseSelection, MappingSpec
from migrator.looks.observe import Looker
from migrator.machines.cluster import Cluster
from migrator.observation import Hints
from migrator.phases import trial
from migrator.phases.view import View
from migrator.records import Refusal, SchemaTrial
from migrator.schema_trial import try_schema
from migrator.steps import Finding
from tests.postgres.schema_trial import load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


def seen(source: Cluster, database: str, destination: Cluster, target: str | None = None, **user: str) -> View:
    """A view of one database, as a tick has it."""
    selection = DatabaseSelection(include=(database,), rename={database: target} if target else {})
    spec = MappingSpec("try", source.spec("old"), destination.spec("new"), databases=selection)
    if user:
        spec = replace(spec, destination=replace(spec.destination, **user))  # type: ignore[arg-type]
    observation = Looker(spec).look()
    (pair,) = observation.databases
    return View(spec, observation, Hints(), observation.observed_at, pair)


def tried(view: View) -> tuple[SchemaTrial, dict[str, list[Finding]]]:
    """What came of a trial, and its findings by code; that nothing of it stays is asked each time."""
    result = try_schema(view)
    told: dict[str, list[Finding]] = {}
    for finding in trial.told(view, result):
        told.setdefault(finding.code, []).append(finding)
    after = Looker(view.spec).look().destination
    assert view.observation.destination.databases == after.databases  # type: ignore[union-attr]
    assert view.destination.roles == after.roles  # type: ignore[union-attr]
    return result, told


CASES = (
    (15, "everything/source.sql", "everything/source_before_18.sql"),
    (15, "code/source.sql"),
    (18, "everything/source.sql", "everything/source_18.sql"),
    (18, "code/source.sql"),
)


@pytest.mark.parametrize(("version", "files"), [(version, files) for version, *files in CASES])
def test_what_the_destination_takes_gives_nothing(
    shared: Shared, database: Databases, version: int, files: list[str]
) -> None:
    source = shared(version)
    name = database(source)
    load(source, name, *files)
    result, told = tried(seen(source, name, shared(18), f"{name}_new"))
    assert told == {}, told
    assert result.failures == () and result.untried == ()


GONE = """
CREATE SCHEMA app;
CREATE TABLE app.t (id int PRIMARY KEY, at timestamptz);
CREATE VIEW app.progress AS SELECT pid, max_dead_tuples FROM pg_stat_progress_vacuum;
CREATE VIEW app.above AS SELECT max(max_dead_tuples) AS most FROM app.progress;
COMMENT ON VIEW app.progress IS 'how far';
CREATE FUNCTION app.checkpoints() RETURNS bigint BEGIN ATOMIC SELECT pg_stat_get_bgwriter_timed_checkpoints(); END;
CREATE FUNCTION app.twice() RETURNS bigint BEGIN ATOMIC SELECT 2 * app.checkpoints(); END;
CREATE TABLE app.counted (id int PRIMARY KEY, so_far bigint DEFAULT app.twice());
CREATE INDEX counted_far ON app.counted (so_far);
ALTER TABLE app.counted ADD FOREIGN KEY (id) REFERENCES app.t;
CREATE FUNCTION app.later() RETURNS bigint LANGUAGE sql AS 'SELECT checkpoints_timed FROM pg_stat_bgwriter';
CREATE FUNCTION app.fine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER fine BEFORE UPDATE ON app.t FOR EACH ROW EXECUTE FUNCTION app.fine();
"""


@pytest.mark.finding("schema_trial_failed", "function_body_rejected")
def test_all_that_fails_is_told_and_what_follows_from_it_is_not(shared: Shared, database: Databases) -> None:
    source = shared(15)
    name = database(source)
    source.execute(GONE, name)
    result, told = tried(seen(source, name, shared(18)))
    failed = told["schema_trial_failed"]
    assert {each.object for each in result.failures if each.refusal is Refusal.FAILED} == {
        "view app.progress",
        "function app.checkpoints()",
    }
    assert all(finding.blocking and finding.database == name for finding in failed)
    assert "max_dead_tuples does not exist" in "".join(finding.message for finding in failed)
    assert sorted(result.untried) == [
        "comment on VIEW app.progress",
        "constraint counted_id_fkey on app.counted",
        "function app.twice()",
        "index app.counted_far",
        "index app.counted_pkey",
        "table app.counted",
        "view app.above",
    ]
    (body,) = told["function_body_rejected"]
    assert "app.later()" in body.message and "checkpoints_timed" in body.message and not body.blocking

    source.execute(MENDED, name)
    result, told = tried(seen(source, name, shared(18)))
    assert told == {} and result.untried == ()


MENDED = """
CREATE OR REPLACE VIEW app.above AS SELECT 1::bigint AS most;
DROP VIEW app.progress;
CREATE OR REPLACE FUNCTION app.checkpoints() RETURNS bigint BEGIN ATOMIC SELECT 1::bigint; END;
CREATE OR REPLACE FUNCTION app.later() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
"""


def test_what_the_destination_lacks_is_told(shared: Shared, database: Databases) -> None:
    """A collation of the source's machine, a library, a tablespace's worth of nothing else: each by its own object."""
    source = shared(15)
    name = database(source)
    source.execute(
        "SET allow_system_table_mods = on; CREATE COLLATION pg_catalog.nowhere (locale = 'C');"
        "CREATE TABLE public.sorted (a text COLLATE pg_catalog.nowhere PRIMARY KEY);"
        "CREATE TABLE public.plain (a text PRIMARY KEY)",
        name,
    )
    result, told = tried(seen(source, name, shared(18)))
    assert [(each.object, each.relation) for each in result.failures] == [("table public.sorted", "public.sorted")]
    assert "nowhere" in told["schema_trial_failed"][0].message
    assert result.untried == ("index public.sorted_pkey",)


def test_an_extension_that_is_not_there_is_left_to_preflight(shared: Shared, database: Databases) -> None:
    source = shared(15)
    name = database(source)
    source.execute("CREATE EXTENSION hstore; CREATE TABLE public.t (id int PRIMARY KEY, h public.hstore)", name)
    view = seen(source, name, shared(18))
    without = {name: version for name, version in view.destination.available_extensions.items() if name != "hstore"}
    poor = replace(view.destination, available_extensions=without)
    view = replace(view, observation=replace(view.observation, destination=poor))
    result = try_schema(view)
    assert result.failures == ()
    assert result.untried == ("table public.t", "index public.t_pkey")


def test_what_is_there_already_need_not_be_made(shared: Shared, database: Databases) -> None:
    """A person has made on the destination what the source's definition cannot be made of."""
    source, destination = shared(15), shared(18)
    name = database(source)
    source.execute(GONE, name)
    target = database(destination)
    destination.execute(
        "CREATE SCHEMA app; CREATE VIEW app.progress AS SELECT 1; CREATE FUNCTION app.checkpoints() RETURNS bigint"
        " LANGUAGE sql AS 'SELECT 1::bigint'",
        target,
    )
    result, told = tried(seen(source, name, destination, target))
    assert "schema_trial_failed" not in told and len(result.failures) == 3


ROLES = """
CREATE ROLE trial_owner; CREATE ROLE trial_chief; CREATE ROLE trial_app LOGIN PASSWORD 'never-told';
GRANT trial_owner TO trial_app;
"""
RIGHTS = """
CREATE SCHEMA app AUTHORIZATION trial_owner;
CREATE TABLE app.t (id int PRIMARY KEY, secret text);
ALTER TABLE app.t OWNER TO trial_owner;
GRANT SELECT (id) ON app.t TO trial_app; GRANT ALL ON app.t TO trial_chief WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE trial_owner IN SCHEMA app GRANT SELECT ON TABLES TO trial_chief;
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION app.f() OWNER TO trial_owner; REVOKE ALL ON FUNCTION app.f() FROM PUBLIC;
"""


@pytest.mark.parametrize("superuser", [True, False])
def test_rights_are_tried_under_roles_that_do_not_stay(cluster: Callable[..., Cluster], superuser: bool) -> None:
    source, destination = cluster(15), cluster(18, log_statement="all")
    source.execute(ROLES)
    source.execute("CREATE DATABASE shop")
    source.execute(RIGHTS, "shop")
    destination.execute("CREATE ROLE mover LOGIN CREATEDB CREATEROLE")
    user = {} if superuser else {"username": "mover"}
    view = seen(source, "shop", destination, **user)
    result, told = tried(view)
    assert result.failures == () and result.untried == () and told == {}, result
    log = destination.log()
    for words in ("CREATE ROLE trial_owner", "OWNER TO trial_owner", "GRANT SELECT (id) ON TABLE app.t TO trial_app"):
        assert words in log, words
    assert "never-told" not in log and "SCRAM" not in log


@pytest.mark.finding("schema_trial_impossible")
def test_without_createdb_it_is_said(cluster: Callable[..., Cluster]) -> None:
    source, destination = cluster(15), cluster(18)
    source.execute("CREATE DATABASE shop")
    destination.execute("CREATE ROLE mover LOGIN")
    destination.execute("CREATE DATABASE shop OWNER mover")
    view = seen(source, "shop", destination, username="mover")
    assert not trial.is_possible(view, view.database) and list(trial.actions(view)) == []
    (finding,) = trial.findings(view)
    assert finding.code == "schema_trial_impossible" and not finding.blocking
    assert "ALTER ROLE mover CREATEDB;" in finding.remedy
    destination.execute("ALTER ROLE mover CREATEDB")
    view = seen(source, "shop", destination, username="mover")
    assert list(trial.findings(view)) == []


@pytest.mark.finding("schema_trial_refused", "schema_trial_incomplete")
def test_want_of_a_right_is_no_fault_of_the_schema(cluster: Callable[..., Cluster]) -> None:
    source, destination = cluster(15), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE FUNCTION public.c() RETURNS int LANGUAGE internal AS 'int4in'", "shop")
    source.execute("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w", "shop")
    destination.execute("CREATE ROLE mover LOGIN CREATEDB")
    result, told = tried(seen(source, "shop", destination, username="mover"))
    assert set(told) == {"schema_trial_refused", "schema_trial_incomplete"}, result
    (refused,) = told["schema_trial_refused"]
    assert "function public.c()" in refused.message and "foreign data wrapper w" in refused.message.replace("-", " ")
    assert not refused.blocking and result.untried == ("foreign server s",)

    destination.execute("CREATE DATABASE shop OWNER mover")
    destination.execute("CREATE FUNCTION public.c() RETURNS int LANGUAGE internal AS 'int4in'", "shop")
    destination.execute("CREATE FOREIGN DATA WRAPPER w", "shop")
    _, told = tried(seen(source, "shop", destination, username="mover"))
    assert set(told) == {"schema_trial_incomplete"}, "no trial can make it, since it needs what no trial can make"
    destination.execute("CREATE SERVER s FOREIGN DATA WRAPPER w", "shop")
    assert tried(seen(source, "shop", destination, username="mover"))[1] == {}
