"""Who is a member of what: GRANT role TO member, with the options of 16 and later.

Grantors are not carried: on the destination we grant. A membership granted by several is compared as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from migrator.model import Instance, Membership
from migrator.phases.role_set import RoleSet
from migrator.quote import identifier
from migrator.steps import Action, Finding, Side, Statement


@dataclass(frozen=True)
class Options:
    """What a membership allows. Before 16 a member inherits as its own attribute says, and may always SET ROLE."""

    admin: bool
    inherit: bool
    set: bool

    def joined(self, other: "Options") -> "Options":
        return Options(self.admin or other.admin, self.inherit or other.inherit, self.set or other.set)


Pair = tuple[str, str]
"""(role, member)"""


def grants(roles: RoleSet) -> Iterator[Action]:
    """The memberships that are missing: after the roles, an action per member, so that one that fails stays alone."""
    present = _read(roles.view.destination)
    missing = [
        (pair, _grant(roles, pair, options))
        for pair, options in sorted(_wanted(roles).items(), key=lambda item: item[0][::-1])
        if pair not in present and all(map(roles.will_exist, pair)) and _may_grant(roles, pair[0])
    ]
    for member, entries in groupby(missing, key=lambda entry: entry[0][1]):
        statements = tuple(Statement(Side.DESTINATION, None, sql) for _, sql in entries)
        yield Action(f"grant memberships to role {identifier(member)}", statements)


def findings(roles: RoleSet) -> Iterator[Finding]:
    """Memberships that cannot be given, or that are there with other options."""
    present = _read(roles.view.destination)
    for pair, options in _wanted(roles).items():
        if not roles.will_exist(pair[0]):
            yield _role_missing(pair)
        elif pair not in present and not _may_grant(roles, pair[0]):
            yield _refused(roles, pair, options)
        elif pair in present and _comparable(roles, present[pair]) != _comparable(roles, options):
            yield _differs(roles, pair, options)


def _wanted(roles: RoleSet) -> dict[Pair, Options]:
    return {
        pair: options
        for pair, options in _read(roles.view.source).items()
        if roles.may_touch(pair[1]) and not roles.withheld(pair[0])
    }


def _may_grant(roles: RoleSet, role: str) -> bool:
    """A superuser may; before 16 CREATEROLE is enough; from 16 it takes ADMIN, which the creator of a role has."""
    destination = roles.view.destination
    user = destination.user
    if user.superuser or role not in roles.destination or (destination.major < 16 and user.createrole):
        return True
    return any(
        membership.role == role and membership.admin_option and membership.member in {user.name, *user.member_of}
        for membership in destination.memberships
    )


def _read(instance: Instance) -> dict[Pair, Options]:
    inherits = {role.name: role.inherit for role in instance.roles}
    found: dict[Pair, Options] = {}
    for membership in instance.memberships:
        pair = (membership.role, membership.member)
        options = _options(membership, inherits.get(membership.member, True))
        found[pair] = found[pair].joined(options) if pair in found else options
    return found


def _options(membership: Membership, member_inherits: bool) -> Options:
    return Options(
        admin=membership.admin_option,
        inherit=member_inherits if membership.inherit_option is None else membership.inherit_option,
        set=True if membership.set_option is None else membership.set_option,
    )


def _comparable(roles: RoleSet, options: Options) -> Options | bool:
    """Before 16 the destination can only hold ADMIN."""
    return options if roles.view.destination.major >= 16 else options.admin


def _grant(roles: RoleSet, pair: Pair, options: Options) -> str:
    sql = f"GRANT {identifier(pair[0])} TO {identifier(pair[1])}"
    if roles.view.destination.major < 16:
        return sql + (" WITH ADMIN OPTION" if options.admin else "")
    return f"{sql} WITH ADMIN {_bool(options.admin)}, INHERIT {_bool(options.inherit)}, SET {_bool(options.set)}"


def _bool(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _role_missing(pair: Pair) -> Finding:
    return Finding(
        "predefined_role_missing",
        f"Role {pair[1]} is a member of {pair[0]} on the source; the destination has no such role.",
        "Nothing to do where its rights are not needed there; else grant what takes their place.",
        blocking=False,
    )


def _refused(roles: RoleSet, pair: Pair, options: Options) -> Finding:
    return Finding(
        "membership_refused",
        f"{roles.view.destination.user.name} may not grant role {pair[0]} to {pair[1]} on the destination.",
        f"As a superuser on the destination: {_grant(roles, pair, options)};",
        blocking=False,
    )


def _differs(roles: RoleSet, pair: Pair, options: Options) -> Finding:
    return Finding(
        "membership_differs",
        f"{pair[1]} is a member of {pair[0]} with other options than on the source; the destination's are kept.",
        f"To make it so on the destination: {_grant(roles, pair, options)};",
        blocking=False,
    )
