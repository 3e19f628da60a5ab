"""Room of CHECK constraints and foreign keys: added NOT VALID, then validated, so that neither step holds a long lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.quote import identifier, qualified
from migrator.schema.row import Row

CHECK, FOREIGN_KEY = "c", "f"
_NOT_VALID = " NOT VALID"


@dataclass(frozen=True)
class Constraint:
    """A CHECK or foreign key of one table. `body` is its definition without NOT VALID."""

    oid: int
    relation: str
    name: str
    type: str
    partitioned: bool
    body: str
    validated: bool
    enforced: bool
    local: bool
    no_inherit: bool
    parent: tuple[str, str] | None
    """A foreign key's counterpart (relation, name) on the partitioned table above; it brings this one along."""
    referenced: tuple[str, str] | None
    """A foreign key's referenced relation and the name of the index there that it needs."""

    @cached_property
    def identity(self) -> str:
        return f"constraint {identifier(self.name)} on {self.relation}"

    @property
    def key(self) -> str:
        return self.identity

    def create(self) -> tuple[str, ...]:
        return (self.add(), *((self.validate(),) if self.validated else ()))

    def add(self) -> str:
        return (
            f"{self._alter()} ADD CONSTRAINT {identifier(self.name)} {self.body}{_NOT_VALID if self.enforced else ''}"
        )

    def add_valid(self) -> str:
        """Checked at once: for a table that holds no rows, or whose partitions all have it already."""
        return f"{self._alter()} ADD CONSTRAINT {identifier(self.name)} {self.body}"

    def validate(self) -> str:
        return f"{self._alter()} VALIDATE CONSTRAINT {identifier(self.name)}"

    def properties(self) -> Mapping[str, str]:
        return {"definition": self.body}

    def mend(self, changed: str, theirs: str | None) -> str:
        return f"{self._alter()} DROP CONSTRAINT {identifier(self.name)}"

    def _alter(self) -> str:
        return f"ALTER TABLE {self.relation}"


def read(row: Row) -> Constraint:
    parent, referenced = row.text_or_none("parent_name"), row.text_or_none("referenced_relation")
    return Constraint(
        oid=row.number("oid"),
        relation=qualified(row.text("namespace"), row.text("relation_name")),
        name=row.text("name"),
        type=row.text("type"),
        partitioned=row.flag("partitioned"),
        body=row.spelled("definition").removesuffix(_NOT_VALID),
        validated=row.flag("validated"),
        enforced=row.flag("enforced"),
        local=row.flag("local"),
        no_inherit=row.flag("no_inherit"),
        parent=(qualified(row.text("parent_namespace"), row.text("parent_relation")), parent) if parent else None,
        referenced=_referenced(row, referenced) if referenced else None,
    )


def _referenced(row: Row, relation: str) -> tuple[str, str]:
    return qualified(row.text("referenced_namespace"), relation), row.text_or_none("referenced_index") or ""
