"""Small makers of values for the tests of what is pure: everything has a default that raises no finding."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from migrator.config import InstanceSpec, MappingSpec
from migrator.contents import RelationSize
from migrator.model import Database, HeldSubscription, Instance, Lsn, Role, Slot, Unreachable, User
from migrator.names import group_name
from migrator.observation import DatabasePair, Hints, Observation, Scope
from migrator.phases.view import View

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAPPING = "old-to-new"
SOURCE_SYSTEM = "7000000000000000001"
DESTINATION_SYSTEM = "7000000000000000002"

SETTINGS: Mapping[str, str] = {
    "wal_level": "logical",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "max_logical_replication_workers": "4",
    "max_sync_workers_per_subscription": "2",
    "max_worker_processes": "8",
    "max_parallel_workers": "8",
    "max_active_replication_origins": "10",
    "max_connections": "100",
    "superuser_reserved_connections": "3",
    "reserved_connections": "0",
    "max_slot_wal_keep_size": "-1",
    "idle_replication_slot_timeout": "0",
    "wal_sender_timeout": "60000",
    "wal_receiver_timeout": "60000",
}
"""PostgreSQL 18's defaults, but for wal_level."""

SUPERUSER = User("postgres", superuser=True, replication=True, createdb=True, createrole=True, bypassrls=True)


def database(name: str = "shop", **fields: Any) -> Database:
    """A row of pg_database with nothing special about it."""
    plain = Database(
        name=name,
        oid=16384,
        owner="postgres",
        encoding="UTF8",
        provider="c",
        collate="C.UTF-8",
        ctype="C.UTF-8",
        locale=None,
        icu_rules=None,
        collation_version=None,
        is_template=False,
        allows_connections=True,
        connection_limit=-1,
        tablespace="pg_default",
        acl=None,
        settings=(),
        comment=None,
        may_connect=True,
        may_create=True,
    )
    return replace(plain, **fields)


def role(name: str, **fields: Any) -> Role:
    """A role that may log in, and nothing more."""
    plain = Role(
        name=name,
        superuser=False,
        inherit=True,
        createrole=False,
        createdb=False,
        login=True,
        replication=False,
        bypassrls=False,
        connection_limit=-1,
        valid_until=None,
        has_password=True,
        comment=None,
        bootstrap=False,
        md5_password=False,
    )
    return replace(plain, **fields)


def slot(name: str, **fields: Any) -> Slot:
    """A logical slot that is in use."""
    plain = Slot(
        name=name,
        plugin="pgoutput",
        database="shop",
        active=True,
        active_pid=1,
        restart_lsn=Lsn(0x1000),
        confirmed_flush_lsn=Lsn(0x2000),
        wal_status="reserved",
        safe_wal_size=None,
    )
    return replace(plain, **fields)


def held(*names: str) -> tuple[HeldSubscription, ...]:
    """Subscriptions that are enabled, in the database shop."""
    return tuple(HeldSubscription(name, "shop", enabled=True) for name in names)


def instance(major: int = 18, settings: Mapping[str, str] | None = None, **fields: Any) -> Instance:
    """A server with PostgreSQL's default settings, a superuser of ours, and nobody else on it; `settings` overrides some."""
    plain = Instance(
        version=major * 10000 + 4,
        system_identifier=SOURCE_SYSTEM,
        timeline=1,
        in_recovery=False,
        wal_lsn=Lsn(0x3000),
        user=SUPERUSER,
        settings={**SETTINGS, **(settings or {})},
        databases=(),
        roles=(),
        memberships=(),
        role_settings=(),
        tablespaces={"pg_default": "[]", "pg_global": "[]"},
        available_extensions={"plpgsql": "1.0"},
        slots=(),
        transactions=(),
        connections=1,
        walsenders=0,
        subscriptions=0,
    )
    return replace(plain, **fields)


def destination_instance(major: int = 18, settings: Mapping[str, str] | None = None, **fields: Any) -> Instance:
    """As `instance`, another server."""
    return instance(major, settings, **{"system_identifier": DESTINATION_SYSTEM, **fields})


def pair(name: str = "shop", relations: int = 1, **fields: Any) -> DatabasePair:
    """A database with so many relations to copy, and nothing made yet."""
    sizes = {f"public.t{number}": RelationSize(8192, 10) for number in range(relations)}
    return replace(DatabasePair(name, name, None, None, sizes=sizes), **fields)


def mapping_spec(**fields: Any) -> MappingSpec:
    """A mapping of two servers that are never dialed."""
    plain = MappingSpec(MAPPING, InstanceSpec("old", "old.example.com"), InstanceSpec("new", "new.example.com"))
    return replace(plain, **fields)


def group(name: str = "shop") -> str:
    """The name of the group that MAPPING has for a database."""
    return group_name(MAPPING, DESTINATION_SYSTEM, name, 1)


def view(
    source: Instance | Unreachable | None = None,
    destination: Instance | Unreachable | None = None,
    pairs: tuple[DatabasePair, ...] = (),
    about: DatabasePair | None = None,
    **spec: Any,
) -> View:
    """What a phase is asked about. `about` is the database of a per-database phase."""
    names = tuple(database(each.name) for each in pairs)
    observation = Observation(
        mapping=MAPPING,
        scope=Scope(),
        observed_at=NOW,
        source=source or instance(databases=names),
        destination=destination or destination_instance(databases=names),
        journal=None,
        databases=pairs,
    )
    return View(mapping_spec(**spec), observation, Hints(), NOW, about)
