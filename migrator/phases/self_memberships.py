"""Memberships that our user gives itself on the destination, to act for the roles that own something there.

Only without superuser, from 16 on: who makes a role has ADMIN in it, and neither its rights nor SET ROLE. Noted in the journal in
the transaction that grants, given back in the one that forgets the note: no stop in between leaves one without the other.
"""

from collections.abc import Iterator

from migrator.model import Instance
from migrator.phases import memberships, standing
from migrator.phases.noting import NOT_OVER, noted
from migrator.phases.role_set import RoleSet
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.schema.acl import OWNER
from migrator.steps import Action, Side, Statement

SINCE = 16


def grants(roles: RoleSet) -> Iterator[Action]:
    """For roles that are there and that we may grant."""
    for role in sorted(needed(roles) & frozenset(role.name for role in roles.present)):
        if may_take(roles, role) and not _acts_for(roles.view, role):
            yield Action(f"act for role {identifier(role)}", tuple(of_new(roles, role)))


def of_new(roles: RoleSet, role: str) -> Iterator[Statement]:
    """What lets us act for a role, also for one made in the same transaction."""
    view, user = roles.view, identifier(roles.view.destination.user.name)
    yield noted(view.spec.name, "self_memberships", {"role": literal(role)})
    yield _statement(f"GRANT {identifier(role)} TO {user} WITH ADMIN FALSE, INHERIT TRUE, SET TRUE GRANTED BY {user}")


def wanted_for_new(roles: RoleSet, role: str) -> bool:
    """Whether a role about to be made needs us as a member."""
    return _applies(roles.view) and role in needed(roles)


def may_take(roles: RoleSet, role: str) -> bool:
    """Whether we may make ourselves a member of a role that is there: one that may be touched, and that we administer."""
    return _applies(roles.view) and roles.may_touch(role) and standing.may_administer(roles.view.destination, role)


def needed(roles: RoleSet) -> frozenset[str]:
    """The roles that own something in the mapping's databases, or have given rights or memberships on."""
    view = roles.view
    names = {each.grantor for each in view.source.memberships}
    for pair in view.observation.databases:
        database = view.source.database(pair.name)
        names |= {database.owner} if database is not None else set()
        for privilege in pair.source_schema.privileges.values() if pair.source_schema is not None else ():
            if privilege.maker is None:
                names.add(privilege.owner)
            names |= {grant.grantor for grant in privilege.acl}
    return frozenset(names - {OWNER, view.destination.user.name})


def returns(view: View) -> Iterator[Action]:
    """At the end: each is given back, or handed on to a mapping that is still at work with the role."""
    there = {role.name for role in view.destination.roles}
    mapping, user = literal(view.spec.name), identifier(view.destination.user.name)
    for role in view.journal.self_memberships:
        row = f"mapping = {mapping} AND role = {literal(role)}"
        heir = next(
            (each.mapping for each in view.journal.roles if each.role == role and each.mapping != view.spec.name), None
        )
        if heir is not None:
            delete = _statement(f"DELETE FROM migrator.self_memberships WHERE {row}")
            yield Action(
                _given_back(role), (noted(heir, "self_memberships", {"role": literal(role)}, NOT_OVER), delete)
            )
        elif role in there:
            yield _action(role, f"REVOKE {identifier(role)} FROM {user} GRANTED BY {user}",
                          f"DELETE FROM migrator.self_memberships WHERE {row}")  # fmt: skip
        else:
            yield _action(role, f"DELETE FROM migrator.self_memberships WHERE {row}")


def remaining(source: Instance, destination: Instance) -> dict[str, str]:
    """By role the statements for a superuser: only one takes from us the ADMIN that making a role has brought.

    What we granted by it is granted anew first.
    """
    user, carried = destination.user, {role.name for role in source.roles}
    owed: dict[str, str] = {}
    for each in destination.memberships:
        if each.member == user.name and each.admin_option and each.role in carried and not user.superuser:
            ours = [other for other in destination.memberships if (other.role, other.grantor) == (each.role, user.name)]
            again = [memberships.again(other) for other in ours]
            revoke = f"REVOKE {identifier(each.role)} FROM {identifier(user.name)} GRANTED BY {identifier(each.grantor)} CASCADE"
            owed[each.role] = " ".join(f"{sql};" for sql in (*again, revoke))
    return owed


def _applies(view: View) -> bool:
    return view.destination.major >= SINCE and not view.destination.user.superuser


def _acts_for(view: View, role: str) -> bool:
    user = view.destination.user
    return role in user.can_set and role in user.member_of


def _action(role: str, *statements: str) -> Action:
    return Action(_given_back(role), tuple(map(_statement, statements)))


def _given_back(role: str) -> str:
    return f"give back the membership in role {identifier(role)}"


def _statement(sql: str) -> Statement:
    return Statement(Side.DESTINATION, None, sql)
