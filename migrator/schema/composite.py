"""Room of free-standing composite types."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import identifier, qualified
from migrator.schema.item import collate_clause
from migrator.schema.row import Row
from migrator.schema.spelling import type_with_later_quotes


@dataclass(frozen=True)
class Composite:
    """A composite type; `attributes` are `name type [COLLATE ...]`, in order. `oid` is that of its pg_class row."""

    oid: int
    namespace: str
    name: str
    attributes: tuple[str, ...]

    @property
    def qualified(self) -> str:
        return qualified(self.namespace, self.name)

    @property
    def identity(self) -> str:
        return f"type {self.qualified}"

    @property
    def key(self) -> str:
        return f"class:{self.oid}"

    def create(self) -> tuple[str, ...]:
        return (f"CREATE TYPE {self.qualified} AS ({', '.join(self.attributes)})",)

    def properties(self) -> Mapping[str, str]:
        return {"attributes": ", ".join(self.attributes)}

    def mend(self, changed: str, theirs: str | None) -> str:
        return f"ALTER TYPE {self.qualified} ... -- until its attributes are: {', '.join(self.attributes)}"


def read(row: Row) -> Composite:
    names, types = row.texts("attributes"), map(type_with_later_quotes, row.texts("types"))
    collations = zip(row.texts("collation_namespaces"), row.texts("collations"), strict=True)
    attributes = tuple(
        f"{identifier(name)} {kind}{collate_clause(*collation)}"
        for name, kind, collation in zip(names, types, collations, strict=True)
    )
    return Composite(row.number("oid"), row.text("namespace"), row.text("name"), attributes)
