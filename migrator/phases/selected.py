"""Does the mapping's choice of databases mean what it says? Names and patterns that reach nothing are told, not passed over."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from migrator.model import Database
from migrator.phases.view import View
from migrator.selection import is_named
from migrator.steps import Finding, Gates, Step

NAME = "preflight"

_WILD = frozenset("*?[")


def examine(view: View) -> Step:
    """Keeps the light out while a database that was asked for by name is not there; holds back none of the others."""
    findings = tuple(_findings(view)) if view.observation.scope.database is None else ()
    return Step(NAME, None, Gates.RELATION, findings=findings)


def _findings(view: View) -> Iterator[Finding]:
    selection = view.spec.databases
    known = {database.name: database for database in view.source.databases}
    for name in dict.fromkeys((*selection.include, *selection.rename)):
        if not _WILD & set(name) and (why := _not_taken(known.get(name))):
            yield _missing(view, name, why)
    for key, patterns in (("include", selection.include), ("exclude", selection.exclude)):
        for pattern in patterns:
            if (_WILD & set(pattern) or key == "exclude") and not any(fnmatchcase(name, pattern) for name in known):
                yield _unmatched(view, key, pattern)
    yield from _maintenance(view)


def _not_taken(database: Database | None) -> str | None:
    if database is None:
        return "does not exist on the source"
    if database.is_template:
        return "is a template, which is never taken"
    return None if database.allows_connections else "allows no connections (ALLOW_CONNECTIONS false)"


def _missing(view: View, name: str, why: str) -> Finding:
    return Finding(
        "named_database_missing",
        f"Mapping {view.spec.name} names database {name}, which {why}.",
        "Correct or remove the name under the mapping's databases (names are case-sensitive). The other databases go on.",
    )


def _unmatched(view: View, key: str, pattern: str) -> Finding:
    return Finding(
        "pattern_matches_nothing",
        f"No database of the source matches {pattern}, which stands under databases.{key} of mapping {view.spec.name}.",
        "Look for a typo (patterns are case-sensitive); or leave it, for databases still to come.",
        blocking=False,
    )


def _maintenance(view: View) -> Iterator[Finding]:
    """Left out because it is empty: said, so that nobody misses it."""
    name, selection = view.spec.source.maintenance_database, view.spec.databases
    patterned = any(fnmatchcase(name, pattern) for pattern in selection.include)
    excluded = any(fnmatchcase(name, pattern) for pattern in selection.exclude)
    if patterned and not excluded and not is_named(view.spec, name) and view.observation.database(name) is None:
        yield Finding(
            "maintenance_database_empty",
            f"The source's maintenance database {name} holds no objects of yours and is left out.",
            f"Nothing to do; to take it none the less, name {name} under the mapping's databases.include.",
            blocking=False,
        )
