"""Who our sessions are: our user, or what that one was told to be everywhere; never what a database has its sessions be."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from migrator.config import InstanceSpec
from migrator.connection import connect, connect_for_replication, session_of
from migrator.copying.courtesy import make_way
from migrator.machines.cluster import Cluster
from migrator.quote import identifier, literal

ME = "SELECT session_user::text AS login, current_user::text AS me"
ODD = 'Odd \\ "role"'


@pytest.fixture(params=(15, 16, 18))
def server(request: pytest.FixtureRequest, shared: Callable[[int], Cluster]) -> Iterator[Cluster]:
    cluster = shared(request.param)
    cluster.execute(
        "CREATE ROLE clerk LOGIN NOINHERIT REPLICATION; CREATE ROLE somebody;"
        f"CREATE ROLE {identifier(ODD)} REPLICATION; GRANT somebody, {identifier(ODD)} TO clerk"
    )
    cluster.execute("CREATE DATABASE d")
    yield cluster
    cluster.execute("DROP DATABASE d WITH (FORCE)")
    cluster.execute(f"DROP ROLE clerk, somebody, {identifier(ODD)}")


def clerk(server: Cluster) -> InstanceSpec:
    return replace(server.spec("server"), username="clerk")


def who(server: Cluster, database: str) -> tuple[str, str]:
    with session_of(clerk(server), database, "test") as session:
        row = session.execute(ME).fetchone()
        assert row is not None and row["me"] == (row["login"] if session.role == "none" else session.role)
        return row["login"], row["me"]


@pytest.mark.parametrize("of", ["DATABASE d", "ROLE clerk IN DATABASE d", "ROLE ALL"])
def test_a_database_does_not_say_who_we_are(server: Cluster, of: str) -> None:
    server.execute(f"ALTER {of} SET role TO somebody")
    try:
        assert who(server, "d") == ("clerk", "clerk")
    finally:
        with server.connect(options="-c role=none") as session:
            session.execute(f"ALTER {of} RESET role".encode())


def test_our_user_says_who_we_are_in_every_database(server: Cluster) -> None:
    server.execute(f"ALTER ROLE clerk SET role TO {literal(ODD)}")
    server.execute("ALTER DATABASE d SET role TO somebody; ALTER ROLE clerk IN DATABASE d SET role TO somebody")
    assert [who(server, database) for database in ("postgres", "d")] == [("clerk", ODD)] * 2


def test_reset_role_leads_back_to_it(server: Cluster) -> None:
    """Privileges are given as their grantors, by SET ROLE and RESET ROLE."""
    server.execute(f"ALTER ROLE clerk SET role TO {literal(ODD)}; ALTER DATABASE d SET role TO somebody")
    with session_of(clerk(server), "d", "test") as session:
        session.execute("SET ROLE somebody; RESET ROLE")
        assert session.execute(ME).fetchall() == [{"login": "clerk", "me": ODD}]


@pytest.mark.parametrize("told", ["stranger", "gone", "none"])
def test_who_it_cannot_be_it_is_not(server: Cluster, told: str) -> None:
    """As the server has it: who is told to be a role that is gone, or that it may not be, stays itself."""
    for name in ("stranger", "gone"):
        server.execute(f"CREATE ROLE {name}")
    server.execute(f"ALTER ROLE clerk SET role TO {told}; DROP ROLE gone")
    try:
        assert who(server, "d") == ("clerk", "clerk")
    finally:
        server.execute("DROP ROLE stranger")


def test_a_membership_without_the_right_to_set_role_is_not_enough(shared: Callable[[int], Cluster]) -> None:
    server = shared(18)
    server.execute("CREATE ROLE clerk LOGIN; CREATE ROLE boss; GRANT boss TO clerk WITH SET FALSE")
    server.execute("ALTER ROLE clerk SET role TO boss")
    try:
        assert who(server, "postgres") == ("clerk", "clerk")
    finally:
        server.execute("DROP ROLE clerk, boss")


def test_a_walsender_is_who_its_maker_says(server: Cluster) -> None:
    server.execute("ALTER DATABASE d SET role TO somebody")
    with (
        closing(connect(clerk(server), "d", "test")) as session,
        closing(connect_for_replication(clerk(server), "d", "test", {}, session.role)) as walsender,
    ):
        assert walsender.pgconn.exec_(b"SELECT current_user").get_value(0, 0) == b"clerk"


def test_copies_of_a_user_that_is_another_make_way(server: Cluster) -> None:
    """They are known by who has logged in."""
    server.execute(f"GRANT pg_read_all_stats, pg_signal_backend TO {identifier(ODD)}")
    server.execute(f"ALTER ROLE clerk SET role TO {literal(ODD)}")
    server.execute("CREATE TABLE t (); GRANT SELECT ON t TO PUBLIC", "d")
    waiter = threading.Thread(target=server.execute, args=("DROP TABLE t", "d"))
    with closing(connect(clerk(server), "d", "copy")) as copy, session_of(clerk(server), "d", "watch") as watcher:
        copy.execute("BEGIN; SELECT FROM public.t")
        waiter.start()
        deadline = time.monotonic() + 30
        while not (ended := make_way(watcher, "copy")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert ended == (copy.info.backend_pid,)
    waiter.join(30)
