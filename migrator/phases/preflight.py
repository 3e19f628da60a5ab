"""May we? What both instances must offer before anything is made, and as long as the migration lasts: asked every tick."""

from collections.abc import Iterator

from migrator.config import InstanceSpec
from migrator.model import Instance, Unreachable
from migrator.phases import (
    connection_limits,
    extension_versions,
    headroom,
    line,
    neighbours,
    rights,
    source_settings,
    wal_forecast,
)
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.steps import Finding, Gates, Mend, Side, Step

NAME = "preflight"

BUILT_FOR = 18
OLDEST_SOURCE = 15


def examine(view: View) -> Step:
    """Reachability first, then versions, then all the rest at once: no answer is given on what could not be read."""
    return Step(NAME, None, Gates.MAPPING, findings=_findings(view))


def _findings(view: View) -> tuple[Finding, ...]:
    if unreachable := tuple(_unreachable(view)):
        return unreachable
    versions = tuple(_versions(view))
    if any(finding.blocking for finding in versions):
        return versions
    return (*versions, *_rest(view))


def _sides(view: View) -> tuple[tuple[Side, InstanceSpec, Instance | Unreachable], ...]:
    return (
        (Side.SOURCE, view.spec.source, view.observation.source),
        (Side.DESTINATION, view.spec.destination, view.observation.destination),
    )


def _unreachable(view: View) -> Iterator[Finding]:
    for side, spec, instance in _sides(view):
        if isinstance(instance, Unreachable):
            yield Finding(
                f"{side}_unreachable",
                f"The {side} cannot be reached: {instance.reason}",
                f"{line.remedy(spec, instance.reason)} Tried again at every tick.",
            )


def _versions(view: View) -> Iterator[Finding]:
    source, destination = view.source.major, view.destination.major
    if source < OLDEST_SOURCE:
        yield Finding(
            "source_too_old",
            f"The source is PostgreSQL {source}; {OLDEST_SOURCE} is the oldest that can be migrated.",
            "Bring the source to 15 or newer first, with pg_upgrade.",
        )
    if destination < source:
        yield Finding(
            "destination_older",
            f"The destination is PostgreSQL {destination}, older than the source's {source}.",
            f"Use a destination of version {max(source, BUILT_FOR)} or newer.",
        )
    elif destination < BUILT_FOR:
        yield Finding(
            "destination_below_18",
            f"The destination is PostgreSQL {destination}; pg-migrator is built for {BUILT_FOR}.",
            f"It works; a destination of {BUILT_FOR} spares you the next upgrade, and counts changes that find no row there "
            "(apply_conflicts), of which an older one says nothing: compare the rows at the cutover, as docs/cutover.md has it "
            "(4. Has everything arrived?).",
            blocking=False,
        )


def _rest(view: View) -> Iterator[Finding]:
    yield from _identities(view)
    yield from line.findings(view)
    yield from _selection(view)
    yield from source_settings.findings(view)
    yield from wal_forecast.findings(view)
    yield from headroom.findings(view)
    yield from connection_limits.of_roles(view)
    yield from rights.findings(view)
    yield from extension_versions.findings(view)
    yield from neighbours.findings(view)


def _identities(view: View) -> Iterator[Finding]:
    for side, spec, instance in _sides(view):
        assert isinstance(instance, Instance)
        if instance.in_recovery:
            yield Finding(
                f"{side}_in_recovery",
                f"The {side} {spec.name} is a standby: nothing can be created on it.",
                f"Point instances.{spec.name} at the primary, or promote it, on the {side}: SELECT pg_promote();",
            )
        if not instance.system_identifier:
            yield _identifier_unreadable(side, spec)
    if view.source.system_identifier == view.destination.system_identifier != "":
        yield Finding(
            "same_instance",
            "Source and destination are the same server, or copies of one: their system identifiers are equal.",
            "Use a destination made by initdb; a restored backup or a promoted standby of the source cannot be one.",
        )


def _identifier_unreadable(side: Side, spec: InstanceSpec) -> Finding:
    grant = f"GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO {identifier(spec.username)};"
    return Finding(
        "system_identifier_unreadable",
        f"{spec.username} may not read the system identifier of the {side}, by which a replaced server is noticed.",
        f"In database {spec.maintenance_database} on the {side}: {grant}",
        mends=(Mend(side, grant, spec.maintenance_database),),
    )


def _selection(view: View) -> Iterator[Finding]:
    seen = view.observation
    if not seen.databases and seen.scope.database is None and seen.journal_refused is None:
        yield Finding(
            "no_database_selected",
            f"Mapping {view.spec.name} selects no database of the source.",
            'Name one under the mapping\'s databases.include; "*" takes all but templates and an empty maintenance database.',
        )
