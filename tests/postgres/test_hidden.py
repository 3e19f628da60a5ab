"""A statement's secrets stay out of the server's log whatever it is told to log, and whatever happens to the statement."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from migrator.connection import Session, connect, mute
from migrator.hidden import block, setting
from migrator.machines.cluster import Cluster
from migrator.quote import literal

EVERYTHING = {"log_statement": "all", "log_min_duration_statement": "0", "log_error_verbosity": "verbose"}
HOLE = "password:Straße \"x\" 'y' " + "z" * 40
SECRET = "hunt\\er'2 \"3\n\t4"


def session(cluster: Cluster, secret: str = SECRET) -> Session:
    return connect(cluster.spec("x"), None, "pg-migrator test", {setting(HOLE): secret})


def test_a_secret_arrives_as_it_is(cluster: Callable[..., Cluster]) -> None:
    server = cluster(18, **EVERYTHING)
    with session(server) as connection:
        connection.execute("CREATE TABLE public.kept (it text)")
        connection.execute(block(f"INSERT INTO public.kept VALUES ({{{HOLE}}})", [HOLE]).encode())
    assert server.execute("SELECT it FROM kept") == [(SECRET,)]
    assert "INSERT INTO public.kept" in server.log()
    assert "hunt" not in server.log()


def test_a_statement_that_fails_says_why_and_no_more(cluster: Callable[..., Cluster]) -> None:
    server = cluster(18, **EVERYTHING)
    sql = f"CREATE SUBSCRIPTION x CONNECTION {{{HOLE}}} PUBLICATION x WITH (create_slot = false, slot_name = x)"
    with (
        session(server, "host=127.0.0.1 port=1 password=hunter2") as connection,
        pytest.raises(psycopg.Error) as failure,
    ):
        connection.execute(block(sql, [HOLE]).encode())
    assert failure.value.sqlstate == "08006"
    assert "could not connect to the publisher" in str(failure.value)
    assert "could not connect to the publisher" in server.log()
    assert "hunter2" not in server.log()


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_statement_that_is_ended_shows_nothing(cluster: Callable[..., Cluster], end: str) -> None:
    server = cluster(18, **EVERYTHING)
    with session(server) as connection:
        mute(connection)
        threading.Timer(0.5, server.execute, (f"SELECT {end}({connection.info.backend_pid})",)).start()
        with pytest.raises(psycopg.Error):
            connection.execute(block(f"SELECT pg_sleep(60), {{{HOLE}}}", [HOLE]).encode())
    assert "due to" in server.log()
    assert "hunt" not in server.log()


def test_no_name_ends_the_statement_early(cluster: Callable[..., Cluster]) -> None:
    """A role of the source could else have said anything to the destination."""
    server = cluster(18)
    name = "$migrator$; CREATE ROLE mallory; -- $migrator_$ {password:}"
    with session(server) as connection:
        connection.execute(block(f'CREATE ROLE "{name}" PASSWORD {{{HOLE}}}', [HOLE]).encode())
    assert server.execute("SELECT rolname FROM pg_authid WHERE rolname ~ 'm(igrator|allory)'") == [(name,)]


@pytest.mark.parametrize("name", [f"{{{HOLE}}}", f"it's {{{HOLE}}}", f'a "{{{HOLE}}}" \\ b'])
def test_a_name_that_looks_like_a_hole_stays_a_name(cluster: Callable[..., Cluster], name: str) -> None:
    server = cluster(18)
    quoted, text = name.replace('"', '""'), literal(name)
    with session(server) as connection:
        connection.execute(
            block(f'CREATE TABLE public."{quoted[:20]}" AS SELECT {text} AS said, {{{HOLE}}} AS it', [HOLE]).encode()
        )
    (table,) = server.execute("SELECT format('%I', relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert server.execute(f"SELECT said, it FROM public.{table[0]}") == [(name, SECRET)]
