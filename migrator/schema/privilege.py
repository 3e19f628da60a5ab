"""Room: owners and access privileges of schemas, types, routines, relations and columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrator.schema.acl import Acl, Grant

RELATION_KINDS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE")

Key = tuple[str, str, str]
"""Kind, identity, and the column's name or nothing."""

_ALTERED_AS = {"COLUMN": "TABLE"}
_GRANTED_ON = {"VIEW": "TABLE", "MATERIALIZED VIEW": "TABLE", "FOREIGN TABLE": "TABLE", "COLUMN": "TABLE"}


@dataclass(frozen=True)
class Privilege:
    """Whose an object is and who may do what with it.

    `kind` is the word of ALTER (SCHEMA, TYPE, ROUTINE, TABLE, VIEW, SEQUENCE, ...) or COLUMN; `identity` is quoted and
    qualified, a column's is its table's; `column` is quoted. `acl` is what is allowed, also where the catalog says
    NULL (`defaulted`). `follows_table`: a column, or a sequence owned by one, has the owner of its table.
    """

    kind: str
    identity: str
    column: str | None
    owner: str
    follows_table: bool
    defaulted: bool
    acl: Acl

    @property
    def key(self) -> Key:
        return self.kind, self.identity, self.column or ""

    @property
    def label(self) -> str:
        """For people: `table public.t`, `column public.t.c`."""
        return f"{self.kind.lower()} {self.identity}" + (f".{self.column}" if self.column else "")

    @property
    def is_table(self) -> bool:
        """Whether its rights are those of a table (MAINTAIN among them from 17)."""
        return self.kind != "COLUMN" and self.granted_on.startswith("TABLE ")

    @property
    def altered_as(self) -> str:
        """`TABLE public.t`, for ALTER."""
        return f"{_ALTERED_AS.get(self.kind, self.kind)} {self.identity}"

    @property
    def granted_on(self) -> str:
        """`TABLE public.v`, for GRANT ... ON."""
        return f"{_GRANTED_ON.get(self.kind, self.kind)} {self.identity}"


def build(rows: Iterable[Mapping[str, object]]) -> dict[Key, Privilege]:
    """The rows of privilege.sql by `Privilege.key`, in the order in which rights are to be given."""
    built = map(_privilege, rows)
    return {privilege.key: privilege for privilege in built}


def _privilege(row: Mapping[str, object]) -> Privilege:
    grants = row["acl"]
    assert isinstance(grants, list)
    column = row["column_name"]
    return Privilege(
        kind=str(row["kind"]),
        identity=str(row["identity"]),
        column=None if column is None else str(column),
        owner=str(row["owner"]),
        follows_table=bool(row["follows_table"]),
        defaulted=bool(row["defaulted"]),
        acl=frozenset(Grant(grantee, privilege, grantable) for grantee, privilege, grantable in grants),
    )
