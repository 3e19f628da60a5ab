"""What must hold between keys: files that exist, names that do not clash, no two mappings on one database."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path

from migrator.config import Config, CopyMethod, DatabaseSelection, InstanceSpec, MappingSpec, NotificationSpec
from migrator.config_file.keys import join, normalise
from migrator.config_file.schemas import MappingSchema
from migrator.errors import Fault

FILES = ("sslrootcert", "sslcert", "sslkey", "passfile")
_UNVERIFIED = (None, "disable", "allow", "prefer")


def of_instance(instance: InstanceSpec, path: str) -> Iterable[Fault]:
    """Files that libpq would be sent to must be there; it would otherwise go on without them, or fail much later."""
    for key in FILES:
        file = getattr(instance, key)
        if not file or (key == "sslrootcert" and file == "system"):
            continue
        if not Path(file).is_file():
            yield Fault(join(path, key), f"{file}: no such file")
        elif key == "passfile" and Path(file).stat().st_mode & 0o077:
            yield Fault(join(path, key), f"{file} can be read by others, so libpq ignores it; chmod 0600 {file}")
        elif key == "sslrootcert" and instance.sslmode in _UNVERIFIED:
            yield Fault(join(path, key), "needs sslmode: verify-full; without it no certificate is checked")
    if bool(instance.sslcert) != bool(instance.sslkey):
        given, missing = ("sslcert", "sslkey") if instance.sslcert else ("sslkey", "sslcert")
        yield Fault(join(path, given), f"needs {missing} too")
    if bool(instance.replication_sslcert) != bool(instance.replication_sslkey):
        given, missing = ("cert", "key") if instance.replication_sslcert else ("key", "cert")
        yield Fault(join(path, f"replication_ssl{given}"), f"needs replication_ssl{missing} too")


def of_databases(selection: DatabaseSelection, path: str) -> Iterable[Fault]:
    """A rename must be of a database that is taken, to a name that PostgreSQL can hold and nobody else gets."""
    if not selection.include:
        yield Fault(join(path, "include"), "must not be empty; leave it out to take every database")
    for source, target in selection.rename.items():
        where = join(join(path, "rename"), source)
        if not _takes(selection, source):
            yield Fault(where, "is not selected by include and exclude")
        if len(target.encode()) > 63:
            yield Fault(where, "the new name is longer than PostgreSQL's 63 bytes")
    targets = [(name, selection.rename.get(name, name)) for name in _named(selection)]
    for (one, target), (other, same) in combinations(targets, 2):
        if target == same:
            yield Fault(join(path, "rename"), f"{one} and {other} would both become {target}")


def of_mappings(mappings: Sequence[MappingSpec | None]) -> Iterable[Fault]:
    """Each mapping by itself, then each pair. None holds the place of a mapping that could not be built."""
    numbered = [(f"mappings.{i}", mapping) for i, mapping in enumerate(mappings) if mapping is not None]
    for path, mapping in numbered:
        yield from _of_mapping(mapping, path)
    for (first, one), (second, other) in combinations(numbered, 2):
        if normalise(one.name) == normalise(other.name):
            yield Fault(join(second, "name"), f"{other.name} is the name of {first} too; give each a name of its own")
        if _journals_apart(one.destination, other.destination):
            where = join(second, "destination_instance")
            yield Fault(
                where, f"is the server of {first}, with another maintenance_database; both need the same journal"
            )
        database = _clash(one, other)
        if database:
            yield Fault(join(second, "databases"), f"{database} on {other.destination.name} is taken by {first} too")


def of_notification(notification: NotificationSpec, names: Sequence[str], path: str) -> Iterable[Fault]:
    """Its file must be there, and its patterns must mean a mapping. `names`: the mappings', none where they have faults."""
    file = notification.sslrootcert
    if file and not Path(file).is_file():
        yield Fault(join(path, "sslrootcert"), f"{file}: no such file")
    for pattern in notification.mappings if names else ():
        if not any(fnmatchcase(name, pattern) for name in names):
            yield Fault(join(path, "mappings"), f"{pattern} matches no mapping; there are {', '.join(names)}")


def of_config(config: Config) -> Iterable[Fault]:
    """What concerns the processes, or all mappings."""
    if config.web.port == config.web.flower_port:
        yield Fault("web.flower_port", "must differ from web.port")
    if config.mappings and all(each.copy_method is CopyMethod.SUBSCRIPTION for each in config.mappings):
        yield from of_streams(config.replication.streams_per_database, "replication")


def of_streams(number: object, path: str) -> Iterable[Fault]:
    """Of what is copied by `subscription`: one that would be passed over in silence."""
    if isinstance(number, int) and number > 1:
        yield Fault(
            join(path, "streams_per_database"),
            "is of copy_method: snapshot; under subscription a database has one stream: remove it, or change copy_method",
        )


def _of_mapping(mapping: MappingSpec, path: str) -> Iterable[Fault]:
    if mapping.source == mapping.destination or _address(mapping.source) == _address(mapping.destination):
        yield Fault(join(path, "destination_instance"), "is the same server as source_instance")
    if MappingSchema(only=["name"]).validate({"name": mapping.name}):
        yield Fault(
            join(path, "name"), "is missing, and the instances' names do not make a good one: see the rules for it"
        )


def _address(instance: InstanceSpec) -> tuple[str, int] | str:
    return (instance.server.lower(), instance.port) if instance.server else instance.name


def _journals_apart(one: InstanceSpec, other: InstanceSpec) -> bool:
    """One server as a destination twice: two journals, and locks in two databases, would not know of each other."""
    return _address(one) == _address(other) and one.maintenance_database != other.maintenance_database


def _clash(one: MappingSpec, other: MappingSpec) -> str | None:
    """A destination database that both mappings would fill, as far as the file alone can tell."""
    if _address(one.destination) != _address(other.destination):
        return None
    same_source = _address(one.source) == _address(other.source)
    for mapping, rival in ((one, other), (other, one)):
        for name in _named(mapping.databases):
            target = mapping.target_name(name)
            if target in [rival.target_name(named) for named in _named(rival.databases)]:
                return target
            if same_source and _takes(rival.databases, name) and rival.target_name(name) == target:
                return target
    patterns = set(one.databases.include) & set(other.databases.include)
    return "every database" if same_source and "*" in patterns and not _excluded_by_turns(one, other) else None


def _excluded_by_turns(one: MappingSpec, other: MappingSpec) -> bool:
    """Whether somebody took care: with an exclude or a rename the file alone does not say that the two clash."""
    return any(mapping.databases.exclude or mapping.databases.rename for mapping in (one, other))


def _named(selection: DatabaseSelection) -> tuple[str, ...]:
    """The databases named outright, by `include` or `rename`."""
    plain = [name for name in selection.include if not set(name) & set("*?[")]
    return tuple(dict.fromkeys(name for name in (*plain, *selection.rename) if _takes(selection, name)))


def _takes(selection: DatabaseSelection, name: str) -> bool:
    included = any(fnmatchcase(name, pattern) for pattern in selection.include)
    return included and not any(fnmatchcase(name, pattern) for pattern in selection.exclude)
