"""The schema of one database as values: one room per object kind, each with its reading .sql and its CREATE text.

What PostgreSQL deparses depends on the session: read, and run what comes of it, with the settings of `connection`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from migrator.schema import (
    built_in,
    column,
    comment,
    composite,
    constraint,
    definition,
    domain,
    enum,
    extension,
    index,
    namespace,
    privilege,
    range,
    replica_identity,
    sequence,
    table,
    tablespace,
    uncarried,
    user_mapping,
)
from migrator.schema.built_in import BuiltIn
from migrator.schema.comment import Comment
from migrator.schema.composite import Composite
from migrator.schema.constraint import Constraint
from migrator.schema.definition import Definition
from migrator.schema.domain import Domain
from migrator.schema.enum import Enum
from migrator.schema.extension import Extension
from migrator.schema.index import KEY as INDEX
from migrator.schema.index import Index
from migrator.schema.item import Item
from migrator.schema.namespace import Namespace
from migrator.schema.order import Dependencies, by_dependency
from migrator.schema.privilege import Key, Privilege
from migrator.schema.range import Range
from migrator.schema.readers import ROOMS
from migrator.schema.row import Answer, Row
from migrator.schema.sequence import Sequence as SequenceItem
from migrator.schema.spelling import unquoted
from migrator.schema.table import Table
from migrator.schema.tablespace import Places, Unplaced
from migrator.schema.uncarried import Uncarried
from migrator.schema.user_mapping import UserMapping

T = TypeVar("T")
Answers = Mapping[str, Answer]
"""What the readers returned, by their names. Each is taken once: the larger ones are gone then."""


@dataclass(frozen=True)
class Schema:
    """Everything of one database that is carried, a tuple per kind, and the names of what is not."""

    namespaces: tuple[Namespace, ...] = ()
    extensions: tuple[Extension, ...] = ()
    enums: tuple[Enum, ...] = ()
    composites: tuple[Composite, ...] = ()
    domains: tuple[Domain, ...] = ()
    ranges: tuple[Range, ...] = ()
    sequences: tuple[SequenceItem, ...] = ()
    tables: tuple[Table, ...] = ()
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    definitions: tuple[Definition, ...] = ()
    comments: tuple[Comment, ...] = ()
    brought: Mapping[tuple[str, ...], Comment] = field(default_factory=dict)
    """Comments that came with their extensions, and that nobody has changed, by the statement that would make them."""
    user_mappings: tuple[UserMapping, ...] = ()
    """No items: `phases.user_mappings` makes and compares them."""
    privileges: Mapping[Key, Privilege] = field(default_factory=dict)
    untouched: frozenset[Key] = frozenset()
    """What initdb or an extension made and whose rights nobody has changed."""
    uncarried: tuple[Uncarried, ...] = ()
    dependencies: frozenset[tuple[str, str]] = frozenset()
    """(key, needed key) of items."""
    built_ins: tuple[BuiltIn, ...] = ()
    """What is used of PostgreSQL's own that a later version may not have."""
    unplaced: tuple[Unplaced, ...] = ()
    """Of a source, once `placed`: what the destination has no tablespace for."""

    def leaves(self) -> tuple[str, ...]:
        """The relations whose rows are replicated: tables and leaf partitions (relkind r) that are logged, by qualified name."""
        return tuple(each.qualified for each in self.tables if each.is_replicated)

    def has_table(self, relation: str) -> bool:
        return relation in self._tables

    @cached_property
    def tablespaces(self) -> frozenset[str]:
        return tablespace.used((*self.tables, *self.indexes, *self.definitions))

    def placed(self, places: Places) -> "Schema":
        """A source's schema with tablespaces as the destination calls them. Kept: the same answer is the same object."""
        if not self.tablespaces:
            return self
        known = frozenset(places.items())
        if known not in self._derived:
            self._derived[known] = replace(
                self,
                tables=tablespace.placed(self.tables, places),
                indexes=tablespace.placed(self.indexes, places),
                definitions=tablespace.placed(self.definitions, places),
                unplaced=tablespace.unplaced((*self.tables, *self.indexes, *self.definitions), places),
            )
        return self._derived[known]

    def seen_as(self, apart: frozenset[str], identities: Mapping[str, str]) -> "Schema":
        """A source's schema in which `apart` is not replicated, and these tables have other identities. Kept, as `placed`."""
        if not apart and not identities:
            return self
        key = apart, tuple(sorted(identities.items()))
        if key not in self._derived:
            seen = (
                replace(each, apart=name in apart, replica_identity=identities.get(name, each.replica_identity))
                if (name := each.qualified) in apart or name in identities
                else each
                for each in self.tables
            )
            self._derived[key] = replace(self, tables=tuple(seen))
        return self._derived[key]

    @cached_property
    def _derived(self) -> dict[object, "Schema"]:
        return {}

    def is_replicated(self, relation: str) -> bool:
        """Whether there is such a table, and logical replication carries its rows."""
        table = self._tables.get(relation)
        return table is not None and table.is_replicated

    def table(self, relation: str) -> Table:
        """The table or partitioned table of this qualified name. Raises KeyError."""
        return self._tables[relation]

    def storage(self, relation: str) -> tuple[str, ...]:
        """The leaves of a relation's tree: itself where its rows are replicated, and all that inherit from it, to any depth."""
        own = (relation,) if self.is_replicated(relation) else ()
        children = self._children.get(relation)
        if children is None:
            return own
        return tuple(dict.fromkeys((*own, *(leaf for child in children for leaf in self.storage(child)))))

    def descendants(self, relation: str) -> tuple[str, ...]:
        """All tables beneath a relation, by partitioning or inheritance, itself left out."""
        children = self._children.get(relation, ())
        return tuple(dict.fromkeys([*children, *(each for child in children for each in self.descendants(child))]))

    def find(self, identity: str) -> Item | None:
        """The carried object of this identity, however its name is quoted."""
        return self._items.get(unquoted(identity))

    def counterpart(self, item: Item) -> Item | None:
        """What stands here for the other side's `item`. A comment that came with its extension is one only of the same words."""
        return self.find(item.identity) or (self.brought.get(item.create()) if isinstance(item, Comment) else None)

    @property
    def items(self) -> Iterable[Item]:
        """Every carried object, and every tie between two of them that is made by a statement of its own."""
        return self._items.values()

    @cached_property
    def _items(self) -> Mapping[str, Item]:
        plain: tuple[tuple[Item, ...], ...] = (
            self.namespaces,
            self.extensions,
            self.enums,
            self.composites,
            self.domains,
            self.ranges,
            self.sequences,
            self.tables,
            self.indexes,
            self.constraints,
            self.definitions,
            self.comments,
            self.ties,
        )
        return {unquoted(item.identity): item for kind in plain for item in kind}

    @cached_property
    def digest(self) -> str:
        """Moves where the statements do that make it; kept, as the schema is while it has not moved."""
        found = hashlib.blake2b(digest_size=16)
        for item in self.items:
            found.update("\0".join((item.identity, *item.create())).encode())
        return found.hexdigest()

    @cached_property
    def made_first(self) -> tuple[tuple[Item, ...], tuple[tuple[Item, frozenset[str]], ...]]:
        """Types, routines, sequences, tables, views, each after what it needs; apart, and with the keys of these, what needs
        an index (a view that groups by a primary key). Kept: asked every few seconds. Raises CircleError.
        """
        types: tuple[Item, ...] = (*self.enums, *self.composites, *self.domains, *self.ranges)
        standalone = (each for each in self.sequences if each.link != sequence.IDENTITY)
        early = (each for each in self.definitions if not each.late)
        ordered = by_dependency((*types, *standalone, *self.tables, *early), self.dependencies)
        dependencies = Dependencies(self.dependencies)
        later = dependencies.reaching(INDEX)
        first = tuple(item for item in ordered if item.key not in later)
        return first, tuple((item, dependencies.closure(item.key, INDEX)) for item in ordered if item.key in later)

    @cached_property
    def materialized_views(self) -> tuple[Definition, ...]:
        """Each after those it reads."""
        views = [each for each in self.definitions if each.kind == definition.MATERIALIZED_VIEW]
        ordered = by_dependency(views, self.dependencies) if views else ()
        return tuple(each for each in ordered if isinstance(each, Definition))

    @cached_property
    def ties(self) -> tuple[Item, ...]:
        """OWNED BY, partition and index attachments, replica identities."""
        made: tuple[Iterable[Item | None], ...] = (
            map(sequence.ownership, self.sequences),
            map(table.attachment, self.tables),
            map(index.attachment, self.indexes),
            map(replica_identity.replica_identity, self.tables),
        )
        return tuple(tie for ties in made for tie in ties if tie is not None)

    @cached_property
    def _tables(self) -> Mapping[str, Table]:
        return {each.qualified: each for each in self.tables}

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for each in self.tables:
            for parent in each.parents:
                found.setdefault(parent, []).append(each.qualified)
        return {parent: tuple(children) for parent, children in found.items()}


def build(answers: Answers) -> Schema:
    """The Schema that the readers' answers describe. Asked for in the readers' order: answers may still be coming."""
    of_sequences = tuple(_rows(answers, "sequence"))
    sequences = tuple(map(sequence.read, of_sequences))
    tables = _tables(answers, sequence.of_identities(of_sequences, sequences))
    del of_sequences
    indexes = _all(answers, "index", index.read)
    constraints = _all(answers, "constraint", constraint.read)
    privileges = privilege.build(_rows(answers, "privilege"))
    definitions = _definitions(answers)
    of_extensions = _all(answers, "extension_comment", comment.read_of_extension)
    return Schema(
        namespaces=_all(answers, "namespace", namespace.read),
        extensions=_all(answers, "extension", extension.read),
        enums=_all(answers, "enum", enum.read),
        composites=_all(answers, "composite", composite.read),
        domains=_all(answers, "domain", domain.read),
        ranges=_all(answers, "range", range.read),
        sequences=sequences,
        tables=tables,
        indexes=indexes,
        constraints=constraints,
        definitions=definitions,
        comments=(
            *_all(answers, "comment", comment.read),
            *comment.of_definitions(_rows(answers, "definition_comment"), definitions),
            *(each for each in of_extensions if not each.own),
        ),
        brought={each.create(): each for each in of_extensions if each.own},
        user_mappings=_all(answers, "user_mapping", user_mapping.read),
        privileges=privileges,
        built_ins=_all(answers, "built_in", built_in.read),
        untouched=next(map(privilege.read_untouched, _rows(answers, "untouched")), frozenset()),
        uncarried=_all(answers, "uncarried", uncarried.read),
        dependencies=frozenset((row.text("object"), row.text("needs")) for row in _rows(answers, "dependency")),
    )


def _rows(answers: Answers, name: str) -> Iterable[Row]:
    return answers.get(name, Answer())


def _all(answers: Answers, name: str, read: Callable[[Row], T]) -> tuple[T, ...]:
    return tuple(map(read, _rows(answers, name)))


def _definitions(answers: Answers) -> tuple[Definition, ...]:
    return tuple(definition.read(row, late=late) for name, late in ROOMS.items() for row in _rows(answers, name))


def _tables(answers: Answers, identities: Mapping[tuple[int, str], SequenceItem]) -> tuple[Table, ...]:
    columns = column.read_all(_rows(answers, "column"), identities)
    return tuple(table.read(row, columns.get(row.number("oid"), ())) for row in _rows(answers, "table"))
