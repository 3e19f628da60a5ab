"""How a table's rows are stored, as the catalogs tell: by it, what ALTER TABLE did to rows that no WAL record names can be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, unquote

from migrator.schema.row import Row


@dataclass(frozen=True, slots=True)
class Attribute:
    """One column's row in pg_attribute, by its xmin: it is another whenever the column was altered."""

    xmin: str
    missing: bool
    """Rows older than the column have its attmissingval; a rewrite of the table puts that into the rows, and takes it away here."""
    type: str = ""
    """"" where the ledger was written by a version that did not note it."""

    @property
    def text(self) -> str:
        return f"{self.xmin}{'m' * self.missing}{'=' * bool(self.type)}{_escaped(self.type)}"


@dataclass(frozen=True)
class Layout:
    """A table's file, and its columns by attnum, in order. Another filenode: VACUUM FULL, CLUSTER, TRUNCATE, or ALTER TABLE."""

    filenode: int
    attributes: Mapping[int, Attribute] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """As the ledger keeps it."""
        each = (f"{number}:{one.text}" for number, one in self.attributes.items())
        return f"{self.filenode} {','.join(each)}"

    @cached_property
    def numbers(self) -> str:
        return ",".join(map(str, self.attributes))


@dataclass(frozen=True)
class Known:
    """What the ledger says of a relation: the source's layout, and the destination's attnums, when both held the same rows."""

    source: Layout
    target: frozenset[int]


def known_text(source: Layout, target: Layout) -> str:
    return f"{source.text} {target.numbers}"


def parse_known(text: str) -> Known:
    """What `known_text` made."""
    filenode, attributes, numbers = text.split(" ")
    each = (one.partition(":") for one in filter(None, attributes.split(",")))
    found = {int(number): _parse_attribute(rest) for number, _, rest in each}
    return Known(Layout(int(filenode), found), frozenset(map(int, filter(None, numbers.split(",")))))


def _parse_attribute(text: str) -> Attribute:
    stored, _, type_ = text.partition("=")
    return Attribute(stored.removesuffix("m"), stored.endswith("m"), unquote(type_.replace("~", "%")))


def _escaped(type_: str) -> str:
    """Without what separates one column from the next, and without the % of a statement's parameters."""
    return quote(type_, safe="").replace("~", "%7E").replace("%", "~")


def read(row: Row, types: Iterable[str]) -> Layout | None:
    """None for what stores no rows. `types`: of all columns, in order."""
    filenode = row.number_or_none("filenode")
    if filenode is None:
        return None
    numbers, xmins = row.numbers("attnums"), row.texts("attribute_xmins")
    missing = frozenset(row.numbers("missing_attnums"))
    each = zip(numbers, xmins, types, strict=True)
    return Layout(filenode, {number: Attribute(xmin, number in missing, type_) for number, xmin, type_ in each})
