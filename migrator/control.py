"""What the operator can ask of a mapping. Every wish is written to the journal before anything is done about it."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from migrator.bookkeeping import barriers, intents, journal, journal_format, trials
from migrator.config import MappingSpec
from migrator.connection import Session, session_of, try_lock
from migrator.errors import MigratorError, RefusedError, UnreachableError
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.looks.writers import open_writers
from migrator.model import Instance, Lsn
from migrator.names import application_name, lock_key
from migrator.observation import Observation, Scope
from migrator.phases import awake
from migrator.phases.clashes import between
from migrator.phases.lag import confirmed
from migrator.records import UNENDED, Barrier, Identity, Intent, Journal
from migrator.reports.completion import reasons_against
from migrator.reports.way_back import way_back
from migrator.steps import Finding
from migrator.store import Store
from migrator.tasks.sampling import emit_marker, sample_lag
from migrator.tick.assessment import CHANGED_MEANWHILE, Verdict, arrived_under, verdict
from migrator.tick.ending import Removal, end
from migrator.tick.reconcile import Assessment, assess, judge
from migrator.tick.sequence_finish import finalise_sequences

__all__ = ["Assessment", "Removal", "assess"]

BARRIER_SECONDS = 30.0
"""How long take_barrier waits for every group to pass, before it leaves the rest to the next ticks."""


_SERVERS = Scope(database="")
"""A look at the two servers and none of their databases."""


def clashes(specs: Sequence[MappingSpec], seen: Mapping[str, Observation]) -> Mapping[str, tuple[Finding, ...]]:
    """What the configured mappings would take from each other. `seen`: by name, those that were looked at already.

    Of the others only the servers are read, not their databases.
    """
    looked = [(spec, seen[spec.name] if spec.name in seen else Looker(spec).look(_SERVERS)) for spec in specs]
    return between(looked)


_DESTINATION_GONE = "If it is gone for good: docs/cutover.md, 'The destination is gone'."
"""Nothing can be ended there without its journal."""


@contextmanager
def _destination(spec: MappingSpec, task: str) -> Iterator[Session]:
    """A session in the maintenance database. Raises UnreachableError with what to do where there is none any more."""
    with ExitStack() as stack:
        try:
            session = stack.enter_context(session_of(spec.destination, None, application_name(spec.name, task)))
        except UnreachableError as error:
            raise UnreachableError(error.message, _DESTINATION_GONE) from None
        yield session


@contextmanager
def _journal_session(spec: MappingSpec, task: str) -> Iterator[tuple[Session, Journal]]:
    with _destination(spec, task) as session:
        journal_format.upgrade_journal(session)
        entry = journal.read_journal(session, spec.name)
        if entry.source is None:
            raise MigratorError(f"Mapping {spec.name} has not begun.", "Start it with: pg-migrator run")
        yield session, entry


def pause(spec: MappingSpec) -> None:
    """Begin nothing new until resume; apply and upkeep go on."""
    _change_intent(spec, Intent.PAUSED)


def resume(spec: MappingSpec) -> None:
    """Go on after a pause."""
    _change_intent(spec, Intent.MIGRATE)


def _change_intent(spec: MappingSpec, wanted: Intent) -> None:
    with _journal_session(spec, "control") as (session, _):
        if not intents.write(session, spec.name, wanted, UNENDED):
            intent = journal.read_journal(session, spec.name).intent
            raise MigratorError(f"Mapping {spec.name} is {intent}: it cannot be paused or resumed any more.")


def set_rate_limit(spec: MappingSpec, mbps: float | None) -> None:
    """The mapping's own live MB/s limit; None gives it back to the configuration, 0 stops copying."""
    with _journal_session(spec, "control") as (session, _):
        journal.set_rate_limit(session, spec.name, mbps)


def set_source_rate_limit(specs: Iterable[MappingSpec], mbps: float | None) -> list[str]:
    """The live MB/s limit of the source that these mappings share. Whom it does not hold for, and why: one line each.

    Each keeps it in its own journal, so that no mapping depends on another one's destination.
    """
    exceptions = []
    for spec in specs:
        try:
            with _journal_session(spec, "control") as (session, _):
                journal.set_source_rate_limit(session, spec.name, mbps)
        except MigratorError as error:
            exceptions.append(f"{spec.name}: {error.message}")
    return exceptions


def retry(spec: MappingSpec, store: Store | None = None) -> None:
    """Forget every backoff: what failed is tried again at the next tick, a schema that the destination did not take too."""
    if store is not None:
        store.clear_failures(spec.name)
    with session_of(spec.destination, None, application_name(spec.name, "control")) as session:
        trials.forget_failed(session, spec.name)


def take_barrier(spec: MappingSpec) -> Barrier:
    """The operator says that nobody writes any more: take the barrier, then finalise the sequences.

    Raises RefusedError naming every transaction that still writes, or every trigger that acts on the destination already.
    """
    with _journal_session(spec, "barrier") as (session, entry):
        if entry.intent is not Intent.MIGRATE:
            raise MigratorError(f"Mapping {spec.name} is {entry.intent}: there is no barrier to take.")
        writers = open_writers(spec, entry.claims)
        if writers:
            raise RefusedError("Somebody still writes on the source.", writers, "End these sessions, then repeat.")
        with SchemaCache() as schemas:
            seen = assess(spec, schemas=schemas).observation
            if entry.barrier is None:
                _refuse_awake(spec, seen)
            if not seen.arrived:  # since then the destination's schema is the operator's
                _refuse_drift(spec, seen)
            # A marker's commit is flushed, and with it everything committed before, whatever synchronous_commit they used.
            lsn = emit_marker(spec)
            if not barriers.take(session, spec.name, lsn):
                raise MigratorError(f"Mapping {spec.name} does not migrate any more: there is no barrier to take.")
            finalise_sequences(spec)
            _await_passing(spec, lsn, schemas)
            finalise_sequences(spec)  # a TRUNCATE ... RESTART IDENTITY that was still on its way has put some back
            look_for_arrival(spec, schemas=schemas)
        barrier = journal.read_journal(session, spec.name).barrier
        assert barrier is not None
        return barrier


def _refuse_awake(spec: MappingSpec, seen: Observation) -> None:
    """A barrier would make it right that these act, and hide that they acted on what was replicated before."""
    acting = ((pair, each) for pair in seen.databases for each in awake.awake(pair) if awake.writes_twice(each))
    reasons = [awake.sentence(pair, each) for pair, each in acting]
    if reasons:
        remedy = f"Disable them first; pg-migrator check {spec.name} has the statements."
        raise RefusedError("Triggers on the destination act on replicated rows.", reasons, remedy)


def _refuse_drift(spec: MappingSpec, seen: Observation) -> None:
    """What differs now was not made by anybody's use of the destination, and no barrier excuses it: not an earlier one either."""
    entry = replace(seen.journal, barrier=None) if seen.journal is not None else None
    decision = judge(spec, replace(seen, journal=entry)).decision
    drift = [finding for finding in decision.findings if finding.blocking and finding.code == "schema_drift"]
    if drift:
        raise RefusedError(
            "The two sides do not have the same schema.",
            [finding.message for finding in drift],
            " ".join(dict.fromkeys((*(finding.remedy for finding in drift), "Then repeat."))),
        )


def look_for_arrival(spec: MappingSpec, store: Store | None = None, schemas: SchemaCache | None = None) -> Assessment:
    """Look at everything and judge it; that everything has arrived is noted before anybody is told so."""
    assessment = assess(spec, store, schemas)
    barrier = arrived_under(spec, assessment)
    if barrier is not None:
        with _journal_session(spec, "barrier") as (session, _):
            barriers.note_arrival(session, spec.name, barrier)
    return assessment


@dataclass(frozen=True)
class Lifted:
    """Whether a barrier stood, and by database what must be undone on the destination before the writers are let in."""

    stood: bool
    to_undo: Mapping[str, tuple[str, ...]]


def lift_barrier(spec: MappingSpec) -> Lifted:
    """The source is to be written again: upkeep of sequences goes on, completion is refused as before.

    What is to be undone is read afterwards: before, a worker would add again what was dropped. Raises MigratorError where an end
    has begun: what is written on the source from then on goes nowhere.
    """
    with _journal_session(spec, "barrier") as (session, _):
        stood = barriers.lift(session, spec.name)
        intent = journal.read_journal(session, spec.name).intent
        if intent not in UNENDED:
            raise MigratorError(
                f"Mapping {spec.name} is {intent}: what is written on the source is not replicated any more."
            )
    return Lifted(stood, way_back(Looker(spec, "barrier").look()))


def _await_passing(spec: MappingSpec, lsn: Lsn, schemas: SchemaCache) -> None:
    """A marker after the barrier, and a moment for every group to confirm it."""
    deadline = time.monotonic() + BARRIER_SECONDS
    sample_lag(spec)
    while time.monotonic() < deadline:
        observation = Looker(spec, "barrier", schemas).look()
        positions = [confirmed(observation, pair) for pair in observation.databases]
        later = [marker.lsn for marker in observation.journal.markers] if observation.journal else []
        if all(position is not None and position >= max(later, default=lsn) for position in positions):
            return
        time.sleep(0.5)


def completion_reasons(spec: MappingSpec, assessment: Assessment) -> list[str]:
    """Why completion is refused now; empty when it is safe."""
    return list(reasons_against(spec, assessment.observation, assessment.decision))


def complete(spec: MappingSpec, *, source_gone: bool = False) -> Removal:
    """Judge, write the intent, take everything of ours away. Raises RefusedError while it would be unsafe.

    What a transaction that is open has written stands at no position yet: positions alone do not tell that nobody writes.
    """
    with _journal_session(spec, "control") as (session, entry):
        begun = entry.intent is Intent.COMPLETING
        found = Verdict((), None) if begun or source_gone else verdict(spec, entry.claims, lambda: assess(spec))
        among = (Intent.COMPLETING,) if begun else UNENDED
        reasons = found.reasons
        if not reasons and not intents.write(
            session, spec.name, Intent.COMPLETING, among, barrier=found.barrier, source_gone=source_gone
        ):
            reasons = (CHANGED_MEANWHILE if entry.intent in among else f"The mapping is {entry.intent}.",)
        if reasons:
            raise RefusedError(f"Completing {spec.name} is not safe now.", reasons)
    return end(spec, entry, source_gone or entry.source_gone)


def abort(spec: MappingSpec, *, source_gone: bool = False) -> Removal:
    """Give up: the source is left as it was found. Rows and schema on the destination stay, they are the operator's."""
    with _destination(spec, "control") as session:
        journal_format.upgrade_journal(session)
        entry = journal.read_journal(session, spec.name)
        if entry.source is None:
            source, destination = _identities(spec)
            journal.begin(session, spec.name, source, destination, spec.source.label)
        among = [each for each in Intent if each is not Intent.COMPLETED]
        if not intents.write(session, spec.name, Intent.ABORTING, among, source_gone=source_gone):
            raise MigratorError(f"Mapping {spec.name} is completed: there is nothing to abort.")
    return end(spec, entry, source_gone or entry.source_gone)


def _identities(spec: MappingSpec) -> tuple[Identity, Identity]:
    observation = Looker(spec, "control").look()
    found = []
    for side in (observation.source, observation.destination):
        if not isinstance(side, Instance):
            raise MigratorError(side.reason, "Both servers must answer to remove what an earlier migration left.")
        found.append(Identity(side.system_identifier, side.timeline))
    return found[0], found[1]


def forget(spec: MappingSpec, store: Store | None = None) -> None:
    """Remove the intent row of an ended mapping. Raises MigratorError while it has not ended."""
    with session_of(spec.destination, None, application_name(spec.name, "control")) as session:
        if not try_lock(session, lock_key("mapping", spec.name)):
            raise MigratorError(f"Mapping {spec.name} is being worked on.", "Try again in a moment.")
        journal_format.upgrade_journal(session)
        entry = journal.read_journal(session, spec.name)
        if entry.source is not None and entry.intent not in (Intent.COMPLETED, Intent.ABORTED):
            raise MigratorError(
                f"Mapping {spec.name} has not ended: its journal says {entry.intent}.",
                f"End it first: pg-migrator complete {spec.name}, or pg-migrator abort {spec.name}",
            )
        journal.forget(session, spec.name)
    if store is not None:
        store.forget(spec.name)
