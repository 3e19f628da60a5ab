"""Large objects of one database: which there are, whose they are, who may do what with them, their comments. Not what they hold."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.comparison.discrepancy import Discrepancy, What
from migrator.observation import DatabasePair
from migrator.quote import identifier, literal
from migrator.schema import acl
from migrator.schema.acl import Acl, Grant
from migrator.steps import Side, Statement

KIND = "large object"

SHOWN = 50
"""Of a database's; the others are counted."""


@dataclass(frozen=True)
class LargeObject:
    """One large object, without its contents."""

    oid: int
    owner: str
    acl: Acl
    comment: str | None


@dataclass(frozen=True)
class Unlike:
    """Those that differ: the first, each as source and destination have it, and how many more there are."""

    first: tuple[tuple[LargeObject | None, LargeObject | None], ...] = ()
    more: int = 0


def read(oid: int, owner: str, comment: str | None, acl: str) -> LargeObject:
    """A row of catalog/large_object_rights.sql. The owner's grant options are implied."""
    grants = (
        Grant(grantee, privilege, grantable and grantee != owner) for grantee, privilege, grantable in json.loads(acl)
    )
    return LargeObject(oid, owner, frozenset(grants), comment)


def unlike(source: Iterable[LargeObject], destination: Iterable[LargeObject]) -> Unlike:
    """What is not the same on both sides. Either comes in the order of oid, so that millions need no room."""
    first: list[tuple[LargeObject | None, LargeObject | None]] = []
    more = 0
    for pair in _paired(iter(source), iter(destination)):
        if pair[0] == pair[1]:
            continue
        if len(first) < SHOWN:
            first.append(pair)
        else:
            more += 1
    return Unlike(tuple(first), more)


def _paired(
    source: Iterator[LargeObject], destination: Iterator[LargeObject]
) -> Iterator[tuple[LargeObject | None, LargeObject | None]]:
    ours, theirs = next(source, None), next(destination, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and ours.oid < theirs.oid):
            yield ours, None
            ours = next(source, None)
        elif ours is None or theirs.oid < ours.oid:
            yield None, theirs
            theirs = next(destination, None)
        else:
            yield ours, theirs
            ours, theirs = next(source, None), next(destination, None)


def discrepancies(pair: DatabasePair, found: Unlike, expected: str | None) -> Iterator[Discrepancy]:
    """Each with what mends it but its contents; `expected`: why it is no fault yet."""
    for ours, theirs in found.first:
        if ours is None:
            assert theirs is not None
            yield _discrepancy(pair, theirs.oid, What.EXTRA, [f"SELECT lo_unlink({theirs.oid})"], expected)
        elif theirs is None:
            yield _discrepancy(pair, ours.oid, What.MISSING, [], expected)
        else:
            changed = [name for name in ("owner", "acl", "comment") if getattr(ours, name) != getattr(theirs, name)]
            words = ", ".join(changed).replace("acl", "privileges")
            yield _discrepancy(pair, ours.oid, What.DIFFERS, list(_mending(ours, theirs)), expected, words)
    if found.more:
        yield Discrepancy(pair.name, pair.target, KIND, f"({found.more} more)", What.DIFFERS, expected=expected)


def _mending(ours: LargeObject, theirs: LargeObject) -> Iterator[str]:
    it = f"LARGE OBJECT {ours.oid}"
    if ours.owner != theirs.owner:
        yield f"ALTER {it} OWNER TO {identifier(ours.owner)}"
    present = acl.owned_by(theirs.acl, theirs.owner, ours.owner)
    yield from acl.as_grantor(acl.changes(ours.acl, present, it))
    if ours.comment != theirs.comment:
        yield f"COMMENT ON {it} IS {literal(ours.comment) if ours.comment is not None else 'NULL'}"


def _discrepancy(
    pair: DatabasePair, oid: int, what: What, mend: list[str], expected: str | None, changed: str | None = None
) -> Discrepancy:
    statements = tuple(Statement(Side.DESTINATION, pair.target, sql) for sql in mend)
    note = "pg-migrator run makes it, and pg-migrator carry makes it anew." if what is What.MISSING else ""
    return Discrepancy(
        pair.name, pair.target, KIND, str(oid), what, changed, mend=statements, note=note, expected=expected
    )
