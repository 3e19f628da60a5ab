"""One object's owner and rights on both sides, and the statements that give the destination's what the source's has.

PostgreSQL's own objects and the extensions' are compared by what was changed since they were made: each version makes
them with other rights.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from migrator.phases import standing
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.schema import acl
from migrator.schema.acl import OWNER, PUBLIC, Acl, Grant, Sentence
from migrator.schema.privilege import DEFAULT, RELATION_KINDS, Key, Privilege
from migrator.schema.spelling import unquoted

POSTGRESQL = "PostgreSQL"
"""The maker of what initdb makes."""

_DATABASE_OWNER = "pg_database_owner"
_PUBLIC_SCHEMA = frozenset({Grant(_DATABASE_OWNER, "CREATE"), Grant(_DATABASE_OWNER, "USAGE"), Grant(PUBLIC, "USAGE")})
"""The rights on schema public in a database made from template0."""


@dataclass(frozen=True)
class Surroundings:
    """What the comparisons of one database share."""

    view: View
    roles: frozenset[str]
    _acting: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View) -> "Surroundings":
        return cls(view, frozenset(role.name for role in view.destination.roles))

    def acting(self, owner: str) -> frozenset[str]:
        """The roles whose grants are the owner's."""
        if owner not in self._acting:
            self._acting[owner] = standing.acting(self.view.destination, owner, self.view.database.target)
        return self._acting[owner]

    def may_act_for(self, owner: str) -> bool:
        return standing.may_act_for(self.view.destination, owner, self.view.database.target)

    def has_right(self, role: str, right: str, schema: str) -> bool:
        """Whether a role has, or was given just before, a right of its own on a schema that must not be taken away."""
        sides = (self.view.database.source_schema, self.view.database.target_schema)
        found = [side.privileges.get(("SCHEMA", unquoted(schema), "")) for side in sides if side is not None]
        return any(
            namespace.owner == role
            or any(grant.grantee in (role, PUBLIC) and grant.privilege == right for grant in namespace.acl)
            for namespace in found
            if namespace is not None
        )


@dataclass(frozen=True)
class Comparison:
    """An object that both sides have."""

    around: Surroundings
    source: Privilege
    target: Privilege

    @property
    def settled(self) -> bool:
        """Whether owner and rights were given once: from then on they are watched."""
        given = self.around.view.database.ledger.given or frozenset()
        return (self.target.maker or self.target.address) in given

    @property
    def fresh(self) -> bool:
        """As CREATE left it. What follows its table's owner tells so only by having no ACL."""
        user, target = self.around.view.destination.user.name, self.target
        if target.maker is not None:
            return target.acl == target.initial
        if target.follows_table:
            return target.defaulted
        if target.key == ("SCHEMA", "public", "") and target.owner == _DATABASE_OWNER:
            return target.acl == _PUBLIC_SCHEMA
        return target.owner == user and (target.defaulted or self.source.owner != user)

    @property
    def allowed(self) -> bool:
        """Whether our user may give what is to be given."""
        return self.around.may_act_for(self.target.owner) and self.around.may_act_for(self._owner)

    @cached_property
    def missing_roles(self) -> frozenset[str]:
        """Those that the source's owner and rights name and the destination lacks."""
        if self.source.maker is not None:
            return acl.grantees(self.source.acl ^ self.source.initial) - self.around.roles - {self.source.owner}
        return (acl.grantees(self.source.acl) | {self.source.owner}) - self.around.roles

    @cached_property
    def mending(self) -> tuple[str, ...]:
        """What brings the destination's to the source's, for whoever may: owner first, so that what is granted is granted by it."""
        return tuple(self._statements(frozenset()))

    def gift(self) -> tuple[str, ...]:
        """What of it our user may do: what others than the owner have granted, we grant as these where we may, else as the owner."""
        destination = self.around.view.destination
        grantors = {grant.grantor for grant in self.source.acl} - {OWNER}
        beyond = frozenset(name for name in grantors if not standing.may_become(destination, name))
        return tuple(self._statements(beyond)) if beyond else self.mending

    def _statements(self, beyond: frozenset[str]) -> Iterator[str]:
        if self.source.maker is None and (self.source.owner, self.source.acl) == (self.target.owner, self.target.acl):
            return
        if self.source.kind == DEFAULT and self.source.owner not in self.around.roles:
            return
        yield from self._change_owner()
        version, acting = self.around.view.source.version, self.around.acting(self._owner) | beyond
        wanted, present = (
            acl.given_by(acl.comparable(each, version), acting) for each in (self._wanted(), self._present())
        )
        yield from self._with_usage(self.target.change_acl(wanted, present))

    def _change_owner(self) -> list[str]:
        """A user without superuser gives an object only to who may create in its schema: lent for this transaction."""
        changes, schema = self.target.change_owner(self._owner), self.target.schema
        superuser = self.around.view.destination.user.superuser
        if not changes or schema is None or superuser or self.around.has_right(self._owner, "CREATE", schema):
            return changes
        return _lent(f"CREATE ON SCHEMA {schema}", {self._owner}, changes)

    def _with_usage(self, changes: list[Sentence]) -> list[str]:
        """Who grants in a schema must be able to name what is in it."""
        statements, schema = acl.as_grantor(changes), self.target.schema
        grantors = {change.grantor for change in changes} - {OWNER}
        if schema is None or not grantors:
            return statements
        lacking = {name for name in grantors if not self.around.has_right(name, "USAGE", schema)}
        return _lent(f"USAGE ON SCHEMA {schema}", lacking, statements)

    @property
    def _owner(self) -> str:
        """The owner it is to have: the source's, where the destination has that role."""
        if self.target.maker is not None:
            return self.target.owner
        return self.source.owner if self.source.owner in self.around.roles else self.target.owner

    def _wanted(self) -> Acl:
        moved = acl.owned_by(self.source.acl, self.source.owner, self._owner)
        if self.target.maker is not None:
            made = acl.owned_by(self.source.initial, self.source.owner, self._owner)
            moved = acl.applied(made, moved, acl.owned_by(self.target.initial, self.target.owner, self._owner))
        return acl.without(moved, acl.grantees(moved) - self.around.roles)

    def _present(self) -> Acl:
        return acl.owned_by(self.target.acl, self.target.owner, self._owner)


def _lent(right: str, roles: set[str], statements: list[str]) -> list[str]:
    """The statements, while these roles have a right that they do not keep."""
    names = ", ".join(identifier(role) for role in sorted(roles))
    return [f"GRANT {right} TO {names}", *statements, f"REVOKE {right} FROM {names}"] if names else statements


def comparisons(view: View) -> Iterator[Comparison]:
    """What both sides have, in the order in which rights are to be given."""
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return
    around = Surroundings.of(view)
    for key, privilege in source.privileges.items():
        if privilege.maker is None or privilege.acl != privilege.initial:
            counterpart = target.privileges.get(key) or _bare(privilege, target.privileges, target.untouched)
            if counterpart is not None:
                yield Comparison(around, privilege, counterpart)


def absent(view: View) -> list[Privilege]:
    """PostgreSQL's and the extensions' objects whose rights were changed on the source, and which the destination lacks."""
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return []
    return [
        privilege
        for key, privilege in source.privileges.items()
        if privilege.maker is not None
        and privilege.acl != privilege.initial
        and key not in target.privileges
        and _bare(privilege, target.privileges, target.untouched) is None
    ]


def _bare(privilege: Privilege, target: Mapping[Key, Privilege], untouched: frozenset[Key]) -> Privilege | None:
    """The destination's, where having no rights of its own it has no row: a column, default privileges, what others made."""
    if privilege.kind == DEFAULT:
        return replace(privilege, defaulted=True, acl=privilege.builtin)
    if privilege.kind == "COLUMN":
        keys = [(kind, privilege.key[1], "") for kind in RELATION_KINDS]
        table = next((target[key] for key in keys if key in target), None)
        if table is not None:
            bare = replace(privilege, identity=table.identity, owner=table.owner, oid=table.oid)
            return replace(bare, defaulted=True, acl=frozenset(), initial=frozenset())
        known = not untouched.isdisjoint(keys)
        return replace(privilege, defaulted=True, acl=frozenset(), initial=frozenset()) if known else None
    if privilege.maker is None or privilege.key not in untouched:
        return None
    default = frozenset(grant for grant in privilege.initial if grant.grantee in (PUBLIC, privilege.owner))
    return replace(privilege, defaulted=True, acl=default, initial=default)
