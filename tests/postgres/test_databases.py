"""Databases on real servers: made as the source's are, complete from the first moment, then watched."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.apply import ApplyError
from migrator.config import DatabaseSelection
from migrator.machines.cluster import Cluster
from migrator.phases import claims, databases, roles
from migrator.steps import Gates
from tests.postgres.rights import Migration, codes, prefixes

Clusters = Callable[..., Cluster]

SHOP = """
CREATE ROLE owner;
CREATE ROLE app LOGIN;
CREATE ROLE "We""ird=r/x" LOGIN;
"""

SHOP_PROPERTIES = """
ALTER DATABASE shop OWNER TO owner;
ALTER DATABASE shop CONNECTION LIMIT 33;
ALTER DATABASE shop SET search_path TO app, "Odd, Schema";
ALTER DATABASE shop SET work_mem TO '12MB';
ALTER DATABASE shop SET force_parallel_mode TO on;
ALTER ROLE app IN DATABASE shop SET statement_timeout TO '3min';
REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO app WITH GRANT OPTION;
GRANT CREATE, TEMPORARY ON DATABASE shop TO "We""ird=r/x";
REVOKE TEMPORARY ON DATABASE shop FROM owner;
COMMENT ON DATABASE shop IS 'it''s the shop';
"""

PROPERTIES = """
SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider::text, datcollate, datctype, datconnlimit,
    datistemplate, datallowconn, shobj_description(d.oid, 'pg_database'),
    (SELECT array_agg(setrole::regrole::text || ':' || array_to_string(setconfig, ';') ORDER BY setrole::regrole::text)
     FROM pg_db_role_setting
     WHERE setdatabase = d.oid) AS settings,
    (SELECT array_agg(item ORDER BY item) FROM unnest(datacl::text[]) item) AS acl
FROM pg_database d WHERE datname = 'shop'
"""


def migration(cluster: Clusters, versions: tuple[int, int] = (15, 18), create: str = "") -> Migration:
    moving = Migration(cluster(versions[0]), cluster(versions[1]), ("shop",))
    moving.begin()
    moving.source.execute(SHOP)
    moving.source.execute(f"CREATE DATABASE shop {create}")
    moving.converge(claims.examine)
    moving.converge(roles.examine)
    return moving


def made(moving: Migration) -> set[str]:
    """The databases on the destination that the journal says are our work."""
    return {claim.target for claim in moving.view().journal.claims if claim.created}


@pytest.mark.parametrize("version", [15, 16])
def test_everything_of_a_database_is_carried(cluster: Clusters, version: int) -> None:
    moving = migration(cluster, (version, 18), "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    for statement in SHOP_PROPERTIES.strip().splitlines():
        if version == 15 or "force_parallel" not in statement:
            moving.source.execute(statement)
    step = moving.converge(databases.examine)
    assert step.quiet
    assert codes(step) == (["setting_unknown"] if version == 15 else [])
    if version == 15:
        moving.source.execute("ALTER DATABASE shop RESET force_parallel_mode")
    assert moving.destination.execute(PROPERTIES) == moving.source.execute(PROPERTIES)
    assert made(moving) == {"shop"}
    assert moving.destination.execute("SELECT datname FROM pg_database WHERE datname LIKE 'migrator%'") == []


def test_stopped_anywhere_it_comes_to_the_same_end(cluster: Clusters) -> None:
    moving = migration(cluster)
    for statement in SHOP_PROPERTIES.strip().splitlines():
        moving.source.execute(statement)
    (action,) = moving.examine(databases.examine).actions
    for cut in prefixes(action):
        moving.apply([cut])
        assert moving.destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'") == []
        (again,) = moving.examine(databases.examine).actions
        assert len(again.statements) == len(action.statements) - len(cut.statements)
    assert moving.converge(databases.examine).quiet
    moving.source.execute("ALTER DATABASE shop RESET force_parallel_mode")
    assert moving.destination.execute(PROPERTIES) == moving.source.execute(PROPERTIES)


@pytest.mark.finding("database_differs")
def test_a_fence_on_the_source_stays_there(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.converge(databases.examine)
    moving.source.execute("REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
    moving.source.execute("ALTER DATABASE shop SET default_transaction_read_only TO on")
    moving.source.execute("ALTER DATABASE shop CONNECTION LIMIT 0")
    step = moving.examine(databases.examine)
    assert (step.quiet, step.actions, codes(step)) == (True, (), ["database_differs"])
    assert step.findings[0].remedy == (
        "To make it so on the destination: ALTER DATABASE shop CONNECTION LIMIT 0; "
        "ALTER DATABASE shop SET default_transaction_read_only TO 'on'; REVOKE CONNECT ON DATABASE shop FROM PUBLIC;"
    )
    for statement in step.findings[0].remedy.partition(": ")[2].split(";")[:-1]:
        moving.destination.execute(statement)
    assert moving.examine(databases.examine).findings == ()


@pytest.mark.finding("database_locale_differs")
def test_a_database_that_is_there_is_left_as_it_is(cluster: Clusters) -> None:
    moving = migration(cluster, create="ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    moving.destination.execute("CREATE DATABASE shop CONNECTION LIMIT 5")
    step = moving.examine(databases.examine)
    assert (step.quiet, codes(step)) == (True, ["database_differs", "database_locale_differs"])
    assert step.actions == ()
    moving.destination.execute("DROP DATABASE shop")
    assert moving.converge(databases.examine).findings == ()


def test_renamed_and_with_an_odd_name(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute('CREATE DATABASE "Odd ""Name\\" OWNER owner')
    moving.source.execute('ALTER ROLE app IN DATABASE "Odd ""Name\\" SET work_mem TO \'1MB\'')
    moving.source.execute("ALTER ROLE app IN DATABASE shop SET work_mem TO '2MB'")
    moving.databases = ("shop", 'Odd "Name\\')
    moving.options = {"databases": DatabaseSelection(rename={"shop": "boutique"})}
    moving.converge(claims.examine)
    assert moving.converge(databases.examine).quiet
    found = moving.destination.execute(
        "SELECT datname, pg_get_userbyid(datdba), setconfig FROM pg_database d JOIN pg_db_role_setting s ON setdatabase = d.oid"
        " ORDER BY 1"
    )
    assert found == [('Odd "Name\\', "owner", ["work_mem=1MB"]), ("boutique", "postgres", ["work_mem=2MB"])]
    assert made(moving) == {"boutique", 'Odd "Name\\'}


def test_asked_about_one_database_it_gates_that_one(cluster: Clusters) -> None:
    moving = migration(cluster)
    view = moving.view()
    step = databases.examine(replace(view, pair=view.observation.database("shop")))
    assert (step.database, step.gates, len(step.actions)) == ("shop", Gates.DATABASE, 1)


def test_roles_that_the_destination_lacks_are_named(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute("CREATE ROLE late; ALTER DATABASE shop OWNER TO late")
    moving.source.execute("GRANT CREATE ON DATABASE shop TO late, app")
    step = moving.converge(databases.examine)
    assert (step.quiet, codes(step)) == (True, ["grantee_missing"])
    assert "no role late" in step.findings[0].message
    assert moving.destination.execute("SELECT has_database_privilege('app', 'shop', 'CREATE')") == [(True,)]
    moving.converge(roles.examine)
    step = moving.examine(databases.examine)
    assert codes(step) == ["database_differs"]
    assert step.findings[0].remedy.startswith("To make it so on the destination: ALTER DATABASE shop OWNER TO late;")


@pytest.mark.parametrize("destination", [17, 18])
def test_an_icu_locale_of_15_is_no_difference_as_a_language_tag(cluster: Clusters, destination: int) -> None:
    """From 16 on CREATE DATABASE makes de-u-co-phonebk of it."""
    create = ICU_DATABASE.replace("de-AT", "de@collation=phonebook")
    moving = migration(cluster, (15, destination), create)
    if not moving.destination.execute("SELECT 1 FROM pg_collation WHERE collname = 'de-AT-x-icu'"):
        pytest.skip(f"the server of version {destination} here was built without ICU")
    assert set(codes(moving.converge(databases.examine))) <= {"collation_version_differs"}


ICU_DATABASE = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"


@pytest.mark.parametrize(
    ("version", "destination", "create", "locale_columns"),
    [
        (15, 17, ICU_DATABASE, "daticulocale"),
        (15, 18, ICU_DATABASE, "daticulocale"),
        (
            17,
            18,
            "TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'",
            "datlocale",
        ),
    ],
    ids=["icu-17", "icu-18", "builtin"],
)
def test_locale_providers(cluster: Clusters, version: int, destination: int, create: str, locale_columns: str) -> None:
    moving = migration(cluster, (version, destination), create)
    if version == 15 and not moving.destination.execute("SELECT 1 FROM pg_collation WHERE collname = 'de-AT-x-icu'"):
        pytest.skip(f"the server of version {destination} here was built without ICU")
    (action,) = moving.examine(databases.examine).actions
    provider = (
        "LOCALE_PROVIDER = icu ICU_LOCALE = 'de-AT'"
        if version == 15
        else "LOCALE_PROVIDER = builtin BUILTIN_LOCALE = 'C.UTF-8'"
    )
    assert provider in action.statements[0].sql
    assert set(codes(moving.converge(databases.examine))) <= {"collation_version_differs"}  # the builds' ICU is not one
    locale = moving.source.execute(
        f"SELECT datlocprovider::text, {locale_columns} FROM pg_database WHERE datname = 'shop'"
    )
    assert (
        moving.destination.execute("SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'shop'")
        == locale
    )


@pytest.mark.finding("tablespace_missing")
def test_tablespaces_are_mapped_or_defaulted_and_said_so(cluster: Clusters) -> None:
    moving = migration(cluster)
    for name in ("fast", "same"):
        in_place(moving.source, name)
    for name in ("quick", "same"):
        in_place(moving.destination, name)
    moving.source.execute("CREATE DATABASE store TABLESPACE fast")
    moving.source.execute("CREATE DATABASE depot TABLESPACE same")
    moving.source.execute("CREATE DATABASE attic TABLESPACE fast")
    moving.databases = ("depot", "store")
    moving.options = {"tablespaces": {"fast": "quick"}}
    moving.converge(claims.examine)
    assert moving.converge(databases.examine).findings == ()
    moving.databases = ("attic",)
    moving.options = {"tablespaces": {"fast": "slow"}}
    moving.converge(claims.examine)
    step = moving.converge(databases.examine)
    assert (step.quiet, codes(step)) == (True, ["tablespace_missing"])
    assert "is in tablespace fast; the destination has no tablespace slow" in step.findings[0].message
    moving.options = {"tablespaces": {"fast": "pg_default"}}
    assert moving.examine(databases.examine).findings == ()
    assert moving.destination.execute(
        "SELECT datname, spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname IN"
        " ('attic', 'depot', 'store') ORDER BY 1"
    ) == [("attic", "pg_default"), ("depot", "same"), ("store", "quick")]


def in_place(cluster_: Cluster, name: str) -> None:
    """A tablespace inside the data directory (15 and newer, for developers)."""
    with cluster_.connect() as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute(f"CREATE TABLESPACE {name} LOCATION ''")


def test_another_version_of_the_collation_is_told(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.converge(databases.examine)
    for side, version in ((moving.source, "2.36"), (moving.destination, "2.41")):
        side.execute(f"UPDATE pg_database SET datcollversion = '{version}' WHERE datname = 'shop'")
    step = moving.examine(databases.examine)
    assert (step.quiet, codes(step)) == (True, ["collation_version_differs"])
    assert "version 2.41 on the destination, 2.36 on the source" in step.findings[0].message


def test_a_claim_lost_meanwhile_makes_nothing(cluster: Clusters) -> None:
    moving = migration(cluster)
    (action,) = moving.examine(databases.examine).actions
    moving.destination.execute("UPDATE migrator.databases SET mapping = 'other'")
    with pytest.raises(ApplyError):
        moving.apply([action])
    assert moving.destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'") == []
    step = moving.examine(databases.examine)
    assert (step.actions, [wait.message for wait in step.waits]) == ((), ["the name shop is not claimed yet"])
