"""Who is a member of what: GRANT role TO member, with the options and the grantors of 16 and later.

Before 16 a grantor meant nothing, and could be anybody: what comes from there is granted anew, as pg_dumpall and pg_upgrade do.
A membership granted by several is made of as many grants, and compared as one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from migrator import model
from migrator.model import Instance
from migrator.phases import standing
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


GRANTORS_SINCE = 16


@dataclass(frozen=True)
class Membership:
    """One grant of a membership. `grantor` None: whoever runs the statement, or the bootstrap superuser for a superuser."""

    role: str
    member: str
    grantor: str | None
    options: Options

    @property
    def pair(self) -> Pair:
        return self.role, self.member


def grants(roles: RoleSet) -> Iterator[Action]:
    """The memberships that are missing: after the roles, an action per member, so that one that fails stays alone.

    Where others than the superuser have granted memberships of a role, an action for these: who grants must have ADMIN before.
    """
    present = _read(roles.view.destination)
    missing = [each for each in _ordered(roles) if each.pair not in present and _may_grant(roles, each.role)]
    handed_on = {each.pair for each in missing if each.grantor is not None}
    plain = sorted((each for each in missing if each.pair not in handed_on), key=lambda each: (each.member, each.role))
    for member, entries in groupby(plain, key=lambda each: each.member):
        yield _action(roles, f"grant memberships to role {identifier(member)}", entries)
    chained = sorted((each for each in missing if each.pair in handed_on), key=lambda each: each.role)
    for role, entries in groupby(chained, key=lambda each: each.role):
        yield _action(roles, f"grant role {identifier(role)} to those who got it from its members", entries)


def _action(roles: RoleSet, summary: str, memberships: Iterable[Membership]) -> Action:
    statements = (_grant(roles, each) for each in memberships)
    return Action(summary, tuple(Statement(Side.DESTINATION, None, sql) for sql in statements))


def _ordered(roles: RoleSet) -> list[Membership]:
    """What can be granted, each after the one that gives its grantor ADMIN. A grantor who never gets it is left out."""
    wanted = [each for each in _rows(roles) if all(map(roles.will_exist, each.pair))]
    present = _read(roles.view.destination).items()
    admins = {pair for pair, options in present if options.admin}
    ordered: list[Membership] = []
    while found := [each for each in wanted if each.grantor is None or (each.role, each.grantor) in admins]:
        ordered += found
        admins |= {each.pair for each in found if each.options.admin}
        wanted = [each for each in wanted if each not in found]
    return [*ordered, *(replace(each, grantor=None) for each in wanted)]


def _rows(roles: RoleSet) -> list[Membership]:
    """The source's grants, those of one grantor joined."""
    source, destination = roles.view.source, roles.view.destination
    inherits = {role.name: role.inherit for role in source.roles}
    found: dict[tuple[Pair, str | None], Options] = {}
    for each in source.memberships:
        pair = (each.role, each.member)
        if not _carried(roles, pair):
            continue
        named = min(source.major, destination.major) >= GRANTORS_SINCE and _may_name(roles, each.grantor)
        key = pair, each.grantor if named else None
        options = _options(each, inherits.get(each.member, True))
        found[key] = found[key].joined(options) if key in found else options
    return [Membership(*pair, grantor, options) for (pair, grantor), options in found.items()]


def _may_name(roles: RoleSet, grantor: str) -> bool:
    """Whether a grant can say GRANTED BY this role of the source: one the destination has, and whose rights we have."""
    source = next((role for role in roles.view.source.roles if role.name == grantor), None)
    there = roles.destination.get(grantor)
    if source is None or source.bootstrap or not roles.will_exist(grantor) or (there is not None and there.bootstrap):
        return False
    return standing.may_act_for(roles.view.destination, grantor, None)


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
    yield from _beyond(roles)


def _beyond(roles: RoleSet) -> Iterator[Finding]:
    """Memberships that the destination has and the source has not, but for those that another mapping brought."""
    source = {(each.role, each.member) for each in roles.view.source.memberships}
    foreign = {entry.role for entry in roles.carried_by_others}
    for each in roles.view.destination.memberships:
        pair = each.role, each.member
        if pair not in source and each.member not in foreign and roles.may_touch(each.member):
            by = f" GRANTED BY {identifier(each.grantor)}" if roles.view.destination.major >= GRANTORS_SINCE else ""
            yield Finding(
                "membership_differs",
                f"{each.member} is a member of {each.role} on the destination, and is not on the source; it is kept.",
                f"To make it so on the destination: REVOKE {identifier(each.role)} FROM {identifier(each.member)}{by};",
                blocking=False,
            )


def _wanted(roles: RoleSet) -> dict[Pair, Options]:
    return {pair: options for pair, options in _read(roles.view.source).items() if _carried(roles, pair)}


def _carried(roles: RoleSet, pair: Pair) -> bool:
    return roles.may_touch(pair[1]) and not roles.withheld(pair[0])


def _may_grant(roles: RoleSet, role: str) -> bool:
    """Whether we may make others members of a role: one that we made ourselves, too."""
    return role not in roles.destination or standing.may_administer(roles.view.destination, role)


def _read(instance: Instance) -> dict[Pair, Options]:
    inherits = {role.name: role.inherit for role in instance.roles}
    found: dict[Pair, Options] = {}
    for membership in instance.memberships:
        pair = (membership.role, membership.member)
        options = _options(membership, inherits.get(membership.member, True))
        found[pair] = found[pair].joined(options) if pair in found else options
    return found


def _options(membership: model.Membership, member_inherits: bool) -> Options:
    return Options(
        admin=membership.admin_option,
        inherit=member_inherits if membership.inherit_option is None else membership.inherit_option,
        set=True if membership.set_option is None else membership.set_option,
    )


def _comparable(roles: RoleSet, options: Options) -> Options | bool:
    """Before 16 the destination can only hold ADMIN."""
    return options if roles.view.destination.major >= 16 else options.admin


def _grant(roles: RoleSet, membership: Membership) -> str:
    if roles.view.destination.major >= GRANTORS_SINCE:
        return grant(membership)
    plain = f"GRANT {identifier(membership.role)} TO {identifier(membership.member)}"
    return plain + (" WITH ADMIN OPTION" if membership.options.admin else "")


def grant(membership: Membership) -> str:
    """The statement, as 16 and later understand it."""
    options = membership.options
    by = "" if membership.grantor is None else f" GRANTED BY {identifier(membership.grantor)}"
    return (
        f"GRANT {identifier(membership.role)} TO {identifier(membership.member)} WITH ADMIN {_bool(options.admin)}, "
        f"INHERIT {_bool(options.inherit)}, SET {_bool(options.set)}{by}"
    )


def again(membership: model.Membership) -> str:
    """The statement by which a superuser grants what a row of 16's or later's pg_auth_members says."""
    return grant(Membership(membership.role, membership.member, None, _options(membership, member_inherits=True)))


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
        f"As a superuser on the destination: {_grant(roles, Membership(*pair, None, options))};",
        blocking=False,
    )


def _differs(roles: RoleSet, pair: Pair, options: Options) -> Finding:
    """Before 16 a GRANT of what is there already takes nothing away."""
    sql = _grant(roles, Membership(*pair, None, options))
    if roles.view.destination.major < GRANTORS_SINCE and not options.admin:
        sql = f"REVOKE ADMIN OPTION FOR {identifier(pair[0])} FROM {identifier(pair[1])}"
    return Finding(
        "membership_differs",
        f"{pair[1]} is a member of {pair[0]} with other options than on the source; the destination's are kept.",
        f"To make it so on the destination: {sql};",
        blocking=False,
    )
