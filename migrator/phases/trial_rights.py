"""The rights that a trial tries to give: as if the destination had the roles already that a migration will make."""

from collections.abc import Iterator
from dataclasses import replace

from migrator.model import Role
from migrator.observation import DatabasePair
from migrator.phases import roles as roles_phase
from migrator.phases import self_memberships
from migrator.phases.privilege_comparison import Comparison, comparisons
from migrator.phases.role_set import RoleSet
from migrator.phases.view import View
from migrator.records import Ledger
from migrator.schema import Schema


def role_statements(view: View) -> tuple[str, ...]:
    """What makes the missing roles and memberships, without passwords and settings: for a transaction that is rolled back."""
    statements = (each for action in roles_phase.examine(view).actions for each in action.statements)
    return tuple(
        _without_password(each.sql, each.holes)
        for each in statements
        if each.sql.startswith(("CREATE ROLE ", "GRANT "))
    )


def _without_password(sql: str, holes: tuple[str, ...]) -> str:
    for hole in holes:
        sql = sql.replace(f"{{{hole}}}", "NULL")
    return sql


def gifts(view: View, name: str, made: Schema) -> Iterator[tuple[Comparison, tuple[str, ...]]]:
    """Each object that has got its place in the database `name` of the trial, and what gives it owner and rights."""
    for each in comparisons(_imagined(view, name, made)):
        if each.mending and each.fresh and each.allowed and (statements := each.gift()):
            yield each, statements


def _imagined(view: View, name: str, made: Schema) -> View:
    """The view as it would be with all roles there, and the trial's database in the place of the target."""
    destination, roles = view.destination, RoleSet.of(view)
    to_come = tuple(role for role in roles.missing if not roles.password_unavailable(role))
    taken = {role.name for role in to_come if self_memberships.wanted_for_new(roles, role.name)}
    taken |= {name for name in self_memberships.needed(roles) if self_memberships.may_take(roles, name)}
    user = destination.user
    known = replace(user, member_of=user.member_of | taken, can_set=user.can_set | taken)
    like = destination.database(view.database.target) or view.source.database(view.database.name)
    here = (replace(like, name=name, owner=user.name, acl=None),) if like is not None else ()
    seen = replace(
        destination,
        roles=(*destination.roles, *map(_plain, to_come)),
        databases=(*destination.databases, *here),
        user=known,
    )
    pair: DatabasePair = replace(view.database, target=name, target_schema=made, ledger=Ledger())
    return replace(view, observation=replace(view.observation, destination=seen), pair=pair)


def _plain(role: Role) -> Role:
    """Made by us, it is nobody's first."""
    return replace(role, bootstrap=False)
