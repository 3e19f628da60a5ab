"""Which source databases a mapping takes."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from migrator.config import MappingSpec
from migrator.model import Database, Instance
from migrator.names import is_trial_name


def selected_databases(spec: MappingSpec, source: Instance, has_user_objects: Callable[[str], bool]) -> tuple[str, ...]:
    """All databases but templates, those closed to connections and trials, by the mapping's patterns, in name order.

    The maintenance database is taken only where the mapping names it, or while it holds user objects: preflight then
    asks for it to be named (requirement: never left out silently).
    """
    chosen = (database.name for database in source.databases if _eligible(spec, database))
    return tuple(
        name
        for name in sorted(chosen)
        if name != spec.source.maintenance_database or is_named(spec, name) or has_user_objects(name)
    )


def _eligible(spec: MappingSpec, database: Database) -> bool:
    if database.is_template or not database.allows_connections or is_trial_name(database.name):
        return False
    selection = spec.databases
    included = any(fnmatchcase(database.name, pattern) for pattern in selection.include)
    return included and not any(fnmatchcase(database.name, pattern) for pattern in selection.exclude)


def is_named(spec: MappingSpec, database: str) -> bool:
    """Whether the mapping includes the database by its own name, not only by a pattern such as *."""
    return database in spec.databases.include
