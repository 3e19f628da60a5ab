"""Carries what logical replication does not: one database's pieces, after a look of its own under the lock."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from migrator.bucket import Buckets
from migrator.config import MappingSpec
from migrator.copying.carrying import Carrying
from migrator.copying.copy_part import Copied
from migrator.errors import MigratorError, RefusedError
from migrator.looks.observe import Looker
from migrator.memory import Memory
from migrator.model import Instance
from migrator.observation import DatabasePair, Observation, Scope
from migrator.phases import carry
from migrator.phases.carry import NAME, Piece, findings, overdue, pieces
from migrator.phases.insert_only import LATE_SECONDS
from migrator.phases.pacing import limits
from migrator.records import Barrier, Intent

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
        _refuse_unlocked(carrying)
        observation, pair = _look(spec, database)
        assert isinstance(observation.source, Instance) and observation.journal is not None
        for finding in findings(pair, observation.source.user.name):
            raise MigratorError(finding.message, finding.remedy)
        claims = observation.journal.claims
        ours = any(each.created and (each.mapping, each.database) == (spec.name, database) for each in claims)
        barrier, due = observation.journal.barrier, wanted(observation, pair)
        if barrier is not None and due and observation.source.clients.get(database):
            _await_counts(barrier, observation.observed_at, stopping)
        for piece in due:
            copied = carrying.carry(piece, barrier.lsn if barrier else None, made_by_us=ours)
            yield Carried(database, piece.what, copied, barrier is not None)


def _await_counts(barrier: Barrier, now: datetime, stopping: Callable[[], bool]) -> None:
    """Sessions that stay open tell late what they wrote before the barrier, which is not to be taken for a late writer's."""
    deadline = time.monotonic() + min(LATE_SECONDS - (now - barrier.taken_at).total_seconds(), LATE_SECONDS)
    while time.monotonic() < deadline and not stopping():
        time.sleep(0.2)


def never_carried(observation: Observation, pair: DatabasePair) -> tuple[Piece, ...]:
    """What the light waits for. Once everything has arrived, what stands there may be the applications' own."""
    return carry.never_carried(pair) if not observation.arrived else ()


def carry_again(spec: MappingSpec, buckets: Buckets | None, *, overwrite: bool = False) -> Iterator[Carried]:
    """Carry everything of a mapping that was not carried since the barrier; without a barrier, all of it.

    `buckets` None: there is no Redis. `overwrite`: also what applications may have written on the destination since everything had
    arrived; else RefusedError. Raises MigratorError where it cannot be carried.
    """
    seen, system = _begun(spec)
    if buckets is None and limits(spec, seen.journal, system):
        raise MigratorError(
            f"A rate limit holds for {spec.name}, and Redis, which keeps it, is not configured here or does not answer.",
            "Set redis_url to the one in use (pg-migrator run prints it when it starts its own); or take the limit away in the "
            "configuration, once nobody uses the source any more.",
        )
    wanted = _overdue if overwrite else _overdue_before_arrival
    for pair in seen.databases:
        if pieces(pair):
            yield from carry_pieces(spec, pair.name, system, buckets or Memory(), lambda: False, wanted)


def keep(spec: MappingSpec) -> Iterator[tuple[str, str]]:
    """Take what is due for carried, and leave the destination's as it is: databases and pieces.

    Before everything has arrived, only what was carried once. Raises MigratorError where there is no barrier.
    """
    seen, system = _begun(spec)
    if seen.journal is None or seen.journal.barrier is None:
        raise MigratorError("There is no barrier: nothing is carried for good yet.")
    for pair in (each for each in seen.databases if pieces(each)):
        with Carrying(spec, pair.name, system, Memory(), lambda: False) as carrying:
            _refuse_unlocked(carrying)
            observation, known = _look(spec, pair.name)
            barrier = observation.journal.barrier if observation.journal else None
            if barrier is None:
                continue
            for piece in overdue(known, barrier):
                if observation.arrived or piece.what in known.ledger.carried:
                    carrying.keep(piece, barrier.lsn)
                    yield pair.name, piece.what


def _begun(spec: MappingSpec) -> tuple[Observation, str]:
    """A look at everything, and the source's system identifier. Raises MigratorError where nothing may be carried."""
    seen = Looker(spec, NAME).look()
    if not isinstance(seen.source, Instance):
        raise MigratorError(seen.source.reason, "Nothing can be carried while the source does not answer.")
    if seen.journal is None or seen.journal.source is None:
        raise MigratorError(f"Mapping {spec.name} has not begun.", "Start it with: pg-migrator run")
    if seen.journal.intent is not Intent.MIGRATE:
        remedy = f"Go on with: pg-migrator resume {spec.name}" if seen.journal.intent is Intent.PAUSED else ""
        raise MigratorError(f"Mapping {spec.name} is {seen.journal.intent}: nothing is carried.", remedy)
    return seen, seen.source.system_identifier


def _overdue(observation: Observation, pair: DatabasePair) -> tuple[Piece, ...]:
    barrier = observation.journal.barrier if observation.journal else None
    return tuple(piece for piece in overdue(pair, barrier) if barrier is not None or not piece.late)


def _overdue_before_arrival(observation: Observation, pair: DatabasePair) -> tuple[Piece, ...]:
    """Raises RefusedError where applications may be at work on what would be overwritten."""
    found, barrier = _overdue(observation, pair), observation.journal.barrier if observation.journal else None
    if barrier is not None and any(carry.is_precious(pair, piece, barrier) for piece in found):
        raise RefusedError(
            "Everything had arrived before: what applications have written on the destination since would be overwritten."
            if observation.arrived
            else "What was carried may be the last there is: the source has lost count since, by a crash or a reset.",
            [f"Database {pair.name}: {carry.named(piece)}" for piece in found],
            carry.keep_or_overwrite(observation.mapping),
        )
    return found


def _look(spec: MappingSpec, database: str) -> tuple[Observation, DatabasePair]:
    observation = Looker(spec, NAME).look(Scope(database))
    pair = observation.database(database)
    if pair is None or pair.source_schema is None or pair.target_schema is None:
        raise MigratorError(f"Database {database} cannot be read on both servers.")
    return observation, pair


def _refuse_unlocked(carrying: Carrying) -> None:
    if not carrying.locked:
        raise MigratorError(
            f"Database {carrying.database} is being carried by somebody else.", "Try again when that is over."
        )
