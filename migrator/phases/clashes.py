"""Which databases and roles of the configured mappings will meet on one destination? Asked before anything is made.

Once a mapping is at work, the journal says the same to the others: see claims and role_conflicts.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from migrator.config import MappingSpec, RoleConflictStrategy
from migrator.model import Instance, Role
from migrator.observation import Observation
from migrator.phases.claims import exclude_line, rename_line
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.selection import selected_databases
from migrator.steps import Finding

Seen = tuple[MappingSpec, Observation]

_COMPARED = (
    "superuser", "inherit", "createrole", "createdb", "login", "replication", "bypassrls", "connection_limit", "valid_until",
)  # fmt: skip


def between(seen: Sequence[Seen]) -> Mapping[str, tuple[Finding, ...]]:
    """By mapping, what clashes with another one that has the same destination server. Either side of a clash is told."""
    found: dict[str, list[Finding]] = {spec.name: [] for spec, _ in seen}
    for one, other in combinations(seen, 2):
        if _same_destination(one, other):
            for mine, theirs in ((one, other), (other, one)):
                found[mine[0].name] += [*_databases(mine, theirs), *_roles(mine, theirs)]
    return {name: tuple(findings) for name, findings in found.items()}


def _same_destination(one: Seen, other: Seen) -> bool:
    ends = [end for _, seen in (one, other) for end in (seen.source, seen.destination)]
    if not all(isinstance(end, Instance) and end.system_identifier for end in ends):
        return False
    return _destination(one).system_identifier == _destination(other).system_identifier


def _source(one: Seen) -> Instance:
    assert isinstance(one[1].source, Instance)
    return one[1].source


def _destination(one: Seen) -> Instance:
    assert isinstance(one[1].destination, Instance)
    return one[1].destination


def _targets(one: Seen) -> dict[str, str]:
    """Name on the destination -> name on the source, of what the mapping selects."""
    names = selected_databases(one[0], _source(one), lambda name: False)
    return {one[0].target_name(name): name for name in names}


def _claimed(one: Seen) -> frozenset[str]:
    """Names that the journal has given away already: of these the phases tell."""
    journal = one[1].journal
    return frozenset(claim.target for claim in journal.claims) if journal else frozenset()


def _databases(mine: Seen, theirs: Seen) -> Iterator[Finding]:
    wanted, rivals = _targets(mine), _targets(theirs)
    for target in sorted((wanted.keys() & rivals.keys()) - _claimed(mine)):
        spec, rival, name = mine[0], theirs[0], wanted[target]
        yield Finding(
            "database_name_clash",
            f"Database {name} would become {target} on the destination, and so would database {rivals[target]} of "
            f"{rival.source.label} (mapping {rival.name}). The one that begins first gets the name, the other is refused.",
            f"Under mapping {spec.name}: {rename_line(spec.source.name, name)} or, where it is not to move: {exclude_line(name)}",
            database=name,
        )


def _roles(mine: Seen, theirs: Seen) -> Iterator[Finding]:
    """Roles of one name that are not the same; those the destination has already are compared with it by the phases."""
    if _source(mine).system_identifier == _source(theirs).system_identifier:
        return
    present = {role.name for role in _destination(mine).roles}
    rivals = {role.name: role for role in _source(theirs).roles if role.name not in present and _carried(role)}
    different = [
        role.name
        for role in _source(mine).roles
        if role.name in rivals and _carried(role) and _differ(role, rivals[role.name])
    ]
    if different:
        yield _role_finding(mine[0], theirs[0], different)


def _role_finding(spec: MappingSpec, rival: MappingSpec, names: list[str]) -> Finding:
    fails = spec.role_conflict_strategy is RoleConflictStrategy.FAIL
    then = "databases that need it are refused" if fails else "the other keeps to what it finds there"
    return Finding(
        "role_name_clash",
        f"Roles of this source and of {rival.source.label} (mapping {rival.name}) have one name, but other attributes or "
        f"another password: {some(names)}. The mapping that comes first makes the role; for the other, {then}.",
        f"Where they are not the same, on {spec.source.name}: ALTER ROLE {identifier(names[0])} RENAME TO ...;",
        blocking=fails,
    )


def _carried(role: Role) -> bool:
    return not role.bootstrap and not role.name.startswith("pg_")


def _differ(one: Role, other: Role) -> bool:
    if any(getattr(one, name) != getattr(other, name) for name in _COMPARED):
        return True
    return one.login and one.password_digest != other.password_digest
