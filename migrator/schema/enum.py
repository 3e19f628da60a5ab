"""Room of enumerated types."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import literal, qualified
from migrator.schema.row import Row


@dataclass(frozen=True)
class Enum:
    """An enumerated type and its labels in sort order."""

    oid: int
    namespace: str
    name: str
    labels: tuple[str, ...]

    @property
    def qualified(self) -> str:
        return qualified(self.namespace, self.name)

    @property
    def identity(self) -> str:
        return f"type {self.qualified}"

    @property
    def key(self) -> str:
        return f"type:{self.oid}"

    def create(self) -> tuple[str, ...]:
        return (f"CREATE TYPE {self.qualified} AS ENUM ({self._labels()})",)

    def properties(self) -> Mapping[str, str]:
        return {"labels": self._labels()}

    def mend(self, changed: str, theirs: str | None) -> str:
        return f"ALTER TYPE {self.qualified} ADD VALUE ... -- until the labels are: {self._labels()}"

    def _labels(self) -> str:
        return ", ".join(literal(label).strip() for label in self.labels)


def read(row: Row) -> Enum:
    return Enum(row.number("oid"), row.text("namespace"), row.text("name"), row.texts("labels"))
