"""One thing that is not the same on both sides, and what would make it so on the destination."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from migrator.steps import Statement


class What(StrEnum):
    """How the destination differs."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Discrepancy:
    """An object (or one property of it) that differs. `database`: the source's name; None: of the instance."""

    database: str | None
    target: str | None
    kind: str
    identity: str
    what: What
    property: str | None = None
    source: str | None = None
    destination: str | None = None
    mend: tuple[Statement, ...] = ()
    """For the destination, in order; a person's to run unless `additive`."""
    additive: bool = False
    """It only adds: `--apply` may run it."""
    note: str = ""
    """What a person must know or decide."""
    expected: str | None = None
    """Why it is no fault before the cutover; None: it is a difference."""
    relation: str | None = None
    """The table whose lock a mend needs, as the tasks of the migration do."""

    def document(self) -> Mapping[str, object]:
        """As `--json` shows it."""
        return {
            "database": self.database,
            "target": self.target,
            "kind": self.kind,
            "identity": self.identity,
            "what": self.what.value,
            "property": self.property,
            "source": self.source,
            "destination": self.destination,
            "mend": [statement.sql for statement in self.mend],
            "additive": self.additive,
            "note": self.note,
            "expected": self.expected,
        }
