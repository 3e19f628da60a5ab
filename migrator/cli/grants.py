"""grants: the least rights for the two roles, as psql scripts, with pg_hba lines and settings. Connects to nothing."""

from collections.abc import Iterator
from ipaddress import ip_network

import click

from migrator.cli.options import chosen, configuration, mapping_arguments
from migrator.config import Config, InstanceSpec, MappingSpec
from migrator.quote import identifier, literal

_SOURCE_LIMITS = ("max_replication_slots", "max_wal_senders")
_DESTINATION_SETTINGS = (
    "max_sync_workers_per_subscription = 4;  -- tables copied at once per database; a reload will do",
    "max_logical_replication_workers = 20;  -- needs a restart of the destination",
    "max_worker_processes = 40;  -- needs a restart of the destination",
    "max_active_replication_origins = 20;  -- from 18 on; before, max_replication_slots; needs a restart of the destination",
)


@click.command()
@configuration
@mapping_arguments
@click.option("--side", type=click.Choice(["source", "destination"]), help="Only this side's script.")
def grants(config: Config, mappings: tuple[str, ...], side: str | None) -> None:
    """Print the rights, pg_hba lines and settings that a role without superuser needs, for psql.

    Exit status: 0.
    """
    for spec in chosen(config, mappings):
        if side != "destination":
            click.echo("\n".join(_source(spec)))
        if side != "source":
            click.echo("\n".join(_destination(spec)))


def _source(spec: MappingSpec) -> Iterator[str]:
    user = identifier(spec.source.username)
    yield from _heading("source", spec, spec.source)
    yield from _role(spec.source, "LOGIN REPLICATION")
    yield f"GRANT pg_read_all_data, pg_read_all_settings, pg_read_all_stats TO {user};"
    yield "-- publications are made in every database, and a table is published by whoever has its owner's rights;"
    yield "-- tables that a superuser owns need another owner, or a superuser here"
    yield (
        f"SELECT format('GRANT CREATE ON DATABASE %I TO %I', datname, {literal(spec.source.username)}) "
        "FROM pg_database WHERE NOT datistemplate \\gexec"
    )
    yield (
        f"SELECT DISTINCT format('GRANT %I TO %I', rolname, {literal(spec.source.username)}) FROM pg_shdepend "
        "JOIN pg_roles ON pg_roles.oid = refobjid WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o' "
        f"AND NOT rolsuper AND rolname !~ '^pg_' AND rolname <> {literal(spec.source.username)} \\gexec"
    )
    yield "-- settings; each slot takes a walsender: one per group of a database (streams_per_database more), and one per table that"
    yield "-- the subscription copies by itself: all of them under copy_method subscription, under snapshot those that come later"
    yield "ALTER SYSTEM SET wal_level = 'logical';  -- needs a restart of the source"
    yield "-- at least those in use and one per database besides; `pg-migrator check` knows the numbers"
    yield from (f"-- ALTER SYSTEM SET {name} = 40;  -- needs a restart of the source" for name in _SOURCE_LIMITS)
    yield "-- pg_hba.conf: from pg-migrator's machines, and from the destination, which dials the source; then reload"
    yield _hba(spec.source, "ADDRESS/32")
    yield _hba(spec.source, _address_of(spec.destination), spec.source.replication_sslmode)


def _destination(spec: MappingSpec) -> Iterator[str]:
    user = identifier(spec.destination.username)
    yield from _heading("destination", spec, spec.destination)
    yield from _role(spec.destination, "LOGIN CREATEDB CREATEROLE")
    yield f"GRANT pg_create_subscription, pg_read_all_settings, pg_read_all_stats, pg_read_all_data TO {user};"
    yield "-- to try, unseen by the log, whether this server reaches the source"
    yield f"GRANT SET ON PARAMETER log_min_messages, log_error_verbosity TO {user};"
    yield "-- to carry what is not replicated (unlogged tables, for one) without the triggers on it firing again"
    yield f"GRANT SET ON PARAMETER session_replication_role TO {user};"
    yield "-- our journal stands in the maintenance database"
    yield f"GRANT CREATE ON DATABASE {identifier(spec.destination.maintenance_database)} TO {user};"
    yield "-- how far the destination has come: completion is judged by it; asked for in the maintenance database"
    yield f"\\connect {identifier(spec.destination.maintenance_database)}"
    yield f"GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status() TO {user};"
    yield "-- settings, where more is to be copied at once; `pg-migrator check` knows the numbers"
    yield from (f"-- ALTER SYSTEM SET {line}" for line in _DESTINATION_SETTINGS)
    yield "-- pg_hba.conf: from pg-migrator's machines; then reload"
    yield _hba(spec.destination, "ADDRESS/32")


def _hba(instance: InstanceSpec, address: str, sslmode: str | None = None) -> str:
    """With TLS where the configuration has it, or does not say: a password should not travel in the open."""
    kind = "host" if (sslmode or instance.sslmode) == "disable" else "hostssl"
    return f"-- {kind} all {identifier(instance.username)} {address} scram-sha-256"


def _address_of(instance: InstanceSpec) -> str:
    """As pg_hba.conf wants it: an address with its mask, or a host's name."""
    try:
        return str(ip_network(instance.server))
    except ValueError:
        return "127.0.0.1/32" if instance.server.startswith("/") else instance.server


def _heading(side: str, spec: MappingSpec, instance: InstanceSpec) -> Iterator[str]:
    yield f"-- {spec.name}, {side}: {instance.name} at {instance.server}:{instance.port}, as a superuser, with psql"


def _role(instance: InstanceSpec, attributes: str) -> Iterator[str]:
    """The role where it is missing, its attributes where they are; never its password."""
    user, name = identifier(instance.username), literal(instance.username)
    missing = f"NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name})"
    yield f"SELECT {literal(f'CREATE ROLE {user}')} WHERE {missing} \\gexec"
    yield f"ALTER ROLE {user} {attributes};"
    yield f"-- its password: \\password {user}"
