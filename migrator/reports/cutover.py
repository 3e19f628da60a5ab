"""What the operator does at the end, from live state. Pure: text."""

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.config import MappingSpec
from migrator.model import Instance
from migrator.observation import DatabasePair, Observation
from migrator.phases import carry, late_definitions
from migrator.phases.groups import in_ledger
from migrator.phases.sequences import setval
from migrator.records import Barrier, Intent
from migrator.reports import write_stop
from migrator.reports.completion import asleep_triggers, reasons_against, sequences_behind
from migrator.schema.definition import POPULATED
from migrator.steps import Decision, Side

SEQUENCES_SHOWN = 50
"""Statements of this kind per database, those behind first: a thousand help nobody, and the summary is read every tick."""


@dataclass(frozen=True)
class Instruction:
    """One step of the cutover. `holds`: seen to be done (True), seen not to be (False), or not ours to see (None)."""

    title: str
    why: str
    side: Side | None = None
    database: str | None = None
    sql: str | None = None
    command: str | None = None
    holds: bool | None = None


def _definitions(pair: DatabasePair, *, after: bool, arrived: bool) -> Iterator[Instruction]:
    if pair.source_schema is None:
        return
    views = [each for each in pair.source_schema.materialized_views if each.state == POPULATED]
    if views:
        yield Instruction(
            f"Refresh the materialized views of {pair.name}",
            "They hold what the tables held when they were last refreshed; replication does not carry their contents.",
            Side.DESTINATION,
            pair.target,
            "\n".join(f"{late_definitions.refresh(each)};" for each in views),
        )
    asleep = asleep_triggers(pair)
    triggers = [each for each in pair.source_schema.definitions if each.at_cutover]
    if triggers:
        yield Instruction(
            f"Set the triggers of {pair.name}",
            "ALWAYS, REPLICA and event triggers are disabled on the destination until the barrier: they would act on "
            "replicated rows, or on our own statements.",
            Side.DESTINATION,
            pair.target,
            "\n".join(f"{sql};" for each in asleep or triggers for sql in each.at_cutover),
            holds=arrived or (after and not asleep),
        )


def instructions(
    spec: MappingSpec, observation: Observation, decision: Decision, *, ready: bool
) -> tuple[Instruction, ...]:
    """The cutover, in order. Empty while the servers cannot be seen or the migration has not begun."""
    source, journal = observation.source, observation.journal
    if not isinstance(source, Instance) or journal is None or journal.source is None:
        return ()
    barrier = journal.barrier
    after, arrived = barrier is not None, observation.arrived
    return (
        Instruction(
            "Wait for the green light",
            "Everything is copied, indexed, granted and in step; only then is the pause of the application short.",
            holds=ready or after,
        ),
        *_stop_writers(spec, observation, source),
        Instruction(
            "Confirm the write stop",
            "Takes the barrier: a position in the source's WAL that every group must pass. It is refused while a "
            "transaction still writes. It also finalises the sequences.",
            command=f"pg-migrator cutover {spec.name} --writes-stopped",
            holds=after,
        ),
        _passed(observation, barrier),
        *_carried(spec, observation, barrier),
        *(_sequences(pair, after=after, arrived=arrived) for pair in observation.databases if pair.sequences),
        *(each for pair in observation.databases for each in _definitions(pair, after=after, arrived=arrived)),
        Instruction(
            "Point the applications at the destination",
            f"Server {spec.destination.server}, port {spec.destination.port}. pg-migrator switches nothing by itself.",
        ),
        Instruction(
            "Check the application",
            "Read and write through it. Until the next step there is a way back, in order: before the writers of the source "
            f"are let in again, pg-migrator cutover {spec.name} --writes-resumed says what to undo on the destination.",
        ),
        _completion(spec, observation, decision),
    )


def _completion(spec: MappingSpec, observation: Observation, decision: Decision) -> Instruction:
    judged = "Not safe yet." if reasons_against(spec, observation, decision) else "Safe now."
    return Instruction(
        "Complete",
        "Removes subscriptions, slots, publications and our ledger on both sides, and proves that nothing is left. "
        + judged,
        command=f"pg-migrator complete {spec.name}",
        holds=observation.journal is not None and observation.journal.intent is Intent.COMPLETED,
    )


def _stop_writers(spec: MappingSpec, observation: Observation, source: Instance) -> Iterator[Instruction]:
    yield Instruction(
        "Stop the writers",
        write_stop.explained(spec, observation, source),
        Side.SOURCE,
        None,
        write_stop.of_roles(spec, observation, source),
        holds=write_stop.sessions(observation, source) == 0,
    )
    for pair in observation.databases:
        if found := write_stop.held(pair, source):
            yield Instruction(
                f"Stop the subscriptions of {pair.name}",
                "What others publish is written here by the source's own subscriptions, which do not move. The last lines undo it.",
                Side.SOURCE,
                pair.name,
                write_stop.of_subscriptions(found),
                holds=not any(each.enabled for each in found),
            )


def _passed(observation: Observation, barrier: Barrier | None) -> Instruction:
    source = observation.source
    assert isinstance(source, Instance)
    slots = [source.slot(group.name) for pair in observation.databases for group in in_ledger(pair.ledger)]
    passed = barrier is not None and all(
        slot is not None and slot.confirmed_flush_lsn is not None and slot.confirmed_flush_lsn >= barrier.lsn
        for slot in slots
    )
    return Instruction(
        "Wait until every group has passed the barrier",
        f"Barrier: {barrier.lsn if barrier else 'not taken yet'}. Usually a second.",
        Side.SOURCE,
        None,
        "SELECT slot_name, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name LIKE 'migrator\\_%';",
        holds=passed,
    )


def _carried(spec: MappingSpec, observation: Observation, barrier: Barrier | None) -> Iterator[Instruction]:
    names = [carry.described(piece, pair) for pair in observation.databases for piece in carry.pieces(pair)]
    if names:
        yield Instruction(
            "Carry what is not replicated",
            f"{'; '.join(names)}: once more, now that nothing writes any more. Not again after the applications have switched: "
            "what they have written there would be lost.",
            command=f"pg-migrator carry {spec.name}",
            holds=barrier is not None and not any(carry.overdue(pair, barrier) for pair in observation.databases),
        )


def _sequences(pair: DatabasePair, *, after: bool, arrived: bool) -> Instruction:
    behind = sequences_behind(pair)
    names = behind or tuple(sorted(pair.sequences))
    lines = [f"{setval(pair.sequences[name])};" for name in names[:SEQUENCES_SHOWN]]
    if len(names) > SEQUENCES_SHOWN:
        lines.append(f"-- and {len(names) - SEQUENCES_SHOWN} more: the confirmation of the write stop moves them all")
    return Instruction(
        f"Sequences of {pair.name}",
        "Done by the confirmation of the write stop; the statements move sequences forward only, and may be repeated.",
        Side.DESTINATION,
        pair.target,
        "\n".join(lines),
        holds=arrived or (after and not behind),
    )
