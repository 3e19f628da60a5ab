"""One task's work under the method `snapshot`: keep a snapshot, or copy parts. Each looks again, narrowly, and decides by itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from migrator.carriage import carry_pieces, never_carried
from migrator.config import MappingSpec
from migrator.copying.errors import StoppedError, YieldError
from migrator.copying.keeper import Keeper, SnapshotLostError
from migrator.copying.seat import Seat
from migrator.copying.work import Parts
from migrator.errors import MigratorError, SessionLimitError, StoreUnavailableError
from migrator.memory import Failures
from migrator.model import Instance
from migrator.observation import Scope
from migrator.observe import Looker
from migrator.perform import Outcome, Report
from migrator.phases import carry as carry_phase
from migrator.phases.snapshot_copy import NAME, keeping
from migrator.records import Intent
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
            _failed(spec, work, memory, report, key, what, None, error)
            return Outcome(failed=1)


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
                _failed(spec, work, memory, report, key, f"copy part {number} of {relation}", relation, error)
                outcome = replace(outcome, failed=outcome.failed + 1)
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
    outcome = Outcome()
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
        _failed(spec, work, memory, report, key, carry_phase.SUMMARY, None, error)
        return replace(outcome, failed=1)
    memory.clear_failure(spec.name, key)
    return outcome


def _failed(
    spec: MappingSpec,
    work: Work,
    memory: Failures,
    report: Report,
    key: str,
    what: str,
    relation: str | None,
    error: MigratorError,
) -> None:
    words, now = error.message, datetime.now(UTC)
    memory.record_failure(spec.name, key, words, now)
    report(
        {
            "at": now.isoformat(),
            "event": what,
            "database": work.database,
            "relation": relation,
            "phase": work.phase,
            "level": "error",
            "error": words,
        }
    )
    LOG.error("job failed", mapping=spec.name, job=what, database=work.database, error=words)
