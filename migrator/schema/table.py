"""Room of tables: plain, inheriting, typed, foreign, partitioned, and partitions (made by themselves, attached afterwards)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from migrator.quote import identifier, qualified
from migrator.schema import layout
from migrator.schema.column import Column
from migrator.schema.item import option_list
from migrator.schema.layout import Layout
from migrator.schema.row import Row

PARTITIONED, FOREIGN = "p", "f"
_HEAP = "heap"
_KINDS = {"r": "table", PARTITIONED: "partitioned table", FOREIGN: "foreign table"}


@dataclass(frozen=True)
class Table:
    """A table (kind r), partitioned table (p) or foreign table (f) that is not temporary."""

    oid: int
    namespace: str
    name: str
    kind: str
    is_partition: bool
    parents: tuple[str, ...]
    """What it inherits from, in order: a partition's one parent, or those of INHERITS."""
    partition_key: str | None
    bound: str | None
    access_method: str | None
    options: tuple[str, ...]
    """Storage parameters, those of its TOAST table as toast.NAME."""
    replica_identity: str
    """pg_class.relreplident: d, f, n or i."""
    identity_index: str | None
    columns: tuple[Column, ...]
    unlogged: bool = False
    of_type: str | None = None
    """The composite type of a typed table, qualified."""
    server: str | None = None  # a foreign table's
    server_options: str | None = None
    """What stands between the parentheses of a foreign table's OPTIONS."""
    tablespace: str | None = None  # None: the database's
    apart: bool = False
    """Of a source: its rows are not replicated although they could be, by what was chosen (`phases.ways`)."""
    detach_pending: bool = False
    """Somebody's DETACH ... CONCURRENTLY was stopped half way: still a partition, which queries of its parent leave out."""
    layout: Layout | None = None  # None for what stores no rows: partitioned and foreign tables

    @property
    def is_replicated(self) -> bool:
        """It holds rows of its own that logical replication carries."""
        return self.kind not in (PARTITIONED, FOREIGN) and not self.unlogged and not self.apart

    @cached_property
    def qualified(self) -> str:
        return qualified(self.namespace, self.name)

    @cached_property
    def identity(self) -> str:
        return f"table {self.qualified}"

    @property
    def key(self) -> str:
        return f"class:{self.oid}"

    @property
    def parent(self) -> str | None:
        """The partitioned table this is a partition of."""
        return self.parents[0] if self.is_partition else None

    @property
    def inherits(self) -> tuple[str, ...]:
        """The parents of plain inheritance."""
        return () if self.is_partition else self.parents

    def create(self) -> tuple[str, ...]:
        return (self._create_table(), *self._inherited_differences(), *self._settings(), *self._unvalidated())

    def create_without_defaults(self) -> tuple[str, ...]:
        """For a table whose defaults need functions that need the table: `set_defaults` completes it."""
        if not self.set_defaults():
            return ()
        columns = (replace(column, default=None) if _is_settable(column) else column for column in self.columns)
        return replace(self, columns=tuple(columns)).create()

    def set_defaults(self) -> tuple[str, ...]:
        return tuple(
            f"ALTER TABLE ONLY {self.qualified} ALTER COLUMN {column.quoted} SET DEFAULT {column.default}"
            for column in self.columns
            if _is_settable(column)
        )

    def properties(self) -> Mapping[str, str]:
        return self._properties

    @cached_property
    def _properties(self) -> Mapping[str, str]:
        """Kept: a schema that has not moved is compared every few seconds."""
        columns = {f"column {column.quoted}": self._described(column) for column in self.columns}
        return {
            **columns,
            "kind": _KINDS[self.kind],
            "partition key": self.partition_key or "none",
            "inherits": ", ".join(self.inherits) or "nothing",
            "access method": self.access_method or _HEAP,
            "storage parameters": option_list(self.options) or "none",
            "persistence": "UNLOGGED" if self.unlogged else "LOGGED",
            "tablespace": self.tablespace or "default",
            **({"type": self.of_type} if self.of_type is not None else {}),
            **({"server": self._server()} if self.server is not None else {}),
        }

    def mend(self, changed: str, theirs: str | None) -> str:
        alter = f"ALTER TABLE {self.qualified}"
        column = self._named(changed)
        if column is not None:
            return self._addition(column) if theirs is None else f"{alter} {column.alteration(theirs)}"
        if changed.startswith("column "):
            return f"{alter} DROP {changed}"
        if changed == "storage parameters" and self.options:
            return f"{alter} SET ({option_list(self.options)})"
        if changed == "persistence":
            return f"{alter} SET {self.properties()[changed]}"
        if changed == "tablespace" and self.tablespace is not None:
            return f"{alter} SET TABLESPACE {identifier(self.tablespace)}"
        if changed == "type":
            return f"{alter} OF {self.of_type}" if self.of_type is not None else f"{alter} NOT OF"
        return ""

    def may_add(self, changed: str) -> bool:
        """Whether the column that `changed` names can be added without guessing what the rows that are there have in it."""
        return not self.is_partition and self._named(changed) is not None and not self.guesses(changed)

    def guesses(self, changed: str) -> bool:
        """Whether ADD COLUMN of what `changed` names gives the rows that are there what nobody has said that they have."""
        column = self._named(changed)
        known = column is None or column.generated or column.older is not None
        return column is not None and not known and (column.default is not None or bool(column.identity))

    def _named(self, changed: str) -> Column | None:
        return next((column for column in self.columns if f"column {column.quoted}" == changed), None)

    def _addition(self, column: Column) -> str:  # a partition gets its parent's
        return "" if self.is_partition else f"ALTER TABLE {self.qualified} ADD COLUMN {column.addition()}"

    def _create_table(self) -> str:
        clauses = [self._head()]
        if self.inherits:
            clauses.append(f"INHERITS ({', '.join(self.inherits)})")
        if self.partition_key is not None:
            clauses.append(f"PARTITION BY {self.partition_key}")
        if self.access_method not in (None, _HEAP):
            clauses.append(f"USING {identifier(str(self.access_method))}")
        if self.options:
            clauses.append(f"WITH ({option_list(self.options)})")
        if self.tablespace is not None:
            clauses.append(f"TABLESPACE {identifier(self.tablespace)}")
        if self.server is not None:
            clauses.append(self._server())
        return "\n".join(clauses)

    def _head(self) -> str:
        word = "FOREIGN TABLE" if self.server is not None else "UNLOGGED TABLE" if self.unlogged else "TABLE"
        lines = ",\n    ".join(filter(None, map(self._line, self.columns)))
        listed = f" (\n    {lines}\n)" if lines else ""
        if self.of_type is not None:
            return f"CREATE {word} {self.qualified} OF {self.of_type}{listed}"
        return f"CREATE {word} {self.qualified}{listed or ' ()'}"

    def _server(self) -> str:
        options = f" OPTIONS ({self.server_options})" if self.server_options else ""
        return f"SERVER {identifier(self.server or '')}{options}"

    def _line(self, column: Column) -> str:
        if self.of_type is not None:
            return column.declaration_of_type()
        if not self.inherits:
            return column.declaration()
        return column.declaration_below() if column.local else column.not_null_clause()

    def _settings(self) -> Iterator[str]:
        """Also what an identity column's sequence has otherwise than by default: its table's persistence."""
        for column in self.columns:
            for setting in column.settings():
                yield f"ALTER TABLE ONLY {self.qualified} ALTER COLUMN {column.quoted} {setting}"
            if column.sequence is not None and column.sequence.unlogged != self.unlogged:
                yield f"ALTER SEQUENCE {column.sequence.qualified} SET {column.sequence.persistence}"

    def _inherited_differences(self) -> tuple[str, ...]:
        """What CREATE TABLE gives a column of its parents' and it has otherwise is set afterwards."""
        if not self.inherits:
            return ()
        return tuple(
            f"ALTER TABLE ONLY {self.qualified} ALTER COLUMN {column.quoted} {action}"
            for column in self.columns
            for action in column.own_where_inherited()
        )

    def _unvalidated(self) -> tuple[str, ...]:
        """18 knows NOT NULL that is NOT VALID."""
        return tuple(
            f"ALTER TABLE ONLY {self.qualified} ADD CONSTRAINT {identifier(column.not_null.name or '')}"
            f" NOT NULL {column.quoted} NOT VALID"
            for column in self.columns
            if column.not_null is not None and not column.not_null.validated
        )

    def _described(self, column: Column) -> str:
        """One line per column for comparing: NOT NULL without its name, which servers before 18 do not know.

        From 17 on a partition has its parent's identity, without a sequence of its own; before, it may have one.
        """
        null = "" if column.not_null is None else "NOT NULL" + ("" if column.not_null.validated else " NOT VALID")
        parts = [f"{column.type}{column.collation}", column.value(), null, *column.settings()]
        if column.sequence is not None and column.sequence.unlogged != self.unlogged:
            parts.append(column.sequence.persistence)
        return " ".join(part for part in parts if part)


def _is_settable(column: Column) -> bool:
    return column.default is not None and not column.generated and not column.identity


@dataclass(frozen=True)
class Attachment:
    """A partition's place under its parent: made after both tables, and after the partition's own keys."""

    partition: str
    parent: str
    bound: str

    @property
    def identity(self) -> str:
        return f"partition {self.partition}"

    @property
    def key(self) -> str:
        return self.identity

    def create(self) -> tuple[str, ...]:
        return (f"ALTER TABLE ONLY {self.parent} ATTACH PARTITION {self.partition} {self.bound}",)

    def properties(self) -> Mapping[str, str]:
        return {"parent": self.parent, "bound": self.bound}

    def mend(self, changed: str, theirs: str | None) -> str:
        return f"ALTER TABLE {self.parent} DETACH PARTITION {self.partition}; {self.create()[0]}"


def attachment(table: Table) -> Attachment | None:
    if table.parent is None or table.bound is None:
        return None
    return Attachment(table.qualified, table.parent, table.bound)


def name_of(row: Row) -> str:
    """The qualified name of the table a row is about."""
    return qualified(row.text("namespace"), row.text("name"))


def read(row: Row, columns: Sequence[Column]) -> Table:
    parents = zip(row.texts("parent_namespaces"), row.texts("parent_names"), strict=True)
    return Table(
        oid=row.number("oid"),
        namespace=row.text("namespace"),
        name=row.text("name"),
        kind=row.text("kind"),
        is_partition=row.flag("is_partition"),
        parents=tuple(qualified(*parent) for parent in parents),
        partition_key=row.spelled_or_none("partition_key"),
        bound=row.spelled_or_none("bound"),
        access_method=row.text_or_none("access_method"),
        options=(*row.texts("options"), *(f"toast.{option}" for option in row.texts("toast_options"))),
        replica_identity=row.text("replica_identity"),
        identity_index=row.text_or_none("identity_index"),
        columns=tuple(columns),
        unlogged=row.flag("unlogged"),
        of_type=_of_type(row),
        server=row.text_or_none("server"),
        server_options=row.text_or_none("server_options"),
        tablespace=row.text_or_none("tablespace"),
        detach_pending=row.flag("detach_pending"),
        layout=layout.read(row, (column.type for column in columns)),
    )


def _of_type(row: Row) -> str | None:
    name = row.text_or_none("type_name")
    return qualified(row.text("type_namespace"), name) if name is not None else None
