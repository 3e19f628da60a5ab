"""PostgreSQL's nouns of a whole server as frozen values; what is in its databases: `contents`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


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

    @property
    def session_user(self) -> str:
        """The role that logs in."""
        return self.login or self.name


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
    clients_of_login: int = 0
    """Those among them of the very role that our sessions log in as."""
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


@dataclass(frozen=True)
class Unreachable:
    """Takes the place of an Instance that did not answer; `reason` is the server's or libpq's own sentence."""

    reason: str


def is_disk_full(message: str) -> bool:
    """Whether a server's error, as we tell it, says so (53100)."""
    return message.endswith("[53100]")


@dataclass(frozen=True)
class Failure:
    """The last failed try of one piece of work (from Redis; losing it costs a try): no secrets in `message`."""

    key: str
    message: str
    count: int
    next_try_at: datetime

    @property
    def disk_full(self) -> bool:
        """What was tried is not at fault."""
        return is_disk_full(self.message)
