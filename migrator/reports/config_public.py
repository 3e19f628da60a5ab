"""The configuration as the browser may see it: what is shown is listed, so that a new key is hidden at first."""

from dataclasses import asdict

from migrator.config import Config, InstanceSpec, MappingSpec, NotificationSpec

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


def public(config: Config) -> dict[str, object]:
    """The configuration without secrets."""
    return {
        "instances": [_instance(instance) for instance in config.instances.values()],
        "mappings": [_mapping(mapping) for mapping in config.mappings],
        "replication": asdict(config.replication),
        "notifications": [_notification(address) for address in config.notifications],
        "flower_url": flower_url(config),
    }


def flower_url(config: Config) -> str | None:
    """Where a browser finds Flower; None where only a person can know: it listens on every address."""
    if config.web.flower_url:
        return config.web.flower_url
    if config.web.host in _EVERYWHERE:
        return None
    host = f"[{config.web.host}]" if ":" in config.web.host else config.web.host
    return f"http://{host}:{config.web.flower_port}"


def _instance(instance: InstanceSpec) -> dict[str, object]:
    return {
        "name": instance.name,
        "server": instance.server,
        "port": instance.port,
        "username": instance.username,
        "maintenance_database": instance.maintenance_database,
        "sslmode": instance.sslmode,
        "replication_server": instance.replication_server,
        "replication_port": instance.replication_port,
    }


def _notification(address: NotificationSpec) -> dict[str, object]:
    """Whom we tell of what. The address is a secret, but for its host."""
    return {
        "name": address.label,
        "events": [event.value for event in address.events],
        "mappings": list(address.mappings),
    }


def _mapping(mapping: MappingSpec) -> dict[str, object]:
    return {
        "name": mapping.name,
        "source": mapping.source.name,
        "destination": mapping.destination.name,
        "copy_method": mapping.copy_method.value,
        "partition_maintenance": mapping.partition_maintenance.value,
        "schema_trial": mapping.schema_trial,
        "role_conflict_strategy": mapping.role_conflict_strategy.value,
        "databases": {
            "include": list(mapping.databases.include),
            "exclude": list(mapping.databases.exclude),
            "rename": dict(mapping.databases.rename),
        },
        "without_identity": mapping.without_identity.value,
        "without_identity_tables": {
            pattern: chosen.value for pattern, chosen in mapping.without_identity_tables.items()
        },
        "tablespaces": dict(mapping.tablespaces),
        "replication": asdict(mapping.replication),
    }
