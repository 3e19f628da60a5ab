"""In whose name a role grants on the destination, and whose it may act for."""

from collections.abc import Iterable

from migrator.model import Instance

_DATABASE_OWNER = "pg_database_owner"
"""The predefined role whose one member is the owner of the database at hand."""


def acting(instance: Instance, owner: str, database: str | None = None) -> frozenset[str]:
    """The roles that grant in the name of `owner`: superusers, and those that inherit its rights.

    PostgreSQL takes the owner for the grantor of whatever these grant, so that it cannot be told from the owner's.
    `database` is the name of the one where `owner` owns something.
    """
    found = {role.name for role in instance.roles if role.superuser}
    new = {owner, *_owner_of(instance, owner, database)}
    while new:
        found |= new
        new = {member for role in new for member in _inheriting(instance, role)} - found
    return frozenset(found - {owner})


def may_act_for(instance: Instance, owner: str, database: str | None) -> bool:
    """Whether our user may grant in the name of `owner`, and give away what it owns."""
    user = instance.user
    wanted = {owner, *_owner_of(instance, owner, database)}
    return user.superuser or bool(wanted & {user.name, *user.member_of})


def may_become(instance: Instance, role: str) -> bool:
    """Whether our user may SET ROLE to it."""
    return instance.user.superuser or role in instance.user.can_set or role == instance.user.name


def may_administer(instance: Instance, role: str) -> bool:
    """Whether our user may grant the role: a superuser may, and alone grants superusers; before 16 CREATEROLE is enough;
    from 16 it takes ADMIN, which the creator of a role has.
    """
    user = instance.user
    if user.superuser:
        return True
    if any(each.superuser for each in instance.roles if each.name == role):
        return False
    if instance.major < 16 and user.createrole:
        return True
    names = {user.name, *user.member_of}
    return any(each.role == role and each.admin_option and each.member in names for each in instance.memberships)


def _owner_of(instance: Instance, owner: str, database: str | None) -> Iterable[str]:
    found = instance.database(database) if database is not None and owner == _DATABASE_OWNER else None
    return () if found is None else (found.owner,)


def _inheriting(instance: Instance, role: str) -> Iterable[str]:
    inherits = {each.name for each in instance.roles if each.inherit}
    for membership in instance.memberships:
        if membership.role == role:
            option = membership.inherit_option
            if membership.member in inherits if option is None else option:
                yield membership.member
