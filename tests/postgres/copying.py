"""What the tests of copying share: a pair of servers, a snapshot held on the source, a ledger, parts copied one after the other."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg

from migrator.bookkeeping import ledger
from migrator.catalog import ledger_tables
from migrator.connection import Session
from migrator.copying.copy_part import Copied, PartCopy, copy_part
from migrator.copying.lines import destination_session, source_session
from migrator.machines.cluster import Cluster
from migrator.names import application_name
from migrator.parts import cut
from migrator.quote import identifier

MAPPING = "trial"
NAME = application_name(MAPPING, "copy_part")
CHECKSUM = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM ONLY {0} t"
GROUP = "INSERT INTO migrator.groups VALUES ('{0}', 'app', {1}, 'g{1}', NULL, NULL, false, NULL, '1', 1, '2', 1, NULL, NULL)"


class Unlimited:
    """A throttle that lets everything through, and counts."""

    def __init__(self) -> None:
        self.taken = 0.0

    def take(self, cost_bytes: float) -> float:
        self.taken += cost_bytes
        return 0.0


@dataclass
class Pair:
    """One database on either server, and group 1 whose snapshot is held until the end."""

    old: Cluster
    new: Cluster
    database: str
    target: str
    stack: ExitStack
    snapshot: str = ""
    throttle: Unlimited = field(default_factory=Unlimited)

    def on_source(self, sql: str) -> list[tuple[Any, ...]]:
        return self.old.execute(sql, self.database)

    def on_destination(self, sql: str) -> list[tuple[Any, ...]]:
        return self.new.execute(sql, self.target)

    def on_both(self, sql: str) -> None:
        self.on_source(sql)
        self.on_destination(sql)

    def hold_snapshot(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Export a snapshot of now; it lives until the connection is closed."""
        keeper = self.stack.enter_context(self.old.connect(self.database, options="-c client_encoding=UTF8"))
        keeper.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        row = keeper.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        self.snapshot = str(row[0])
        return keeper

    def sessions(self) -> tuple[Session, Session]:
        """The two lines of a copier."""
        source = source_session(self.old.spec("old"), self.database, NAME, 1.0)
        self.stack.callback(source.close)
        destination = destination_session(self.new.spec("new"), self.target, NAME, 1.0)
        self.stack.callback(destination.close)
        return source, destination

    def jobs(self, relation: str, part_bytes: int = 1 << 28, group: int = 1) -> list[PartCopy]:
        """Cut a relation (as the snapshot sees it now), write its parts into the ledger."""
        oid, filenode, size, blocks = self.on_source(
            "SELECT oid::bigint, relfilenode::bigint, pg_table_size(oid), pg_relation_size(oid) / 8192"
            f" FROM pg_class WHERE oid = to_regclass($name${relation}$name$)"
        )[0]
        parts = cut(relation, size, blocks, part_bytes)
        with destination_session(self.new.spec("new"), self.target, "test", 1.0) as session:
            session.execute(
                "INSERT INTO migrator.relations (mapping, relation, group_number, source_oid, target_oid)"
                " VALUES (%s, %s, %s, %s::bigint::oid, to_regclass(%s)) ON CONFLICT DO NOTHING",
                (MAPPING, relation, group, oid, relation),
            )
            ledger.note_parts(session, MAPPING, group, [(filenode, part) for part in parts])
        ((there,),) = self.on_destination(f"SELECT coalesce(to_regclass($name${relation}$name$)::oid::bigint, 0)")
        return [PartCopy(MAPPING, group, part, oid, there, filenode, self.snapshot) for part in parts]

    def copy(self, jobs: Iterable[PartCopy], stop: Callable[[], bool] = lambda: False) -> list[Copied | None]:
        """All of them by one copier, on one pair of sessions."""
        source, destination = self.sessions()
        return [copy_part(source, destination, job, self.throttle, stop) for job in jobs]

    def checksums(self, relation: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Count and sum over text of both sides; text as any session of ours sees it."""
        sql = "SET search_path = ''; SET TimeZone = 'UTC'; " + CHECKSUM.format(relation)
        return self.on_source(sql)[0], self.on_destination(sql)[0]


def make_pair(stack: ExitStack, old: Cluster, new: Cluster, databases: tuple[str, str]) -> Pair:
    """A pair with a ledger and group 1, in databases that are there."""
    pair = Pair(old, new, *databases, stack)
    pair.on_destination(ledger_tables())
    pair.on_destination(GROUP.format(MAPPING, 1))
    return pair


def create_database(cluster: Cluster, name: str, encoding: str) -> None:
    """A database in another encoding than the cluster's."""
    cluster.execute(
        f"CREATE DATABASE {identifier(name)} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
