"""Carries what logical replication does not: one database's pieces, after a look of its own under the lock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from migrator.bucket import Buckets
from migrator.config import MappingSpec
from migrator.copying.carrying import Carrying
from migrator.copying.copy_part import Copied
from migrator.errors import MigratorError
from migrator.looks.observe import Looker
from migrator.memory import Memory
from migrator.model import Instance
from migrator.observation import DatabasePair, Observation, Scope
from migrator.phases import carry
from migrator.phases.carry import NAME, Piece, findings, overdue, pieces
from migrator.phases.pacing import limits
from migrator.records import Intent

Wanted = Callable[[Observation, DatabasePair], tuple[Piece, ...]]
"""Which of a database's pieces are to be carried now."""


@dataclass(frozen=True)
class Carried:
    """One piece, and what it brought."""

    database: str
    what: str
    copied: Copied
    final: bool
    """The barrier was taken: nothing changes it any more on the source."""


def carry_pieces(
    spec: MappingSpec, database: str, source_system: str, buckets: Buckets, stopping: Callable[[], bool], wanted: Wanted
) -> Iterator[Carried]:
    """Carry what is wanted, piece by piece. Raises MigratorError where somebody else is at it, or it cannot be carried."""
    with Carrying(spec, database, source_system, buckets, stopping) as carrying:
        if not carrying.locked:
            raise MigratorError(
                f"Database {database} is being carried by somebody else.", "Try again when that is over."
            )
        observation = Looker(spec, NAME).look(Scope(database))
        pair = observation.database(database)
        if pair is None or pair.source_schema is None or pair.target_schema is None:
            raise MigratorError(f"Database {database} cannot be read on both servers.")
        assert isinstance(observation.source, Instance) and observation.journal is not None
        for finding in findings(pair, observation.source.user.name):
            raise MigratorError(finding.message, finding.remedy)
        claims = observation.journal.claims
        ours = any(each.created and (each.mapping, each.database) == (spec.name, database) for each in claims)
        final = observation.journal.barrier is not None
        for piece in wanted(observation, pair):
            yield Carried(database, piece.what, carrying.carry(piece, made_by_us=ours), final)


def never_carried(observation: Observation, pair: DatabasePair) -> tuple[Piece, ...]:
    """What the light waits for."""
    return carry.never_carried(pair)


def carry_again(spec: MappingSpec, buckets: Buckets | None) -> Iterator[Carried]:
    """Carry everything of a mapping that was not carried since the barrier; without a barrier, all of it.

    `buckets` None: there is no Redis. Raises MigratorError where it cannot be carried.
    """
    seen = Looker(spec, NAME).look()
    if not isinstance(seen.source, Instance):
        raise MigratorError(seen.source.reason, "Nothing can be carried while the source does not answer.")
    if seen.journal is None or seen.journal.source is None:
        raise MigratorError(f"Mapping {spec.name} has not begun.", "Start it with: pg-migrator run")
    if seen.journal.intent is not Intent.MIGRATE:
        remedy = f"Go on with: pg-migrator resume {spec.name}" if seen.journal.intent is Intent.PAUSED else ""
        raise MigratorError(f"Mapping {spec.name} is {seen.journal.intent}: nothing is carried.", remedy)
    system = seen.source.system_identifier
    if buckets is None and limits(spec, seen.journal, system):
        raise MigratorError(
            f"A rate limit holds for {spec.name}, and Redis, which keeps it, is not configured here or does not answer.",
            "Set redis_url to the one in use (pg-migrator run prints it when it starts its own); or take the limit away in the "
            "configuration, once nobody uses the source any more.",
        )
    for pair in seen.databases:
        if pieces(pair):
            yield from carry_pieces(spec, pair.name, system, buckets or Memory(), lambda: False, _overdue)


def _overdue(observation: Observation, pair: DatabasePair) -> tuple[Piece, ...]:
    barrier = observation.journal.barrier if observation.journal else None
    return tuple(piece for piece in overdue(pair, barrier) if barrier is not None or not piece.late)
