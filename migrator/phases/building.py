"""What one index, constraint or comment of the source still needs on the destination, where changes are applied already."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from migrator.contents import SyncState
from migrator.observation import DatabasePair
from migrator.phases import foreign_keys, quick
from migrator.phases.appeared import Appeared
from migrator.phases.pre_data import drift_finding
from migrator.quote import identifier
from migrator.schema import Schema
from migrator.schema.comment import Comment
from migrator.schema.compare import differences
from migrator.schema.constraint import CHECK, FOREIGN_KEY, Constraint
from migrator.schema.definition import MATERIALIZED_VIEW
from migrator.schema.index import Index
from migrator.steps import Action, Finding, Quick, Side, Statement, Wait

NOT_VALID_ON_PARTITIONED = 18
"""The first major version that takes NOT VALID foreign keys on partitioned tables."""

Work = Action | Wait | Finding
Piece = Index | Constraint | Comment


@dataclass(frozen=True)
class Builder:
    """One database's two schemas, and which of its relations may be built on."""

    pair: DatabasePair
    source: Schema
    target: Schema
    major: int
    after_barrier: bool
    """All that was written on the source has been applied."""
    appeared: Appeared
    unfilled: frozenset[str] = frozenset()
    """Relations whose rows are carried for good only after the barrier, and have not been."""
    late_keys: frozenset[str] = frozenset()
    """See `phases.late_keys`."""

    def of(self, piece: Piece) -> Iterator[Work]:
        """What this one still needs; nothing where it is as it should be."""
        if isinstance(piece, Comment):
            yield from self._comment(piece)
        elif isinstance(piece, Index):
            if piece.relation in self._unmade:
                yield Wait(f"{piece.identity} waits for {piece.relation}, which waits for an index", piece.relation)
            elif (not piece.is_key or piece.identity in self.late_keys) and (piece.valid or piece.partitioned):
                yield from self._hold(piece, self._index(piece))
        elif piece.type == CHECK and (piece.local or self._is_apart(piece.relation)):
            yield from self._hold(piece, self._check(piece))
        elif piece.type == FOREIGN_KEY and piece.parent is None:
            yield from self._hold_new(piece, self._foreign_key(piece))

    @cached_property
    def _unready(self) -> frozenset[str]:
        """Tables with a leaf that rows are still being copied into."""
        names = (table.qualified for table in self.source.tables)
        return frozenset(name for name in names if not self.pair.ready.issuperset(self.source.storage(name)))

    @cached_property
    def _unmade(self) -> frozenset[str]:
        """Materialized views of the source that the destination lacks."""
        views = (each for each in self.source.definitions if each.kind == MATERIALIZED_VIEW)
        return frozenset(str(each.relation) for each in views if self.target.find(each.identity) is None)

    @cached_property
    def _bytes(self) -> Mapping[str, int]:
        """Of every table, with all that inherits from it."""
        sizes = {name: size.bytes for name, size in self.pair.sizes.items()}
        names = (table.qualified for table in self.source.tables)
        return {name: sum(sizes.get(leaf, 0) for leaf in self.source.storage(name)) for name in names}

    def bytes_of(self, relation: str) -> int:
        """With all that inherits from it; 0 for what holds no rows."""
        return self._bytes.get(relation, 0)

    @cached_property
    def _all_ready(self) -> bool:
        states = [state for each in self.pair.subscriptions for state in each.relations.values()]
        return bool(states) and all(state is SyncState.READY for state in states)

    @cached_property
    def _attached(self) -> Mapping[str, tuple[Index, ...]]:
        """The source's indexes of partitions, by the parent's index."""
        ordered = sorted((each for each in self.source.indexes if each.parent), key=lambda each: str(each.parent))
        return {str(parent): tuple(group) for parent, group in groupby(ordered, key=lambda each: each.parent)}

    @cached_property
    def _target_indexes(self) -> Mapping[tuple[str, str], Index]:
        return {(each.relation, each.name): each for each in self.target.indexes}

    def _hold(self, piece: Index | Constraint, work: Iterable[Work]) -> Iterator[Work]:
        """Work on a relation, or a wait in the place of its actions while rows are still being copied into it."""
        relation = piece.relation
        for each in self._hold_new(piece, work):
            if relation in self._unready and isinstance(each, Action):
                yield Wait(f"indexes and constraints of {relation} wait until it is ready", relation)
                return
            yield each

    def _hold_new(self, piece: Index | Constraint, work: Iterable[Work]) -> Iterator[Work]:
        """The same while changes from before this one was there may be on their way."""
        for each in work:
            if isinstance(each, Action) and self.appeared.is_new(piece):
                yield self.appeared.note(piece)
                return
            if isinstance(each, Action) and self.appeared.is_awaited(piece):
                why = f"waits until all that was written to {piece.relation} before has arrived"
                yield Wait(f"{piece.identity} {why}", piece.relation)
                return
            yield each

    def _index(self, index: Index) -> Iterator[Work]:
        found = self.target.find(index.identity)
        if not isinstance(found, Index):
            yield self._build(index)
            if index.constrains_roughly and not index.partitioned:
                yield self._rough(index)
            return
        drift = [
            each
            for each in differences(index, found)
            if not (each.property == "constraint" and found.constraint is None)
            and each.property not in index.unset(found)
        ]
        if drift:
            yield from (drift_finding(self.pair.name, each, index.relation) for each in drift)
        elif not found.valid and not index.partitioned:
            yield self._build(index, found.drop_gently())
        else:
            yield from self._complete(index, found)

    def _build(self, index: Index, *first: str) -> Action:
        """`first` clears away the invalid leftover of a stopped build of ours.

        A gentle build has its table's lock tried first, with the short timeout of all locks: apply does not wait behind it,
        and a build that waits for somebody's lock would keep its worker for as long.
        """
        gentle = index.create_gently()
        statements = [self._alone(sql) for sql in (*first, *gentle[:1])]
        if gentle and self.source.has_table(index.relation):  # not a materialized view: no LOCK takes one
            statements.insert(0, self._statement(f"LOCK TABLE ONLY {index.relation} IN SHARE UPDATE EXCLUSIVE MODE"))
        statements += [self._statement(sql) for sql in (gentle[1:] if gentle else index.create())]
        if gentle and index.constraint is not None:
            statements.append(self._statement(index.adopt()))
        swift = quick.build(index, self.source, self.pair.sizes) if not first else None
        return self._action(f"build {index.identity}", index.relation, *statements, swift=swift)

    def _rough(self, index: Index) -> Finding:
        """Of a table that holds rows already: the constraint is new, or the table was begun before it was seen."""
        return Finding(
            "replication_waits_for_constraint",
            f"{index.identity} in {self.pair.target} is a constraint that PostgreSQL can only build with {index.relation} locked: "
            "replication into this database waits until it is done, and catches up by itself.",
            "Nothing to do. Where the wait would be too long: drop the constraint on the source, and add it on the destination "
            "after the cutover.",
            blocking=False,
            database=self.pair.name,
            relation=index.relation,
        )

    def _complete(self, index: Index, found: Index) -> Iterator[Work]:
        if index.constraint is not None and found.constraint is None:
            yield self._action(f"add constraint on {index.identity}", index.relation, self._statement(index.adopt()))
        for what, statements in index.unset(found).items():
            yield self._action(f"set {what} of {index.identity}", index.relation, *map(self._statement, statements))
        if index.partitioned:
            yield from self._attach(index)

    def _attach(self, parent: Index) -> Iterator[Work]:
        """Takes in every partition's index that is there and not yet attached; waits for those still missing."""
        for child in self._attached.get(parent.qualified, ()):
            found = self.target.find(child.identity)
            bare = isinstance(found, Index) and child.constraint is not None and found.constraint is None
            if not isinstance(found, Index) or bare or not (found.valid or found.partitioned):
                yield Wait(f"{parent.identity} waits for {child.identity}", parent.relation)
            elif self._is_apart(child.relation):
                yield Wait(f"{parent.identity} waits until {child.relation} is attached", parent.relation)
            elif found.parent is None:
                sql = f"ALTER INDEX {parent.qualified} ATTACH PARTITION {child.qualified}"
                yield self._action(f"attach {child.identity}", parent.relation, self._statement(sql))

    def _is_apart(self, relation: str) -> bool:
        """A partition of the source that is a table by itself on the destination as yet."""
        if not self.target.has_table(relation) or self.target.table(relation).parent is not None:
            return False
        return self.source.has_table(relation) and self.source.table(relation).parent is not None

    def _check(self, constraint: Constraint) -> Iterator[Work]:
        """A check that inheriting tables also have as their own is merged with theirs, so theirs come first."""
        for relation in self.source.descendants(constraint.relation):
            identity = _constraint_identity(relation, constraint.name)
            ours = self.source.find(identity)
            if isinstance(ours, Constraint) and ours.local and self.target.find(identity) is None:
                yield Wait(f"{constraint.identity} waits for {identity}", constraint.relation)
                return
        yield from self._constraint(constraint)

    def _constraint(self, constraint: Constraint) -> Iterator[Work]:
        """NOT VALID and VALIDATE are actions of their own: validating must not keep the lock that adding took."""
        found = self.target.find(constraint.identity)
        if isinstance(found, Constraint):
            drift = differences(constraint, found)
            yield from (drift_finding(self.pair.name, each, constraint.relation) for each in drift)
            if drift:
                return
        else:
            yield self._on_constraint("add", constraint, constraint.add())
        validated = isinstance(found, Constraint) and found.validated
        if constraint.validated and constraint.enforced and not validated:
            yield self._on_constraint("validate", constraint, constraint.validate())

    def _on_constraint(self, verb: str, constraint: Constraint, sql: str) -> Action:
        swift = quick.constraint(constraint, sql, self.source, self.pair.sizes)
        return self._action(f"{verb} {constraint.identity}", constraint.relation, self._statement(sql), swift=swift)

    def _foreign_key(self, constraint: Constraint) -> Iterator[Work]:
        if isinstance(self.target.find(constraint.identity), Constraint):
            work = self._constraint(constraint)
        elif foreign_keys.waits_for_rows(self.pair, self.source, constraint, self.unfilled):
            work = iter((foreign_keys.left_for_later(self.pair, constraint, for_rows=True),))
        elif not self._may_refer(constraint) or not self._referenced_key_exists(constraint):
            why = "every relation is ready and the referenced key exists"
            work = iter((Wait(f"{constraint.identity} waits until {why}", constraint.relation),))
        elif not self.after_barrier and foreign_keys.is_between_groups(self.pair.ledger, self.source, constraint):
            work = iter((foreign_keys.left_for_later(self.pair, constraint),))
        elif constraint.partitioned and self.major < NOT_VALID_ON_PARTITIONED:
            work = self._partitioned_foreign_key(constraint)
        else:
            work = self._constraint(constraint)
        yield from work

    def _may_refer(self, constraint: Constraint) -> bool:
        """Every relation is ready, or none of them that are replicated has to do with it."""
        return self._all_ready or not any(map(self.source.storage, foreign_keys.sides(self.source, constraint)))

    def _partitioned_foreign_key(self, constraint: Constraint) -> Iterator[Work]:
        """The detour before 18: each leaf's, NOT VALID and VALIDATE, then the parent's, which adopts them unchecked."""
        leaves = [each for each in self.source.constraints if self._leads_to(each, constraint)]
        done = True
        for leaf in (leaf for leaf in leaves if not leaf.partitioned):
            work = tuple(self._constraint(leaf))
            done = done and not work
            yield from work
        if done:
            statement = self._statement(constraint.add_valid())
            yield self._action(f"add {constraint.identity}", constraint.relation, statement)
        else:
            yield Wait(f"{constraint.identity} waits for those of its partitions", constraint.relation)

    def _leads_to(self, constraint: Constraint, top: Constraint) -> bool:
        parent = constraint.parent
        while parent is not None:
            if parent == (top.relation, top.name):
                return True
            above = self.source.find(_constraint_identity(*parent))
            parent = above.parent if isinstance(above, Constraint) else None
        return False

    def _referenced_key_exists(self, constraint: Constraint) -> bool:
        if constraint.referenced is None:
            return False
        key = self._target_indexes.get(constraint.referenced)
        of_extension = not self.source.has_table(constraint.referenced[0])  # its key came with CREATE EXTENSION
        return of_extension or (key is not None and key.valid)

    def _comment(self, comment: Comment) -> Iterator[Work]:
        """Comments on what this phase makes; the others came with theirs."""
        on = self.source.find(comment.needs)
        late = isinstance(on, Constraint) or (isinstance(on, Index) and not on.is_key)
        if comment.relation is None or not late or self.target.find(comment.needs) is None:
            return
        found = self.target.find(comment.identity)
        if found is None:
            statements = map(self._statement, comment.create())
            swift = quick.beside(comment.relation, comment.create(), self.source)
            yield self._action(f"create {comment.identity}", comment.relation, *statements, swift=swift)
        else:
            yield from (drift_finding(self.pair.name, each, comment.relation) for each in differences(comment, found))

    def _action(self, summary: str, relation: str, *statements: Statement, swift: Quick | None = None) -> Action:
        return Action(summary, statements, relation, cost_bytes=self.bytes_of(relation), quick=swift)

    def _statement(self, sql: str) -> Statement:
        return Statement(Side.DESTINATION, self.pair.target, sql)

    def _alone(self, sql: str) -> Statement:
        return Statement(Side.DESTINATION, self.pair.target, sql, transactional=False, patient=True)


def _constraint_identity(relation: str, name: str) -> str:
    return f"constraint {identifier(name)} on {relation}"
