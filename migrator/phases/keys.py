"""Under the method `snapshot`: keys, indexes and statistics of a relation as soon as its rows are in, before any change is applied.

Nobody writes to it yet, so that a plain build holds up no one. Once it is under apply, post_data builds, gently.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from migrator.config import CopyMethod
from migrator.observation import DatabasePair
from migrator.phases import analyze, groups, membership, quick
from migrator.phases.appeared import Appeared
from migrator.phases.relations import MOST_RELATIONS, bytes_of
from migrator.phases.view import View
from migrator.phases.wording import counted
from migrator.schema import Schema
from migrator.schema.index import Index, IndexAttachment, attachment
from migrator.schema.replica_identity import replica_identity
from migrator.schema.table import PARTITIONED
from migrator.steps import Action, Gates, Quick, Side, Statement, Step, Wait

NAME = "keys"

KB_PER_BLOCK = 8
MB_IN_KB = 1024
LARGEST_MEMORY_MB = 1024
"""More seldom makes a sort faster; several builds run at once."""

TRIES = 3
"""A relation whose builds have failed so often does not hold up its group with indexes that apply can do without."""

SHARE = 8
"""Of shared_buffers, the only setting that tells how large the destination is: one build takes an eighth, unless told otherwise."""


def examine(view: View) -> Step:
    """Everything belongs to one relation. Holds back nothing by itself: each group's subscription asks for its own."""
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return Step(NAME, view.database.name, Gates.RELATION)
    work = tuple(_Builder(view, source, target).work())
    return Step(
        NAME,
        view.database.name,
        Gates.RELATION,
        tuple(each for each in work if isinstance(each, Action)),
        tuple(each for each in work if isinstance(each, Wait)),
    )


def deferred(view: View) -> frozenset[str]:
    """Tables whose keys are not made before their rows: leaves copied by us and not under apply yet, and their parents."""
    schema = view.database.source_schema
    if schema is None or groups.method_of(view.spec.copy_method, view.database) is not CopyMethod.SNAPSHOT:
        return frozenset()
    under = {group.number for group in view.database.ledger.groups if groups.is_under_snapshot(group)}
    known = view.database.ledger.relations
    leaves = {
        name
        for name in schema.leaves()
        if (known[name].group in under if name in known else not membership.joins(view, name))
    }
    above = {parent for leaf in leaves for parent in _ancestors(schema, leaf)}
    return frozenset(leaves | above)


def _ancestors(schema: Schema, relation: str) -> Iterator[str]:
    for parent in schema.table(relation).parents:
        if schema.has_table(parent):
            yield parent
            yield from _ancestors(schema, parent)


def lacking(view: View, relations: Iterable[str], *, hurry: bool = False) -> list[str]:
    """Those of the relations that lack what a subscription is to wait for on the destination.

    Always their key and replica identity, by which apply finds rows; other indexes too, unless there is `hurry`, or their building
    has failed again and again: post_data builds what is left, gently.
    """
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return sorted(relations)
    builder = _Builder(view, source, target)

    def awaited(name: str) -> Iterator[Action]:
        return builder.identity(name) if hurry or view.tries(NAME, name) >= TRIES else builder.missing(name)

    return [name for name in sorted(relations) if source.has_table(name) and any(awaited(name))]


@dataclass(frozen=True)
class _Builder:
    view: View
    source: Schema
    target: Schema

    @property
    def pair(self) -> DatabasePair:
        return self.view.database

    def work(self) -> Iterator[Action | Wait]:
        """The largest relations; of very many no more than can be handed out before the next tick, beside those that fail."""
        begun, waiting, failing = 0, 0, self.view.failing(NAME).keys()
        for relation in sorted(deferred(self.view), key=lambda name: (-bytes_of(self.view, name), name)):
            if not self._has_its_rows(relation):
                waiting += any(self.missing(relation))
            elif begun < MOST_RELATIONS or relation in failing:
                work = tuple(self._of(relation))
                begun += bool(work) and relation not in failing
                yield from work
        if waiting:
            yield Wait(f"keys and indexes of {counted(waiting, 'relation')} wait for rows")
        if begun >= MOST_RELATIONS:
            yield Wait("keys and indexes of more relations may come when these are built")

    def _of(self, relation: str) -> Iterator[Action]:
        lacking = tuple(self.missing(relation))
        yield from lacking or analyze.at_once(self.view, relation)

    def missing(self, relation: str) -> Iterator[Action]:
        """What has to be made of one table, the replica identity before other indexes; attachments once both ends are there.

        An index that is younger than the copy is post_data's: the rows that were copied may not fit it.
        """
        yield from self.identity(relation)
        for index in self._indexes.get(relation, ()):
            if not index.is_key and not self._appeared.is_younger(index):
                yield from self._index(index)

    def identity(self, relation: str) -> Iterator[Action]:
        """Of that only what tells its rows apart: primary key and replica identity. Not one that is younger than the copy, either."""
        keys = [index for index in self._indexes.get(relation, ()) if index.is_key]
        old = [index for index in keys if not self._appeared.is_younger(index)]
        for index in old:
            yield from self._index(index)
        tie = replica_identity(self.source.table(relation))
        if tie is not None and (tie.index is None or old == keys) and self.target.find(tie.identity) is None:
            yield self._action(
                f"set {tie.identity}", relation, tie.create(), quick.beside(relation, tie.create(), self.source)
            )

    @cached_property
    def _appeared(self) -> Appeared:
        return Appeared(self.view, self.source)

    @cached_property
    def _indexes(self) -> dict[str, list[Index]]:
        found: dict[str, list[Index]] = {}
        for index in self.source.indexes:
            if index.valid or index.partitioned:
                found.setdefault(index.relation, []).append(index)
        return found

    def _has_its_rows(self, relation: str) -> bool:
        entries = self.pair.ledger.relations
        leaves = self.source.storage(relation) if self.source.table(relation).kind == PARTITIONED else (relation,)
        return all(leaf in entries and self._is_in(leaf) for leaf in leaves)

    def _is_in(self, leaf: str) -> bool:
        entry = self.pair.ledger.relations[leaf]
        return entry.count.finished or any(leaf in each.relations for each in self.pair.subscriptions)

    def _index(self, index: Index) -> Iterator[Action]:
        found = self.target.find(index.identity)
        if found is None:
            yield self._build(index)
        elif isinstance(found, Index) and not found.valid and not found.partitioned:
            yield self._build(index, f"DROP INDEX {index.qualified}")
        elif (tie := attachment(index)) is not None and self._attachable(tie) and self._is_partition(index.relation):
            yield self._action(f"attach {index.identity}", index.relation, tie.create())

    def _is_partition(self, relation: str) -> bool:
        """On the destination already; one that joined its tree in mid-copy is attached later (`attached`)."""
        return self.target.has_table(relation) and self.target.table(relation).parent is not None

    def _attachable(self, tie: IndexAttachment) -> bool:
        return self.target.find(tie.identity) is None and self.target.find(f"index {tie.parent}") is not None

    def _build(self, index: Index, *first: str) -> Action:
        settings = () if index.partitioned else build_settings(self.view)
        swift = quick.build(index, self.source, self.pair.sizes) if not first else None
        return self._action(f"build {index.identity}", index.relation, (*settings, *first, *index.create()), swift)

    def _action(self, summary: str, relation: str, sentences: Iterable[str], swift: Quick | None = None) -> Action:
        statements = tuple(Statement(Side.DESTINATION, self.pair.target, sql, patient=True) for sql in sentences)
        size = sum(bytes_of(self.view, leaf) for leaf in self.source.storage(relation))
        return Action(summary, statements, relation, cost_bytes=size, quick=swift)


def build_settings(view: View) -> tuple[str, ...]:
    """For the length of one build's transaction: memory and workers as configured, or as the destination's settings suggest."""
    limits, own = view.spec.replication, view.destination.setting
    memory = limits.index_memory_mb
    if not memory:
        share = own("shared_buffers") * KB_PER_BLOCK // MB_IN_KB // SHARE
        memory = max(own("maintenance_work_mem") // MB_IN_KB, min(LARGEST_MEMORY_MB, share))
    workers = (
        (f"SET LOCAL max_parallel_maintenance_workers = {limits.index_workers}",) if limits.index_workers >= 0 else ()
    )
    return (f"SET LOCAL maintenance_work_mem = '{max(1, memory)}MB'", *workers)
