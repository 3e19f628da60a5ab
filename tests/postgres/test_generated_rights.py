"""Generated roles, memberships and ACLs: what our statements make on 18 is what the source has, by aclexplode."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrator.machines.cluster import Cluster
from migrator.phases import privileges, roles
from migrator.quote import identifier, literal
from tests.postgres.acls import rights
from tests.postgres.rights import Migration

Clusters = Callable[..., Cluster]

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
).filter(lambda name: not name.startswith("pg_") and name not in ("public", "none", "postgres"))
OBJECTS = {
    "TABLE box.t": ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    'TABLE box.t ("Col ""umn")': ("SELECT", "INSERT", "UPDATE", "REFERENCES"),
    "SEQUENCE box.s": ("USAGE", "SELECT", "UPDATE"),
    "FUNCTION box.f(int)": ("EXECUTE",),
    "TYPE box.e": ("USAGE",),
    "SCHEMA box": ("USAGE", "CREATE"),
    "LANGUAGE plpgsql": ("USAGE",),
    "FUNCTION pg_sleep(float8)": ("EXECUTE",),
    "TABLE pg_authid": ("SELECT",),
}
MADE = """
CREATE SCHEMA box;
CREATE TABLE box.t (id int, "Col ""umn" text);
CREATE SEQUENCE box.s;
CREATE FUNCTION box.f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE TYPE box.e AS ENUM ('a');
"""


@dataclass(frozen=True)
class Act:
    """Somebody gives, or takes, one right. Roles by number; grantee 3 is PUBLIC, grantor 3 the owner."""

    target: str
    privilege: int
    grantor: int
    grantee: int
    option: bool
    revoke: bool

    def sql(self, names: Sequence[str]) -> str:
        kind, _, column = self.target.partition(" (")
        of_object = OBJECTS[self.target]
        right = of_object[self.privilege % len(of_object)] + (f" ({column}" if column else "")
        who = "PUBLIC" if self.grantee == 3 else identifier(names[self.grantee])
        if self.revoke:
            text = f"REVOKE {right} ON {kind} FROM {who} CASCADE"
        else:
            text = f"GRANT {right} ON {kind} TO {who}" + (
                " WITH GRANT OPTION" if self.option and self.grantee != 3 else ""
            )
        return text if self.grantor == 3 else f"SET ROLE {identifier(names[self.grantor])}; {text}; RESET ROLE"


ACTS = st.builds(
    Act,
    st.sampled_from(sorted(OBJECTS)),
    st.integers(0, 6),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
)
DEFAULTS = st.builds(
    "ALTER DEFAULT PRIVILEGES FOR ROLE {{0}} {} {} ON {} {} {{1}}".format,
    st.sampled_from(["", "IN SCHEMA box"]),
    st.sampled_from(["GRANT ALL"]),
    st.sampled_from(["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"]),
    st.just("TO"),
)
REVOKED = st.sampled_from(
    [
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0} REVOKE USAGE ON TYPES FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {0} REVOKE INSERT ON TABLES FROM {0}",
    ]
)


@pytest.fixture(scope="module")
def pairs() -> Iterator[Callable[[int], tuple[Cluster, Cluster]]]:
    """A source of this version, and a destination of 18, kept for the module."""
    made: dict[int, Cluster] = {}

    def get(version: int) -> tuple[Cluster, Cluster]:
        for each in (version, 18):
            if each not in made:
                made[each] = Cluster.create(each)
        return made[version], made[18]

    yield get
    for each in made.values():
        each.remove()


NUMBERS = itertools.count(1)


@pytest.mark.parametrize("version", [15, pytest.param(16, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
@settings(max_examples=4, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(NAMES, min_size=3, max_size=3, unique=True),
    acts=st.lists(ACTS, max_size=25),
    defaults=st.lists(DEFAULTS | REVOKED, max_size=4),
    setting=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    limit=st.integers(-1, 9),
)
def test_generated_rights_survive(
    pairs: Callable[[int], tuple[Cluster, Cluster]],
    version: int,
    names: list[str],
    acts: list[Act],
    defaults: list[str],
    setting: str,
    limit: int,
) -> None:
    source, destination = pairs(version)
    database = f"generated_{next(NUMBERS)}"
    moving = Migration(source, destination, (database,))
    try:
        for side in (source, destination):
            side.execute(f"CREATE DATABASE {database}")
            side.execute(MADE, database)
        moving.begin()
        with source.connect(database) as session:
            for name in map(identifier, names):
                session.execute(f"CREATE ROLE {name} CONNECTION LIMIT {limit}".encode())
                session.execute(f"COMMENT ON ROLE {name} IS {literal(setting)}".encode())
                session.execute(f"ALTER ROLE {name} SET application_name TO {literal(setting)}".encode())
                session.execute(f"GRANT CREATE, USAGE ON SCHEMA box TO {name}".encode())
            lines = (line.format(*map(identifier, names[:2])) for line in defaults)
            for sql in (*(act.sql(names) for act in acts), *lines):
                _allowed(session, sql)
        assert moving.converge(roles.examine).quiet
        step = moving.converge(privileges.examine, database)
        assert (step.quiet, step.findings) == (True, ())
        assert rights(source, database, maintain=False) == rights(destination, database, maintain=False)
        assert _of_roles(source) == _of_roles(destination)
    finally:
        _clear(moving, database, names)


def _allowed(session: psycopg.Connection[tuple[object, ...]], sql: str) -> None:
    """What PostgreSQL refuses (no grant option) is no part of the example."""
    try:
        session.execute(sql.encode())
    except psycopg.Error:
        session.execute("RESET ROLE")


def _of_roles(cluster: Cluster) -> list[tuple[object, ...]]:
    return cluster.execute(
        "SELECT rolname, rolconnlimit, setconfig, shobj_description(oid, 'pg_authid') FROM pg_roles"
        ' LEFT JOIN pg_db_role_setting ON setrole = oid WHERE oid >= 16384 ORDER BY rolname COLLATE "C"'
    )


def _clear(moving: Migration, database: str, names: Sequence[str]) -> None:
    for side in (moving.source, moving.destination):
        side.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        side.execute(f"DROP ROLE IF EXISTS {', '.join(map(identifier, names))}")
    moving.destination.execute("DROP SCHEMA IF EXISTS migrator CASCADE")
