"""Room of range types. The multirange type comes with its range type."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import qualified
from migrator.schema.row import Row
from migrator.schema.spelling import type_with_later_quotes


@dataclass(frozen=True)
class Range:
    """A range type; `parameters` are those of CREATE TYPE ... AS RANGE, in order."""

    oid: int
    namespace: str
    name: str
    parameters: tuple[tuple[str, str], ...]

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
        parameters = ", ".join(f"{name} = {value}" for name, value in self.parameters)
        return (f"CREATE TYPE {self.qualified} AS RANGE ({parameters})",)

    def create_shell(self) -> tuple[str, ...]:
        """For a range whose canonical function needs the type: `create` fills it."""
        return (f"CREATE TYPE {self.qualified}",)

    def properties(self) -> Mapping[str, str]:
        return dict(self.parameters)

    def mend(self, changed: str, theirs: str | None) -> str:
        return ""


def read(row: Row) -> Range:
    parameters = {
        "subtype": type_with_later_quotes(row.text("subtype")),
        "multirange_type_name": qualified(row.text("multirange_namespace"), row.text("multirange")),
        "subtype_opclass": _name(row, "opclass"),
        "collation": _name(row, "collation"),
        "canonical": row.spelled_or_none("canonical"),
        "subtype_diff": row.spelled_or_none("subtype_diff"),
    }
    present = tuple((name, value) for name, value in parameters.items() if value is not None)
    return Range(row.number("oid"), row.text("namespace"), row.text("name"), present)


def _name(row: Row, column: str) -> str | None:
    name = row.text_or_none(column)
    return qualified(row.text(f"{column}_namespace"), name) if name is not None else None
