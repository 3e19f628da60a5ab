"""Which work is handed out now: within each queue's budget, fairly between databases and mappings, nothing twice."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from migrator.steps import Decision, Gates
from migrator.store import Store
from migrator.work import Work, work_for

IN_FLIGHT_SECONDS = 30.0
"""How long a mark suppresses repeats of a message: as long as a killed worker's work may lie idle."""

SMALL_BYTES = 8 * 1024 * 1024
"""Relations up to this size share a message: looking at one costs more than building its indexes."""

AT_ONCE = 50
"""Relations of one message: each is locked against other workers until the message is done."""

PARTS_BYTES = 128 * 1024 * 1024
"""Larger parts share a message up to this, but no more than leaves some for every worker: each message opens sessions and ends in
a tick."""


class Dispatcher(Protocol):
    """Gets a piece of work done some time, somewhere; or not at all: the next tick asks again."""

    def dispatch(self, work: Work) -> None: ...


@dataclass(frozen=True)
class Errand:
    """The smallest piece of work. `alone`: large, or failed before and not to hold others up."""

    work: Work
    upkeep: bool
    cost_bytes: int
    alone: bool
    failed: bool = False


def errands(mapping: str, decision: Decision) -> Iterator[Errand]:
    """What a decision asks for, each once; costs of several actions for one relation are not added up."""
    failed = {(finding.database, finding.relation) for finding in decision.findings if finding.code == "action_failed"}
    for step in decision.steps:
        for (relation, _), action in {(action.relation, action.job): action for action in step.actions}.items():
            again = (step.database, relation) in failed
            alone = action.cost_bytes > SMALL_BYTES or again
            work = work_for(mapping, step, action)
            yield Errand(work, step.gates is Gates.NOTHING, action.cost_bytes, alone, again)


def messages(errands: Iterable[Errand], parts_bytes: float = 0) -> Iterator[Work]:
    """Upkeep first, then the largest of each database in turn, what failed before last; small relations many at a time.

    `parts_bytes`: up to this, larger parts that are copied travel together too.
    """
    lines: dict[str | None, deque[Errand]] = defaultdict(deque)
    for errand in sorted(errands, key=lambda errand: (not errand.upkeep, errand.failed, -errand.cost_bytes)):
        lines[errand.work.database].append(errand)
    while lines:
        for database, line in list(lines.items()):
            yield _message(line, parts_bytes)
            if not line:
                del lines[database]


def _message(line: deque[Errand], parts_bytes: float) -> Work:
    first = line.popleft()
    if first.failed or not first.work.relations or (first.alone and not first.work.parts):
        return first.work
    relations, parts, size = list(first.work.relations), list(first.work.parts), first.cost_bytes
    kept: list[Errand] = []
    while line and len(relations) < AT_ONCE:
        errand = line.popleft()
        small = not (first.alone or errand.alone)
        fits = small or (bool(parts) and size + errand.cost_bytes <= parts_bytes)
        if errand.failed or not fits or _kind(errand.work) != _kind(first.work):
            kept.append(errand)
        else:
            relations += errand.work.relations
            parts += errand.work.parts
            size += errand.cost_bytes
    line.extendleft(reversed(kept))
    return replace(first.work, relations=tuple(relations), parts=tuple(parts))


def _kind(work: Work) -> tuple[str, str | None, int | None]:
    """What may share a message."""
    return work.task, work.phase, work.group


def dispatch(mapping: str, decision: Decision, store: Store, dispatcher: Dispatcher) -> None:
    """Hand out within each queue's budget what is not on its way already. A handful of Redis calls per queue."""
    by_queue: dict[str, list[Errand]] = defaultdict(list)
    for errand in errands(mapping, decision):
        by_queue[errand.work.queue].append(errand)
    for queue, waiting in by_queue.items():
        on_their_way = store.in_flight(mapping, queue)
        idle = [errand for errand in waiting if errand.work.keys[0] not in on_their_way]
        room = _room(store, queue, set(on_their_way.values()))
        share = sum(errand.cost_bytes for errand in idle) / max(1, 2 * store.slots(queue))
        chosen = list(islice(messages(idle, min(PARTS_BYTES, share)), room))
        store.mark_all_in_flight(mapping, queue, {work.key: work.keys for work in chosen}, IN_FLIGHT_SECONDS)
        for work in chosen:
            dispatcher.dispatch(work)


def _room(store: Store, queue: str, own: Collection[str]) -> int:
    """Messages a tick may add: twice the free slots less what is queued, or what is left of the mapping's share.

    Marks expire under work that takes long. So that its messages do not queue again and again, nothing is added for anybody
    once the budget and everybody's share may be waiting.
    """
    budget, names = max(1, 2 * store.slots(queue)), max(1, len(store.mapping_names()))
    share, queued = max(1, budget // names), store.queued(queue)
    return max(budget - queued, min(share - len(own), budget + share * names - queued), 0)
