"""The look: both sides of a mapping, read into an Observation. The only place that runs reading SQL."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

import psycopg

from migrator import journal, schema
from migrator.catalog import sql
from migrator.config import InstanceSpec, MappingSpec, RoleConflictStrategy
from migrator.connection import SILENCE_SECONDS, Session, connect
from migrator.dial import dial
from migrator.errors import MigratorError, UnreachableError
from migrator.facts import read_missing_locales, read_role_uses
from migrator.instances import read_instance
from migrator.model import DatabaseFacts, Instance, Journal, Ledger, RoleUse, Unreachable
from migrator.names import application_name
from migrator.observation import DatabasePair, Observation, Scope
from migrator.pair import Half, Origins, read_half, read_origins
from migrator.phases.lag import nothing_comes_through
from migrator.schema import Schema
from migrator.selection import selected_databases


@dataclass
class SchemaCache:
    """Schemas read before, by server, database and relations, with the fingerprint they had. Losing it costs a read."""

    max_age_seconds: float = 300.0
    entries: dict[tuple[str, str, str], tuple[str, float, Schema]] = field(default_factory=dict)

    def get(self, key: tuple[str, str, str], fingerprint: str) -> Schema | None:
        """The schema, while its fingerprint has not moved and it is not too old."""
        entry = self.entries.get(key)
        if entry is None or entry[0] != fingerprint or monotonic() - entry[1] > self.max_age_seconds:
            return None
        return entry[2]

    def put(self, key: tuple[str, str, str], fingerprint: str, value: Schema) -> None:
        self.entries[key] = (fingerprint, monotonic(), value)


@dataclass
class Looker:
    """Looks at one mapping again and again; opens its sessions anew at each look and closes them with it."""

    spec: MappingSpec
    task: str = "look"
    schemas: SchemaCache | None = None

    def look(self, scope: Scope | None = None) -> Observation:
        """Both sides now, as far as `scope` goes. A side that does not answer is Unreachable, never an exception."""
        scope = scope or Scope()
        with ExitStack() as sessions:
            destination, destination_session = self._instance(self.spec.destination, sessions)
            # The destination's own sequences and ledger are read before the source's: a source read later is never behind.
            refused = None
            try:
                entry, now = self._journal(destination_session)
            except MigratorError as error:
                entry, now, refused = None, datetime.now(UTC), (error.message, error.remedy)
            source, source_session = self._instance(self.spec.source, sessions)
            # After the source's slots: what a slot has confirmed, its origin shows.
            origins = read_origins(destination_session) if destination_session else None
            pairs = () if refused else tuple(self._pairs(scope, source, destination, origins))
            undialled = self._dial(source, entry, scope, pairs, now)
            uses = self._role_uses(source_session)
            locales = _missing_locales(destination_session, source, destination)
        return Observation(
            self.spec.name, scope, now, source, destination, entry, pairs, refused, undialled, uses, locales
        )

    def _dial(
        self,
        source: Instance | Unreachable,
        entry: Journal | None,
        scope: Scope,
        pairs: tuple[DatabasePair, ...],
        now: datetime,
    ) -> dict[str, str] | None:
        """Whether the destination reaches the source: before the mapping begins, and wherever nothing comes through."""
        if entry is None or scope.database is not None or not isinstance(source, Instance):
            return {}
        readable = [pair for pair in pairs if pair.source_error is None]
        if entry.source is not None:
            readable = [pair for pair in readable if nothing_comes_through(pair, source, entry, now)]
        return dial(self.spec, source.version, [pair.name for pair in readable])

    def _connect(self, instance: InstanceSpec, database: str | None) -> Session:
        """Sizes and definitions wait behind an ACCESS EXCLUSIVE lock: a look gives up rather than hang with its tick."""
        timeout = str(int(self.spec.replication.lock_timeout_seconds * 1000))
        return connect(
            instance, database, application_name(self.spec.name, self.task), {"lock_timeout": timeout}, SILENCE_SECONDS
        )

    def _instance(self, instance: InstanceSpec, sessions: ExitStack) -> tuple[Instance | Unreachable, Session | None]:
        try:
            session = self._connect(instance, None)
        except UnreachableError as error:
            return Unreachable(error.message), None
        sessions.callback(session.close)
        try:
            return read_instance(session), session
        except psycopg.OperationalError as error:
            return Unreachable(f"{instance.name}: {' '.join(str(error).split())}"), None

    def _role_uses(self, source: Session | None) -> tuple[RoleUse, ...]:
        if source is None or self.spec.role_conflict_strategy is not RoleConflictStrategy.FAIL:
            return ()
        return read_role_uses(source)

    def _journal(self, session: Session | None) -> tuple[Journal | None, datetime]:
        if session is None:
            return None, datetime.now(UTC)
        row = session.execute("SELECT clock_timestamp() AS now").fetchone()
        assert row is not None
        return journal.read_journal(session, self.spec.name), row["now"]

    def _pairs(
        self,
        scope: Scope,
        source: Instance | Unreachable,
        destination: Instance | Unreachable,
        origins: Origins | None,
    ) -> Iterator[DatabasePair]:
        if not isinstance(destination, Instance):
            return
        if not isinstance(source, Instance):
            yield from self._pairs_of_ledgers(scope, destination, origins)
            return
        for name in selected_databases(self.spec, source, self._has_user_objects):
            if scope.database in (None, name):
                yield self._pair(name, scope, source, destination, origins)

    def _has_user_objects(self, database: str) -> bool:
        with self._connect(self.spec.source, database) as session:
            row = session.execute(sql("user_objects", 0)).fetchone()
        return bool(row and row["present"])

    def _pairs_of_ledgers(self, scope: Scope, destination: Instance, origins: Origins | None) -> Iterator[DatabasePair]:
        """While the source is away: the databases whose ledger on the destination names this mapping."""
        for database in destination.databases:
            if not database.may_connect or database.is_template:
                continue
            try:
                half = self._half(self.spec.destination, database.name, destination.version, None, origins)
            except (psycopg.Error, MigratorError):
                continue
            for name in half.ledger_databases:
                if scope.database in (None, name):
                    yield _joined(name, database.name, None, half, "the source does not answer", None)

    def _pair(
        self, name: str, scope: Scope, source: Instance, destination: Instance, origins: Origins | None
    ) -> DatabasePair:
        target = self.spec.target_name(name)
        target_half, target_error = None, None
        source_half, source_error = None, None
        relations = self._relations(name, scope.relations) if scope.relations else None
        if destination.database(target) is not None:
            try:
                target_half = self._half(self.spec.destination, target, destination.version, relations, origins)
            except (psycopg.Error, MigratorError) as error:
                target_error = _reason(error)
        try:
            source_half = self._half(self.spec.source, name, source.version, relations)
        except (psycopg.Error, MigratorError) as error:
            source_error = _reason(error)
        return _joined(name, target, source_half, target_half, source_error, target_error)

    def _relations(self, database: str, relations: tuple[str, ...]) -> list[str]:
        """The relations a look at some of them takes in, by the source's word: the destination lacks some ties as yet."""
        with self._connect(self.spec.source, database) as session:
            rows = session.execute(sql("scope", 0, "migrator.schema"), {"relations": list(relations)}).fetchall()
        return [row["relation"] for row in rows]

    def _half(
        self,
        instance: InstanceSpec,
        database: str,
        version: int,
        relations: list[str] | None,
        origins: Origins | None = None,
    ) -> Half:
        session = self._connect(instance, database)
        with session:
            oids = _oids(session, relations) if relations is not None else None
            found = self._schema(session, instance, database, version, oids)
            is_source = instance is self.spec.source
            return read_half(session, version, self.spec.name, found, oids, is_source=is_source, origins=origins)

    def _schema(
        self, session: Session, instance: InstanceSpec, database: str, version: int, oids: list[int] | None
    ) -> Schema:
        if self.schemas is None or oids is not None:
            return read_schema(session, version, oids)
        row = session.execute(sql("fingerprint", version)).fetchone()
        fingerprint = str(row["fingerprint"]) if row else ""
        key = (instance.name, f"{instance.server}:{instance.port}", database)
        found = self.schemas.get(key, fingerprint)
        if found is None:
            found = read_schema(session, version, None)
            self.schemas.put(key, fingerprint, found)
        return found


def read_schema(session: Session, version: int, oids: list[int] | None = None) -> Schema:
    """One database's schema, all of it or what belongs to some relations, as one snapshot sees it."""
    with session.transaction():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = {
            reader.name: session.execute(reader.sql(version), {"relations": oids}).fetchall()
            for reader in schema.READERS
        }
    return schema.build(rows)


def _missing_locales(
    session: Session | None, source: Instance | Unreachable, destination: Instance | Unreachable
) -> frozenset[str]:
    if session is None or not isinstance(source, Instance) or not isinstance(destination, Instance):
        return frozenset()
    return read_missing_locales(session, source, destination)


def _reason(error: Exception) -> str:
    """Why a database could not be read, in one line."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return (
            "somebody holds an ACCESS EXCLUSIVE lock on one of its relations; it is looked at again at the next tick."
        )
    return " ".join(str(error).split())


def _oids(session: Session, relations: list[str]) -> list[int]:
    """The oids of those of the relations that exist here."""
    rows = session.execute(
        "SELECT to_regclass(name)::oid AS oid FROM unnest(%(names)s::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
        {"names": relations},
    )
    return [int(row["oid"]) for row in rows]


def _joined(
    name: str,
    target: str,
    source: Half | None,
    destination: Half | None,
    source_error: str | None,
    target_error: str | None,
) -> DatabasePair:
    return DatabasePair(
        name=name,
        target=target,
        source_schema=source.schema if source else None,
        target_schema=destination.schema if destination else None,
        publications=source.publications if source else (),
        subscriptions=destination.subscriptions if destination else (),
        ledger=destination.ledger if destination else Ledger(),
        sizes=source.sizes if source else {},
        target_sizes=destination.sizes if destination else {},
        filled=destination.filled if destination else frozenset(),
        sequences=source.sequences if source else {},
        target_sequences=destination.sequences if destination else {},
        source_error=source_error,
        target_error=target_error,
        facts=source.facts if source else DatabaseFacts(),
    )
