"""The source's roles as the destination sees them: which are ours to carry, which are there, which are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.config import RoleConflictStrategy
from migrator.model import Role
from migrator.phases.view import View
from migrator.records import CarriedRole


@dataclass(frozen=True)
class RoleSet:
    """The roles of one mapping. `carried`: those the journal says are done with, created or merged."""

    view: View
    carried: frozenset[str]
    destination: Mapping[str, Role]
    candidates: tuple[Role, ...]
    """Source roles that may be created or touched: not pg_*, not the bootstrap superuser, not ourselves."""
    carried_by_others: tuple[CarriedRole, ...] = ()
    """What other mappings into this destination have made or merged."""

    @classmethod
    def of(cls, view: View) -> "RoleSet":
        entries = view.observation.journal.roles if view.observation.journal else ()
        destination = {role.name: role for role in view.destination.roles}
        return cls(
            view=view,
            carried=frozenset(entry.role for entry in entries if entry.mapping == view.spec.name),
            destination=destination,
            candidates=tuple(role for role in view.source.roles if _ours_to_carry(view, role, destination)),
            carried_by_others=tuple(entry for entry in entries if entry.mapping != view.spec.name),
        )

    @property
    def strategy(self) -> RoleConflictStrategy:
        return self.view.spec.role_conflict_strategy

    @cached_property
    def missing(self) -> tuple[Role, ...]:
        return tuple(role for role in self.candidates if role.name not in self.destination)

    @cached_property
    def present(self) -> tuple[Role, ...]:
        return tuple(role for role in self.candidates if role.name in self.destination)

    @cached_property
    def made_by_us(self) -> tuple[Role, ...]:
        return tuple(role for role in self.present if role.name in self.carried)

    @cached_property
    def _touchable(self) -> frozenset[str]:
        touched = self.candidates if self.strategy is RoleConflictStrategy.MERGE else self.missing
        return frozenset(role.name for role in (*touched, *self.made_by_us))

    @cached_property
    def _withheld(self) -> frozenset[str]:
        taken = self.present if self.strategy is RoleConflictStrategy.FAIL else ()
        return frozenset(role.name for role in taken) - self.carried

    @cached_property
    def _to_come(self) -> frozenset[str]:
        return frozenset(role.name for role in self.missing if not self.password_unavailable(role))

    def may_touch(self, name: str) -> bool:
        """Whether memberships and settings may be added to this role: but for `merge` only where it is ours."""
        return name in self._touchable

    def withheld(self, name: str) -> bool:
        """Under `fail`, a role that the destination had before us: it may be somebody else's, and is left alone."""
        return name in self._withheld

    def will_exist(self, name: str) -> bool:
        """Whether the destination has the role, or gets it now."""
        return name in self.destination or name in self._to_come

    def password_unavailable(self, role: Role) -> bool:
        """It logs in by a password that we can neither read nor replace."""
        return needs_password(role) and role.has_password is None and self.view.spec.common_password is None


def needs_password(role: Role) -> bool:
    """Whether a verifier is to be set: the source's, or where that cannot be read the common password's."""
    return role.login if role.has_password is None else role.has_password


def _ours_to_carry(view: View, role: Role, destination: Mapping[str, Role]) -> bool:
    if role.name.startswith("pg_"):
        return False
    if role.name not in destination:
        return True
    spec = view.spec
    untouchable = {view.source.user.name, view.destination.user.name, spec.source.username, spec.destination.username}
    return not role.bootstrap and not destination[role.name].bootstrap and role.name not in untouchable
