"""PostgreSQL's nouns of one database as frozen values: what it holds, and what is published from it and subscribed to in it. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from migrator.model import Lsn


class Trouble(StrEnum):
    """Why a relation that holds rows cannot be replicated as it stands, or not by the role we are."""

    NO_PRIMARY_KEY = "no_primary_key"
    DEFERRABLE_PRIMARY_KEY = "deferrable_primary_key"
    REPLICA_IDENTITY_NOTHING = "replica_identity_nothing"
    REPLICA_IDENTITY_INDEX = "replica_identity_index"
    """USING INDEX, and that index is gone, invalid or deferrable."""
    REPLICA_IDENTITY_FULL = "replica_identity_full"
    """FULL, no usable primary key, and columns of types without an equality operator."""
    REPLICA_IDENTITY_GENERATED = "replica_identity_generated"
    """A generated column is part of the identity, and published nowhere."""
    NOT_OWNED = "not_owned"
    NOT_READABLE = "not_readable"
    ROW_SECURITY = "row_security"
    """It has row-level security: no trouble here, but perhaps on the destination."""
    ROW_SECURITY_HIDES = "row_security_hides"


@dataclass(frozen=True)
class RelationTrouble:
    """One trouble of one relation.

    `detail`: columns that cannot be compared, or the owner. `changes`: UPDATEs and DELETEs. `generated`: columns that are part of its
    identity, or would be under FULL.
    """

    relation: str
    reason: Trouble
    detail: str = ""
    changes: int = 0
    generated: str = ""


@dataclass(frozen=True)
class ConfigurationTable:
    """An extension's table with rows of the user's: those that `condition` (a WHERE clause, or nothing) picks. Or a sequence."""

    extension: str
    namespace: str
    name: str
    condition: str
    is_sequence: bool
    filled: bool
    """Has at least a block; not whether any row of it meets the condition."""


@dataclass(frozen=True)
class LargeObjects:
    """How many a database has, and the first (at most 11) of those that our user may not read."""

    count: int = 0
    unreadable: tuple[int, ...] = ()


@dataclass(frozen=True)
class Counted:
    """What the source counts of tables that are not replicated: by qualified name, what moves with each write. Empty: not asked."""

    tables: Mapping[str, str] = field(default_factory=dict)
    since: str = ""
    """What moves whenever the source may have lost count."""

    def of(self, relations: tuple[str, ...]) -> str:
        """What the ledger keeps of these."""
        return json.dumps({name: self.tables.get(name) for name in sorted(relations)})


@dataclass(frozen=True)
class DatabaseFacts:
    """What preflight asks of a source database beyond its schema."""

    extensions: Mapping[str, str] = field(default_factory=dict)
    """Installed ones: name -> version."""
    troubles: tuple[RelationTrouble, ...] = ()
    configuration: tuple[ConfigurationTable, ...] = ()
    large_objects: LargeObjects = LargeObjects()
    uncounting: tuple[str, ...] = ()
    """What keeps sessions from counting UPDATEs and DELETEs, as the statements that end it."""
    counted: Counted = field(default_factory=Counted)

    def relations(self, reason: Trouble) -> tuple[str, ...]:
        """The relations with this trouble."""
        return tuple(trouble.relation for trouble in self.troubles if trouble.reason is reason)


@dataclass(frozen=True)
class Publication:
    """A publication of ours on the source and the relations it holds: relation -> (its oid, its pg_publication_rel oid)."""

    name: str
    oid: int
    xmin: str
    relations: Mapping[str, tuple[int, int]]
    changes: Mapping[int, int] = field(default_factory=dict)
    """Of one that publishes no UPDATE and DELETE: how many of them the source has counted, by the relation's oid."""
    counted_since: str = ""
    """What changes whenever the source may have lost count: the times of its last resets, in seconds."""
    schemas: tuple[str, ...] = ()
    """Published with every table that is in them now or later: we add none."""


class SyncState(StrEnum):
    """pg_subscription_rel.srsubstate. Set by PostgreSQL; survives restarts of either server."""

    INIT = "i"
    DATA_COPY = "d"
    FINISHED_COPY = "f"
    SYNCED = "s"
    READY = "r"


@dataclass(frozen=True)
class Subscription:
    """A subscription of ours on the destination. Its conninfo is never read."""

    name: str
    oid: int
    enabled: bool
    owner: str
    slot_name: str | None
    publications: tuple[str, ...]
    worker_pid: int | None
    """The apply worker, None while it is not running."""
    apply_error_count: int
    sync_error_count: int
    conflict_count: int
    """Sum of 18's confl_* counters; 0 before 18."""
    remote_lsn: Lsn | None
    """pg_replication_origin_status: the end of the last source transaction applied; None where never or unreadable."""
    origin_readable: bool
    relations: Mapping[str, SyncState]
    copied_bytes: Mapping[str, int]
    """pg_stat_progress_copy.bytes_processed of tablesync workers now copying, per relation."""
    copied_rows: Mapping[str, int]
    origin: str | None = None
    """Which changes it asks for: `any`, or `none` (only those made on the source itself); None before 16, which knows no other than any."""
    worker_seconds: float | None = None
    """Since when the apply worker runs; None while it does not, or where we may not see it."""
    copies: bool = False
    """A relation of it, whichever, is not ready yet. A look at one relation sees it too."""


@dataclass(frozen=True)
class SubscriptionState:
    """What moves of a subscription, as every database of the destination shows it: pg_subscription and its statistics are shared."""

    name: str
    database: str
    enabled: bool
    worker_pid: int | None
    apply_error_count: int
    sync_error_count: int
    conflict_count: int
    remote_lsn: Lsn | None


@dataclass(frozen=True)
class SequenceValue:
    """A sequence's row, read from the sequence itself: last_value, is_called, and the sign of its increment."""

    name: str
    last_value: int
    is_called: bool
    increment: int

    def position(self) -> int:
        """A number that grows with every nextval(), whichever way the sequence runs."""
        forward = 1 if self.increment > 0 else -1
        return (self.last_value * 2 + (forward if self.is_called else 0)) * forward


@dataclass(frozen=True)
class Sequences:
    """The sequences of one side of a database, by name; and those that our user may not read, of which nothing more is known."""

    values: Mapping[str, SequenceValue] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class RelationSize:
    """A relation that holds rows: its bytes with TOAST (pg_table_size) and the estimate of live rows (-1: never analysed)."""

    bytes: int
    rows: int
