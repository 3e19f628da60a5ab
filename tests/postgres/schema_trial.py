"""Carries a schema from one database to another by the phases' own statements, without the rest of the machinery."""

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from migrator.apply import Applier, ApplyError
from migrator.clock import Clock
from migrator.config import CopyMethod, DatabaseSelection, MappingSpec
from migrator.connection import session_of
from migrator.contents import RelationSize, Subscription, SyncState
from migrator.looks.schema_reading import read_schema
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.model import Instance, Lsn, User
from migrator.observation import DatabasePair, Hints, Observation, Scope
from migrator.phases import late_definitions, portability, post_data, pre_data, user_mappings
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.readers import scope_sql
from migrator.steps import Action, Finding, Step
from migrator.tasks.perform import Hand
from migrator.together import bundles

LOCK_TABLE = {"max_locks_per_transaction": "64", "max_connections": "100", "max_prepared_transactions": "0"}
_NAME = r'(?:"(?:[^"]|"")*"|\w+)'
_ONLY_ATTVER = re.compile(
    rf"^ALTER (?:FOREIGN )?TABLE ONLY {_NAME}\.{_NAME} ALTER COLUMN {_NAME} SET \(pg_attver=[0-9]+\);\n", re.M
)
"""An option that minor releases keep for themselves, on columns that have no other."""
CASES = Path(__file__).parents[1] / "cases"


class Trial:
    """One source database, one destination database, every relation taken as ready."""

    def __init__(self, source: Cluster, database: str, destination: Cluster, target: str) -> None:
        self.source, self.database = source, database
        self.destination, self.target = destination, target
        self.state = SyncState.READY
        self.filled: frozenset[str] = frozenset()
        self.places: dict[str, str] = {}

    def look(self, relation: str | None = None) -> View:
        """Both sides as they are now: everything, or what belongs to one relation."""
        here = read(self.source, self.database, *names(self.source, self.database, relation)).placed(self.places)
        there = read(self.destination, self.target, *names(self.source, self.database, relation))
        everywhere = read(self.source, self.database).leaves() if relation else here.leaves()
        pair = DatabasePair(
            name=self.database,
            target=self.target,
            source_schema=here,
            target_schema=there,
            subscriptions=(subscription(everywhere, self.state),),
            sizes={name: RelationSize(sum(name.encode()), 1) for name in here.leaves()},
            filled=self.filled,
        )
        return view(pair, self.spec, self.destination.version)

    def pre_data(self) -> Step:
        return pre_data.examine(self.look())

    def portability(self) -> tuple[Finding, ...]:
        """What is said beforehand, knowing the destination's settings."""
        view = self.look()
        settings = {
            name: str(value) for name, value in self.destination.execute("SELECT name, setting FROM pg_settings")
        }
        seen = replace(view.observation, destination=replace(view.destination, settings=settings))
        return tuple(portability.findings(replace(view, observation=seen)))

    def post_data(self, relation: str | None = None) -> Step:
        return post_data.examine(self.look(relation))

    def late_definitions(self, relation: str | None = None) -> Step:
        return late_definitions.examine(self.look(relation))

    def user_mappings(self) -> Step:
        return user_mappings.examine(self.look())

    def at_cutover(self) -> Iterator[str]:
        """What the cutover does for definitions that must not act before it."""
        for each in read(self.source, self.database).definitions:
            yield from each.at_cutover

    def run(self) -> int:
        """Apply until quiet, as a task does: what is quick together. Returns how many actions there were; raises ApplyError."""
        done, server, memory = 0, instance(self.destination.version, LOCK_TABLE), Memory()
        with self._applier() as applier:
            hand = Hand(self.spec, applier, memory, lambda entry: None, Clock(datetime.now(UTC)))
            for step in self._until_quiet():
                for bundle in bundles([(step, action) for action in step.actions], (), server):
                    outcome = hand.apply(bundle)
                    if outcome.failed:
                        raise ApplyError(str(memory.failures(self.spec.name)))
                    done += outcome.applied
        return done

    def run_one_by_one(self) -> int:
        """The same with a new look and a new session after every action, as after a stop; each in its own way, gently."""
        done = 0
        for step in self._until_quiet():
            self.apply(step.actions[0])
            done += 1
        return done

    def run_torn(self) -> int:
        """The same, each action stopped once at every place where a stop can fall. Returns how many stops there were."""
        torn: set[tuple[str, int]] = set()
        for step in self._until_quiet():
            for action in step.actions:
                parts = ((part, (action.summary, len(part.statements))) for part in prefixes(action))
                part, place = next(((part, place) for part, place in parts if place not in torn), (action, None))
                self.apply(part)
                torn |= {place} if place is not None else set()
        return len(torn)

    def _until_quiet(self) -> Iterator[Step]:
        """Steps with something to do, round by round: what a later phase makes may be what an earlier one needs."""
        moved = True
        while moved:
            moved, waiting = False, []
            for ask in self._phases:
                while (step := ask()).actions:
                    moved = True
                    yield step
                waiting += [] if step.quiet else [step]
        assert not waiting, [(step.waits, step.findings) for step in waiting]

    @property
    def _phases(self) -> tuple[Callable[[], Step], ...]:
        return (self.pre_data, self.post_data, self.late_definitions, self.user_mappings)

    def apply(self, action: Action) -> None:
        with self._applier() as applier:
            applier.apply(action)

    def _applier(self) -> Applier:
        return Applier(self.spec, "trial", self.source.version * 10000)

    @property
    def spec(self) -> MappingSpec:
        """By subscription: under snapshot pre_data leaves keys to a phase that needs rows in the ledger."""
        return MappingSpec(
            "trial",
            self.source.spec("source"),
            self.destination.spec("destination"),
            copy_method=CopyMethod.SUBSCRIPTION,
            databases=DatabaseSelection(rename={self.database: self.target}),
        )


def prefixes(action: Action) -> Iterator[Action]:
    """The action as it would be left by a stop after each of its transactions but the last."""
    for number in range(1, len(action.statements)):
        if not (action.statements[number].transactional and action.statements[number - 1].transactional):
            yield replace(action, statements=action.statements[:number])


def names(cluster: Cluster, database: str, relation: str | None) -> list[str]:
    """The relations that a look at one reads; none: all."""
    if relation is None:
        return []
    with session_of(cluster.spec("trial"), database, "trial") as session:
        rows = session.execute(scope_sql(0), {"relations": [relation]}).fetchall()
    return [row["relation"] for row in rows]


def read(cluster: Cluster, database: str, *relations: str) -> Schema:
    with session_of(cluster.spec("trial"), database, "trial") as session:
        row = session.execute("SELECT %s::text[]::regclass[]::oid[] AS oids", (list(relations),)).fetchone()
        oids = row["oids"] if row and relations else None
        return read_schema(session, session.info.server_version, oids)


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


def instance(major: int, settings: Mapping[str, str] | None = None) -> Instance:
    return Instance(
        version=major * 10000,
        system_identifier="1",
        timeline=1,
        in_recovery=False,
        wal_lsn=Lsn(0),
        user=User("postgres", True, True, True, True, True),
        settings=settings or {},
        databases=(),
        roles=(),
        memberships=(),
        role_settings=(),
        tablespaces={},
        available_extensions={},
        slots=(),
        transactions=(),
        connections=0,
        walsenders=0,
        subscriptions=0,
    )


def view(pair: DatabasePair, spec: MappingSpec, destination: int) -> View:
    now = datetime(2026, 1, 1, tzinfo=UTC)
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
    text = subprocess.run(command, check=True, capture_output=True).stdout.decode()  # as it is, carriage returns too
    text = re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.M)
    text = re.sub(r"^SET transaction_timeout.*\n", "", text, flags=re.M)
    text = re.sub(r"^-- Dumped .*\n", "", text, flags=re.M)
    text = _ONLY_ATTVER.sub("", text)
    return re.sub(r"\b(pg_attver=[0-9]+(, )?)", "", text)
