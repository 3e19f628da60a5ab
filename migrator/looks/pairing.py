"""One database of a mapping, read on both sides at the same time: two sessions, two threads."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event
from time import monotonic
from typing import TypeVar

import psycopg

from migrator.catalog import sql
from migrator.config import InstanceSpec, MappingSpec
from migrator.connection import Session
from migrator.contents import DatabaseFacts
from migrator.errors import MigratorError, OutdatedError, SessionLimitError
from migrator.looks.pair import Half, Narrow, forget_sequences_together, read_source, read_target
from migrator.looks.remembered import Read, Remembered, SchemaCache
from migrator.looks.schema_reading import (
    completed,
    locked_relations,
    one_snapshot,
    read_fingerprint,
    read_schema,
    relation_oids,
)
from migrator.looks.subscriptions import Origins
from migrator.model import Instance
from migrator.names import COPIES, application_name
from migrator.observation import DatabasePair, Scope
from migrator.phases import tablespaces, ways
from migrator.quote import qualified
from migrator.records import IdentityBefore, Ledger
from migrator.schema import Schema

T = TypeVar("T")

SMALL = 200
"""A database of so many relations answers in a fraction of a second: its schema is asked for in one go."""

COPIED_NOW = "a table of it is filled by a copy of ours, and this process has not read its definition before."


class CopiedNowError(MigratorError):
    """A copy of a whole table holds it for itself until it is in; whoever has seen the table before goes by what it saw."""


Open = Callable[[InstanceSpec, str], AbstractContextManager[Session]]

Halves = tuple[Half | Exception, Half | Exception | None]
"""What the source's and the destination's database said, or why not; the latter None where it is not there."""


@dataclass
class Begun:
    """One side of a database: its session, held by `stack`, and its schema."""

    stack: ExitStack
    session: Session
    schema: Schema
    narrow: Narrow | None
    known: Remembered


@dataclass(frozen=True)
class Pairing:
    """Reads pairs for one look. `halves` lends the second thread."""

    spec: MappingSpec
    scope: Scope
    destination: Instance
    origins: Origins | None
    open: Open
    schemas: SchemaCache | None
    halves: Executor
    clock: Callable[[], datetime]
    """The destination's."""
    identities: tuple[IdentityBefore, ...] = ()
    """Of the source's tables, as the journal has them."""
    ending: bool = False
    """The mapping is being ended, or has: neither sequences nor rows are asked for, to which we may have no right any more."""
    patient: bool = False
    """See Looker."""
    final: bool = False
    """A barrier stands: what was read before it says nothing of what came up to it."""

    def pair(self, name: str, target: str) -> DatabasePair:
        """Both sides of one source database. Raises SessionLimitError; any other failure is told in the pair."""
        begun = self.clock()
        return replace(self._pair(name, target), observed_at=begun)

    def _pair(self, name: str, target: str) -> DatabasePair:
        narrow = _tried(lambda: self._narrow(name)) if self.scope.relations else None
        if isinstance(narrow, Exception):
            return joined(name, target, narrow, None)
        other = None
        if self.destination.database(target) is not None:
            other = self.halves.submit(_tried, lambda: self._begin(self.spec.destination, target, narrow))
        source = _tried(lambda: self._begin(self.spec.source, name, narrow))
        destination = other.result() if other is not None else None
        if not self.scope.relations:  # of a source alone, too: a right to read them may have come
            forget_sequences_together(*(each.known for each in (source, destination) if isinstance(each, Begun)))
        return self._parted(self._placed(joined(name, target, *self._read(source, destination))))

    def _read(self, source: Begun | Exception, destination: Begun | Exception | None) -> Halves:
        """Both at the same time, but for what is to be older on the destination: its ledger and its sequences."""
        said = Event()
        if not isinstance(destination, Begun):
            said.set()
            return self._half_of_source(source, said), destination
        other = self.halves.submit(_tried, lambda: self._read_target(destination, said))
        return self._half_of_source(source, said), other.result()

    def _half_of_source(self, begun: Begun | Exception, target_said: Event) -> Half | Exception:
        return _tried(lambda: self._read_source(begun, target_said)) if isinstance(begun, Begun) else begun

    def _parted(self, pair: DatabasePair) -> DatabasePair:
        """With the tables of the source set apart that are not to be replicated, and as they were but for what we altered."""
        schema = pair.source_schema
        if schema is None:
            return pair
        pair = replace(pair, ways=ways.chosen(self.spec, pair))
        noted = {each.oid: each.before for each in self.identities if each.database == pair.name}
        altered = (
            (each for each in schema.tables if each.oid in noted and each.replica_identity == "f") if noted else ()
        )
        before = {each.qualified: noted[each.oid] for each in altered}
        seen = schema.seen_as(ways.apart(pair), before)
        return replace(pair, source_schema=seen, full_identities=tuple(sorted(before)))

    def _placed(self, pair: DatabasePair) -> DatabasePair:
        """With the source's tablespaces as the destination calls them."""
        if pair.source_schema is None or not pair.source_schema.tablespaces:
            return pair
        places = tablespaces.places(self.spec, self.destination, pair.target, pair.source_schema.tablespaces)
        return replace(pair, source_schema=pair.source_schema.placed(places))

    def pairs_of_ledger(self, target: str) -> tuple[DatabasePair, ...]:
        """While the source is away: its databases that a destination database's ledger names for the mapping."""
        half = _tried(lambda: self._read_target(self._begin(self.spec.destination, target, None), Event()))
        if isinstance(half, SessionLimitError):
            raise half
        names = half.ledger_databases if isinstance(half, Half) else ()
        away = MigratorError("the source does not answer")
        return tuple(joined(name, target, away, half) for name in names if self.scope.database in (None, name))

    def _read_target(self, begun: Begun, said: Event) -> Half:
        session, schema, narrow, known = begun.session, begun.schema, begun.narrow, begun.known
        try:
            with begun.stack:
                return read_target(
                    session, self.spec.name, schema, narrow, known, self.origins, said.set, ending=self.ending
                )
        finally:
            said.set()  # also where it failed: the source is not to wait for it

    def _read_source(self, begun: Begun, target_said: Event) -> Half:
        with begun.stack:
            return read_source(
                begun.session, begun.schema, begun.narrow, begun.known, target_said.wait, final=self.final
            )

    def _narrow(self, database: str) -> Narrow:
        """The relations a look at some of them takes in, by the source's word: the destination lacks some ties as yet."""
        with self.open(self.spec.source, database) as session:
            rows = session.execute(
                sql("scope", 0, "migrator.schema"), {"relations": list(self.scope.relations)}
            ).fetchall()
        names = [qualified(row["nspname"], row["relname"]) for row in rows]
        return Narrow(names, [row["oid"] for row in rows], [])

    def _begin(self, instance: InstanceSpec, database: str, narrow: Narrow | None) -> Begun:
        with ExitStack() as stack:
            session = stack.enter_context(self.open(instance, database))
            version = session.info.server_version
            if narrow is not None:
                here = Narrow(narrow.names, narrow.source_oids, _oids(session, narrow.names))
                return Begun(stack.pop_all(), session, read_schema(session, version, here.oids), here, Remembered())
            known = Remembered()
            if self.schemas is not None:
                known = self.schemas.of((instance.name, f"{instance.server}:{instance.port}", database))
            try:
                schema = self._schema(
                    session, version, known, patient=self.patient and instance is self.spec.destination
                )
            except psycopg.errors.LockNotAvailable:
                if locked_relations(session, application_name("%", COPIES)):
                    raise CopiedNowError(COPIED_NOW) from None
                raise
            if self.final:
                known.sequences = known.facts = None
            # A task looks anew at what moves all the time; only a tick, which comes again soon, need not.
            return Begun(stack.pop_all(), session, schema, None, known if self.scope.database is None else Remembered())

    def _schema(self, session: Session, version: int, known: Remembered, *, patient: bool) -> Schema:
        if self.schemas is None:
            return read_schema(session, version)
        locked, found = frozenset(locked_relations(session)), None
        if known.schema is not None and known.without <= locked:
            found = self.schemas.schema(known, read_fingerprint(session, version), patient=patient)
        return found if found is not None else _read_around(session, version, known, locked)


def _read_around(session: Session, version: int, known: Remembered, locked: frozenset[int]) -> Schema:
    """The schema; of relations that somebody has locked exclusively what was known before, so that they do not hide the rest.

    One that was not there before must be waited for: left out, it would be taken for missing. The fingerprint is of the
    schema's own snapshot: what came and went around it would else seem to stay.
    """
    before, without = known.schema, locked & known.relations
    if not without:  # nothing of it is wanted any more, and the new one is as large
        before, known.schema, known.relations = None, None, frozenset()
    began = monotonic()
    with one_snapshot(session):
        fingerprint, relations = read_fingerprint(session, version), relation_oids(session)
        schema = read_schema(session, version, None, without, small=len(relations) <= SMALL)
    if before is not None and without:
        schema = completed(schema, before.value, without)
    known.schema = Read(schema, monotonic(), monotonic() - began)
    known.fingerprint, known.relations, known.without, known.facts = fingerprint, relations, without, None
    return schema


def _tried(work: Callable[[], T]) -> T | Exception:
    """What came of it, or why nothing did: one database that cannot be read is not to hide the others."""
    try:
        return work()
    except (psycopg.Error, MigratorError) as error:
        return error


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


def joined(
    name: str, target: str, source: Half | Exception | None, destination: Half | Exception | None
) -> DatabasePair:
    """The pair of two halves, either of which may have failed. Raises the SessionLimitError among them."""
    errors = [half if isinstance(half, Exception) else None for half in (source, destination)]
    for error in errors:
        if isinstance(error, SessionLimitError):
            raise error
    source = source if isinstance(source, Half) else None
    destination = destination if isinstance(destination, Half) else None
    return DatabasePair(
        name=name,
        target=target,
        source_schema=source.schema if source else None,
        target_schema=destination.schema if destination else None,
        publications=source.publications if source else (),
        subscriptions=destination.subscriptions if destination else (),
        ledger=destination.ledger if destination else Ledger(outdated=isinstance(errors[1], OutdatedError)),
        sizes=source.sizes if source else {},
        target_sizes=destination.sizes if destination else {},
        filled=destination.filled if destination else frozenset(),
        sequences=source.sequences.values if source else {},
        target_sequences=destination.sequences.values if destination else {},
        unreadable_sequences=source.sequences.unreadable if source else (),
        unreadable_target_sequences=destination.sequences.unreadable if destination else (),
        source_error=_reason(errors[0]) if errors[0] else None,
        target_error=_reason(errors[1]) if errors[1] else None,
        target_copied=isinstance(errors[1], CopiedNowError),
        facts=source.facts if source else DatabaseFacts(),
        backends=source.backends if source else frozenset(),
        strange_large_objects=destination.strange_large_objects if destination else (),
        never_analyzed=destination.never_analyzed if destination else frozenset(),
    )
