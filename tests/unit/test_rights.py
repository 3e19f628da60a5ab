"""Settings and ACLs as text: taken apart, compared, written again."""

import pytest

from migrator.phases import settings
from migrator.schema import acl
from migrator.schema.acl import PUBLIC, Grant


@pytest.mark.parametrize(
    ("stored", "clause"),
    [
        ("work_mem=64MB", "SET work_mem TO '64MB'"),
        ("myapp.greeting=it's", "SET myapp.greeting TO 'it''s'"),
        ("application_name=a=b, c", "SET application_name TO 'a=b, c'"),
        ('search_path="$user", public, "Odd, ""Schema"', """SET search_path TO '$user', 'public', 'Odd, "Schema'"""),
        ('search_path=""', "SET search_path TO ''"),
        ("search_path=", "SET search_path TO ''"),
        ("session_preload_libraries=auto_explain", "SET session_preload_libraries TO 'auto_explain'"),
        ("DateStyle=German, DMY", "SET \"DateStyle\" TO 'German, DMY'"),
    ],
)
def test_a_setting_is_written_as_pg_dumpall_writes_it(stored: str, clause: str) -> None:
    assert settings.parse(stored).clause == clause


@pytest.mark.parametrize(
    ("item", "grants"),
    [
        ("=Tc/postgres", {Grant(PUBLIC, "TEMPORARY"), Grant(PUBLIC, "CONNECT")}),
        ("app=c*C/postgres", {Grant("app", "CONNECT", True), Grant("app", "CREATE")}),
        ('"We""ird=r/x"=T/"a=b"', {Grant('We"ird=r/x', "TEMPORARY", grantor="a=b")}),
        ("ünïcode=c/postgres", {Grant("ünïcode", "CONNECT")}),
        ("app=c/other", {Grant("app", "CONNECT", grantor="other")}),
        ('app=c/"o""t/h=er"', {Grant("app", "CONNECT", grantor='o"t/h=er')}),
        ("empty=/postgres", set()),
    ],
)
def test_an_aclitem_is_taken_apart(item: str, grants: set[Grant]) -> None:
    assert acl.parse_database_acl([item], "postgres") == grants


@pytest.mark.parametrize("item", ["", "app", "app=c", '"app=c/postgres'])
def test_what_is_no_aclitem_is_refused(item: str) -> None:
    with pytest.raises(ValueError, match="not an aclitem"):
        acl.parse_database_acl([item], "postgres")


def test_changes_revoke_first_and_say_each_grantee_once() -> None:
    present = frozenset({Grant(PUBLIC, "SELECT"), Grant("app", "SELECT", True), Grant("second", "SELECT")})
    wanted = frozenset(
        {Grant("app", "SELECT"), Grant("second", "SELECT", True), Grant("new", "INSERT"), Grant("new", "UPDATE")}
    )
    assert _statements(wanted, present) == [
        "REVOKE SELECT ON TABLE t FROM PUBLIC",
        "REVOKE GRANT OPTION FOR SELECT ON TABLE t FROM app",
        "GRANT INSERT, UPDATE ON TABLE t TO new",
        "GRANT SELECT ON TABLE t TO second WITH GRANT OPTION",
    ]
    assert _statements(wanted, wanted) == []


def test_a_chain_is_given_from_its_beginning_and_taken_from_its_end() -> None:
    chain = frozenset(
        {
            Grant("c", "SELECT", grantor="b"),
            Grant("b", "SELECT", True, grantor="a"),
            Grant("a", "SELECT", True),
            Grant("c", "INSERT"),
        }
    )
    assert _statements(chain, frozenset()) == [
        "GRANT INSERT ON TABLE t TO c",
        "GRANT SELECT ON TABLE t TO a WITH GRANT OPTION",
        "SET ROLE a",
        "GRANT SELECT ON TABLE t TO b WITH GRANT OPTION",
        "RESET ROLE",
        "SET ROLE b",
        "GRANT SELECT ON TABLE t TO c",
        "RESET ROLE",
    ]
    assert [each for each in _statements(frozenset(), chain) if "ROLE" not in each] == [
        "REVOKE SELECT ON TABLE t FROM c",
        "REVOKE SELECT ON TABLE t FROM b",
        "REVOKE INSERT ON TABLE t FROM c",
        "REVOKE SELECT ON TABLE t FROM a",
    ]


def test_what_a_role_that_is_not_there_had_given_on_comes_from_the_owner() -> None:
    rights = frozenset(
        {Grant("gone", "SELECT", True), Grant("app", "SELECT", True, grantor="gone"), Grant("app", "SELECT")}
    )
    assert acl.without(rights, frozenset({"gone"})) == {Grant("app", "SELECT", True)}


def _statements(wanted: acl.Acl, present: acl.Acl) -> list[str]:
    return acl.as_grantor(acl.changes(wanted, present, "TABLE t"))


def test_a_columns_rights_name_the_column() -> None:
    wanted = frozenset({Grant("app", "SELECT"), Grant("app", "UPDATE")})
    (sentence,) = acl.changes(wanted, frozenset(), "TABLE t", '"A b"')
    assert sentence.sql == 'GRANT SELECT ("A b"), UPDATE ("A b") ON TABLE t TO app'


def test_a_new_owner_takes_over_the_old_ones_rights() -> None:
    rights = frozenset({Grant("old", "SELECT", True), Grant("app", "SELECT", True)})
    assert acl.owned_by(rights, "old", "new") == {Grant("new", "SELECT"), Grant("app", "SELECT", True)}
