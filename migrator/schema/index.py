"""Room of indexes, with the PRIMARY KEY, UNIQUE or EXCLUDE constraint that stands on one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.quote import identifier, qualified
from migrator.schema.item import option_list
from migrator.schema.row import Row

PRIMARY_KEY, UNIQUE, EXCLUDE = "p", "u", "x"

_TARGETS, _EXTENSIONS = "statistics targets", "dependencies on extensions"

KEY = "index:"
"""How an index's key begins, in which its constraint has a part."""


@dataclass(frozen=True, slots=True)
class IndexConstraint:
    """A constraint that an index enforces. Both always have the same name."""

    type: str
    definition: str
    deferral: str
    """` DEFERRABLE`, ` DEFERRABLE INITIALLY DEFERRED` or nothing: the end of `definition`."""
    temporal: bool
    """18's WITHOUT OVERLAPS: enforced like an EXCLUDE, so not to be had from an existing index."""

    @property
    def adopts(self) -> bool:
        """Whether ADD CONSTRAINT ... USING INDEX can make it."""
        return self.type != EXCLUDE and not self.temporal


@dataclass(frozen=True)
class Index:
    """An index. `relation` is its table's qualified name; `parent` the partitioned index it is attached to."""

    oid: int
    namespace: str
    name: str
    relation: str
    partitioned: bool
    definition: str
    primary: bool
    replica_identity: bool
    valid: bool
    constraint: IndexConstraint | None
    options: tuple[str, ...]
    parent: str | None
    statistics: tuple[tuple[int, int], ...]
    """Statistics targets of expression columns, by position."""
    extensions: tuple[str, ...] = ()
    """What it was told to depend on (ALTER INDEX ... DEPENDS ON EXTENSION): it goes when that goes."""
    tablespace: str | None = None
    """None: the database's."""
    predicate: str | None = None
    """What stands behind WHERE, known where the tablespace has to come before it."""

    @cached_property
    def qualified(self) -> str:
        return qualified(self.namespace, self.name)

    @cached_property
    def identity(self) -> str:
        return f"index {self.qualified}"

    @property
    def key(self) -> str:
        return f"{KEY}{self.oid}"

    @property
    def is_key(self) -> bool:
        """Wanted before the first row arrives: the primary key, or the replica identity."""
        return self.primary or self.replica_identity

    @property
    def constrains_roughly(self) -> bool:
        """Its constraint can only be added as a whole, under a lock that shuts out readers and writers."""
        return self.constraint is not None and not self.constraint.adopts

    def create(self) -> tuple[str, ...]:
        """In one transaction, with the lock a plain build takes: for tables nothing is written to yet."""
        made = self._placed() if self.constraint is None else self._add_constraint(self.constraint)
        return (made, *self.settings())

    def create_gently(self) -> tuple[str, ...]:
        """Statements of which each runs by itself, without stopping writes; empty where no gentle way exists.

        The first builds, the others take hold of what was built. A partitioned index holds no rows: made ON ONLY its table.
        """
        if self.partitioned or self.constrains_roughly:
            return ()
        head, word, rest = self._placed().partition("INDEX ")
        return (f"{head}{word}CONCURRENTLY {rest}", *self.settings())

    def _placed(self) -> str:
        """The definition with its tablespace, which PostgreSQL's spelling leaves out."""
        if self.tablespace is None:
            return self.definition
        where = f" WHERE {self.predicate}" if self.predicate is not None else ""
        return f"{self.definition.removesuffix(where)} TABLESPACE {identifier(self.tablespace)}{where}"

    def adopt(self) -> str:
        """The constraint on the index that already exists."""
        assert self.constraint is not None
        kind = "PRIMARY KEY" if self.constraint.type == PRIMARY_KEY else "UNIQUE"
        using = f"{kind} USING INDEX {identifier(self.name)}{self.constraint.deferral}"
        return f"ALTER TABLE ONLY {self.relation} ADD CONSTRAINT {identifier(self.name)} {using}"

    def settings(self) -> tuple[str, ...]:
        return tuple(statement for some in self._settings().values() for statement in some)

    def unset(self, found: "Index") -> Mapping[str, tuple[str, ...]]:
        """By property, what a build that was stopped before its end has not come to set."""
        if not self.statistics and not self.extensions:  # nearly always
            return {}
        theirs = found._settings()
        return {name: statements for name, statements in self._settings().items() if statements and not theirs[name]}

    def _settings(self) -> Mapping[str, tuple[str, ...]]:
        alter = f"ALTER INDEX {self.qualified}"
        targets = (f"{alter} ALTER COLUMN {column} SET STATISTICS {target}" for column, target in self.statistics)
        dependencies = (f"{alter} DEPENDS ON EXTENSION {identifier(name)}" for name in self.extensions)
        return {_TARGETS: tuple(targets), _EXTENSIONS: tuple(dependencies)}

    def drop_gently(self) -> str:
        return f"DROP INDEX CONCURRENTLY IF EXISTS {self.qualified}"

    def properties(self) -> Mapping[str, str]:
        """`definition` alone says whether a leftover was meant to be this index."""
        statistics = ", ".join(f"{column}: {target}" for column, target in self.statistics)
        constraint = {"constraint": self.constraint.definition} if self.constraint is not None else {}
        return {
            "definition": self.definition,
            _TARGETS: statistics or "default",
            _EXTENSIONS: ", ".join(map(identifier, self.extensions)) or "none",
            "tablespace": self.tablespace or "default",
            **constraint,
        }

    def mend(self, changed: str, theirs: str | None) -> str:
        if changed in (_TARGETS, _EXTENSIONS):
            return "; ".join(self._settings()[changed])
        if changed == "tablespace":
            return (
                f"ALTER INDEX {self.qualified} SET TABLESPACE {identifier(self.tablespace)}" if self.tablespace else ""
            )
        if self.constraint is not None:
            return f"ALTER TABLE {self.relation} DROP CONSTRAINT {identifier(self.name)}"
        return f"DROP INDEX {self.qualified}"

    def _add_constraint(self, constraint: IndexConstraint) -> str:
        body = constraint.definition.removesuffix(constraint.deferral)
        name, where = identifier(self.name), ""
        if constraint.type == EXCLUDE and self.tablespace is not None and self.predicate is not None:
            where = f" WHERE ({self.predicate})"
            body = body.removesuffix(where)
        storage = f" WITH ({option_list(self.options)})" if self.options and constraint.type != EXCLUDE else ""
        place = f" USING INDEX TABLESPACE {identifier(self.tablespace)}" if self.tablespace is not None else ""
        made = f"{body}{storage}{place}{where}{constraint.deferral}"
        return f"ALTER TABLE ONLY {self.relation} ADD CONSTRAINT {name} {made}"


@dataclass(frozen=True)
class IndexAttachment:
    """A partition's index under its parent's: `relation` is the parent index's table."""

    index: str
    parent: str

    @property
    def identity(self) -> str:
        return f"partition index {self.index}"

    @property
    def key(self) -> str:
        return self.identity

    def create(self) -> tuple[str, ...]:
        return (f"ALTER INDEX {self.parent} ATTACH PARTITION {self.index}",)

    def properties(self) -> Mapping[str, str]:
        return {"parent": self.parent}

    def mend(self, changed: str, theirs: str | None) -> str:
        return ""


def attachment(index: Index) -> IndexAttachment | None:
    return IndexAttachment(index.qualified, index.parent) if index.parent is not None else None


def read(row: Row) -> Index:
    namespace, parent = row.text("namespace"), row.text_or_none("parent_name")
    return Index(
        oid=row.number("oid"),
        namespace=namespace,
        name=row.text("name"),
        relation=qualified(namespace, row.text("relation_name")),
        partitioned=row.flag("partitioned"),
        definition=row.spelled("definition"),
        primary=row.flag("is_primary"),
        replica_identity=row.flag("is_replica_identity"),
        valid=row.flag("valid"),
        constraint=_constraint(row),
        options=row.texts("options"),
        parent=qualified(row.text("parent_namespace"), parent) if parent is not None else None,
        statistics=tuple(zip(row.numbers("statistics_columns"), row.numbers("statistics"), strict=True)),
        extensions=row.texts("extensions"),
        tablespace=row.text_or_none("tablespace"),
        predicate=row.spelled_or_none("predicate"),
    )


def _constraint(row: Row) -> IndexConstraint | None:
    if row.text_or_none("constraint_name") is None:
        return None
    deferral = " DEFERRABLE" if row.flag("is_deferrable") else ""
    deferral += " INITIALLY DEFERRED" if row.flag("is_deferred") else ""
    return IndexConstraint(
        row.text("constraint_type"), row.spelled("constraint_definition"), deferral, row.flag("is_temporal")
    )
