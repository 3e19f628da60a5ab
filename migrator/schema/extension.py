"""Room of extensions. Their members come with CREATE EXTENSION, in the version the destination has."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import identifier
from migrator.schema.row import Row


@dataclass(frozen=True)
class Extension:
    """An extension and the schema it was made in. Versions may differ: the destination's default is wanted."""

    oid: int
    name: str
    namespace: str

    @property
    def identity(self) -> str:
        return f"extension {identifier(self.name)}"

    @property
    def key(self) -> str:
        return f"extension:{self.oid}"

    def create(self) -> tuple[str, ...]:
        return (f"CREATE EXTENSION {identifier(self.name)} WITH SCHEMA {identifier(self.namespace)}",)

    def properties(self) -> Mapping[str, str]:
        return {"schema": identifier(self.namespace)}

    def mend(self, changed: str, theirs: str | None) -> str:
        return f"ALTER EXTENSION {identifier(self.name)} SET SCHEMA {identifier(self.namespace)}"


def read(row: Row) -> Extension:
    return Extension(row.number("oid"), row.text("name"), row.text("namespace"))
