"""Room: owners and access privileges of schemas, types, routines, relations and columns; default privileges.

Of what initdb or an extension made, only the rights, compared with those it was made with (pg_init_privs).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from migrator.quote import identifier
from migrator.schema import acl
from migrator.schema.acl import OWNER, Acl, Grant, Sentence
from migrator.schema.row import Row
from migrator.schema.spelling import requoted, unquoted, with_later_quotes

RELATION_KINDS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE")

Key = tuple[str, str, str]
"""Kind, identity without needless quotes (which words need them is another matter on every version), and the column or nothing."""

DEFAULT = "DEFAULT"

_SCHEMA = re.compile(r'("(?:[^"]|"")*"|[^."]+)\.')

_REMEMBERED, _REMEMBERED_LISTS = 8192, 16
"""Distinct ACLs, and objects of PostgreSQL's and the extensions'; lists of them, one per version and set of extensions."""

_of_initdb: dict[str, frozenset[Key]] = {}
"""Lists by their digest. What has been told to be known is never dropped: the server leaves it out."""

_WORD_OF_GRANT = {
    **dict.fromkeys(("VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "COLUMN"), "TABLE"),
    "SERVER": "FOREIGN SERVER",
}
"""GRANT's word for a kind, where it is not ALTER's."""


@dataclass(frozen=True, slots=True)
class Privilege:
    """Whose an object is and who may do what with it.

    `kind` is the word of ALTER (SCHEMA, TYPE, ROUTINE, TABLE, VIEW, SEQUENCE, ...) or COLUMN; `identity` is quoted and
    qualified, a column's is its table's; `column` is quoted, by us. `acl` is what is allowed, also where the catalog says
    NULL (`defaulted`). `follows_table`: a column, or a sequence owned by one, has the owner of its table; a range
    type's constructor keeps the one who made it.
    Of kind DEFAULT are default privileges: `identity` is FOR ROLE ... IN SCHEMA ..., `column` the kind of object
    (TABLES), and `builtin` what holds where there are none.
    `maker`: `PostgreSQL` or `extension hstore` where it is of initdb's or an extension's making, `initial` the rights it
    was made with; None where it is the user's.
    """

    kind: str
    identity: str
    column: str | None
    owner: str
    follows_table: bool
    defaulted: bool
    acl: Acl
    builtin: Acl = frozenset()
    oid: int = 0
    maker: str | None = None
    initial: Acl = frozenset()

    @property
    def key(self) -> Key:
        return self.kind, unquoted(self.identity), self.column or ""

    @property
    def address(self) -> str:
        """Tells the object, on its own side, also from one that is made anew under its name."""
        if self.kind == DEFAULT:
            return f"{DEFAULT} {self.identity} {self.column}"
        return f"{self.kind} {self.oid}" + (f" {self.column}" if self.column else "")

    @property
    def schema(self) -> str | None:
        """The quoted name of the schema the object is in; None for what is in none."""
        found = _SCHEMA.match(self.identity) if self.kind not in ("SCHEMA", DEFAULT) else None
        return found[1] if found else None

    @property
    def label(self) -> str:
        """For people: `table public.t`, `column public.t.c`, `default privileges FOR ROLE app on TABLES`."""
        if self.kind == DEFAULT:
            return f"default privileges {self.identity} on {self.column}"
        return f"{self.kind.lower()} {self.identity}" + (f".{self.column}" if self.column else "")

    def change_owner(self, owner: str) -> list[str]:
        """The statement that gives the object to `owner`; none where it follows its table."""
        if self.follows_table or owner == self.owner:
            return []
        return [f"ALTER {self.kind} {self.identity} OWNER TO {identifier(owner)}"]

    def change_acl(self, wanted: Acl, present: Acl) -> list[Sentence]:
        """The statements that turn `present` rights into `wanted` ones."""
        if self.kind == DEFAULT:
            changes = acl.changes(wanted, present, str(self.column))
            return [Sentence(f"ALTER DEFAULT PRIVILEGES {self.identity} {change.sql}") for change in changes]
        kind = _WORD_OF_GRANT.get(self.kind, self.kind)
        return acl.changes(wanted, present, f"{kind} {self.identity}", self.column or "")


def build(rows: Iterable[Row]) -> dict[Key, Privilege]:
    """The rows of privilege.sql by `Privilege.key`, in the order in which rights are to be given."""
    built = (_privilege(row) for row in rows)
    return {privilege.key: privilege if privilege.maker is None else _shared(privilege) for privilege in built}


def known_digests() -> list[str]:
    """For untouched.sql: the lists of initdb's objects that this process has already."""
    return list(_of_initdb)


def read_untouched(row: Row) -> frozenset[Key]:
    """The row of untouched.sql. The same answer is the same object: every database has it."""
    digest, listed = row.text("digest"), row.text_or_none("of_initdb")
    if listed is not None and len(_of_initdb) < _REMEMBERED_LISTS:
        _of_initdb.setdefault(digest, _keys(listed))
    return _together(digest, listed, row.text("of_extensions"))


@lru_cache(_REMEMBERED_LISTS)
def _together(digest: str, listed: str | None, of_extensions: str) -> frozenset[Key]:
    of_initdb = _keys(listed) if listed is not None else _of_initdb[digest]
    return of_initdb | _keys(of_extensions)


@lru_cache(_REMEMBERED)
def _shared(privilege: Privilege) -> Privilege:
    """Every database has the same of PostgreSQL's own objects: one value serves them all."""
    return privilege


@lru_cache(_REMEMBERED_LISTS)
def _keys(text: str) -> frozenset[Key]:
    return frozenset((kind, unquoted(identity), "") for kind, identity in json.loads(text))


def _privilege(row: Row) -> Privilege:
    kind, identity, owner = row.text("kind"), row.text("identity"), row.text("owner")
    column = row.text_or_none("column_name")
    return Privilege(
        kind=kind,
        identity=requoted(identity) if kind == DEFAULT else with_later_quotes(identity),
        column=identifier(column) if column is not None and kind == "COLUMN" else column,
        owner=owner,
        follows_table=row.flag("follows_table"),
        defaulted=row.flag("defaulted"),
        acl=read_acl(row.text("acl"), owner),
        builtin=read_acl(row.text("builtin"), owner),
        oid=row.number("oid"),
        maker=row.text_or_none("maker"),
        initial=read_acl(row.text("initial"), owner),
    )


@lru_cache(_REMEMBERED)
def read_acl(text: str, owner: str) -> Acl:
    """The rights that a JSON text lists, [grantee, privilege, grantable, grantor]. Thousands of objects share a few lists."""
    return frozenset(
        Grant(grantee, privilege, grantable, OWNER if grantor == owner else grantor)
        for grantee, privilege, grantable, grantor in json.loads(text)
    )
