"""Which roles, memberships and role settings are missing on the destination?

A role is carried once, with all that belongs to it, in one transaction that also writes its name into the journal.
What differs later is told, never replicated: a source fenced by NOLOGIN must not lock the destination, nor put out
the light.
"""

from collections.abc import Iterator

from migrator.config import RoleConflictStrategy
from migrator.model import Role
from migrator.phases import memberships, role_conflicts, role_settings, self_memberships
from migrator.phases.role_set import RoleSet, needs_password
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "roles"

_FLAGS = ("superuser", "createdb", "createrole", "inherit", "login", "replication", "bypassrls")


def examine(view: View) -> Step:
    """Create what is missing. What `fail` refuses is asked by role_conflicts."""
    roles = RoleSet.of(view)
    actions = (*_creations(roles), *_merges(roles), *self_memberships.grants(roles), *memberships.grants(roles))
    findings = (
        *_passwords(roles),
        *_refused_attributes(roles),
        *_differences(roles),
        *role_settings.removed(roles),
        *memberships.findings(roles),
    )
    return Step(NAME, gates=Gates.MAPPING, actions=actions, findings=findings)


def _creations(roles: RoleSet) -> Iterator[Action]:
    for role in roles.missing:
        if not roles.password_unavailable(role):
            yield Action(f"create role {identifier(role.name)}", tuple(_creation(roles, role)))


def _creation(roles: RoleSet, role: Role) -> Iterator[Statement]:
    yield _create(roles, role)
    if role.comment is not None:
        yield maintenance(f"COMMENT ON ROLE {identifier(role.name)} IS {literal(role.comment)}")
    yield from map(maintenance, role_settings.for_new(roles, role.name))
    if self_memberships.wanted_for_new(roles, role.name):
        yield from self_memberships.of_new(roles, role.name)
    yield _record(roles, role.name, created=True)


def _create(roles: RoleSet, role: Role) -> Statement:
    hole = f"password:{role.name}"
    words = [word for word in _attributes(role) if word not in _refused(roles, role)]
    if role.connection_limit != -1:
        words.append(f"CONNECTION LIMIT {role.connection_limit}")
    if needs_password(role):
        words.append(f"PASSWORD {{{hole}}}")
    if role.valid_until is not None:
        words.append(f"VALID UNTIL {literal(role.valid_until)}")
    sql = " ".join((f"CREATE ROLE {identifier(role.name)}", *words))
    return Statement(Side.DESTINATION, None, sql, holes=(hole,) if needs_password(role) else ())


def maintenance(sql: str) -> Statement:
    """A statement for the destination's maintenance database: what it changes is shared by all databases."""
    return Statement(Side.DESTINATION, None, sql)


def _attributes(role: Role) -> list[str]:
    """The attributes that are not CREATE ROLE's default."""
    words = [flag.upper() for flag in _FLAGS if flag != "inherit" and getattr(role, flag)]
    return words if role.inherit else [*words, "NOINHERIT"]


def _refused(roles: RoleSet, role: Role) -> list[str]:
    """The attributes that our user on the destination may not give."""
    user = roles.view.destination.user
    if user.superuser:
        return []
    held = {
        "superuser": False,
        "replication": user.replication and roles.view.destination.major >= 16,
        "bypassrls": user.bypassrls and roles.view.destination.major >= 16,
        "createdb": user.createdb or roles.view.destination.major < 16,
    }
    return [flag.upper() for flag in held if getattr(role, flag) and not held[flag]]


def _record(roles: RoleSet, name: str, *, created: bool) -> Statement:
    return maintenance(
        "INSERT INTO migrator.roles (mapping, role, created) VALUES "
        f"({literal(roles.view.spec.name)}, {literal(name)}, {'true' if created else 'false'}) ON CONFLICT DO NOTHING"
    )


def _merges(roles: RoleSet) -> Iterator[Action]:
    """Under `merge`, a role that was there before us gets the settings it lacks, once."""
    if roles.strategy is not RoleConflictStrategy.MERGE:
        return
    for role in roles.present:
        if role.name not in roles.carried:
            settings = map(maintenance, role_settings.for_present(roles, role.name))
            summary = f"merge role {identifier(role.name)}"
            yield Action(summary, (*settings, _record(roles, role.name, created=False)))


def _passwords(roles: RoleSet) -> Iterator[Finding]:
    unavailable = [role.name for role in roles.missing if roles.password_unavailable(role)]
    if unavailable:
        yield Finding(
            "role_password_unavailable",
            f"The passwords of {_listed(unavailable)} cannot be read: {roles.view.source.user.name} may not read pg_authid "
            "on the source.",
            "Set common_password in the mapping, or create these roles with their passwords on the destination yourself.",
        )
    common = [role.name for role in roles.made_by_us if needs_password(role) and role.has_password is None]
    if common and roles.view.spec.common_password is not None:
        yield Finding(
            "role_password_common",
            f"The passwords of {_listed(common)} could not be read on the source: they have the mapping's common_password on "
            "the destination.",
            "Give each its own password on the destination before the cutover: \\password ROLE in psql.",
            blocking=False,
        )


def _refused_attributes(roles: RoleSet) -> Iterator[Finding]:
    for role in roles.missing:
        refused = _refused(roles, role)
        if refused:
            yield Finding(
                "role_attribute_refused",
                f"{roles.view.destination.user.name} may not give role {role.name} {_and(refused)} on the destination.",
                f"As a superuser on the destination: ALTER ROLE {identifier(role.name)} {' '.join(refused)};",
                blocking=False,
            )


def _differences(roles: RoleSet) -> Iterator[Finding]:
    compared = roles.present if roles.strategy is RoleConflictStrategy.MERGE else roles.made_by_us
    for role in compared:
        changes = [
            *_attribute_changes(role, roles.destination[role.name]),
            *role_settings.missing(roles, role.name),
            *role_settings.beyond(roles, role.name),
        ]
        if changes:
            yield _differs(role.name, role_conflicts.origin(roles, role.name), changes)


def _differs(name: str, origin: str, changes: list[str]) -> Finding:
    return Finding(
        "role_differs",
        f"Role {name} is not the same on both sides; the destination's{origin} is kept.",
        "To make it so on the destination: " + " ".join(f"{change};" for change in changes),
        blocking=False,
    )


def _attribute_changes(source: Role, destination: Role) -> list[str]:
    words = [
        ("" if getattr(source, flag) else "NO") + flag.upper()
        for flag in _FLAGS
        if getattr(source, flag) != getattr(destination, flag)
    ]
    if source.connection_limit != destination.connection_limit:
        words.append(f"CONNECTION LIMIT {source.connection_limit}")
    until = source.valid_until or "infinity"
    if until != (destination.valid_until or "infinity"):
        words.append(f"VALID UNTIL {literal(until)}")
    return [f"ALTER ROLE {identifier(source.name)} {' '.join(words)}"] if words else []


def _listed(names: list[str]) -> str:
    return f"role {names[0]}" if len(names) == 1 else f"roles {', '.join(names)}"


def _and(words: list[str]) -> str:
    return " and ".join(words)
