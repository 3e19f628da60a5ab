"""Room of sequences: standalone, owned by a column (serial), and those an identity column brings along."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.quote import identifier, qualified
from migrator.schema.row import Row

OWNED_BY = "a"
IDENTITY = "i"


@dataclass(frozen=True)
class Sequence:
    """A sequence with every parameter. `link` says what ties it to `owner_relation`.`owner_column`, None: nothing."""

    oid: int
    namespace: str
    name: str
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool
    link: str | None
    owner_relation: str | None
    owner_column: str | None
    unlogged: bool = False

    @cached_property
    def qualified(self) -> str:
        return qualified(self.namespace, self.name)

    @cached_property
    def identity(self) -> str:
        return f"sequence {self.qualified}"

    @property
    def key(self) -> str:
        return f"class:{self.oid}"

    def create(self) -> tuple[str, ...]:
        word = "UNLOGGED SEQUENCE" if self.unlogged else "SEQUENCE"
        return (f"CREATE {word} {self.qualified} AS {self.type} {self.parameters()}",)

    def parameters(self) -> str:
        """START WITH ... CYCLE, as CREATE SEQUENCE and identity columns take them."""
        return (
            f"START WITH {self.start} INCREMENT BY {self.increment} MINVALUE {self.minimum} MAXVALUE {self.maximum}"
            f" CACHE {self.cache}{' CYCLE' if self.cycle else ' NO CYCLE'}"
        )

    def properties(self) -> Mapping[str, str]:
        return {"type": self.type, "parameters": self.parameters(), "persistence": self.persistence}

    @property
    def persistence(self) -> str:
        return "UNLOGGED" if self.unlogged else "LOGGED"

    def mend(self, changed: str, theirs: str | None) -> str:
        if changed == "persistence":
            return f"ALTER SEQUENCE {self.qualified} SET {self.persistence}"
        return f"ALTER SEQUENCE {self.qualified} AS {self.type} {self.parameters()}"


@dataclass(frozen=True)
class Ownership:
    """A sequence's OWNED BY: made after both the sequence and the table."""

    sequence: str
    relation: str
    column: str

    @property
    def identity(self) -> str:
        return f"owner of sequence {self.sequence}"

    @property
    def key(self) -> str:
        return self.identity

    def create(self) -> tuple[str, ...]:
        return (f"ALTER SEQUENCE {self.sequence} OWNED BY {self.relation}.{identifier(self.column)}",)

    def properties(self) -> Mapping[str, str]:
        return {"column": f"{self.relation}.{identifier(self.column)}"}

    def mend(self, changed: str, theirs: str | None) -> str:
        return self.create()[0]


def ownership(sequence: Sequence) -> Ownership | None:
    """The OWNED BY of a sequence that has one; an identity column's sequence is its column's anyway."""
    if sequence.link != OWNED_BY or sequence.owner_relation is None or sequence.owner_column is None:
        return None
    return Ownership(sequence.qualified, sequence.owner_relation, sequence.owner_column)


def read(row: Row) -> Sequence:
    table = row.text_or_none("owner_table")
    return Sequence(
        oid=row.number("oid"),
        namespace=row.text("namespace"),
        name=row.text("name"),
        type=row.text("type"),
        start=row.number("start"),
        increment=row.number("increment"),
        minimum=row.number("minimum"),
        maximum=row.number("maximum"),
        cache=row.number("cache"),
        cycle=row.flag("cycle"),
        link=row.text_or_none("link"),
        owner_relation=qualified(row.text("owner_namespace"), table) if table is not None else None,
        owner_column=row.text_or_none("owner_column"),
        unlogged=row.flag("unlogged"),
    )


def of_identities(rows: Iterable[Row], sequences: Iterable[Sequence]) -> dict[tuple[int, str], Sequence]:
    """Those of identity columns, by table's oid and column; `rows`: from which the sequences were read."""
    both = zip(rows, sequences, strict=False)
    return {(row.number("owner_oid"), row.text("owner_column")): each for row, each in both if each.link == IDENTITY}
