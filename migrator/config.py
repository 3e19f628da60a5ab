"""The configuration as frozen dataclasses. Loading and validating them is `migrator.config_file`'s work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit


class Secret(str):
    """A string that does not print itself: repr is ***, formatting too. Use `reveal()` where it is really needed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        """The secret itself, for libpq's parameters only."""
        return str.__str__(self)


class RoleConflictStrategy(StrEnum):
    """What to do with a source role whose name the destination already has."""

    MERGE = "merge"
    SKIP = "skip"
    FAIL = "fail"


class CopyMethod(StrEnum):
    """How rows get to the destination at first: PostgreSQL's own tablesync, or our COPY under one snapshot."""

    SUBSCRIPTION = "subscription"
    SNAPSHOT = "snapshot"


class PartitionMaintenance(StrEnum):
    """What is done on the destination about partitions that come and go on the source while it is replicated."""

    REPORT = "report"
    CREATE = "create"
    CREATE_AND_DROP = "create_and_drop"


class WithoutIdentity(StrEnum):
    """How rows of a table get across of which no UPDATE or DELETE can be replicated, for want of a usable replica identity."""

    REFUSE = "refuse"
    INSERT_ONLY = "insert_only"
    """Of INSERT and TRUNCATE alone; whatever else is written there is counted, and keeps the light out."""
    REPLICA_IDENTITY_FULL = "replica_identity_full"
    """The consent to ALTER the source's table, until the end."""
    COPY_AT_CUTOVER = "copy_at_cutover"


class WalBudgetAction(StrEnum):
    """What an exceeded WAL budget does: only raise the alarm, or admit no further relation, or give the slots up as well."""

    NONE = "none"
    PAUSE_COPY = "pause_copy"
    DROP_SLOT = "drop_slot"


class Event(StrEnum):
    """What is told to the addresses under `notifications`."""

    READY = "ready"
    NOT_READY = "not_ready"
    PROBLEM = "problem"
    MENDED = "mended"
    STALLED = "stalled"
    COMPLETED = "completed"
    ABORTED = "aborted"


class NotificationKind(StrEnum):
    """Who listens at an address, and so what is posted: our own JSON, or a message for people."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"


@dataclass(frozen=True)
class NotificationSpec:
    """An address that is told of events. The whole URL is a secret: whoever has it may write there."""

    url: Secret
    kind: NotificationKind = NotificationKind.JSON
    events: tuple[Event, ...] = tuple(Event)
    mappings: tuple[str, ...] = ("*",)
    timeout_seconds: float = 10.0
    sslrootcert: str | None = None

    @property
    def label(self) -> str:
        """How people are told of it, without the secret: `slack at hooks.slack.com`."""
        return f"{self.kind} at {urlsplit(self.url.reveal()).hostname}"


LEAST_CONNECTIONS = 8
"""`max_connections` can be no less."""


@dataclass(frozen=True)
class InstanceSpec:
    """How to reach one server. `replication_...`: how the destination reaches it, as a source; None: as we do."""

    name: str
    server: str
    port: int = 5432
    username: str = "postgres"
    password: Secret | None = None
    maintenance_database: str = "postgres"
    sslmode: str | None = None
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    passfile: str | None = None
    service: str | None = None
    servicefile: str | None = None
    replication_server: str | None = None
    replication_port: int | None = None
    replication_sslmode: str | None = None
    replication_sslrootcert: str | None = None
    """Files of this and the next two keys stand on the destination's machine."""
    replication_sslcert: str | None = None
    replication_sslkey: str | None = None
    connect_timeout_seconds: int = 10
    max_connections: int = 30
    """Sessions of ours at once, all processes on all machines together; walsenders and subscriptions are not among them."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Further parameters of libpq, from the service."""
    rate_limit_mbps: float | None = None
    """MB/s read from it as a source, by all mappings together; None: no limit; 0: no copying."""
    max_concurrent_copies: int = 0
    """Parts read from it at once as a source, by all mappings together; 0: as many as there are workers for them."""

    @property
    def label(self) -> str:
        """How people are told of it: `old (pg15.example.com:5432)`."""
        return f"{self.name} ({self.server}:{self.port})"


@dataclass(frozen=True)
class Replication:
    """Pace and thresholds. MB = 1,048,576 bytes."""

    rate_limit_mbps: float | None = None
    """Of a mapping: MB/s of its own. Of the whole: of each source that has no limit of its own. None: no limit; 0: no copying."""
    ui_refresh_interval_seconds: float = 5.0
    reconcile_interval_seconds: float = 5.0
    full_look_interval_seconds: float = 300.0
    quiet_look_interval_seconds: float = 60.0
    """A database in which nothing is to be done is looked at again within that time; others in every tick."""
    wal_lag_threshold_mb: float = 16.0
    """Lag in bytes above this keeps the light out."""
    wal_lag_threshold_minutes: float = 1.0
    """Lag in time above this keeps the light out."""
    stable_seconds: float = 60.0
    """How long every gating step must have been quiet before the light comes."""
    open_transaction_seconds: float = 60.0
    """A writing or prepared transaction on the source that is older keeps the light out: what it wrote has not been replicated."""
    wal_budget_gb: float = 64.0
    """WAL our slots may retain on the source before the alarm. 1 GB = 1024 MB."""
    wal_budget_action: WalBudgetAction = WalBudgetAction.PAUSE_COPY
    lock_timeout_seconds: float = 2.0
    """How long a statement of ours may wait for a lock before it gives up and tries again later."""
    max_copies: int = 0
    """Relations in tablesync at once, per mapping; 0: as many as the destination's sync workers."""
    part_mb: float = 256.0
    """Copy method snapshot: relations above this size are cut into parts of about this size."""
    stalled_minutes: float = 15.0
    """How long nothing may move in copying or catching up before it is told."""
    streams_per_database: int = 1
    """Groups that the relations of a database are spread over; those connected by foreign keys stay together."""
    own_group_gb: float = 512.0
    """A relation of this size is copied and replicated in a group of its own, with those it is connected to."""
    index_memory_mb: int = 0
    """maintenance_work_mem of an index build before the subscription; 0: chosen from the destination's settings."""
    index_workers: int = -1
    """max_parallel_maintenance_workers of such a build; -1: the destination's own setting."""
    brake_commit_milliseconds: float | None = None
    """A commit on the source that takes longer slows the copy down; None: is not looked at."""
    brake_standby_seconds: float | None = None
    """A standby of the source whose replay is further behind slows the copy down; None: is not looked at."""

    @property
    def brakes(self) -> bool:
        """Whether a bound of the adaptive brake is set."""
        return self.brake_commit_milliseconds is not None or self.brake_standby_seconds is not None


@dataclass(frozen=True)
class DatabaseSelection:
    """Which source databases a mapping takes: shell patterns, exclude after include; `rename` source -> destination name."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MappingSpec:
    """One mapping with its two instances resolved."""

    name: str
    source: InstanceSpec
    destination: InstanceSpec
    replication: Replication = field(default_factory=Replication)
    role_conflict_strategy: RoleConflictStrategy = RoleConflictStrategy.MERGE
    copy_method: CopyMethod = CopyMethod.SNAPSHOT
    partition_maintenance: PartitionMaintenance = PartitionMaintenance.CREATE
    """A partition without its table on the destination is not replicated, so by default it is made; nothing is dropped."""
    schema_trial: bool = True
    """Whether a database's schema is tried on the destination, in a database made for that, before anything is made there."""
    databases: DatabaseSelection = field(default_factory=DatabaseSelection)
    without_identity: WithoutIdentity = WithoutIdentity.REFUSE
    without_identity_tables: Mapping[str, WithoutIdentity] = field(default_factory=dict)
    """By pattern of SCHEMA.TABLE or DATABASE.SCHEMA.TABLE, unquoted: the first that matches goes before `without_identity`."""
    tablespaces: Mapping[str, str] = field(default_factory=dict)
    """The source's tablespaces that have another name on the destination."""
    common_password: Secret | None = None
    """For roles whose password hash the source does not let us read."""
    neighbours: tuple["MappingSpec", ...] = ()
    """The configuration's other mappings from the same source or to the same destination, without theirs."""
    notifications: tuple[NotificationSpec, ...] = ()
    """The addresses that are told of this mapping."""

    def without_identity_of(self, database: str, schema: str, table: str) -> WithoutIdentity:
        """What was chosen for a table (by its names as they are, unquoted), should it have no usable replica identity."""
        names = f"{schema}.{table}", f"{database}.{schema}.{table}"
        for pattern, chosen in self.without_identity_tables.items():
            if any(fnmatchcase(name, pattern) for name in names):
                return chosen
        return self.without_identity

    def may_choose(self, way: WithoutIdentity) -> bool:
        """Whether this is the choice for any table there may be."""
        return way in (self.without_identity, *self.without_identity_tables.values())

    def target_name(self, database: str) -> str:
        """The destination's name for a source database."""
        return self.databases.rename.get(database, database)


@dataclass(frozen=True)
class WebSpec:
    """Where the dashboard listens. Loopback unless told otherwise: there is no login."""

    host: str = "127.0.0.1"
    port: int = 8080
    flower_port: int = 5555
    flower_url: str | None = None
    """Where browsers find Flower when that is not `host:flower_port`: behind a proxy, or on another machine."""
    allowed_hosts: tuple[str, ...] = ()
    """Names the dashboard is reached by, besides addresses, localhost and names without a dot."""


@dataclass(frozen=True)
class WorkerSpec:
    """Celery processes per `pg-migrator worker` for the queues of long work (schema, relations, parts)."""

    concurrency: int = 2
    grace_seconds: float = 20.0
    """How long any process may take to end after SIGTERM; kill what takes longer. Kubernetes waits 30 s by default."""


@dataclass(frozen=True)
class Config:
    """Everything the file and the environment say."""

    mappings: tuple[MappingSpec, ...]
    instances: Mapping[str, InstanceSpec]
    replication: Replication = field(default_factory=Replication)
    redis_url: Secret | None = None
    """None: `pg-migrator run` starts a Valkey of its own."""
    web: WebSpec = field(default_factory=WebSpec)
    workers: WorkerSpec = field(default_factory=WorkerSpec)
    notifications: tuple[NotificationSpec, ...] = ()

    def mapping(self, name: str) -> MappingSpec | None:
        return next((mapping for mapping in self.mappings if mapping.name == name), None)
