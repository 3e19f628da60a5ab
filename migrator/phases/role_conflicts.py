"""Roles that the destination had before us, or got from another mapping: which databases they hold back, what they keep.

Only `fail` refuses: the databases that need such a role, and no others. Under `merge` and `skip` the role that is
there keeps its attributes and password, and what that means is said.
"""

from collections.abc import Iterator

from migrator.config import RoleConflictStrategy
from migrator.model import Role
from migrator.phases.role_set import RoleSet
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.steps import Finding, Gates, Step

NAME = "roles"


def examine(view: View) -> Step:
    """Of the whole mapping: conflicts that no selected database needs keep the light out, and nothing else."""
    roles = RoleSet.of(view)
    needed = {name for pair in view.observation.databases for name in needed_by(roles, pair.name)}
    idle = [name for name in _conflicts(roles) if name not in needed]
    finding = (_exists(roles, idle, None),) if idle else ()
    return Step(NAME, gates=Gates.DATABASE, findings=(*finding, *_passwords(roles)))


def of_database(view: View) -> Step:
    """Of one database: it is refused while a role it needs is somebody else's."""
    database = view.database.name
    if view.spec.role_conflict_strategy is not RoleConflictStrategy.FAIL:
        return Step(NAME, database, Gates.DATABASE)
    roles = RoleSet.of(view)
    needed = needed_by(roles, database)
    taken = [name for name in _conflicts(roles) if name in needed]
    findings = (_exists(roles, taken, database),) if taken else ()
    return Step(NAME, database, Gates.DATABASE, findings=findings)


def needed_by(roles: RoleSet, database: str) -> frozenset[str]:
    """The roles that own something in the database or have rights in it, and those they are members of."""
    needed = {use.role for use in roles.view.observation.role_uses if use.database == database}
    while more := {entry.role for entry in roles.view.source.memberships if entry.member in needed} - needed:
        needed |= more
    return frozenset(needed)


def origin(roles: RoleSet, name: str) -> str:
    """`, made by mapping a for src1 (old:5432)`, where another mapping brought the role."""
    entry = next((e for e in roles.carried_by_others if e.role == name and e.created), None)
    return f", made by mapping {entry.mapping} from {entry.source}," if entry else ""


def _conflicts(roles: RoleSet) -> list[str]:
    return [role.name for role in roles.present if roles.withheld(role.name)]


def _exists(roles: RoleSet, names: list[str], database: str | None) -> Finding:
    others = sorted({e.mapping for e in roles.carried_by_others if e.role in names and e.created})
    by = f" (made by mapping {', '.join(others)})" if others else ""
    needs = f", database {database} needs it" if database else ""
    return Finding(
        "role_exists",
        f"The destination already has {_listed(names)}{by}{needs}, and role_conflict_strategy is fail.",
        f"On the source, where it is somebody else: ALTER ROLE {identifier(names[0])} RENAME TO ...; where it is the same, set "
        "role_conflict_strategy to merge or skip, or drop it on the destination.",
        database=database,
    )


def _listed(names: list[str]) -> str:
    return f"role {names[0]}" if len(names) == 1 else f"roles {some(names)}"


def _passwords(roles: RoleSet) -> Iterator[Finding]:
    """Roles that log in by another password on the destination than on the source."""
    for role in roles.present:
        if not roles.withheld(role.name) and _differ(role, roles.destination[role.name]):
            yield Finding(
                "role_password_differs",
                f"Role {role.name} on the destination{origin(roles, role.name)} has another password than on the source; "
                "it is kept, so that who logs in with the source's is refused there.",
                f"Before the cutover, in psql on the destination: \\password {identifier(role.name)} (or give its clients that "
                f"one). Where they are not the same at all, on the source: ALTER ROLE {identifier(role.name)} RENAME TO ...;",
                blocking=False,
            )


def _differ(source: Role, destination: Role) -> bool:
    """As far as both verifiers may be read; the same password twice salted counts as another."""
    if not source.login or source.password_digest is None or destination.has_password is None:
        return False
    return source.password_digest != destination.password_digest
