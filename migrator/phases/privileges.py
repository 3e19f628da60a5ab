"""Who owns what on the destination, and who may do what with it?

Rights are given once: while an object is as CREATE left it. What differs later is told with the statement that would
mend it, never replicated: a source fenced by REVOKE must not lock the destination, nor put out the light.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from migrator.phases.view import View
from migrator.quote import identifier
from migrator.schema import acl
from migrator.schema.acl import PUBLIC, Acl, Grant
from migrator.schema.privilege import DEFAULT, RELATION_KINDS, Key, Privilege
from migrator.steps import Action, Finding, Side, Statement, Step

NAME = "privileges"

BATCH = 50
"""Statements of one transaction, about: each locks its table against apply until the end of it."""

SHOWN = 20
"""Objects named in one finding."""

_DATABASE_OWNER = "pg_database_owner"
_PUBLIC_SCHEMA = frozenset({Grant(_DATABASE_OWNER, "CREATE"), Grant(_DATABASE_OWNER, "USAGE"), Grant(PUBLIC, "USAGE")})
"""The rights on schema public in a database made from template0."""


def examine(view: View) -> Step:
    """Give rights to what is fresh, tell of what differs otherwise."""
    compared = [(comparison, comparison.statements()) for comparison in _comparisons(view)]
    fresh = [(c, statements) for c, statements in compared if statements and c.fresh]
    drifted = [c for c, statements in compared if statements and not c.fresh]
    findings = (*_drift(view, drifted), *_missing_roles(view, [comparison for comparison, _ in compared]))
    return Step(NAME, view.database.name, actions=tuple(_actions(view, fresh)), findings=findings)


@dataclass(frozen=True)
class _Comparison:
    """One object on both sides, and the statements that would give the destination's the source's owner and rights."""

    view: View
    roles: frozenset[str]
    source: Privilege
    target: Privilege

    @property
    def fresh(self) -> bool:
        """As CREATE left it. What follows its table's owner tells so only by having no ACL."""
        user = self.view.destination.user.name
        if self.target.follows_table:
            return self.target.defaulted
        if self.target.key == ("SCHEMA", "public", "") and self.target.owner == _DATABASE_OWNER:
            return self.target.acl == _PUBLIC_SCHEMA
        return self.target.owner == user and (self.target.defaulted or self.source.owner != user)

    @property
    def missing_roles(self) -> frozenset[str]:
        """Those the source's owner and rights name and the destination lacks."""
        return (acl.grantees(self.source.acl) | {self.source.owner}) - self.roles

    def statements(self) -> list[str]:
        """Owner first, so that what is granted is granted by it."""
        if (self.source.owner, self.source.acl) == (self.target.owner, self.target.acl):
            return []
        if self.source.kind == DEFAULT and self.source.owner not in self.roles:
            return []
        version = self.view.source.version
        changes = self.target.change_acl(
            acl.comparable(self._wanted(), version), acl.comparable(self._present(), version)
        )
        return [*self._change_owner(), *changes]

    def _change_owner(self) -> list[str]:
        """A user without superuser gives an object only to who may create in its schema: lent for this transaction."""
        changes, schema = self.target.change_owner(self._owner), self.target.schema
        if not changes or schema is None or self.view.destination.user.superuser or self._may_create_in(schema):
            return changes
        right, owner = f"CREATE ON SCHEMA {schema}", identifier(self._owner)
        return [f"GRANT {right} TO {owner}", *changes, f"REVOKE {right} FROM {owner}"]

    def _may_create_in(self, schema: str) -> bool:
        """Whether the object's new owner has, or was given just before, a right of its own that must not be taken away."""
        sides = (self.view.database.source_schema, self.view.database.target_schema)
        found = [side.privileges.get(("SCHEMA", schema, "")) for side in sides if side is not None]
        return any(
            namespace.owner == self._owner
            or any(grant.grantee in (self._owner, PUBLIC) and grant.privilege == "CREATE" for grant in namespace.acl)
            for namespace in found
            if namespace is not None
        )

    @property
    def _owner(self) -> str:
        """The owner it is to have: the source's, where the destination has that role."""
        return self.source.owner if self.source.owner in self.roles else self.target.owner

    def _wanted(self) -> Acl:
        moved = acl.owned_by(self.source.acl, self.source.owner, self._owner)
        return acl.without(moved, acl.grantees(moved) - self.roles)

    def _present(self) -> Acl:
        return acl.owned_by(self.target.acl, self.target.owner, self._owner)


def _comparisons(view: View) -> Iterator[_Comparison]:
    """What both sides have, in the order in which rights are to be given."""
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return
    roles = frozenset(role.name for role in view.destination.roles)
    for key, privilege in source.privileges.items():
        counterpart = target.privileges.get(key) or _bare(privilege, target.privileges)
        if counterpart is not None:
            yield _Comparison(view, roles, privilege, counterpart)


def _bare(privilege: Privilege, target: Mapping[Key, Privilege]) -> Privilege | None:
    """The destination's, where having no rights of its own it has no row: a column, or default privileges."""
    if privilege.kind == DEFAULT:
        return replace(privilege, defaulted=True, acl=privilege.builtin)
    if privilege.kind != "COLUMN":
        return None
    tables = (target.get((kind, privilege.identity, "")) for kind in RELATION_KINDS)
    table = next((table for table in tables if table is not None), None)
    return table and replace(privilege, owner=table.owner, defaulted=True, acl=frozenset())


def _actions(view: View, fresh: list[tuple[_Comparison, list[str]]]) -> Iterator[Action]:
    """Batches; the statements of one object stay together, since its owner is the sign that all is done."""
    batch: list[str] = []
    objects = 0
    for _, statements in fresh:
        if batch and len(batch) + len(statements) > BATCH:
            yield _action(view, batch, objects)
            batch, objects = [], 0
        batch += statements
        objects += 1
    if batch:
        yield _action(view, batch, objects)


def _action(view: View, sentences: list[str], objects: int) -> Action:
    target = view.database.target
    summary = f"give owner and privileges to {objects} object{'s' if objects > 1 else ''} of {identifier(target)}"
    first = sentences[0].partition(" TO ")[0]
    return Action(f"{summary} ({first}, ...)", tuple(Statement(Side.DESTINATION, target, sql) for sql in sentences))


def _drift(view: View, drifted: list[_Comparison]) -> Iterator[Finding]:
    if not drifted:
        return
    mending = [f"{sentence};" for comparison in drifted[:SHOWN] for sentence in comparison.statements()]
    yield Finding(
        "privilege_drift",
        f"{_named(drifted)} in database {view.database.target}: owner or privileges are not those of the source; the "
        "destination's are kept.",
        "To make them so on the destination: " + " ".join(mending),
        blocking=False,
        database=view.database.name,
    )


def _missing_roles(view: View, compared: Iterable[_Comparison]) -> Iterator[Finding]:
    affected = [comparison for comparison in compared if comparison.missing_roles]
    if not affected:
        return
    missing = sorted(frozenset().union(*(comparison.missing_roles for comparison in affected)))
    yield Finding(
        "grantee_missing",
        f"The destination has no role {', '.join(missing)}: its ownership and rights on {_named(affected)} are left out.",
        "Create the role on the destination; its rights are then given by hand, ownership by the next tick.",
        blocking=False,
        database=view.database.name,
    )


def _named(comparisons: list[_Comparison]) -> str:
    shown = ", ".join(comparison.target.label for comparison in comparisons[:SHOWN])
    return shown if len(comparisons) <= SHOWN else f"{shown} and {len(comparisons) - SHOWN} more"
