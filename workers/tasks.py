"""The tasks: a few lines each. A message carries names; whoever receives it looks again, decides again, acts."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from threading import Timer
from time import monotonic
from typing import ParamSpec, Protocol

import structlog
from celery.signals import heartbeat_sent, worker_ready

from migrator.config import MappingSpec
from migrator.errors import MigratorError, UnknownMappingError
from migrator.memory import Failures
from migrator.phases.snapshot_copy import NAME as PARTS_PHASE
from migrator.reports import config_public
from migrator.server_errors import ServerError, sentence
from migrator.store import Store
from migrator.store.history import Markers
from migrator.store.nudges import Nudges
from migrator.store.waiting import Waiting
from migrator.tasks.jobs import carry, copy_parts, keep, try_database
from migrator.tasks.perform import Outcome, Report, perform
from migrator.tasks.sampling import sample_lag
from migrator.tick.reconcile import Reconciler
from migrator.webhooks import send
from migrator.work import Work
from workers.app import CONFIG, SCHEMAS, app, store
from workers.slots import consumed_queues
from workers.stopping import interruptible, is_stopping

LOG = structlog.get_logger("workers")

P = ParamSpec("P")

Job = Callable[[MappingSpec, Work, Store, Report], Outcome]


class Copier(Protocol):
    """A job that asks whether it is to stop."""

    def __call__(
        self, spec: MappingSpec, work: Work, memory: Failures, report: Report, stopping: Callable[[], bool]
    ) -> Outcome: ...


UPKEEP = frozenset({"sync_sequences"})
"""Work that is never done while the source is written to: asking for a tick after it would make ticks follow without a pause."""


class CeleryDispatcher:
    """Sends a piece of work to its queue. Lost or doubled, it does no harm."""

    def dispatch(self, work: Work) -> None:
        app.send_task(work.task, args=work.arguments, queue=work.queue, ignore_result=True)


def _spec(mapping: str) -> MappingSpec:
    spec = CONFIG.mapping(mapping)
    if spec is None:
        raise UnknownMappingError(f"No mapping named {mapping} in this worker's configuration.")
    return spec


def _put_off(work: Callable[P, None]) -> Callable[P, None]:
    """A server or Redis that is away, or goes away meanwhile, is no fault of the task: the tick says so, and asks again."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            work(*args, **kwargs)
        except MigratorError as error:
            LOG.warning("work put off", task=work.__name__, arguments=args, error=error.message)
        except ServerError as error:
            LOG.warning("work put off", task=work.__name__, arguments=args, error=sentence(error))

    return run


def _of_beat(task: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """Taken up, it lets the next one be sent: first of all, and also where the worker is about to end."""

    def decorated(work: Callable[[str], None]) -> Callable[[str], None]:
        @wraps(work)
        def run(mapping: str) -> None:
            Waiting(store(), mapping).leave(task)
            work(mapping)

        return run

    return decorated


def _perform(task: str, mapping: str, database: str | None, phase: str | None, relations: Iterable[str] = ()) -> None:
    work = Work(task, mapping, database, phase, tuple(relations))
    try:
        outcome = perform(_spec(mapping), work, store(), _report(mapping), SCHEMAS)
    finally:
        store().clear_in_flight(mapping, work.queue, work.keys)
    if outcome.applied and task not in UPKEEP:
        _nudge(mapping, work.queue)


def _copy(copier: Copier, work: Work) -> None:
    """As _perform, for what moves rows itself, and has to ask whether its worker is to end."""
    _do(partial(copier, stopping=is_stopping), work)


def _do(job: Job, work: Work) -> None:
    """A job of its own: asks for the next tick also where it failed."""
    try:
        outcome = job(_spec(work.mapping), work, store(), _report(work.mapping))
    finally:
        store().clear_in_flight(work.mapping, work.queue, work.keys)
    if outcome.applied or outcome.failed:
        _nudge(work.mapping, work.queue)


def _report(mapping: str) -> Report:
    return lambda entry: store().append_log(mapping, entry)


def _nudge(mapping: str, queue: str | None = None) -> None:
    """Something has changed: a tick is to see it; the sooner, where workers of the `queue` have nothing to do for the mapping."""
    Nudges(store(), mapping).note_change()
    at_work = len(set(store().in_flight(mapping, queue).values())) if queue is not None else 0
    _ask_for_tick(mapping, waited_for=queue is None or at_work < store().slots(queue))


def _ask_for_tick(mapping: str, *, waited_for: bool = False) -> None:
    """At once, or as soon as the last one was asked for long enough ago.

    By a timer of this process: a message's own would be set by our clock, go off by another's, and hold beat's back meanwhile.
    """
    wait = Nudges(store(), mapping).seconds(waited_for=waited_for)
    if wait is not None:
        timer = Timer(wait, _send_tick, (mapping,))
        timer.daemon = True
        timer.start()


@_put_off
def _send_tick(mapping: str) -> None:
    """Unless one waits already: it will see what this one would."""
    if Waiting(store(), mapping).join("reconcile"):
        app.send_task("reconcile", args=(mapping,), queue="reconcile")


@app.task(name="reconcile")
@_put_off
@_of_beat("reconcile")
@interruptible
def reconcile(mapping: str) -> None:
    """One tick of one mapping; an emptied Redis gets the public configuration back with it.

    A tick that was asked for meanwhile found the mapping's lock taken, and ended: who holds it asks anew.
    """
    if store().public() is None:
        store().publish_public(config_public.public(CONFIG))
    nudges = Nudges(store(), mapping)
    before, begun = nudges.changes(), monotonic()
    seen = Reconciler(_spec(mapping), CeleryDispatcher(), store(), store(), SCHEMAS).tick()
    if seen is None:
        return
    nudges.took(monotonic() - begun)
    if nudges.changes() != before:
        _ask_for_tick(mapping)


@app.task(name="sample_lag")
@_put_off
@_of_beat("sample_lag")
@interruptible
def sample_lag_of(mapping: str) -> None:
    """One WAL marker on the source of a mapping."""
    sample_lag(_spec(mapping), Markers(store()))


@app.task(name="notify")
@interruptible
@_put_off
def notify(mapping: str, database: None = None, phase: None = None, relations: Sequence[str] = ()) -> None:
    """Tell the addresses under `notifications` what happened to one mapping."""
    work = Work("notify", mapping)
    try:
        send(_spec(mapping), store())
    finally:
        store().clear_in_flight(mapping, work.queue, work.keys)


@app.task(name="copy_schema")
@interruptible
@_put_off
def copy_schema(mapping: str, database: str, phase: str, relations: Sequence[str] = ()) -> None:
    """What must stand before rows can be received, in one database."""
    _perform("copy_schema", mapping, database, phase)


@app.task(name="try_schema")
@interruptible
@_put_off
def try_schema(mapping: str, database: str, phase: str, relations: Sequence[str] = ()) -> None:
    """Whether the destination takes the schema of one database, of which nothing has begun."""
    _do(try_database, Work("try_schema", mapping, database, phase))


@app.task(name="run_phase")
@interruptible
@_put_off
def run_phase(mapping: str, database: str | None, phase: str, relations: Sequence[str] = ()) -> None:
    """What one phase misses: of one database, or (None) of the whole instance."""
    _perform("run_phase", mapping, database, phase)


@app.task(name="run_relations")
@interruptible
@_put_off
def run_relations(mapping: str, database: str, phase: str, relations: Sequence[str]) -> None:
    """What some relations miss, e.g. their indexes: one large relation, or many small ones."""
    _perform("run_relations", mapping, database, phase, relations)


@app.task(name="copy_part")
@interruptible
@_put_off
def copy_part(mapping: str, database: str, group: int, relations: Sequence[str], parts: Sequence[int]) -> None:
    """Copy parts of relations under their group's snapshot: one large part, or many small ones."""
    _copy(copy_parts, Work("copy_part", mapping, database, PARTS_PHASE, tuple(relations), group, parts=tuple(parts)))


@app.task(name="carry")
@interruptible
@_put_off
def carry_database(mapping: str, database: str, phase: str, relations: Sequence[str] = ()) -> None:
    """What logical replication does not carry of one database, for the first time."""
    _copy(carry, Work("carry", mapping, database, phase))


@app.task(name="keep_snapshot")
@interruptible
@_put_off
def keep_snapshot(mapping: str, database: str, group: int, keeper: str) -> None:
    """Hold a group's snapshot until nothing is left to copy under it; the first keeper makes it, and the slot."""
    work = Work("keep_snapshot", mapping, database, PARTS_PHASE, (), group, keeper)
    outcome = Outcome(failed=1)
    try:
        outcome = keep(_spec(mapping), work, store(), _report(mapping), is_stopping, lambda: _nudge(mapping))
    finally:
        store().clear_in_flight(mapping, work.queue, work.keys)
        # Where its seat was taken, ticks, which ask for the free one each time, would follow without a pause.
        if not outcome.locked_elsewhere:
            _nudge(mapping)


@app.task(name="sync_sequences")
@interruptible
@_put_off
def sync_sequences(mapping: str, database: str, phase: str, relations: Sequence[str] = ()) -> None:
    """Move one database's sequences forward."""
    _perform("sync_sequences", mapping, database, phase)


@worker_ready.connect
@heartbeat_sent.connect
def _register(sender: object = None, **_: object) -> None:
    """Say which queues this worker serves, and with how many processes: the dispatch budget counts them."""
    found = consumed_queues(sender)
    if found is not None:
        store().register_worker(*found)
