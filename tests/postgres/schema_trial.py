"""Carries a schema from one database to another by the phases' own statements, without the rest of the machinery."""

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from migrator import schema
from migrator.cluster import Cluster
from migrator.config import InstanceSpec, MappingSpec
from migrator.model import Instance, Lsn, RelationSize, Subscription, SyncState, User
from migrator.observation import DatabasePair, Hints, Observation, Scope
from migrator.phases import post_data, pre_data
from migrator.phases.view import View
from migrator.quote import literal
from migrator.schema import Schema
from migrator.steps import Action, Side, Step

CASES = Path(__file__).parents[1] / "cases"
Look = Callable[[], View]


class Stopped(Exception):
    """The trial was told to stop here."""


class Trial:
    """One source database, one destination database, every relation taken as ready."""

    def __init__(self, source: Cluster, database: str, destination: Cluster, target: str) -> None:
        self.source, self.database = source, database
        self.destination, self.target = destination, target
        self.state = SyncState.READY
        self.filled: frozenset[str] = frozenset()

    def look(self, relation: str | None = None) -> View:
        """Both sides as they are now: everything, or what belongs to one relation."""
        here = read(self.source, self.database, relation)
        there = read(self.destination, self.target, relation)
        everywhere = read(self.source, self.database).leaves() if relation else here.leaves()
        pair = DatabasePair(
            name=self.database,
            target=self.target,
            source_schema=here,
            target_schema=there,
            subscriptions=(subscription(everywhere, self.state),),
            sizes={name: RelationSize(number, 1) for number, name in enumerate(here.leaves())},
            filled=self.filled,
        )
        return view(pair, self.destination.version)

    def pre_data(self) -> Step:
        return pre_data.examine(self.look())

    def post_data(self, relation: str | None = None) -> Step:
        return post_data.examine(self.look(relation))

    def run(self, budget: int = 10_000) -> int:
        """Apply until quiet. Raises Stopped after `budget` actions; returns how many there were."""
        done = 0
        for ask in (self.pre_data, self.post_data):
            while (step := ask()).actions:
                for action in step.actions:
                    if done == budget:
                        raise Stopped
                    self.apply(action)
                    done += 1
            assert step.quiet, (step.waits, step.findings)
        return done

    def apply(self, action: Action, statements: int = 10_000) -> None:
        """As migrator.apply does; `statements` cuts it off between two transactions."""
        for group in list(transactions(action))[:statements]:
            assert all(side is Side.DESTINATION for side, _, _ in group)
            with connect(self.destination, self.target) as connection:
                if group[0][2]:
                    with connection.transaction():
                        for _, text, _ in group:
                            connection.execute(text.encode())
                else:
                    connection.execute(group[0][1].encode())


def transactions(action: Action) -> Iterator[Sequence[tuple[Side, str, bool]]]:
    """The statements, in the groups that share a transaction."""
    group: list[tuple[Side, str, bool]] = []
    for each in action.statements:
        if group and not (each.transactional and group[-1][2]):
            yield group
            group = []
        group.append((each.side, each.sql, each.transactional))
    yield group


def connect(cluster: Cluster, database: str) -> psycopg.Connection[tuple[object, ...]]:
    connection = psycopg.connect(cluster.dsn(database), autocommit=True)
    for name, value in schema.SESSION.items():
        connection.execute(f"SET {name} = {literal(value)}".encode())
    connection.execute("SET check_function_bodies = off")
    return connection


def read(cluster: Cluster, database: str, relation: str | None = None) -> Schema:
    with connect(cluster, database) as connection, connection.cursor(row_factory=dict_row) as cursor:
        version = connection.info.server_version
        oids = None
        if relation is not None:
            row = cursor.execute(schema.scope_sql(version).encode(), {"relation": relation}).fetchone()
            assert row is not None
            oids = row["relations"]
        parameters = {"relations": oids}
        return schema.build(
            {each.name: cursor.execute(each.sql(version).encode(), parameters).fetchall() for each in schema.READERS}
        )


def subscription(relations: Sequence[str], state: SyncState) -> Subscription:
    return Subscription(
        name="migrator_trial_000000000000_g1",
        oid=1,
        enabled=True,
        owner="postgres",
        slot_name=None,
        publications=(),
        worker_pid=None,
        apply_error_count=0,
        sync_error_count=0,
        conflict_count=0,
        remote_lsn=None,
        origin_readable=True,
        relations=dict.fromkeys(relations, state),
        copied_bytes={},
        copied_rows={},
    )


def instance(major: int) -> Instance:
    return Instance(
        version=major * 10000,
        system_identifier="1",
        timeline=1,
        in_recovery=False,
        wal_lsn=Lsn(0),
        user=User("postgres", True, True, True, True, True),
        settings={},
        databases=(),
        roles=(),
        memberships=(),
        role_settings=(),
        tablespaces=(),
        available_extensions={},
        slots=(),
        transactions=(),
        connections=0,
        walsenders=0,
        subscriptions=0,
    )


def view(pair: DatabasePair, destination: int) -> View:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    spec = MappingSpec("trial", InstanceSpec("a", "127.0.0.1"), InstanceSpec("b", "127.0.0.1"))
    observation = Observation(
        mapping="trial",
        scope=Scope(),
        observed_at=now,
        source=instance(15),
        destination=instance(destination),
        journal=None,
        databases=(pair,),
    )
    return View(spec, observation, Hints(), now, pair)


def load(cluster: Cluster, database: str, *files: str) -> None:
    """Run case files (`everything/source.sql`) in a database."""
    with psycopg.connect(cluster.dsn(database), autocommit=True) as connection:
        for file in files:
            connection.execute((CASES / file).read_text(encoding="utf-8").encode())


def dump(cluster: Cluster, database: str, tools: Cluster) -> str:
    """pg_dump's words for a schema, by the newest tools, without what only names the version or the time."""
    command = [str(tools.bin / "pg_dump"), "--schema-only", "--no-owner", "--no-acl", "-d", cluster.dsn(database)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.M)
    text = re.sub(r"^SET transaction_timeout.*\n", "", text, flags=re.M)
    text = re.sub(r"^-- Dumped .*\n", "", text, flags=re.M)
    return re.sub(r"\b(pg_attver=[0-9]+(, )?)", "", text)
