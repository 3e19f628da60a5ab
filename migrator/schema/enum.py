"""Room of enumerated types."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import literal, qualified
from migrator.schema.row import Row

_LITERAL = re.compile(r"E?'(?:[^'\\]|''|\\.)*'")


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
        added = self.additions(theirs or "")
        if added is not None:
            return "; ".join(added)
        return f"ALTER TYPE {self.qualified} ADD VALUE ... -- until the labels are: {self._labels()}"

    def additions(self, theirs: str) -> tuple[str, ...] | None:
        """ADD VALUE for each label that `theirs` lack; None where they have others, or another order."""
        wanted = [literal(label).strip() for label in self.labels]
        present = _LITERAL.findall(theirs)
        if present != [label for label in wanted if label in present]:
            return None
        places = [f"AFTER {before}" for before in wanted[:-1]]
        first = f"BEFORE {present[0]}" if present else ""
        placed = zip(wanted, [first, *places], strict=True)
        return tuple(
            f"ALTER TYPE {self.qualified} ADD VALUE {label} {place}".rstrip()
            for label, place in placed
            if label not in present
        )

    def _labels(self) -> str:
        return ", ".join(literal(label).strip() for label in self.labels)


def read(row: Row) -> Enum:
    return Enum(row.number("oid"), row.text("namespace"), row.text("name"), row.texts("labels"))
