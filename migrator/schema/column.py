"""Room of columns: all that CREATE TABLE and ALTER TABLE ... ALTER COLUMN can say of one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from migrator.quote import identifier
from migrator.schema.item import collate_clause, option_list
from migrator.schema.row import Row
from migrator.schema.sequence import Sequence
from migrator.schema.spelling import type_with_later_quotes

_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_IDENTITY = {"a": "ALWAYS", "d": "BY DEFAULT"}
_OPTIONS = "OPTIONS "
_GENERATED = {"s": "STORED", "v": "VIRTUAL"}
_BOOLEANS = {"true": "t", "false": "f"}
_CONSTANT = re.compile(r"'((?:[^'\\]|'')*)'::[^']+")

NULL = "NULL"


@dataclass(frozen=True, slots=True)
class NotNull:
    """A NOT NULL. `name` is that of its constraint row, which servers before 18 do not have."""

    name: str | None = None
    no_inherit: bool = False
    validated: bool = True
    local: bool = True
    """Not only a parent's."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. What is the type's default (storage, compression, collation, statistics) is "" or None."""

    name: str
    type: str
    collation: str
    default: str | None
    not_null: NotNull | None
    identity: str
    generated: str
    local: bool
    """Declared by this table itself, not only inherited (a partition's columns are all inherited)."""
    storage: str | None
    compression: str
    statistics: int | None
    options: tuple[str, ...]
    sequence: Sequence | None = None
    """The sequence of an identity column."""
    server_options: str | None = None
    """What stands between the parentheses of OPTIONS, of a foreign table's column."""
    nullable_below: bool = False
    """Nullable although a parent's is NOT NULL, which 18 does not know any more."""
    own_expression: bool = False
    """Generated otherwise than the column of a parent that it is inherited from."""
    missing: str | None = None
    """pg_attribute.attmissingval: the value of rows that are older than the column, where ADD COLUMN did not rewrite them."""
    older: str | None = None
    """The expression for the value of those rows, where it is known of every relation that has the column (`phases.layouts`)."""

    @property
    def quoted(self) -> str:
        return identifier(self.name)

    def declaration(self) -> str:
        """What stands in CREATE TABLE, name first."""
        parts = [f"{self.quoted} {self.type}{self.collation}", self.value(), self._null()]
        return " ".join(part for part in parts if part)

    def declaration_below(self) -> str:
        """The same in a table that inherits the column as well, and with it a NOT NULL that is only the parent's."""
        inherited = self.not_null is not None and not self.not_null.local
        return (replace(self, not_null=None) if inherited else self).declaration()

    def own_where_inherited(self) -> Iterator[str]:
        """ALTER COLUMN's words for what differs from the parents' column. A declared one without a default is given theirs, too."""
        not_null = self.not_null
        if not self.generated and not (self.local and self.value()):
            yield f"SET DEFAULT {self.default}" if self.default is not None else "DROP DEFAULT"
        if not self.local and not_null is not None and not_null.local and not_null.name is None:
            yield "SET NOT NULL"
        if self.nullable_below:
            yield "DROP NOT NULL"
        if self.own_expression:
            yield f"SET EXPRESSION AS ({self.default})"

    def addition(self) -> str:
        """What stands in ADD COLUMN. The default is what rows that are there have on the source, known or not: only then, another's.

        NOT NULL without a value for the rows that are there has to follow later: theirs come by apply.
        """
        default = self.default
        if self.older is not None and not (default is not None and spells(default, self.missing)):
            default = self.older
        valued = (default is not None and default != NULL) or self.generated or self.identity
        return replace(self, default=default, not_null=self.not_null if valued else None).declaration()

    def declaration_of_type(self) -> str:
        """What stands in CREATE TABLE ... OF a type, which has the column already; "" where there is nothing to add."""
        parts = [part for part in (self.value(), self._null()) if part]
        return " ".join((f"{self.quoted} WITH OPTIONS", *parts)) if parts else ""

    def value(self) -> str:
        """Where its values come from: DEFAULT, GENERATED or identity; "" for nowhere."""
        if self.generated:
            return f"GENERATED ALWAYS AS ({self.default}) {_GENERATED[self.generated]}"
        if self.identity and self.sequence is not None:
            options = f"SEQUENCE NAME {self.sequence.qualified} {self.sequence.parameters()}"
            return f"GENERATED {_IDENTITY[self.identity]} AS IDENTITY ({options})"
        return f"DEFAULT {self.default}" if self.default is not None else ""

    def alteration(self, theirs: str) -> str:
        """The actions of ALTER TABLE that make this column of one described by `theirs` (its type first)."""
        kind = f"{self.type}{self.collation}"
        settings = (setting for setting in self.settings() if not setting.startswith(_OPTIONS))  # may be there already
        actions = ["SET NOT NULL" if self.not_null is not None else "DROP NOT NULL", *settings]
        if not f"{theirs} ".startswith(f"{kind} "):
            actions.insert(0, f"TYPE {kind} USING {self.quoted}::{self.type}")
        if self.generated and "GENERATED ALWAYS AS (" in theirs and self.value() not in theirs:
            actions.insert(0, f"SET EXPRESSION AS ({self.default})")
        if not self.generated and not self.identity:
            actions.insert(0, "DROP DEFAULT")
            actions += [f"SET DEFAULT {self.default}"] if self.default is not None else []
        return ", ".join(f"ALTER COLUMN {self.quoted} {action}" for action in actions)

    def not_null_clause(self) -> str:
        """An inherited column's own NOT NULL as a table constraint, which only 18 has; "" for none."""
        not_null = self.not_null
        if not_null is None or not_null.name is None or not not_null.local or not not_null.validated:
            return ""
        return f"{_name(not_null)}NOT NULL {self.quoted}{_no_inherit(not_null)}"

    def _null(self) -> str:
        if self.not_null is None or not self.not_null.validated:
            return ""
        return f"{_name(self.not_null)}NOT NULL{_no_inherit(self.not_null)}"

    def settings(self) -> tuple[str, ...]:
        """What only ALTER COLUMN can say everywhere: `SET STORAGE ...`, ..."""
        found = []
        if self.storage is not None:
            found.append(f"SET STORAGE {_STORAGE[self.storage]}")
        if self.compression:
            found.append(f"SET COMPRESSION {_COMPRESSION[self.compression]}")
        if self.statistics is not None:
            found.append(f"SET STATISTICS {self.statistics}")
        if self.options:
            found.append(f"SET ({option_list(self.options)})")
        if self.server_options:
            found.append(f"{_OPTIONS}({self.server_options})")
        return tuple(found)


def spells(expression: str, value: str | None) -> bool:
    """Whether a default is written as a constant of this value: what ADD COLUMN gives to rows that are there, with no second step."""
    constant = _CONSTANT.fullmatch(expression)
    written = constant[1].replace("''", "'") if constant else _BOOLEANS.get(expression, expression)
    return value is not None and written == value


def _name(not_null: NotNull) -> str:
    """Also where it is the default one: a copy of the table (LIKE) may hold that name already, and another be chosen."""
    return f"CONSTRAINT {identifier(not_null.name)} " if not_null.name is not None else ""


def _no_inherit(not_null: NotNull) -> str:
    return " NO INHERIT" if not_null.no_inherit else ""


def read_all(rows: Iterable[Row], identities: Mapping[tuple[int, str], Sequence]) -> dict[int, list[Column]]:
    """The columns of each table, by its oid, in the rows' order; `identities` by table's oid and column.

    Most columns of a database are like many others (`id bigint NOT NULL`): these are one object.
    """
    found: dict[int, list[Column]] = {}
    alike: dict[object, Column] = {}
    for row in rows:
        relation, identity = row.number("relation"), row.text("identity")
        if identity or row.values[-1] is not None:
            column = read(row, identities.get((relation, row.text("name"))))
        else:
            likeness = tuple(row.values[1:])
            column = alike.get(likeness) or alike.setdefault(likeness, read(row, None))
        found.setdefault(relation, []).append(column)
    return found


def read(row: Row, sequence: Sequence | None) -> Column:
    return Column(
        name=row.text("name"),
        type=type_with_later_quotes(row.text("type")),
        collation=collate_clause(row.text_or_none("collation_namespace"), row.text_or_none("collation")),
        default=row.spelled_or_none("default_value"),
        not_null=_not_null(row) if row.flag("not_null") else None,
        identity=row.text("identity"),
        generated=row.text("generated"),
        local=row.flag("local"),
        storage=row.text_or_none("storage"),
        compression=row.text("compression"),
        statistics=row.number_or_none("statistics"),
        options=row.texts("options"),
        sequence=sequence,
        server_options=row.text_or_none("server_options"),
        nullable_below=row.flag("nullable_below"),
        own_expression=row.flag("own_expression"),
        missing=row.text_or_none("missing"),
    )


def _not_null(row: Row) -> NotNull:
    return NotNull(
        name=row.text_or_none("not_null_name"),
        no_inherit=row.flag("not_null_no_inherit"),
        validated=row.flag("not_null_validated"),
        local=row.flag("not_null_local"),
    )
