"""From the checked tree to the frozen dataclasses of `migrator.config`."""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar, cast

from migrator.config import (
    Config,
    CopyMethod,
    DatabaseSelection,
    InstanceSpec,
    MappingSpec,
    NotificationSpec,
    Replication,
    Secret,
    WebSpec,
    WorkerSpec,
)
from migrator.config_file import rules
from migrator.config_file.keys import Tree, join, nearest, normalise
from migrator.config_file.schemas import (
    NOT_PER_MAPPING,
    DatabasesSchema,
    InstanceSchema,
    MappingSchema,
    NotificationSchema,
    ReplicationSchema,
    RootSchema,
    WebSchema,
    WorkerSchema,
)
from migrator.config_file.section import section
from migrator.config_file.service import with_service
from migrator.errors import Fault

_Spec = TypeVar(
    "_Spec", InstanceSpec, MappingSpec, Replication, DatabaseSelection, WebSpec, WorkerSpec, NotificationSpec
)


def build(tree: Tree, environ: Mapping[str, str], faults: list[Fault]) -> Config:
    """The configuration in `tree`; usable only where `faults` is empty afterwards. `environ` says where services stand."""
    root = section(RootSchema(), tree, "", faults)
    replication = _spec(Replication, section(ReplicationSchema(), root.get("replication"), "replication", faults))
    instances = _instances(root.get("instances"), environ, replication, faults)
    mappings = _mappings(root.get("mappings"), instances, replication, faults)
    web = _spec(WebSpec, section(WebSchema(), root.get("web"), "web", faults))
    workers = _spec(WorkerSpec, section(WorkerSchema(), root.get("workers"), "workers", faults))
    notifications = _notifications(root.get("notifications"), [each.name for each in mappings], faults)
    mappings = tuple(replace(each, notifications=_told_of(each.name, notifications)) for each in mappings)
    redis_url = cast(Secret | None, root.get("redis_url"))
    config = Config(mappings, instances, replication, redis_url, web, workers, notifications)
    faults.extend(rules.of_config(config))
    return config


def _spec(kind: type[_Spec], values: Mapping[str, object]) -> _Spec:
    """A dataclass from checked values: the schema has seen to their types, the dataclass to the defaults."""
    return kind(**values)  # type: ignore[arg-type]


def _instances(
    raw: object, environ: Mapping[str, str], replication: Replication, faults: list[Fault]
) -> dict[str, InstanceSpec]:
    """The general rate limit is each instance's, where it has none of its own."""
    if not isinstance(raw, dict) or not raw:
        faults.append(Fault("instances", "must name at least two instances: NAME: {server: ..., username: ...}"))
        return {}
    instances: dict[str, InstanceSpec] = {}
    for name, keys in ((str(name), keys) for name, keys in raw.items()):
        path = join("instances", name)
        keys, further = with_service(keys, path, environ, faults) if isinstance(keys, dict) else (keys, {})
        values = section(InstanceSchema(), keys, path, faults)
        twin = next((other for other in instances if normalise(other) == normalise(name)), None)
        if twin or not normalise(name):
            other = f"differs from {twin} only in case or punctuation" if twin else "has neither letter nor digit"
            faults.append(Fault(path, f"{other}; choose another name"))
        pace = {"rate_limit_mbps": replication.rate_limit_mbps}
        instances[name] = _spec(
            InstanceSpec, {"name": name, "server": "", "parameters": further, **pace, **_absolute(values)}
        )
        faults.extend(rules.of_instance(instances[name], path))
    return instances


def _absolute(values: Mapping[str, object]) -> dict[str, object]:
    """`~` in the names of files: libpq does not know it."""
    files = {key: values[key] for key in rules.FILES if str(values.get(key, "")).startswith("~")}
    return {**values, **{key: str(Path(str(file)).expanduser()) for key, file in files.items()}}


def _mappings(
    raw: object, instances: Mapping[str, InstanceSpec], replication: Replication, faults: list[Fault]
) -> tuple[MappingSpec, ...]:
    if not isinstance(raw, list) or not raw:
        wanted = "must be a list with at least one item: {source_instance: ..., destination_instance: ...}"
        faults.append(Fault("mappings", wanted))
        return ()
    built = [_mapping(item, f"mappings.{i}", instances, replication, faults) for i, item in enumerate(raw)]
    faults.extend(rules.of_mappings(built))
    mappings = [mapping for mapping in built if mapping is not None]
    return tuple(replace(each, neighbours=_neighbours(each, mappings)) for each in mappings)


def _neighbours(mapping: MappingSpec, mappings: list[MappingSpec]) -> tuple[MappingSpec, ...]:
    """The others that share a server with it."""
    ours = {_address(mapping.source), _address(mapping.destination)}
    others = (each for each in mappings if each.name != mapping.name)
    return tuple(each for each in others if ours & {_address(each.source), _address(each.destination)})


def _address(instance: InstanceSpec) -> tuple[str, int]:
    return instance.server, instance.port


def _mapping(
    raw: object, path: str, instances: Mapping[str, InstanceSpec], replication: Replication, faults: list[Fault]
) -> MappingSpec | None:
    values = section(MappingSchema(), raw, path, faults)
    databases = _databases(values.pop("databases", None), join(path, "databases"), faults)
    own = section(
        ReplicationSchema(exclude=NOT_PER_MAPPING), values.pop("replication", None), join(path, "replication"), faults
    )
    ends = [
        _instance(values.pop(key, None), join(path, key), instances, faults)
        for key in ("source_instance", "destination_instance")
    ]
    if ends[0] is None or ends[1] is None:
        return None
    if values.get("copy_method") is CopyMethod.SUBSCRIPTION:
        faults.extend(rules.of_streams(own.get("streams_per_database"), join(path, "replication")))
    values.setdefault("name", f"{ends[0].name}-to-{ends[1].name}")
    spec = {"source": ends[0], "destination": ends[1], "databases": databases, **values}
    own_pace = replace(replication, **{"rate_limit_mbps": None, **own})  # type: ignore[arg-type] # the general one is the source's
    return _spec(MappingSpec, {**spec, "replication": own_pace})


def _notifications(raw: object, names: list[str], faults: list[Fault]) -> tuple[NotificationSpec, ...]:
    """The addresses in order. One that has a fault is left out."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        faults.append(Fault("notifications", "must be a list; each item: {url: ..., kind: json, slack or teams}"))
        return ()
    made: list[NotificationSpec] = []
    for number, item in enumerate(raw):
        path, before = f"notifications.{number}", len(faults)
        values = _absolute(section(NotificationSchema(), item, path, faults))
        if len(faults) == before and "url" not in values:
            faults.append(Fault(f"{path}.url", "is missing; give url or url_file"))
        if len(faults) == before:
            made.append(_spec(NotificationSpec, values))
            faults.extend(rules.of_notification(made[-1], names, path))
    return tuple(made)


def _told_of(mapping: str, notifications: tuple[NotificationSpec, ...]) -> tuple[NotificationSpec, ...]:
    """The addresses that hear of a mapping."""
    return tuple(each for each in notifications if any(fnmatchcase(mapping, pattern) for pattern in each.mappings))


def _databases(raw: object, path: str, faults: list[Fault]) -> DatabaseSelection:
    """Either the group, or only what would stand in its `include`."""
    if isinstance(raw, list | str):
        raw = {"include": raw}
    values = section(DatabasesSchema(), raw, path, faults)
    selection = _spec(DatabaseSelection, values)
    faults.extend(rules.of_databases(selection, path))
    return selection


def _instance(
    name: object, path: str, instances: Mapping[str, InstanceSpec], faults: list[Fault]
) -> InstanceSpec | None:
    """The instance a mapping names, in whatever case and punctuation. A missing name is a fault already."""
    if name is None:
        return None
    wanted = str(name)
    for known, instance in instances.items():
        if normalise(known) == normalise(wanted):
            return instance
    if instances:
        meant = nearest(wanted, instances)
        hint = f"did you mean {meant}?" if meant else f"known are {', '.join(sorted(instances))}"
        faults.append(Fault(path, f"no instance is called {wanted!r}; {hint}"))
    return None
