"""Can the destination sort and compare as the source does? Asked of a database that is yet to be made."""

from collections.abc import Iterator

from migrator.observation import DatabasePair
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.steps import Finding


def findings(view: View, pair: DatabasePair) -> Iterator[Finding]:
    """The provider and the locales that it lacks."""
    source = view.source.database(pair.name)
    if source is None or view.destination.database(pair.target) is not None:
        return
    target = identifier(pair.target)
    if source.provider == "i" and not view.destination.icu:
        yield Finding(
            "locale_provider_missing",
            f"Database {source.name} sorts by ICU (locale {source.locale}); the destination was built without ICU.",
            f"Use a destination built with ICU; or create database {target} there yourself with a "
            "libc locale: text then sorts differently.",
            database=pair.name,
        )
    missing = sorted({source.collate, source.ctype} & view.observation.missing_locales)
    if missing:
        yield Finding(
            "locale_missing",
            f"Database {source.name} has the locale {' and '.join(missing)}, which the destination's machine does not know.",
            "Install it there (on Debian: the package locales, then locale-gen) and restart PostgreSQL; or create database "
            f"{target} there yourself with another locale: text then sorts differently.",
            database=pair.name,
        )
