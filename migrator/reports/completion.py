"""Why completion would be unsafe now: the same judgement for the CLI, the dashboard and the worker. Pure.

Two halves. What proves that nothing was lost (positions, the last carrying, no sign of a writer) is asked to the very end. What was to
be made on the destination is asked until everything was seen to have arrived: what is gone since was taken away by the operator.
"""

from collections.abc import Iterator

from migrator.config import MappingSpec
from migrator.contents import SyncState
from migrator.model import Instance
from migrator.observation import DatabasePair, Observation
from migrator.phases import carry, foreign_keys, insert_only
from migrator.phases.groups import in_ledger
from migrator.phases.wording import counted, some
from migrator.phases.written_since import Written
from migrator.records import UNENDED, Barrier
from migrator.reports.conditions import undone
from migrator.schema.definition import Definition
from migrator.steps import Decision

_NOT_CARRIED = {
    Written.UNASKED: "were not carried since the barrier",
    Written.NOTHING: "were not carried since the barrier",
    Written.SOMETHING: "were written on the source after they were carried; stop whoever still writes",
    Written.UNCOUNTED: "were carried, and whether they were written since nobody knows: the source's counters were lost, by a crash "
    "or a reset",
}


def reasons_against(spec: MappingSpec, observation: Observation, decision: Decision) -> tuple[str, ...]:
    """Why completion is refused now, one sentence each; empty when it is safe."""
    return tuple(_reasons(spec, observation, decision))


def _reasons(spec: MappingSpec, observation: Observation, decision: Decision) -> Iterator[str]:
    journal = observation.journal
    if journal is None or journal.source is None:
        yield "The migration has not begun."
        return
    if journal.intent not in UNENDED:
        yield f"The mapping is {journal.intent}."
        return
    if not isinstance(observation.source, Instance):
        yield "The source does not answer, so nothing can be checked there."
        return
    barrier = journal.barrier
    for pair in observation.databases:
        yield from _unready(pair) if barrier is None or barrier.arrived_at is None else _new(pair, spec.name)
    if barrier is None:
        yield f"The write stop is not confirmed: stop the writers, then run: pg-migrator cutover {spec.name} --writes-stopped"
        return
    for pair in observation.databases:
        yield from _not_passed(observation, pair, barrier)
        yield from _not_carried(observation, pair, barrier)
        yield from _late_sequences(pair, barrier)
        if barrier.arrived_at is None:
            yield from _incomplete(pair)
        if uncounted := insert_only.unsettled(pair, barrier):
            yield uncounted
    yield from undone(spec, observation, decision)
    yield from (finding.message for finding in decision.findings if finding.blocking)


def _unready(pair: DatabasePair) -> Iterator[str]:
    schema = pair.source_schema
    if schema is None:
        yield f"Database {pair.name} cannot be read on the source: {pair.source_error}"
        return
    missing = sum(1 for name in schema.leaves() if pair.states.get(name) is not SyncState.READY)
    if missing:
        yield f"Database {pair.name}: {counted(missing, 'relation')} not ready."


def _new(pair: DatabasePair, mapping: str) -> Iterator[str]:
    """Everything had arrived: a relation that was never begun was made on the source since. Its rows leave no trace in our slots."""
    if pair.source_schema is None:
        yield f"Database {pair.name} cannot be read on the source: {pair.source_error}"
        return
    made = sorted(name for name in pair.source_schema.leaves() if name not in pair.ledger.relations)
    if made:
        cutover = f"pg-migrator cutover {mapping}"
        yield (
            f"Database {pair.name}: made on the source after everything had arrived: {some(made)}. Somebody still works there: stop "
            "them. Where applications have written on the destination, copy by hand what of it is needed (pg_dump --table), and drop it on "
            f"the source. Only where none has: {cutover} --writes-resumed, then {cutover} --writes-stopped."
        )


def _not_passed(observation: Observation, pair: DatabasePair, barrier: Barrier) -> Iterator[str]:
    journal, source = observation.journal, observation.source
    assert journal is not None and isinstance(source, Instance)
    later = [marker.lsn for marker in journal.markers if marker.lsn > barrier.lsn]
    for group in in_ledger(pair.ledger):
        slot = source.slot(group.name)
        position = slot.confirmed_flush_lsn if slot else None
        if position is None or position < barrier.lsn:
            yield f"Group {group.name} has confirmed {position}, not yet the barrier at {barrier.lsn}."
        elif not any(lsn <= position for lsn in later):
            yield f"Group {group.name}: no WAL marker after the barrier is confirmed yet; wait for the next tick."
        subscription = pair.subscription(group.name)
        if subscription is None:
            yield f"Group {group.name} has no subscription."
        elif not subscription.origin_readable:
            yield (
                "How far the destination has come cannot be read there. In its maintenance database: "
                "GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status() to the configured user."
            )
        elif subscription.remote_lsn is not None and subscription.remote_lsn > barrier.lsn:
            yield (
                f"Database {pair.name}: something was committed on the source after the barrier "
                f"(at {subscription.remote_lsn}): somebody still writes. Stop them, then confirm that anew: "
                f"pg-migrator cutover {observation.mapping} --writes-stopped"
            )


def _incomplete(pair: DatabasePair) -> Iterator[str]:
    """What the operator, or the last ticks, still have to do on the destination."""
    asleep = asleep_triggers(pair)
    if asleep:
        names = ", ".join(each.identity for each in asleep[:5])
        yield f"Database {pair.name}: {len(asleep)} triggers are not set as on the source yet: {names}"
    keys = foreign_keys.missing(pair)
    if keys:
        names = ", ".join(each.identity for each in keys[:5])
        yield f"Database {pair.name}: {len(keys)} foreign keys are still being added: {names}"


def _late_sequences(pair: DatabasePair, barrier: Barrier) -> Iterator[str]:
    """A sequence that is behind gives numbers out twice, whenever that is noticed; one that is gone was taken away."""
    behind = [name for name in sequences_behind(pair) if barrier.arrived_at is None or name in pair.target_sequences]
    if behind:
        yield f"Database {pair.name}: {counted(len(behind), 'sequence')} behind the source: {', '.join(behind[:5])}"


def _not_carried(observation: Observation, pair: DatabasePair, barrier: Barrier) -> Iterator[str]:
    for piece in carry.overdue(pair, barrier):
        since = carry.written_to(pair, piece) if carry.counts_still(pair, piece, barrier) else Written.UNASKED
        what = f"Database {pair.name}: {piece.what} {_NOT_CARRIED[since]}"
        if carry.is_precious(pair, piece, barrier):
            yield f"{what}. {carry.keep_or_overwrite(observation.mapping)}"
        else:
            yield f"{what}: pg-migrator carry {observation.mapping}"
    source = observation.source
    if isinstance(source, Instance) and carry.unsettled(pair, source.clients.get(pair.name, 0)):
        yield (
            f"Database {pair.name}: sessions are open on the source, and what they write to what was carried is counted up to "
            f"{insert_only.LATE_SECONDS:.0f} s late: look again."
        )


def sequences_behind(pair: DatabasePair) -> tuple[str, ...]:
    """Sequences of the destination that are behind, or absent. Of those that we may not read there a finding tells."""
    there, unknown = pair.target_sequences, frozenset(pair.unreadable_target_sequences)
    return tuple(
        name
        for name, value in sorted(pair.sequences.items())
        if name not in unknown and (name not in there or value.position() > there[name].position())
    )


def asleep_triggers(pair: DatabasePair) -> tuple[Definition, ...]:
    """Triggers that would act on replicated rows or on our own statements, and so are absent, or disabled, until the barrier."""
    if pair.source_schema is None or pair.target_schema is None:
        return ()
    found = (
        (each, pair.target_schema.find(each.identity)) for each in pair.source_schema.definitions if each.at_cutover
    )
    return tuple(wanted for wanted, there in found if not isinstance(there, Definition) or there.state != wanted.state)
