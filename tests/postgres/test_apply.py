"""How actions reach a server: transactions in one round trip, and a failure that leaves nothing of its transaction."""

import re
from collections.abc import Callable

import pytest

from migrator.apply import Applier, ApplyError
from migrator.config import MappingSpec
from migrator.machines.cluster import Cluster
from migrator.steps import Action, Side, Statement

Clusters = Callable[..., Cluster]


def applier(server: Cluster) -> Applier:
    return Applier(MappingSpec("m", server.spec("src"), server.spec("dst")), "test", server.version * 10000)


def action(*sql: str) -> Action:
    return Action("make", tuple(Statement(Side.DESTINATION, None, each) for each in sql))


def test_many_statements_of_a_transaction_are_one_round_trip(cluster: Clusters) -> None:
    server = cluster(18, log_statement="all")
    bodies = "CREATE FUNCTION public.f() RETURNS text BEGIN ATOMIC SELECT 1; SELECT 'a;''--'; END"
    with applier(server) as hands:
        hands.apply(action("SELECT 'the session is there'"))
        said = len(server.log())
        tables = (f'CREATE TABLE public."t{number};%s" (id integer)' for number in range(100))
        hands.apply(action(*tables, bodies, "CREATE TABLE public.last (id integer);"))
    assert server.execute("SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+;%s$' OR relname = 'last'") == [
        (101,)
    ]
    assert len(re.findall("LOG:  statement:", server.log()[said:])) <= 4  # BEGIN, all of them, COMMIT, the count


def test_a_failure_is_told_in_the_servers_words_and_leaves_nothing_of_its_transaction(cluster: Clusters) -> None:
    server = cluster(18)
    with applier(server) as hands:
        with pytest.raises(ApplyError, match=r'relation "first" already exists \[42P07\]'):
            hands.apply(
                action(*["CREATE TABLE public.first (id integer)"] * 2, "CREATE TABLE public.second (id integer)")
            )
        hands.apply(action("CREATE TABLE public.third (id integer)"))
    assert server.execute("SELECT relname FROM pg_class WHERE relname IN ('first', 'second', 'third')") == [("third",)]


@pytest.mark.parametrize("transactional", [True, False])
def test_a_lock_that_a_patient_statement_did_not_get_is_told_as_that(
    cluster: Clusters, monkeypatch: pytest.MonkeyPatch, transactional: bool
) -> None:
    """And the next statement has no patience but its own."""
    monkeypatch.setattr("migrator.apply.FIRST_PATIENCE_SECONDS", 1.0)
    server = cluster(18)
    server.execute("CREATE TABLE public.t (id integer)")
    sql = "ALTER TABLE public.t ADD COLUMN n integer"
    wants = Statement(Side.DESTINATION, None, sql, transactional=transactional, patient=True)
    with applier(server) as hands:
        own = hands.session(Side.DESTINATION, None).execute("SHOW lock_timeout").fetchone()
        with server.connect() as other, other.transaction():
            other.execute("LOCK public.t IN ACCESS SHARE MODE")
            with pytest.raises(ApplyError, match=r"lock timeout .*\[55P03\]"):
                hands.apply(Action("make", (wants,)))
        assert hands.session(Side.DESTINATION, None).execute("SHOW lock_timeout").fetchone() == own
        hands.apply(Action("make", (wants,)))
        assert hands.session(Side.DESTINATION, None).execute("SHOW lock_timeout").fetchone() == own
