"""Who may create in the tablespaces that stand for the source's? Told only: tablespaces are made by hand, with their rights."""

from collections.abc import Iterator

from migrator.phases.role_set import RoleSet
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.schema import acl
from migrator.schema.acl import OWNER
from migrator.schema.privilege import read_acl
from migrator.steps import Finding, Gates, Step

NAME = "privileges"


def examine(view: View) -> Step:
    """Of the whole instance; no database waits for it."""
    roles = RoleSet.of(view)
    lacking = {name: sentences for name in view.source.tablespaces if (sentences := list(_lacking(roles, name)))}
    return Step(NAME, None, Gates.DATABASE, findings=(_differs(lacking),) if lacking else ())


def _lacking(roles: RoleSet, name: str) -> Iterator[str]:
    """What gives to the source's roles what they have on the source, its owner's right included; superusers need none."""
    view = roles.view
    there = view.spec.tablespaces.get(name, name)
    if there not in view.destination.tablespaces:
        return
    wanted, present = (
        acl.given_by(read_acl(text, OWNER), frozenset())
        for text in (view.source.tablespaces[name], view.destination.tablespaces[there])
    )
    strangers = frozenset(role for role in acl.grantees(wanted) if not _concerned(roles, role))
    wanted = acl.without(wanted, strangers)
    named = {(grant.grantee, grant.privilege) for grant in wanted}
    kept = frozenset(grant for grant in present if (grant.grantee, grant.privilege) not in named or grant.grantable)
    yield from acl.as_grantor(
        acl.changes(acl.given_by(wanted | kept, frozenset()), present, f"TABLESPACE {identifier(there)}")
    )


def _concerned(roles: RoleSet, name: str) -> bool:
    role = roles.destination.get(name)
    return roles.may_touch(name) and roles.will_exist(name) and not (role is not None and role.superuser)


def _differs(lacking: dict[str, list[str]]) -> Finding:
    return Finding(
        "tablespace_rights_differ",
        f"Roles of the source may create in tablespaces where they may not on the destination: {some(list(lacking))}. "
        "What lies there moves all the same; the rights on tablespaces are not given.",
        "As a superuser on the destination: " + " ".join(f"{sql};" for each in lacking.values() for sql in each),
        blocking=False,
    )
