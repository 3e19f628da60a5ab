"""What is not of a schema: databases, roles, memberships, settings, privileges; and what of ours stands on either side."""

from collections.abc import Iterator
from dataclasses import replace

from migrator.comparison.discrepancy import Discrepancy, What
from migrator.config import MappingSpec
from migrator.model import Database, Instance, Role, Unreachable
from migrator.observation import DatabasePair, Hints, Observation
from migrator.phases import common_settings, databases, parameters, roles, tablespace_rights
from migrator.phases.privilege_comparison import comparisons
from migrator.phases.view import View
from migrator.steps import Finding, Side, Statement, Step

_DIFFERENCES = frozenset(
    {
        "role_differs",
        "role_attribute_refused",
        "role_password_unavailable",
        "membership_differs",
        "membership_refused",
        "predefined_role_missing",
        "setting_unknown",
        "database_differs",
        "database_locale_differs",
        "tablespace_missing",
        "tablespace_rights_differ",
        "parameter_rights_differ",
        "settings_of_all_differ",
    }
)
"""Findings of the phases that tell of something that is not as on the source."""

_FENCE = "a fence on the source: it is not to follow to the destination"
_READ_ONLY = "default_transaction_read_only=on"


def discrepancies(spec: MappingSpec, observation: Observation) -> Iterator[Discrepancy]:
    """Of roles and databases: what the phases would make, and what they tell of. A fence on the source is expected."""
    if observation.journal is None or not _both(observation):
        return
    for phase in (roles, common_settings, parameters, tablespace_rights, databases):
        step = phase.examine(_view(spec, observation))
        without_fence = phase.examine(_view(spec, unfenced(observation)))
        for action in step.actions:
            if phase is roles and not action.summary.startswith("merge role "):
                yield _to_be_made(phase.NAME, action.summary, action.statements)
        yield from _told(phase.NAME, step, without_fence)
    assert isinstance(observation.destination, Instance)
    for pair in observation.databases:
        if observation.destination.database(pair.target) is None:
            note = "pg-migrator run makes it."
            yield Discrepancy(pair.name, pair.target, "database", pair.target, What.MISSING, note=note)


def _to_be_made(phase: str, summary: str, statements: tuple[Statement, ...]) -> Discrepancy:
    """Made by the migration itself, in one transaction with its note in the journal."""
    shown = tuple(each for each in statements if "migrator." not in each.sql)
    word, _, rest = summary.partition(" ")
    kind, _, name = rest.partition(" ") if word == "create" else (phase.removesuffix("s"), "", summary)
    return Discrepancy(None, None, kind, name, What.MISSING, mend=shown, note="pg-migrator run makes it.")


def _told(phase: str, step: Step, without_fence: Step) -> Iterator[Discrepancy]:
    for finding in step.findings:
        if finding.code in _DIFFERENCES:
            expected = None if finding in without_fence.findings else _FENCE
            yield _of_finding(phase.removesuffix("s"), finding, expected)


def _of_finding(kind: str, finding: Finding, expected: str | None) -> Discrepancy:
    return Discrepancy(
        finding.database,
        None,
        kind,
        finding.code,
        What.DIFFERS,
        source=finding.message,
        note=finding.remedy,
        expected=expected,
    )


def unfenced(observation: Observation) -> Observation:
    """As if nobody were kept from the source, as a cutover does it: NOLOGIN, limits, closed or read-only databases."""
    source, destination = observation.source, observation.destination
    if not isinstance(source, Instance) or not isinstance(destination, Instance):
        return observation
    open_roles = {role.name for role in destination.roles if role.login}
    free = replace(
        source,
        roles=tuple(_free_role(role) if role.name in open_roles else role for role in source.roles),
        databases=tuple(_free_database(each, destination) for each in source.databases),
        settings_of_all=tuple(each for each in source.settings_of_all if each != _READ_ONLY),
    )
    return replace(observation, source=free)


def _free_role(role: Role) -> Role:
    return replace(role, login=True) if not role.superuser else role


def _free_database(database: Database, destination: Instance) -> Database:
    theirs = destination.database(database.name)
    limit = (
        theirs.connection_limit if theirs is not None and database.connection_limit == 0 else database.connection_limit
    )
    settings = tuple(setting for setting in database.settings if setting != _READ_ONLY)
    return replace(database, connection_limit=limit, settings=settings)


def privileges(spec: MappingSpec, observation: Observation, pair: DatabasePair) -> Iterator[Discrepancy]:
    """Owner and rights of each object that both sides have."""
    if observation.journal is None or not _both(observation):
        return
    for each in comparisons(replace(_view(spec, observation), pair=pair)):
        if each.mending:
            mend = tuple(Statement(Side.DESTINATION, pair.target, sql) for sql in each.mending)
            yield Discrepancy(
                pair.name, pair.target, "privileges", each.target.label, What.DIFFERS, "owner and privileges",
                mend=mend, additive=all(map(_only_grants, each.mending)),
            )  # fmt: skip


def _only_grants(sql: str) -> bool:
    return sql.startswith("GRANT ") or (sql.startswith("ALTER DEFAULT PRIVILEGES ") and " GRANT " in sql)


def ours(observation: Observation) -> Iterator[Discrepancy]:
    """What stands for the time of the migration."""
    why = "of this migration: goes with complete or abort"
    for pair in observation.databases:
        for kind, side, names in (
            ("publication", What.MISSING, [each.name for each in pair.publications]),
            ("subscription", What.EXTRA, [each.name for each in pair.subscriptions]),
            ("schema", What.EXTRA, ["migrator"] if pair.ledger.exists else []),
        ):
            for name in names:
                yield Discrepancy(pair.name, pair.target, kind, name, side, expected=why)


def unread(observation: Observation) -> Iterator[str]:
    """What the look could not see."""
    for server in (observation.source, observation.destination):
        if isinstance(server, Unreachable):
            yield server.reason
    if observation.journal_refused is not None:
        yield observation.journal_refused[0]
    for pair in observation.databases:
        for side, name, error in (
            ("source", pair.name, pair.source_error),
            ("destination", pair.target, pair.target_error),
        ):
            if error is not None:
                yield f"Database {name} on the {side} could not be read: {error}"


def _both(observation: Observation) -> bool:
    return isinstance(observation.source, Instance) and isinstance(observation.destination, Instance)


def _view(spec: MappingSpec, observation: Observation) -> View:
    return View(spec, observation, Hints(), observation.observed_at)
