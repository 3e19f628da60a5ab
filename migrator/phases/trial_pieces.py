"""What a trial of a schema runs: the statements of every object, in the order of a migration, and what each stands on.

As on a destination without rows: plain builds, constraints checked at once. Left out are user mappings, which hold secrets, and
the contents of materialized views, which need rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from migrator.phases.building import NOT_VALID_ON_PARTITIONED
from migrator.phases.pre_data import wanted_items
from migrator.quote import identifier
from migrator.schema import Schema
from migrator.schema.comment import Comment
from migrator.schema.constraint import CHECK, FOREIGN_KEY, Constraint
from migrator.schema.definition import Definition
from migrator.schema.index import Index, IndexAttachment
from migrator.schema.index import attachment as index_attachment
from migrator.schema.item import Item
from migrator.schema.namespace import Namespace
from migrator.schema.order import Circle, Dependencies
from migrator.schema.replica_identity import ReplicaIdentity
from migrator.schema.sequence import Ownership
from migrator.schema.sequence import Sequence as SequenceItem
from migrator.schema.spelling import unquoted
from migrator.schema.table import Attachment, Table

_UNDEFINED = frozenset({"42P01", "42883", "42704", "3F000"})
"""undefined_table, undefined_function, undefined_object, invalid_schema_name."""


@dataclass(frozen=True)
class Piece:
    """One object, or a circle of them that is made in one go."""

    item: Item
    statements: tuple[str, ...]

    @property
    def relation(self) -> str | None:
        """The table it is, or belongs to."""
        return _relation(self.item)


def _relation(item: Item) -> str | None:
    if isinstance(item, Table):
        return item.qualified
    found = getattr(item, "relation", None)
    return found if isinstance(found, str) else None


def pieces(source: Schema, major: int) -> tuple[Piece, ...]:
    """All of them. Raises CircleError where objects need one another that nothing can untangle."""
    first = wanted_items(source, Schema())
    made = {item.identity for item in first}
    late = (item for item in _late(source) if item.identity not in made)
    return tuple(Piece(item, _statements(item, major)) for item in (*first, *late))


def _statements(item: Item, major: int) -> tuple[str, ...]:
    if isinstance(item, Constraint) and item.partitioned and major < NOT_VALID_ON_PARTITIONED:
        return (item.add_valid(),)
    return item.create()


def _late(source: Schema) -> Iterator[Item]:
    indexes = [each for each in source.indexes if each.valid or each.partitioned]
    waiting = [item for item, _ in source.made_first[1]]
    later = set(map(_relation, waiting))
    yield from (index for index in indexes if index.relation not in later)
    yield from filter(None, map(index_attachment, indexes))
    for item in waiting:  # the next may need an index of this one
        yield item
        yield from (index for index in indexes if index.relation == _relation(item))
    checks = (each for each in source.constraints if each.type == CHECK and each.local)
    # A check that an inheriting table has as its own is merged with its parent's: it comes first.
    yield from sorted(checks, key=lambda each: len(source.descendants(each.relation)))
    yield from (each for each in source.constraints if each.type == FOREIGN_KEY and each.parent is None)
    yield from _by_needs([each for each in source.definitions if each.late])
    yield from source.comments


def _by_needs(definitions: list[Definition]) -> Iterator[Definition]:
    """Each after those of the others that it needs."""
    waiting = definitions
    while waiting:
        missing = {each.identity for each in waiting}
        ready = [each for each in waiting if missing.isdisjoint(each.needs)] or waiting
        yield from ready
        waiting = [each for each in waiting if each not in ready]


class Broken:
    """What could not be made so far, and so what need not be tried."""

    def __init__(self, source: Schema) -> None:
        self._source = source
        self._names: set[str] = set()

    @cached_property
    def _dependencies(self) -> Dependencies:
        return Dependencies(self._source.dependencies)

    def add(self, item: Item) -> None:
        for each in _members(item):
            self._names |= {each.identity, unquoted(each.identity), each.key, *_own_names(each)}

    def follows(self, item: Item) -> bool:
        """Whether it needs something that could not be made."""
        if not self._names:
            return False
        needed = {name for each in _members(item) for name in _needs(each)}
        needed |= {name for each in _members(item) for name in self._dependencies.closure(each.key)}
        return not self._names.isdisjoint(needed)

    def explains(self, sqlstate: str | None, message: str) -> bool:
        """Whether a failure only says that something is not there which could not be made: not every need is on record."""
        plain = message.replace('"', "")
        known = (name.replace('"', "").partition(" ")[2] or name.replace('"', "") for name in self._names)
        return sqlstate in _UNDEFINED and any(f" {name} " in f" {plain} " for name in known)


def _members(item: Item) -> tuple[Item, ...]:
    return item.items if isinstance(item, Circle) else (item,)


def _own_names(item: Item) -> Iterable[str]:
    match item:
        case Table() | Index() | SequenceItem():
            return (item.qualified,)
        case Definition():
            return (item.name,)
    return ()


def _needs(item: Item) -> Iterator[str]:
    """Beside what pg_depend says of what is made before the rows."""
    schema = getattr(item, "namespace", None)
    if isinstance(schema, str):
        yield Namespace(schema).identity
    match item:
        case Index() | ReplicaIdentity():
            yield item.relation
        case IndexAttachment():
            yield from (item.index, item.parent)
        case Attachment():
            yield from (item.partition, item.parent)
        case Ownership():
            yield from (item.sequence, item.relation)
        case Constraint():
            yield item.relation
            if item.referenced is not None:
                relation, index = item.referenced
                yield relation
                yield f"{relation.rpartition('.')[0]}.{identifier(index)}"
        case Definition() | Comment():
            if item.relation is not None:
                yield item.relation
            yield from (item.needs,) if isinstance(item, Comment) else item.needs
