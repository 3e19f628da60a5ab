"""One task's work under the method `snapshot`: keep a snapshot, or copy parts. Each looks again, narrowly, and decides by itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from migrator.bookkeeping import trials
from migrator.clock import Clock
from migrator.config import MappingSpec
from migrator.connection import SILENCE_SECONDS, connect, session_of, try_lock
from migrator.copying.errors import StoppedError, YieldError
from migrator.copying.keeper import Keeper, SnapshotLostError
from migrator.copying.seat import Seat
from migrator.copying.work import Parts
from migrator.errors import MigratorError, SessionLimitError, StoreUnavailableError
from migrator.looks.observe import Looker
from migrator.memory import Failures
from migrator.model import Instance, is_disk_full
from migrator.names import application_name, lock_key
from migrator.observation import Hints, Scope
from migrator.phases import carry as carry_phase
from migrator.phases import decide, failing, trial
from migrator.phases.snapshot_copy import NAME, keeping
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.records import Intent
from migrator.schema_trial import try_schema
from migrator.server_errors import ServerError
from migrator.steps import TrySchema
from migrator.tasks.carriage import carry_pieces, never_carried
from migrator.tasks.perform import Outcome, Report
from migrator.work import Work

LOG = structlog.get_logger("migrator")

Asked = Callable[[], bool]

_held: set[tuple[str, str, int]] = set()
_guard = threading.Lock()
"""Groups whose snapshot this process holds already: a second keeper of it belongs into another."""


@contextmanager
def _place(work: Work) -> Iterator[bool]:
    place = work.mapping, work.database or "", work.group or 0
    with _guard:
        free = place not in _held
        _held.add(place)
    try:
        yield free
    finally:
        if free:
            with _guard:
                _held.discard(place)


def keep(
    spec: MappingSpec,
    work: Work,
    memory: Failures,
    report: Report,
    stopping: Asked = lambda: False,
    told: Callable[[], None] = lambda: None,
) -> Outcome:
    """Keep a group's snapshot as long as it is needed; `told` is called as soon as it is held."""
    assert work.database is not None and work.group is not None and work.keeper is not None
    with _place(work) as free:
        if not free:
            return Outcome(locked_elsewhere=True)
        what = keeping(work.group, work.keeper)
        key = f"{NAME}:{work.database}:{what}"
        seat = Seat(spec, work.database, work.group, work.keeper)
        held = [False]

        def holding() -> None:
            held[0] = True
            memory.clear_failure(spec.name, key)
            told()

        try:
            return Outcome(applied=int(Keeper(seat, stopping, holding).keep()))
        except (SessionLimitError, SnapshotLostError):
            raise
        except MigratorError as error:
            if held[0]:
                LOG.warning(
                    "snapshot lost", mapping=spec.name, database=work.database, group=work.group, error=error.message
                )
                return Outcome(applied=1)
            _failed(spec, work, memory, report, key, what, None, error, _destination_clock(spec))
            return Outcome(failed=1)


def _destination_clock(spec: MappingSpec) -> Clock:
    """Ours where the destination does not answer: then nothing is tried anyhow."""
    try:
        with session_of(spec.destination, None, application_name(spec.name, "clock")) as session:
            return Clock.of(session)
    except (MigratorError, ServerError):
        return Clock(datetime.now(UTC))


def copy_parts(
    spec: MappingSpec, work: Work, memory: Failures, report: Report, stopping: Asked = lambda: False
) -> Outcome:
    """Copy those of the parts that nobody else is at, one after the other. Redis unreachable raises: copying stops."""
    outcome = Outcome()
    with Parts(spec, work, memory, stopping) as parts:
        for relation, number in zip(work.relations, work.parts, strict=True):
            key = f"{NAME}:{work.database}:{relation}"
            try:
                copied = parts.copy(relation, number)
            except (SessionLimitError, StoreUnavailableError):
                raise
            except MigratorError as error:
                _failed(
                    spec, work, memory, report, key, f"copy part {number} of {relation}", relation, error, parts.clock
                )
                outcome = replace(outcome, failed=outcome.failed + 1)
                # The others have not failed: counted as if they had, one cut line, or a full disk, would be waited out for minutes.
                if parts.cut_off or is_disk_full(error.message):
                    break
                continue
            if copied is None:
                continue
            memory.clear_failure(spec.name, key)
            LOG.info("part copied", mapping=spec.name, database=work.database, relation=relation, part=number)
            outcome = replace(outcome, applied=outcome.applied + 1)
            if parts.over:
                break
    return outcome


def carry(spec: MappingSpec, work: Work, memory: Failures, report: Report, stopping: Asked = lambda: False) -> Outcome:
    """Carry what was never carried of a database. Redis unreachable raises: copying stops."""
    assert work.database is not None
    servers = Looker(spec, carry_phase.NAME).look(Scope(database=""))
    entry = servers.journal
    if entry is None or entry.intent is not Intent.MIGRATE or not isinstance(servers.source, Instance):
        return Outcome()
    key = f"{carry_phase.NAME}:{work.database}:{carry_phase.SUMMARY}"
    clock, outcome = Clock(servers.observed_at), Outcome()
    try:
        for carried in carry_pieces(
            spec, work.database, servers.source.system_identifier, memory, stopping, never_carried
        ):
            LOG.info(
                "carried", mapping=spec.name, database=work.database, what=carried.what, bytes=carried.copied.bytes
            )
            outcome = replace(outcome, applied=outcome.applied + 1)
    except (SessionLimitError, StoreUnavailableError):
        raise
    except (StoppedError, YieldError) as error:
        LOG.info("carrying put off", mapping=spec.name, database=work.database, reason=error.message)
        return outcome
    except MigratorError as error:
        _failed(spec, work, memory, report, key, carry_phase.SUMMARY, None, error, clock)
        return replace(outcome, failed=1)
    memory.clear_failure(spec.name, key)
    return outcome


def try_database(spec: MappingSpec, work: Work, memory: Failures, report: Report) -> Outcome:
    """Try a database's schema on the destination, and note in the journal what came of it.

    A trial that breaks off again and again is noted as that: it says nothing of the schema, and holds up nobody for ever.
    """
    assert work.database is not None
    with connect(spec.destination, None, application_name(spec.name, work.task), None, SILENCE_SECONDS) as session:
        view = _view(spec, work.database, memory)
        if view is None or not try_lock(session, lock_key("database", spec.name, work.database)):
            return Outcome(locked_elsewhere=view is not None)
        clock = Clock(view.now)
        what = f"{trial.SUMMARY} of {identifier(work.database)}"
        key = f"{trial.NAME}:{work.database}:{what}"
        try:
            made = try_schema(view)
        except SessionLimitError:
            raise
        except MigratorError as error:
            _failed(spec, work, memory, report, key, what, None, error, clock)
            if memory.failures(spec.name)[key].count < failing.UNTIL_BLOCKING:
                return Outcome(failed=1)
            made = trial.broken_off(view, error.message)
        trials.write(session, spec.name, made)
        memory.clear_failure(spec.name, key)
        LOG.info(
            "schema tried", mapping=spec.name, database=work.database, failures=len(made.failures), seconds=made.seconds
        )
        return Outcome(applied=1)


def _view(spec: MappingSpec, database: str, memory: Failures) -> View | None:
    """The database as it is now; None where its schema is not, or not any more, to be tried."""
    seen = Looker(spec, "trial").look(Scope(database))
    if seen.journal is None or seen.journal.source is None:
        return None
    hints = Hints(memory.failures(spec.name))
    decision = decide(spec, seen, hints, seen.observed_at)
    if not any(isinstance(action.job, TrySchema) and step.database == database for step, action in decision.actions):
        return None
    return View(spec, seen, hints, seen.observed_at, seen.database(database))


def _failed(
    spec: MappingSpec,
    work: Work,
    memory: Failures,
    report: Report,
    key: str,
    what: str,
    relation: str | None,
    error: MigratorError,
    clock: Clock,
) -> None:
    words = error.message
    memory.record_failure(spec.name, key, words, clock.now())
    report(
        {
            "at": datetime.now(UTC).isoformat(),
            "event": what,
            "database": work.database,
            "relation": relation,
            "phase": work.phase,
            "level": "error",
            "error": words,
        }
    )
    LOG.error("job failed", mapping=spec.name, job=what, database=work.database, error=words)
