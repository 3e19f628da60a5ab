"""`compare --apply`: runs what only adds, under the same locks and by the same hands as the tasks of the migration."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from migrator.apply import Applier, ApplyError
from migrator.comparison import Comparison, Discrepancy, compare, large_objects
from migrator.comparison.large_objects import Unlike
from migrator.config import MappingSpec
from migrator.connection import SILENCE_SECONDS, Session, connect, session_of, try_locks
from migrator.errors import MigratorError, RefusedError
from migrator.looks.observe import Looker
from migrator.looks.reading import Reader
from migrator.model import Instance
from migrator.names import application_name
from migrator.observation import DatabasePair, Observation, Scope
from migrator.phases.carry import LARGE_OBJECTS
from migrator.steps import Action
from migrator.work import Work, is_ending

TASK = "compare"

ROUNDS = 4
"""Looks per database: an index can be attached once it is built, a view made once its table is."""

Say = Callable[[Discrepancy, str | None], None]
"""Told of each discrepancy before its statements run, and again with the reason where they failed."""


@dataclass(frozen=True)
class Mended:
    """How many were applied, and how many failed."""

    applied: int = 0
    failed: int = 0


def look(spec: MappingSpec) -> tuple[Observation, Comparison]:
    """Both sides now, and what differs. Nothing is changed."""
    observation = Looker(spec, TASK).look()
    unlike = {pair.name: _large_objects(spec, pair) for pair in observation.databases if _may_have_any(pair)}
    return observation, compare(spec, observation, unlike)


def _may_have_any(pair: DatabasePair) -> bool:
    known = pair.source_schema is not None and pair.target_schema is not None
    return known and (pair.facts.large_objects.count > 0 or LARGE_OBJECTS in pair.ledger.carried)


def _large_objects(spec: MappingSpec, pair: DatabasePair) -> Unlike:
    """Both sides' side by side, as they come. Raises MigratorError where a server stops answering."""
    name = application_name(spec.name, TASK)
    with (
        session_of(spec.source, pair.name, name) as source,
        session_of(spec.destination, pair.target, name) as destination,
        closing(Reader(source).stream("large_object_rights", large_objects.read)) as ours,
        closing(Reader(destination).stream("large_object_rights", large_objects.read)) as theirs,
    ):
        return large_objects.unlike(ours, theirs)


def mend(spec: MappingSpec, observation: Observation, say: Say, database: str | None = None) -> Mended:
    """Apply what only adds, database by database, or in one of them.

    Raises RefusedError where the mapping is ending, or somebody is at work on a database.
    """
    destination = observation.destination
    if not isinstance(destination, Instance):
        raise MigratorError(destination.reason)
    if observation.journal is not None and is_ending(observation.journal.intent):
        raise RefusedError(
            f"Mapping {spec.name} is {observation.journal.intent}.", ("Nothing is added to what is being ended.",)
        )
    done = Mended()
    for pair in observation.databases:
        if database in (None, pair.name) and any(_additive(compare(spec, observation), pair.name)):
            each = _of_database(spec, pair.name, destination.system_identifier, say)
            done = Mended(done.applied + each.applied, done.failed + each.failed)
    return done


def _additive(comparison: Comparison, database: str) -> Iterator[Discrepancy]:
    found = (*comparison.differences, *(each for each in comparison.expected if each.property == "validation"))
    return (each for each in found if each.additive and each.mend and each.database == database)


def _of_database(spec: MappingSpec, database: str, system_identifier: str, say: Say) -> Mended:
    work = Work("run_phase", spec.name, database, TASK)
    looker, done, tried = Looker(spec, TASK), Mended(), set[tuple[str, ...]]()
    with closing(_session(spec, None)) as session:
        if not try_locks(session, work.locks(system_identifier)):
            raise RefusedError(f"Database {database} is being worked on.", ("A task of the migration holds its lock.",))
        for _ in range(ROUNDS):
            seen = looker.look(Scope(database))
            wanted = [each for each in _additive(compare(spec, seen), database) if _key(each) not in tried]
            if not wanted:
                break
            tried.update(map(_key, wanted))
            each = _apply(spec, work, seen, wanted, system_identifier, say)
            done = Mended(done.applied + each.applied, done.failed + each.failed)
    return done


def _session(spec: MappingSpec, database: str | None) -> Session:
    return connect(spec.destination, database, application_name(spec.name, TASK), patience_seconds=SILENCE_SECONDS)


def _key(discrepancy: Discrepancy) -> tuple[str, ...]:
    return tuple(statement.sql for statement in discrepancy.mend)


def _apply(
    spec: MappingSpec, work: Work, seen: Observation, wanted: list[Discrepancy], system_identifier: str, say: Say
) -> Mended:
    """Each by itself: what fails is told, and the others go on."""
    assert work.database is not None
    version = seen.source.version if isinstance(seen.source, Instance) else 0
    applied = failed = 0
    with closing(_session(spec, spec.target_name(work.database))) as session, Applier(spec, TASK, version) as applier:
        for each in wanted:
            locks = replace(work, relations=(each.relation,)).locks(system_identifier) if each.relation else {}
            say(each, None)
            try:
                if locks and not try_locks(session, locks):
                    raise MigratorError(f"A task of the migration is at work on {each.relation}.")
                applier.apply(Action(f"mend {each.kind} {each.identity}", each.mend, each.relation))
                applied += 1
            except (ApplyError, MigratorError) as error:
                say(each, error.message)
                failed += 1
    return Mended(applied, failed)
