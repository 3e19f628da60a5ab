"""Who may SET, or ALTER SYSTEM SET, which setting? Rights of the whole instance (pg_parameter_acl).

Given once to roles that may be touched, beside what the destination has; noted in the journal with them, and watched from then on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.phases import settings, standing
from migrator.phases.role_set import RoleSet
from migrator.phases.settings import Setting
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import literal
from migrator.schema import acl
from migrator.schema.acl import OWNER, PUBLIC, Acl
from migrator.schema.privilege import read_acl
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "privileges"


@dataclass(frozen=True)
class _Parameter:
    """The rights on one setting: what is wanted of the source's, what the destination has."""

    name: str
    wanted: Acl
    present: Acl

    @property
    def statements(self) -> list[str]:
        """What adds the source's to the destination's."""
        held = {(grant.grantee, grant.privilege, grant.grantor) for grant in self.wanted}
        kept = frozenset(g for g in self.present if (g.grantee, g.privilege, g.grantor) not in held)
        return acl.as_grantor(acl.changes(self.wanted | kept, self.present, f"PARAMETER {settings.quoted(self.name)}"))


def examine(view: View) -> Step:
    """Of the whole instance; no database waits for it."""
    roles = RoleSet.of(view)
    found = [_parameter(roles, name) for name in view.source.parameter_acls if _known(view, name)]
    done = frozenset(view.journal.parameters)
    due = [each for each in found if each.name not in done]
    superuser = view.destination.user.superuser
    given = [each for each in due if superuser or not each.statements]
    differing = [each for each in found if each.statements and (each.name in done or not superuser)]
    findings = (*_differences(view, differing), *_unknown(view))
    return Step(NAME, None, Gates.DATABASE, tuple(_actions(view, given)), findings=findings)


def _known(view: View, name: str) -> bool:
    return settings.known(Setting(name, ""), view.destination)


def _parameter(roles: RoleSet, name: str) -> _Parameter:
    source, destination = roles.view.source.parameter_acls, roles.view.destination.parameter_acls
    present = read_acl(destination.get(name, "[]"), OWNER)
    wanted = read_acl(source[name], OWNER)
    strangers = frozenset(
        role for role in acl.grantees(wanted) if not roles.may_touch(role) or not roles.will_exist(role)
    )
    wanted = acl.without(wanted, strangers)
    if present:
        wanted = frozenset(grant for grant in wanted if grant.grantee != PUBLIC)
    owner = next((role.name for role in roles.view.destination.roles if role.bootstrap), OWNER)
    acting = standing.acting(roles.view.destination, owner)
    return _Parameter(name, acl.given_by(wanted, acting), acl.given_by(present, acting))


def _actions(view: View, given: list[_Parameter]) -> Iterator[Action]:
    """One for each setting, so that one that fails stays alone."""
    for each in given:
        sentences = (*each.statements, done_with(view, each.name))
        statements = tuple(Statement(Side.DESTINATION, None, sql) for sql in sentences)
        yield Action(f"give the rights on setting {each.name}", statements)


def done_with(view: View, parameter: str) -> str:
    """The statement that notes it in the journal."""
    values = f"({literal(view.spec.name)}, {literal(parameter)})"
    return f"INSERT INTO migrator.parameters (mapping, parameter) VALUES {values} ON CONFLICT DO NOTHING"


def _differences(view: View, differing: list[_Parameter]) -> Iterator[Finding]:
    if differing:
        yield Finding(
            "parameter_rights_differ",
            f"Roles of the source have rights on settings that they lack on the destination: "
            f"{some([each.name for each in differing])}.",
            "As a superuser on the destination: "
            + " ".join(f"{sql};" for each in differing for sql in each.statements),
            blocking=False,
        )


def _unknown(view: View) -> Iterator[Finding]:
    for name in view.source.parameter_acls:
        if not _known(view, name):
            yield Finding(
                "setting_unknown",
                f"The destination has no setting {name}; the rights on it are left out.",
                f"On the source, where they are no longer needed: REVOKE ALL ON PARAMETER {settings.quoted(name)} FROM ...;",
                blocking=False,
            )
