"""Observation: the record of both sides of a mapping at one moment. What `decide` sees is this and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from migrator.config import WithoutIdentity
from migrator.contents import DatabaseFacts, Publication, RelationSize, SequenceValue, Subscription, SyncState
from migrator.model import Failure, Instance, RoleUse, Unreachable
from migrator.records import Backend, Journal, Ledger
from migrator.schema import Schema


@dataclass(frozen=True)
class Scope:
    """How far a look goes: the whole mapping, one (source) database, or some relations of it and what they refer to."""

    database: str | None = None
    relations: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatabasePair:
    """One source database and its counterpart. `target_schema` is None while the destination database does not exist.

    `source_error` holds the reason where the source database could not be read (then `source_schema` is None).
    """

    name: str
    target: str
    source_schema: Schema | None
    target_schema: Schema | None
    publications: tuple[Publication, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    ledger: Ledger = field(default_factory=Ledger)
    sizes: Mapping[str, RelationSize] = field(default_factory=dict)
    """Source relations that hold rows (relkind r), by qualified name."""
    target_sizes: Mapping[str, RelationSize] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()
    """Destination relations with at least one row."""
    sequences: Mapping[str, SequenceValue] = field(default_factory=dict)
    target_sequences: Mapping[str, SequenceValue] = field(default_factory=dict)
    unreadable_sequences: tuple[str, ...] = ()
    """Of the source; like the values, not read by a narrow look."""
    unreadable_target_sequences: tuple[str, ...] = ()
    source_error: str | None = None
    target_error: str | None = None
    target_copied: bool = False
    """It is a copy of ours that keeps the destination from being read, and only until its table is in."""
    facts: DatabaseFacts = field(default_factory=DatabaseFacts)
    """Of the source database."""
    observed_at: datetime | None = None
    """When reading it began, by the destination's clock; None: with the observation."""
    ways: Mapping[str, WithoutIdentity] = field(default_factory=dict)
    """Of source relations without a usable replica identity, or that had none when they were carried: what was chosen."""
    full_identities: tuple[str, ...] = ()
    """Source tables that we gave REPLICA IDENTITY FULL and that have it still; `source_schema` has what they had before."""
    strange_large_objects: tuple[int, ...] = ()
    """The first of the destination's that we did not make; read until ours are carried."""
    never_analyzed: frozenset[str] = frozenset()
    """The destination's partitioned tables of which ANALYZE never saw the whole."""
    backends: frozenset[Backend] = frozenset()
    """Sessions of our keepers in the source database, read after the ledger that names them."""

    def subscription(self, name: str) -> Subscription | None:
        return next((subscription for subscription in self.subscriptions if subscription.name == name), None)

    def publication(self, name: str) -> Publication | None:
        return next((publication for publication in self.publications if publication.name == name), None)

    @cached_property
    def states(self) -> Mapping[str, SyncState]:
        """Of the relations that our subscriptions hold."""
        return {name: state for each in self.subscriptions for name, state in each.relations.items()}

    @cached_property
    def ready(self) -> frozenset[str]:
        """The relations that are under apply, their copy being over."""
        states = (item for each in self.subscriptions for item in each.relations.items())
        return frozenset(name for name, state in states if state is SyncState.READY)


@dataclass(frozen=True)
class Observation:
    """Both sides, as read at `observed_at` (the destination's clock where it answers, else ours)."""

    mapping: str
    scope: Scope
    observed_at: datetime
    source: Instance | Unreachable
    destination: Instance | Unreachable
    journal: Journal | None
    """None: the destination is unreachable, or its journal cannot be read."""
    databases: tuple[DatabasePair, ...] = ()
    journal_refused: tuple[str, str] | None = None
    """Why the journal cannot be used although the destination answers, and the remedy."""
    undialled: Mapping[str, str] | None = field(default_factory=dict)
    """Source database -> why the destination cannot reach it. Tried until the mapping begins, and where nothing comes through; None:
    we lack the right to."""
    role_uses: tuple[RoleUse, ...] = ()
    """Of the source; read where `role_conflict_strategy` is `fail`."""
    missing_locales: frozenset[str] = frozenset()
    """Names of libc locales that source databases have and the destination's machine lacks."""

    remembered: frozenset[str] = frozenset()
    """Databases that were not looked at this time: seen quiet a short while ago, they wait for their turn."""

    def database(self, name: str) -> DatabasePair | None:
        return next((pair for pair in self.databases if pair.name == name), None)

    @property
    def arrived(self) -> bool:
        """Everything was seen to have arrived after the write stop: what differs since is the operator's doing."""
        journal = self.journal
        return journal is not None and journal.barrier is not None and journal.barrier.arrived_at is not None

    @property
    def oldest_look(self) -> datetime:
        """No part of this was read before then."""
        return min((pair.observed_at for pair in self.databases if pair.observed_at), default=self.observed_at)


@dataclass(frozen=True)
class Hints:
    """What Redis knows: the failures that put a piece of work into backoff, by key; and who would do it."""

    failures: Mapping[str, Failure] = field(default_factory=dict)
    keeper_slots: int | None = None
    """Snapshots that the living workers of the queue `keepers` can hold at once; None: nobody knows, or this process does it itself."""
