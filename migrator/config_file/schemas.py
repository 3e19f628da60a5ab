"""The keys of the configuration, a schema per group. Defaults are those of the dataclasses in `migrator.config`."""

import re
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields

from migrator.config import (
    LEAST_CONNECTIONS,
    CopyMethod,
    Event,
    NotificationKind,
    PartitionMaintenance,
    RoleConflictStrategy,
    WalBudgetAction,
    WithoutIdentity,
)
from migrator.config_file.fields import Amount, Choice, Flag, Names, SecretText, Text, Whole

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PORT = (1, 65535)


def _host(value: str) -> None:
    if "://" in value or "@" in value:
        raise ValidationError(
            "must be the host's name or address alone; port, username and password have their own keys"
        )
    if re.fullmatch(r"[^:/]+:\d+", value):
        raise ValidationError("must be without the port, which has a key of its own")


def _ssl_mode(value: str) -> None:
    if value not in SSL_MODES:
        raise ValidationError(f"must be one of {', '.join(SSL_MODES)}")


def _redis_url(value: str) -> None:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValidationError("must begin with redis://, rediss:// or unix://")


def _http_url(value: str) -> None:
    if not value.startswith(("http://", "https://")):
        raise ValidationError("must begin with http:// or https://")


def _webhook(value: str) -> None:
    """Said without the value: it is a secret."""
    _http_url(value)
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and value.isascii() and value.isprintable() and " " not in value
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ValidationError("is not a complete web address")
    if "@" in parts.netloc:
        raise ValidationError(
            "must be without username and password, which are not sent; put a token into path or query"
        )


def _mapping_name(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", value) or not value.strip("."):
        raise ValidationError(
            "must be 1 to 63 letters, digits, dots, dashes or underscores: it stands in web addresses"
        )


def _table_pattern(value: str) -> None:
    if "." not in value and "*" not in value:
        raise ValidationError("must be SCHEMA.TABLE or DATABASE.SCHEMA.TABLE, where * stands for anything")


class Group(Schema):
    """Keys that stand together. Unknown ones are found, with a suggestion, before a schema sees them."""

    class Meta:
        unknown = RAISE


class InstanceSchema(Group):
    server = Text(required=True, check=_host)
    port = Whole(*_PORT)
    username = Text()
    password = SecretText()
    password_file = Text()
    maintenance_database = Text()
    sslmode = Text(check=_ssl_mode)
    sslrootcert = Text()
    sslcert = Text()
    sslkey = Text()
    passfile = Text()
    service = Text()
    servicefile = Text()
    replication_server = Text(check=_host)
    replication_port = Whole(*_PORT)
    replication_sslmode = Text(check=_ssl_mode)
    replication_sslrootcert = Text()
    replication_sslcert = Text()
    replication_sslkey = Text()
    connect_timeout_seconds = Whole(1, 3600)
    max_connections = Whole(LEAST_CONNECTIONS, 10_000)
    rate_limit_mbps = Amount(optional=True)
    max_concurrent_copies = Whole(0)


class ReplicationSchema(Group):
    rate_limit_mbps = Amount(optional=True)
    ui_refresh_interval_seconds = Amount(positive=True)
    reconcile_interval_seconds = Amount(positive=True)
    full_look_interval_seconds = Amount(positive=True)
    quiet_look_interval_seconds = Amount(positive=True)
    wal_lag_threshold_mb = Amount()
    wal_lag_threshold_minutes = Amount()
    stable_seconds = Amount()
    open_transaction_seconds = Amount(positive=True)
    wal_budget_gb = Amount(positive=True)
    wal_budget_action = Choice(WalBudgetAction)
    lock_timeout_seconds = Amount(positive=True)
    max_copies = Whole(0)
    part_mb = Amount(positive=True)
    stalled_minutes = Amount(positive=True)
    streams_per_database = Whole(1, 8)
    own_group_gb = Amount(positive=True)
    index_memory_mb = Whole(0, 1_048_576)
    index_workers = Whole(-1, 64)
    brake_commit_milliseconds = Amount(optional=True, positive=True)
    brake_standby_seconds = Amount(optional=True, positive=True)


DatabasesSchema = Group.from_dict(  # a class would have a field in place of Schema.exclude, for mypy
    {
        "include": Names(),
        "exclude": Names(),
        "rename": fields.Dict(
            keys=Text(), values=Text(), error_messages={"invalid": "must be pairs of source name: destination name"}
        ),
    },
    name="DatabasesSchema",
)


class MappingSchema(Group):
    """`databases` and `replication` are groups of their own."""

    name = Text(check=_mapping_name)
    source_instance = Text(required=True)
    destination_instance = Text(required=True)
    role_conflict_strategy = Choice(RoleConflictStrategy)
    copy_method = Choice(CopyMethod)
    partition_maintenance = Choice(PartitionMaintenance)
    schema_trial = Flag()
    without_identity = Choice(WithoutIdentity)
    without_identity_tables = fields.Dict(
        keys=Text(check=_table_pattern),
        values=Choice(WithoutIdentity),
        error_messages={"invalid": "must be pairs of table pattern: choice"},
    )
    tablespaces = fields.Dict(
        keys=Text(), values=Text(), error_messages={"invalid": "must be pairs of source name: destination name"}
    )
    common_password = SecretText()
    common_password_file = Text()
    databases = fields.Raw()
    replication = fields.Raw()


class WebSchema(Group):
    host = Text()
    port = Whole(*_PORT)
    flower_port = Whole(*_PORT)
    flower_url = Text(check=_http_url)
    allowed_hosts = Names()


class WorkerSchema(Group):
    concurrency = Whole(1, 1000)
    grace_seconds = Amount(positive=True)


class NotificationSchema(Group):
    url = SecretText(check=_webhook)
    url_file = Text()
    kind = Choice(NotificationKind)
    events = Names(Choice(Event))
    mappings = Names()
    timeout_seconds = Amount(positive=True)
    sslrootcert = Text()


class RootSchema(Group):
    instances = fields.Raw()
    mappings = fields.Raw()
    replication = fields.Raw()
    web = fields.Raw()
    workers = fields.Raw()
    notifications = fields.Raw()
    redis_url = SecretText(check=_redis_url)
    redis_url_file = Text()


NOT_PER_MAPPING = ("ui_refresh_interval_seconds",)
"""Keys of `replication` that a mapping cannot have of its own: there is one dashboard."""
