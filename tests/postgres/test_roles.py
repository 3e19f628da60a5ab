"""Roles, memberships and role settings on real servers, pg_dumpall as the oracle."""

import re
import subprocess
from collections.abc import Callable

import psycopg
import pytest

from migrator.config import RoleConflictStrategy, Secret
from migrator.machines.cluster import Cluster
from migrator.machines.provision import postgres_bin
from migrator.phases import (
    common_settings,
    ending,
    parameters,
    role_conflicts,
    roles,
    self_memberships,
    tablespace_rights,
)
from migrator.quote import identifier
from migrator.steps import Gates
from tests.postgres.rights import Migration, codes

Clusters = Callable[..., Cluster]

LONG = "ö" * 31 + "z"
"""63 bytes."""

ODD = ('We"ird', "two words", "Ünïcode", LONG, "select", "back\\slash", "apo'strophe", "{password:app}", "100%s")

ROLES = f"""
CREATE ROLE owner NOLOGIN;
CREATE ROLE app LOGIN PASSWORD 'app-secret' CONNECTION LIMIT 7 VALID UNTIL '2031-05-06 07:08:09+00';
CREATE ROLE reader NOINHERIT LOGIN;
CREATE ROLE admin SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS LOGIN VALID UNTIL 'infinity';
CREATE ROLE silent NOLOGIN PASSWORD 'kept';
{"".join(f"CREATE ROLE {identifier(name)} LOGIN;" for name in ODD)}
COMMENT ON ROLE app IS 'it''s 50% \\ of {{it}}';
GRANT owner TO app WITH ADMIN OPTION;
GRANT app TO reader;
GRANT "Ünïcode" TO "We""ird";
GRANT pg_read_all_data TO reader;
ALTER ROLE app SET search_path TO "$user", public, "Odd, Schema";
ALTER ROLE app SET work_mem TO '64MB';
ALTER ROLE app SET myapp.greeting TO 'it''s "quoted" \\ here';
ALTER ROLE reader SET search_path TO '';
ALTER ROLE reader SET role TO 'app';
ALTER ROLE reader SET datestyle TO 'German, DMY';
ALTER ROLE "two words" SET temp_tablespaces TO '';
ALTER ROLE app IN DATABASE postgres SET statement_timeout TO '5min';
GRANT SET ON PARAMETER log_min_duration_statement TO app, "We""ird";
GRANT SET, ALTER SYSTEM ON PARAMETER work_mem, "myapp.greeting" TO owner WITH GRANT OPTION;
GRANT ALTER SYSTEM ON PARAMETER log_statement TO PUBLIC;
SET ROLE owner;
GRANT SET ON PARAMETER work_mem TO reader;
RESET ROLE;
"""

PAIRS = pytest.mark.parametrize(
    "versions", [(15, 15), (15, 18), (16, 18), (18, 18)], ids=lambda pair: f"{pair[0]}to{pair[1]}"
)


def dumped(cluster: Cluster) -> list[str]:
    """pg_dumpall --globals-only by the newest pg_dumpall, in an order and a spelling that do not depend on the version."""
    command = [str(postgres_bin(18) / "pg_dumpall"), "--globals-only", "-d", cluster.dsn()]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]
    return sorted(_normal(line) for line in lines)


def _normal(line: str) -> str:
    """Of a source before 16 pg_dumpall says no grantor, and INHERIT only where it is not the member's own attribute."""
    line = (
        line.replace(" GRANTED BY postgres;", ";").replace(" WITH INHERIT TRUE", "").replace(" WITH INHERIT FALSE", "")
    )
    return line.replace(" WITH ADMIN OPTION, INHERIT TRUE", " WITH ADMIN OPTION")


def migration(cluster: Clusters, versions: tuple[int, int] = (15, 18), **options: object) -> Migration:
    moving = Migration(cluster(versions[0]), cluster(versions[1]), ("postgres",), dict(options))
    moving.begin()
    return moving


@PAIRS
def test_all_of_every_role_is_carried(cluster: Clusters, versions: tuple[int, int]) -> None:
    moving = migration(cluster, versions)
    moving.source.execute(ROLES)
    step = moving.converge(roles.examine)
    assert step.quiet
    assert codes(step) == []
    assert moving.converge(parameters.examine).findings == ()
    assert dumped(moving.destination) == dumped(moving.source)
    assert moving.destination.execute("SELECT shobj_description('app'::regrole, 'pg_authid')") == [
        ("it's 50% \\ of {it}",)
    ]


def test_memberships_keep_what_15_meant(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(ROLES)
    moving.converge(roles.examine)
    found = moving.destination.execute(
        "SELECT roleid::regrole::text, member::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE member IN ('app'::regrole, 'reader'::regrole) ORDER BY 1, 2"
    )
    assert found == [
        ("app", "reader", False, False, True),
        ("owner", "app", True, True, True),
        ("pg_read_all_data", "reader", False, False, True),
    ]


def test_memberships_between_servers_of_15(cluster: Clusters) -> None:
    """There a membership has neither INHERIT nor SET nor a grantor that means anything; ADMIN alone can differ."""
    moving = migration(cluster, (15, 15))
    moving.source.execute("""
        CREATE ROLE team; CREATE ROLE chief; CREATE ROLE worker NOINHERIT; CREATE ROLE "oth""er"; CREATE ROLE former;
        GRANT team TO chief WITH ADMIN OPTION;
        GRANT team TO "oth""er" WITH ADMIN OPTION; GRANT team TO former;
        SET ROLE chief; GRANT team TO worker; RESET ROLE;
    """)
    moving.destination.execute(
        'CREATE ROLE team; CREATE ROLE "oth""er"; CREATE ROLE former; GRANT team TO "oth""er"; GRANT team TO former WITH ADMIN OPTION'
    )
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (True, ["membership_differs"] * 2)
    query = (
        "SELECT roleid::regrole::text, member::regrole::text, admin_option FROM pg_auth_members"
        " WHERE roleid = 'team'::regrole ORDER BY 1, 2"
    )
    assert moving.destination.execute(query) == [
        ("team", '"oth""er"', False),
        ("team", "chief", True),
        ("team", "former", True),
        ("team", "worker", False),
    ], "what is there keeps its options"
    for finding in step.findings:
        moving.destination.execute(finding.remedy.partition(": ")[2])
    assert moving.examine(roles.examine).findings == ()
    assert moving.destination.execute(query) == moving.source.execute(query)


def test_options_of_16_and_memberships_granted_twice(cluster: Clusters) -> None:
    moving = migration(cluster, (16, 18))
    moving.source.execute("""
        CREATE ROLE boss; CREATE ROLE team; CREATE ROLE worker; CREATE ROLE "chi""ef"; CREATE ROLE a_last;
        GRANT team TO boss WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
        GRANT team TO worker WITH INHERIT FALSE, SET TRUE;
        GRANT team TO worker WITH ADMIN FALSE, INHERIT TRUE, SET FALSE GRANTED BY boss;
        GRANT team TO "chi""ef" WITH ADMIN OPTION GRANTED BY boss;
        GRANT team TO a_last GRANTED BY "chi""ef";
        GRANT pg_monitor TO boss WITH ADMIN OPTION;
        GRANT pg_monitor TO worker GRANTED BY boss;
    """)
    assert moving.converge(roles.examine).findings == ()
    assert dumped(moving.destination) == dumped(moving.source)
    found = moving.destination.execute(
        "SELECT member::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE roleid = 'team'::regrole ORDER BY 1, 3"
    )
    assert sorted(found) == [
        ('"chi""ef"', True, True, True),
        ("a_last", False, True, True),
        ("boss", True, False, False),
        ("worker", False, False, True),
        ("worker", False, True, False),
    ]


@pytest.mark.parametrize("encryption", ["scram-sha-256", "md5"])
def test_the_old_password_opens_the_new_server(cluster: Clusters, encryption: str) -> None:
    source, destination = cluster(15), cluster(18, password="root-secret")
    source.execute(f"SET password_encryption = '{encryption}'; CREATE ROLE app LOGIN PASSWORD 'app-secret'")
    moving = Migration(source, destination)
    moving.begin()
    assert moving.converge(roles.examine).quiet
    if encryption == "md5":  # our pg_hba asks for SCRAM, so it can only be looked at
        assert destination.execute("SELECT rolpassword LIKE 'md5%' FROM pg_authid WHERE rolname = 'app'") == [(True,)]
        return
    with destination.connect(user="app", password="app-secret") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("app",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        destination.connect(user="app", password="wrong")


def test_no_secret_stands_in_the_actions_or_the_servers_log(cluster: Clusters) -> None:
    moving = Migration(cluster(15), cluster(18, log_statement="all", log_min_duration_statement="0"))
    moving.begin()
    moving.source.execute("CREATE ROLE app LOGIN PASSWORD 'app-secret'")
    verifier = str(moving.source.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")[0][0])
    step = moving.examine(roles.examine)
    assert "SCRAM" not in repr(step)
    assert "PASSWORD {password:app}" in repr(step)
    moving.apply(step.actions)
    assert verifier not in moving.destination.log()


def test_stopped_between_actions_it_goes_on(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(ROLES)
    for _ in range(60):
        step = moving.examine(roles.examine)
        if not step.actions:
            break
        moving.apply(step.actions[:1])
    assert step.quiet
    moving.converge(parameters.examine)
    assert dumped(moving.destination) == dumped(moving.source)


@pytest.mark.finding("role_differs")
def test_merge_keeps_what_is_there_and_adds_what_is_missing(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(ROLES)
    moving.destination.execute("""
        CREATE ROLE app LOGIN PASSWORD 'other' CREATEDB;
        ALTER ROLE app SET work_mem TO '1MB';
    """)
    before = moving.destination.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
    step = moving.converge(roles.examine)
    assert step.quiet
    assert codes(step) == ["role_differs"]
    assert step.findings[0].remedy == (
        "To make it so on the destination: ALTER ROLE app NOCREATEDB CONNECTION LIMIT 7 VALID UNTIL "
        "'2031-05-06 07:08:09.000000+00'; ALTER ROLE app SET work_mem TO '64MB';"
    )
    assert moving.destination.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'") == before
    settings = moving.destination.execute(
        "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 'app'::regrole"
    )
    assert ("work_mem=1MB",) in settings
    assert ('search_path="$user", public, "Odd, Schema"',) in settings
    assert ("statement_timeout=5min",) in settings
    assert moving.destination.execute("SELECT 1 FROM pg_auth_members WHERE member = 'app'::regrole") == [(1,)]
    moving.destination.execute(re.sub("^.*destination: ", "", step.findings[0].remedy))
    assert moving.examine(roles.examine).findings == ()


def test_settings_that_only_the_destination_has_are_told_and_kept(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute("CREATE ROLE app; ALTER ROLE app SET work_mem TO '8MB'; CREATE ROLE \"O'dd\"")
    moving.destination.execute("CREATE DATABASE elsewhere")
    moving.destination.execute("""
        CREATE ROLE app;
        ALTER ROLE app SET statement_timeout TO '1min'; ALTER ROLE app SET "My"."Own" TO 'x'; ALTER ROLE app SET work_mem TO '1MB';
        ALTER ROLE app IN DATABASE postgres SET jit TO off; ALTER ROLE app IN DATABASE elsewhere SET jit TO on;
        CREATE ROLE theirs; ALTER ROLE theirs SET jit TO off;
    """)
    kept = "SELECT setdatabase, unnest(setconfig) FROM pg_db_role_setting ORDER BY 1, 2"
    before = moving.destination.execute(kept)
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (True, ["role_differs"])
    assert moving.destination.execute(kept) == before
    (finding,) = step.findings
    assert set(finding.remedy.partition(": ")[2].rstrip(";").split("; ")) == {
        "ALTER ROLE app SET work_mem TO '8MB'",
        "ALTER ROLE app RESET statement_timeout",
        'ALTER ROLE app RESET "My"."Own"',
        "ALTER ROLE app IN DATABASE postgres RESET jit",
    }
    moving.destination.execute(finding.remedy.partition(": ")[2])
    assert moving.examine(roles.examine).findings == ()
    assert len(moving.destination.execute(kept)) == 3, "work_mem, another database's, another role's"


def test_skip_leaves_an_existing_role_alone(cluster: Clusters) -> None:
    moving = migration(cluster, role_conflict_strategy=RoleConflictStrategy.SKIP)
    moving.source.execute(ROLES)
    moving.destination.execute("CREATE ROLE app")
    step = moving.converge(roles.examine)
    assert step.quiet
    assert step.findings == ()
    assert moving.destination.execute("SELECT 1 FROM pg_db_role_setting WHERE setrole = 'app'::regrole") == []
    assert moving.destination.execute("SELECT 1 FROM pg_auth_members WHERE member = 'app'::regrole") == []
    assert moving.destination.execute("SELECT 1 FROM pg_auth_members WHERE member = 'reader'::regrole") == [(1,), (1,)]


def test_fail_leaves_roles_in_conflict_alone_and_never_trips_over_its_own(cluster: Clusters) -> None:
    moving = migration(cluster, role_conflict_strategy=RoleConflictStrategy.FAIL)
    moving.source.execute(ROLES)
    moving.destination.execute("CREATE ROLE app; CREATE ROLE reader")
    step = moving.examine(role_conflicts.examine)
    assert (codes(step), step.quiet, step.gates) == (["role_exists"], False, Gates.DATABASE)
    assert "roles app, reader" in step.findings[0].message
    assert moving.converge(roles.examine).findings == ()
    assert moving.destination.execute("SELECT 1 FROM pg_auth_members WHERE 'app'::regrole IN (roleid, member)") == []
    assert moving.destination.execute("SELECT 1 FROM pg_db_role_setting WHERE setrole = 'app'::regrole") == []
    moving.destination.execute("DROP ROLE app; DROP ROLE reader")
    moving.apply(moving.examine(roles.examine).actions[:3])
    step = moving.converge(roles.examine)
    assert (step.quiet, step.findings) == (True, ())
    assert moving.examine(role_conflicts.examine).findings == ()
    moving.converge(parameters.examine)
    assert dumped(moving.destination) == dumped(moving.source)


@pytest.mark.finding("role_password_differs")
def test_another_password_is_told(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(
        "CREATE ROLE app LOGIN PASSWORD 'one'; CREATE ROLE other LOGIN PASSWORD 'one'; CREATE ROLE open LOGIN"
    )
    moving.destination.execute("CREATE ROLE app LOGIN PASSWORD 'two'")
    assert moving.converge(roles.examine).findings == ()
    step = moving.examine(role_conflicts.examine)
    assert (codes(step), step.quiet) == (["role_password_differs"], True)
    assert "Role app on the destination has another password" in step.findings[0].message
    moving.source.execute("ALTER ROLE other PASSWORD 'changed meanwhile'")
    assert codes(moving.examine(role_conflicts.examine)) == ["role_password_differs", "role_password_differs"]
    for finding in moving.examine(role_conflicts.examine).findings:
        moving.source.execute(
            finding.remedy.rpartition(": ")[2].replace(" ...", f" of_old_{finding.message.split()[1]}")
        )
    assert moving.examine(role_conflicts.examine).findings == ()


def test_a_fence_on_the_source_stays_there(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(ROLES)
    moving.converge(roles.examine)
    moving.source.execute(
        "ALTER ROLE app NOLOGIN CONNECTION LIMIT 0; ALTER ROLE app SET default_transaction_read_only TO on"
    )
    step = moving.examine(roles.examine)
    assert (step.quiet, step.actions, codes(step)) == (True, (), ["role_differs"])
    assert step.findings[0].remedy == (
        "To make it so on the destination: ALTER ROLE app NOLOGIN CONNECTION LIMIT 0; "
        "ALTER ROLE app SET default_transaction_read_only TO 'on';"
    )


def test_a_role_made_later_follows(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute("CREATE ROLE first")
    moving.converge(roles.examine)
    moving.source.execute("CREATE ROLE second; GRANT first TO second")
    assert moving.converge(roles.examine).quiet
    assert dumped(moving.destination) == dumped(moving.source)


@pytest.mark.finding("setting_unknown")
def test_settings_that_are_gone_are_named_and_left_out(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(
        "CREATE ROLE app; ALTER ROLE app SET force_parallel_mode TO on; ALTER ROLE app SET jit TO off"
    )
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (True, ["setting_unknown"])
    assert step.findings[0].remedy.endswith("ALTER ROLE app RESET force_parallel_mode;")
    assert moving.destination.execute("SELECT setconfig FROM pg_db_role_setting") == [(["jit=off"],)]
    moving.source.execute(step.findings[0].remedy.partition(": ")[2])
    assert moving.examine(roles.examine).findings == ()


@pytest.mark.finding("settings_of_all_differ")
def test_what_every_role_begins_with_is_given_once(cluster: Clusters) -> None:
    """What the destination has is kept, what its version lacks left out; a write stop that comes later stays on the source."""
    moving = migration(cluster)
    for setting in (
        "statement_timeout TO '77s'",
        "search_path TO 'a', \"B\"",
        "force_parallel_mode TO on",
        "jit TO on",
    ):
        moving.source.execute(f"ALTER ROLE ALL SET {setting}")
    moving.destination.execute("ALTER ROLE ALL SET jit TO off")
    moving.destination.execute("CREATE DATABASE other")
    step = moving.converge(common_settings.examine)
    assert (step.quiet, codes(step)) == (True, ["setting_unknown", "settings_of_all_differ"])
    kept = "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = 0 ORDER BY 1"
    here = [("jit=off",), ('search_path=a, "B"',), ("statement_timeout=77s",)]
    assert moving.destination.execute(kept) == here
    assert moving.destination.execute("SHOW statement_timeout", "other") == [("77s",)]
    moving.source.execute(step.findings[1].remedy.partition(": ")[2])
    moving.source.execute("ALTER ROLE ALL SET default_transaction_read_only TO on")
    step = moving.examine(common_settings.examine)
    assert (step.actions, codes(step)) == ((), ["settings_of_all_differ"])
    assert moving.destination.execute(kept) == here
    moving.destination.execute(step.findings[0].remedy.partition(": ")[2])
    assert moving.examine(common_settings.examine).findings == ()


def test_what_every_role_begins_with_is_a_superusers_to_give(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute("ALTER ROLE ALL SET work_mem TO '5MB'")
    moving.destination.execute(
        "CREATE ROLE tool LOGIN; ALTER SCHEMA migrator OWNER TO tool; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO tool"
    )
    moving.user = "tool"
    step = moving.examine(common_settings.examine)
    assert (step.actions, codes(step)) == ((), ["settings_of_all_differ"])
    assert step.findings[0].remedy.endswith(": ALTER ROLE ALL SET work_mem TO '5MB';")


@pytest.mark.finding("predefined_role_missing")
def test_a_predefined_role_that_is_gone_is_named(cluster: Clusters) -> None:
    """No version has taken one away yet: one of the catalog's rows, as a role that an older version had would be."""
    moving = migration(cluster)
    moving.source.execute("CREATE ROLE app; CREATE ROLE gone; GRANT gone TO app")
    moving.source.execute(
        "SET allow_system_table_mods = on; UPDATE pg_authid SET rolname = 'pg_gone' WHERE rolname = 'gone'"
    )
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (True, ["predefined_role_missing"])
    moving.source.execute("REVOKE pg_gone FROM app")
    assert moving.examine(roles.examine).findings == ()


def test_the_bootstrap_superuser_and_ourselves_are_never_altered(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(
        "ALTER ROLE postgres SET work_mem TO '1MB'; CREATE ROLE tool SUPERUSER LOGIN CONNECTION LIMIT 5"
    )
    moving.destination.execute("CREATE ROLE tool SUPERUSER LOGIN")
    moving.user = "tool"
    step = moving.converge(roles.examine)
    assert (step.quiet, step.findings) == (True, ())
    assert moving.destination.execute("SELECT rolconnlimit FROM pg_authid WHERE rolname = 'tool'") == [(-1,)]
    assert moving.destination.execute("SELECT 1 FROM pg_db_role_setting") == []


@pytest.mark.finding("role_password_unavailable")
def test_where_hashes_cannot_be_read_the_common_password_stands_in(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18, password="root-secret")
    source.execute("CREATE ROLE poor LOGIN; CREATE ROLE app LOGIN PASSWORD 'app-secret'; CREATE ROLE owner NOLOGIN")
    moving = Migration(source, destination, source_user="poor")
    moving.begin()
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (False, ["role_password_unavailable"])
    assert "roles app, poor" in step.findings[0].message
    assert destination.execute("SELECT rolname FROM pg_roles WHERE rolname IN ('app', 'owner', 'poor')") == [("owner",)]
    moving.options = {"common_password": Secret("common-secret")}
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (True, ["role_password_common"])
    with destination.connect(user="app", password="common-secret") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("app",)

    source.execute(
        "GRANT SELECT (rolname, rolpassword) ON pg_authid TO poor; CREATE ROLE late LOGIN PASSWORD 'late-secret'"
    )
    moving.converge(roles.examine)
    with destination.connect(user="late", password="late-secret") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("late",)
    source.execute("REVOKE SELECT (rolname) ON pg_authid FROM poor")
    assert moving.converge(roles.examine).quiet, "half of it is no right to read"


def test_without_a_superuser_what_cannot_be_given_is_said(cluster: Clusters) -> None:
    moving = migration(cluster, (16, 18))
    moving.source.execute(ROLES)
    moving.destination.execute("CREATE ROLE tool CREATEROLE LOGIN; GRANT ALL ON DATABASE postgres TO tool")
    moving.destination.execute(
        "ALTER SCHEMA migrator OWNER TO tool; GRANT ALL ON ALL TABLES IN SCHEMA migrator TO tool"
    )
    moving.user = "tool"
    step = moving.converge(roles.examine)
    assert step.quiet
    remedies = [finding.remedy for finding in step.findings]
    assert (
        "As a superuser on the destination: GRANT pg_read_all_data TO reader WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;"
        in remedies
    )
    assert "To make it so on the destination: ALTER ROLE admin SUPERUSER CREATEDB REPLICATION BYPASSRLS;" in remedies
    assert moving.destination.execute("SELECT rolcreaterole FROM pg_roles WHERE rolname = 'admin'") == [(True,)]
    assert any("ALTER ROLE app SET myapp.greeting" in remedy for remedy in remedies)
    for remedy in remedies:
        moving.destination.execute(remedy.partition("destination: ")[2])
    assert moving.examine(roles.examine).findings == ()


def test_a_member_of_what_it_makes_only_where_it_must_act_for_it_and_noted(cluster: Clusters) -> None:
    moving = migration(cluster, (16, 18))
    moving.source.execute(
        "CREATE ROLE seller; CREATE ROLE reader; CREATE TABLE t (id int); ALTER TABLE t OWNER TO seller"
    )
    moving.destination.execute("CREATE ROLE tool CREATEROLE LOGIN; GRANT ALL ON DATABASE postgres TO tool")
    moving.destination.execute("ALTER SCHEMA migrator OWNER TO tool; CREATE ROLE there")
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'migrator'::regnamespace AND relkind = 'r'"
    for (table,) in moving.destination.execute(tables):
        moving.destination.execute(f"ALTER TABLE migrator.{table} OWNER TO tool")
    moving.source.execute("CREATE ROLE there; CREATE TABLE u (id int); ALTER TABLE u OWNER TO there")
    moving.destination.execute("GRANT there TO tool WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    moving.user = "tool"
    moving.converge(roles.examine)
    ours = (
        "SELECT roleid::regrole::text, inherit_option, set_option FROM pg_auth_members WHERE grantor = 'tool'::regrole"
    )
    assert moving.destination.execute(f"{ours} ORDER BY 1") == [("seller", True, True), ("there", True, True)]
    assert moving.destination.execute("SELECT role FROM migrator.self_memberships ORDER BY 1") == [
        ("seller",),
        ("there",),
    ]
    moving.destination.execute("UPDATE migrator.mappings SET intent = 'aborting'")
    step = moving.converge(ending.of_instance)
    assert step.quiet
    assert moving.destination.execute(ours) == []
    assert moving.destination.execute("SELECT role FROM migrator.self_memberships") == []
    view = moving.view()
    for statement in self_memberships.remaining(view.source, view.destination).values():
        moving.destination.execute(statement)
    assert moving.destination.execute("SELECT 1 FROM pg_auth_members WHERE 'tool'::regrole IN (member, grantor)") == []


def test_rights_on_settings_are_given_once(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute(
        "CREATE ROLE app; CREATE ROLE other; GRANT SET ON PARAMETER work_mem, force_parallel_mode TO app"
    )
    moving.destination.execute("CREATE ROLE stays; GRANT SET ON PARAMETER work_mem TO stays")
    moving.converge(roles.examine)
    step = moving.converge(parameters.examine)
    assert (step.quiet, codes(step)) == (True, ["setting_unknown"])
    may = "SELECT rolname FROM pg_roles WHERE has_parameter_privilege(rolname, 'work_mem', 'SET') AND NOT rolsuper ORDER BY 1"
    assert moving.destination.execute(may) == [("app",), ("stays",)]
    moving.destination.execute("REVOKE SET ON PARAMETER work_mem FROM app")
    moving.source.execute("GRANT SET ON PARAMETER work_mem TO other")
    step = moving.examine(parameters.examine)
    assert (step.actions, codes(step)) == ((), ["parameter_rights_differ", "setting_unknown"])
    moving.destination.execute(step.findings[0].remedy.partition(": ")[2])
    assert moving.destination.execute(may) == [("app",), ("other",), ("stays",)]


@pytest.mark.finding("tablespace_rights_differ")
def test_rights_on_tablespaces_are_told(cluster: Clusters) -> None:
    moving = migration(cluster, tablespaces={"fast": "Quick"})
    moving.source.execute("CREATE ROLE app; CREATE ROLE owner; CREATE ROLE boss SUPERUSER; CREATE ROLE other")
    for side, name in ((moving.source, "fast"), (moving.source, "unmapped"), (moving.destination, '"Quick"')):
        with side.connect() as connection:
            connection.execute("SET allow_in_place_tablespaces = on")
            connection.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())
    moving.converge(roles.examine)
    assert moving.examine(tablespace_rights.examine).findings == ()
    moving.source.execute(
        "ALTER TABLESPACE fast OWNER TO owner; GRANT CREATE ON TABLESPACE fast TO app WITH GRANT OPTION;"
        "GRANT CREATE ON TABLESPACE fast TO boss, PUBLIC; GRANT CREATE ON TABLESPACE unmapped TO app"
    )
    moving.destination.execute('GRANT CREATE ON TABLESPACE "Quick" TO app, other')
    step = moving.examine(tablespace_rights.examine)
    assert (codes(step), step.quiet) == (["tablespace_rights_differ"], True)
    assert step.findings[0].remedy == (
        'As a superuser on the destination: GRANT CREATE ON TABLESPACE "Quick" TO PUBLIC; '
        'GRANT CREATE ON TABLESPACE "Quick" TO owner; GRANT CREATE ON TABLESPACE "Quick" TO app WITH GRANT OPTION;'
    )
    moving.destination.execute(step.findings[0].remedy.partition(": ")[2])
    assert moving.examine(tablespace_rights.examine).findings == ()


@pytest.mark.finding("membership_differs")
def test_memberships_that_only_the_destination_has_are_told_and_kept(cluster: Clusters) -> None:
    moving = migration(cluster)
    moving.source.execute("CREATE ROLE app; CREATE ROLE team; CREATE ROLE chief; GRANT team TO app")
    moving.destination.execute(
        "CREATE ROLE app; CREATE ROLE team; CREATE ROLE chief; CREATE ROLE theirs; GRANT pg_write_all_data TO app;"
        "GRANT team TO chief WITH ADMIN OPTION; GRANT team TO app WITH INHERIT FALSE GRANTED BY chief; GRANT app TO theirs"
    )
    step = moving.converge(roles.examine)
    assert (step.quiet, codes(step)) == (True, ["membership_differs"] * 3)
    assert {finding.remedy.partition(": ")[2] for finding in step.findings} == {
        "REVOKE pg_write_all_data FROM app GRANTED BY postgres;",
        "REVOKE team FROM chief GRANTED BY postgres;",
        "GRANT team TO app WITH ADMIN FALSE, INHERIT TRUE, SET TRUE;",
    }
    moving.destination.execute("REVOKE team FROM app GRANTED BY chief")
    for finding in step.findings:
        moving.destination.execute(finding.remedy.partition(": ")[2])
    assert moving.examine(roles.examine).findings == ()
    assert moving.destination.execute("SELECT 1 FROM pg_auth_members WHERE member = 'theirs'::regrole") == [(1,)]
