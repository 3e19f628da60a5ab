"""PostgreSQL's nouns as frozen values. Pure: nothing here talks to a server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Lsn(int):
    """A WAL position in bytes; written as PostgreSQL writes pg_lsn (`0/16B3748`)."""

    @classmethod
    def parse(cls, text: str) -> "Lsn":
        """Read `X/Y`. Raises ValueError for anything else."""
        high, _, low = text.partition("/")
        return cls((int(high, 16) << 32) + int(low, 16))

    def __str__(self) -> str:
        return f"{int(self) >> 32:X}/{int(self) & 0xFFFFFFFF:X}"


@dataclass(frozen=True)
class User:
    """The role that our sessions are. `member_of` are the roles whose rights it has (pg_has_role USAGE).

    `login`: who logs in, the configured user; another where that one was told to be this role (`acting_role`).
    """

    name: str
    superuser: bool
    replication: bool
    createdb: bool
    createrole: bool
    bypassrls: bool
    member_of: frozenset[str] = frozenset()
    can_set: frozenset[str] = frozenset()
    """The roles it may SET ROLE to, and so give objects to."""
    reads_origins: bool = True
    """May execute pg_show_replication_origin_status() in the maintenance database."""
    acts_as_replica: bool = True
    """May set session_replication_role, so that ordinary triggers do not fire for the rows it writes."""
    login: str = ""
    login_replicates: bool = True
    """A walsender is admitted by the rights of who logs in."""
    minds_sessions: bool = True
    """May see when `login`'s sessions began, and end them."""


@dataclass(frozen=True)
class Database:
    """A row of pg_database, in one spelling for all versions.

    `provider` is pg_database.datlocprovider: c (libc), i (icu), b (builtin). `locale` is the ICU or builtin locale.
    `acl` holds pg_database.datacl's items as text, None where it is NULL (the built-in default). `settings` are those of
    ALTER DATABASE (setrole = 0), `name=value`.
    """

    name: str
    oid: int
    owner: str
    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None
    icu_rules: str | None
    collation_version: str | None
    is_template: bool
    allows_connections: bool
    connection_limit: int
    tablespace: str
    acl: tuple[str, ...] | None
    settings: tuple[str, ...]
    comment: str | None
    may_connect: bool
    may_create: bool


@dataclass(frozen=True)
class Role:
    """A row of pg_roles. `has_password` is None where pg_authid cannot be read; the verifier itself never gets here."""

    name: str
    superuser: bool
    inherit: bool
    createrole: bool
    createdb: bool
    login: bool
    replication: bool
    bypassrls: bool
    connection_limit: int
    valid_until: str | None
    has_password: bool | None
    comment: str | None
    bootstrap: bool
    md5_password: bool | None = None  # its verifier is an MD5 hash; None as above
    password_digest: str | None = None  # tells one verifier from another; None also where there is none


@dataclass(frozen=True)
class Membership:
    """A row of pg_auth_members. `inherit_option` and `set_option` are None on 15, which knows neither."""

    role: str
    member: str
    grantor: str
    admin_option: bool
    inherit_option: bool | None
    set_option: bool | None


@dataclass(frozen=True)
class RoleUse:
    """A role owns something in a database, or has rights or settings in it (pg_shdepend)."""

    role: str
    database: str


@dataclass(frozen=True)
class SharedLabel:
    """A security label on a database or a role (pg_shseclabel)."""

    kind: str
    """`database` or `role`."""
    name: str
    provider: str


@dataclass(frozen=True)
class RoleSetting:
    """One `name=value` of pg_db_role_setting for a role, in all databases (None) or one."""

    role: str
    database: str | None
    setting: str


@dataclass(frozen=True)
class Slot:
    """A row of pg_replication_slots. Columns that this server's version lacks are None."""

    name: str
    plugin: str | None
    database: str | None
    active: bool
    active_pid: int | None
    restart_lsn: Lsn | None
    confirmed_flush_lsn: Lsn | None
    wal_status: str | None
    safe_wal_size: int | None
    invalidation_reason: str | None = None
    inactive_since: datetime | None = None
    large_transactions: int = 0
    """Decoded so far that did not fit into logical_decoding_work_mem: spilled to the source's disk, or streamed while open."""
    large_bytes: int = 0


@dataclass(frozen=True)
class Transaction:
    """An open or prepared transaction older than a minute, anywhere on the instance: they hold up slot creation."""

    kind: str
    """`open` or `prepared`."""
    identity: str
    """The pid, or the prepared transaction's gid."""
    database: str | None
    user: str | None
    age_seconds: float
    writing: bool


@dataclass(frozen=True)
class HeldSubscription:
    """A subscription that the server itself holds, in whichever database. What it is subscribed to is not read."""

    name: str
    database: str
    enabled: bool


@dataclass(frozen=True)
class Walsender:
    """A session that sends WAL away. `database` is None for physical ones: a standby's or a backup's."""

    application: str
    database: str | None


@dataclass(frozen=True)
class Instance:
    """One server, as seen just now: what is not per database."""

    version: int
    """server_version_num, e.g. 150020."""
    system_identifier: str
    """Empty where we may not call pg_control_system(): preflight then says which GRANT it takes."""
    timeline: int
    in_recovery: bool
    wal_lsn: Lsn
    """pg_current_wal_flush_lsn(), on a standby the replayed position."""
    user: User
    settings: Mapping[str, str]
    """pg_settings, value in the setting's own unit."""
    databases: tuple[Database, ...]
    roles: tuple[Role, ...]
    memberships: tuple[Membership, ...]
    role_settings: tuple[RoleSetting, ...]
    tablespaces: Mapping[str, str]
    """name -> its rights, as JSON."""
    available_extensions: Mapping[str, str]
    """name -> default version, of what CREATE EXTENSION could find."""
    slots: tuple[Slot, ...]
    transactions: tuple[Transaction, ...]
    connections: int
    """Client backends now, ours included."""
    walsenders: int
    subscriptions: int
    """Subscriptions in all databases, ours included (pg_subscription is shared)."""
    clients: Mapping[str, int] = field(default_factory=dict)
    """database -> client sessions other than ours."""
    senders: tuple[Walsender, ...] = ()
    """The walsenders that `walsenders` counts."""
    held: tuple[HeldSubscription, ...] = ()
    """The subscriptions that `subscriptions` counts."""
    icu: bool = True
    """Whether this server knows ICU collations."""
    collations: frozenset[str] = frozenset()
    """Those in pg_catalog, which initdb found on its machine; empty where they were not read."""
    labels: tuple[SharedLabel, ...] = ()
    settings_of_all: tuple[str, ...] = ()
    """`name=value` of ALTER ROLE ALL SET."""
    parameter_acls: Mapping[str, str] = field(default_factory=dict)  # of pg_parameter_acl, as JSON
    has_password: bool = False
    wal_bytes_per_second: float | None = None
    """Of WAL written, on average since the server's statistics began."""
    """Whether libpq had a password for it: the configuration's, a service's, a passfile's or the environment's."""

    @property
    def major(self) -> int:
        return self.version // 10000

    @property
    def subscription_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.held)

    def setting(self, name: str) -> int:
        """An integer setting; 0 where this version does not have it."""
        return int(self.settings.get(name, "0"))

    def database(self, name: str) -> Database | None:
        return next((database for database in self.databases if database.name == name), None)

    def slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)


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
class DatabaseFacts:
    """What preflight asks of a source database beyond its schema."""

    extensions: Mapping[str, str] = field(default_factory=dict)
    """Installed ones: name -> version."""
    troubles: tuple[RelationTrouble, ...] = ()
    configuration: tuple[ConfigurationTable, ...] = ()
    large_objects: LargeObjects = LargeObjects()
    uncounting: tuple[str, ...] = ()
    """What keeps sessions from counting UPDATEs and DELETEs, as the statements that end it."""

    def relations(self, reason: Trouble) -> tuple[str, ...]:
        """The relations with this trouble."""
        return tuple(trouble.relation for trouble in self.troubles if trouble.reason is reason)


@dataclass(frozen=True)
class Unreachable:
    """Takes the place of an Instance that did not answer; `reason` is the server's or libpq's own sentence."""

    reason: str


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
class RelationSize:
    """A relation that holds rows: its bytes with TOAST (pg_table_size) and the estimate of live rows (-1: never analysed)."""

    bytes: int
    rows: int


@dataclass(frozen=True)
class Failure:
    """The last failed try of one piece of work (from Redis; losing it costs a try): no secrets in `message`."""

    key: str
    message: str
    count: int
    next_try_at: datetime
