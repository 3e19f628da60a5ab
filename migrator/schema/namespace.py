"""Room of schemas. The word is PostgreSQL's own, `Schema` being the whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import identifier
from migrator.schema.row import Row


@dataclass(frozen=True)
class Namespace:
    """A schema of the user's."""

    name: str

    @property
    def identity(self) -> str:
        return f"schema {identifier(self.name)}"

    @property
    def key(self) -> str:
        return f"namespace:{self.name}"

    def create(self) -> tuple[str, ...]:
        return (f"CREATE SCHEMA {identifier(self.name)}",)

    def properties(self) -> Mapping[str, str]:
        return {}

    def mend(self, changed: str, theirs: str | None) -> str:
        return ""


def read(row: Row) -> Namespace:
    return Namespace(row.text("name"))
