"""The phases in their order, and `decide`: the pure function from what was seen to what is to be done."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from migrator.config import CopyMethod, MappingSpec
from migrator.model import Instance
from migrator.observation import DatabasePair, Hints, Observation
from migrator.phases import (
    altered,
    analyze,
    arrival,
    attached,
    awake,
    brake,
    carry,
    catchup,
    claims,
    common_settings,
    databases,
    detached,
    dropped,
    ending,
    extras,
    failing,
    full_identity,
    groups,
    identity,
    initial_copy,
    insert_only,
    keys,
    late_definitions,
    late_subscription,
    ledger_check,
    membership,
    parameters,
    partition_notice,
    post_data,
    pre_data,
    preflight,
    privileges,
    publication,
    role_conflicts,
    roles,
    selected,
    sequences,
    servers,
    snapshot_copy,
    subscription,
    tablespace_rights,
    tightened,
    trial,
    user_mappings,
    wal_budget,
    without_identity,
    worker_settings,
)
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.records import Intent
from migrator.steps import Decision, Finding, Gates, KeepSnapshot, Step, Wait

BESIDES_FAILING = frozenset({post_data.NAME, privileges.NAME})
"""Asked of a database's other relations where post_data is done but for some on which it keeps failing."""


BOTH = frozenset(CopyMethod)
ONLY_SUBSCRIPTION = frozenset({CopyMethod.SUBSCRIPTION})
ONLY_SNAPSHOT = frozenset({CopyMethod.SNAPSHOT})


@dataclass(frozen=True)
class Phase:
    """A question, asked once per mapping or once per database: of those that are copied by one of `methods`."""

    name: str
    per_database: bool
    examine: Callable[[View], Step]
    methods: frozenset[CopyMethod] = BOTH

    def asks(self, configured: CopyMethod, pair: DatabasePair) -> bool:
        """Whether this question is for that database."""
        return groups.method_of(configured, pair) in self.methods


PHASES: tuple[Phase, ...] = (
    # Before preflight, whose objections must not keep the source's disk from being guarded.
    Phase("wal_budget", False, wal_budget.examine),
    Phase("preflight", False, preflight.examine),
    Phase("preflight", False, servers.examine),
    Phase("preflight", False, selected.examine),
    Phase("preflight", True, identity.examine),
    Phase("preflight", True, without_identity.examine),
    Phase("preflight", True, insert_only.examine),
    Phase("partitions", True, partition_notice.examine),
    Phase("partitions", True, dropped.examine),
    Phase("partitions", True, detached.examine),
    Phase("partitions", True, attached.examine),
    Phase("preflight", True, ledger_check.examine),
    Phase("preflight", False, claims.examine),
    Phase("preflight", False, trial.examine),
    Phase("roles", False, role_conflicts.examine),
    Phase("roles", True, role_conflicts.of_database),
    Phase("roles", False, roles.examine),
    Phase("roles", False, common_settings.examine),
    Phase("privileges", False, parameters.examine),
    Phase("privileges", False, tablespace_rights.examine),
    Phase("databases", True, databases.examine),
    Phase("pre_data", True, altered.examine),
    Phase("pre_data", True, tightened.examine),
    Phase("pre_data", True, pre_data.examine),
    Phase("subscription", True, worker_settings.examine),
    Phase("publication", True, full_identity.examine),
    Phase("publication", True, publication.examine, ONLY_SUBSCRIPTION),
    Phase("subscription", True, subscription.examine, ONLY_SUBSCRIPTION),
    Phase("initial_copy", False, brake.examine),
    Phase("initial_copy", True, initial_copy.examine, ONLY_SUBSCRIPTION),
    Phase("publication", True, membership.examine, ONLY_SNAPSHOT),
    Phase("initial_copy", True, snapshot_copy.examine, ONLY_SNAPSHOT),
    Phase("keys", True, keys.examine, ONLY_SNAPSHOT),
    Phase("subscription", True, late_subscription.examine, ONLY_SNAPSHOT),
    Phase("initial_copy", True, initial_copy.examine_new, ONLY_SNAPSHOT),
    Phase("catchup", True, catchup.trouble),
    Phase("sequences", True, sequences.examine),
    Phase("post_data", True, awake.examine),
    Phase("post_data", True, post_data.examine),
    Phase("post_data", True, late_definitions.examine),
    Phase("post_data", True, extras.examine),
    Phase("post_data", True, user_mappings.examine),
    Phase("post_data", True, analyze.examine),
    Phase("privileges", True, privileges.examine),
    Phase("carry", True, carry.examine),
    Phase("catchup", True, catchup.examine),
)
SUBSCRIPTION_METHOD = tuple(phase for phase in PHASES if CopyMethod.SUBSCRIPTION in phase.methods)
SNAPSHOT_METHOD = tuple(phase for phase in PHASES if CopyMethod.SNAPSHOT in phase.methods)
METHODS = {CopyMethod.SUBSCRIPTION: SUBSCRIPTION_METHOD, CopyMethod.SNAPSHOT: SNAPSHOT_METHOD}


def decide(spec: MappingSpec, observation: Observation, hints: Hints, now: datetime) -> Decision:
    """Ask every phase; what a step that is not quiet gates is not asked for. Knows no clock, driver or store."""
    view = View(spec, observation, hints, now)
    if observation.journal is None or not isinstance(observation.destination, Instance):
        return Decision(spec.name, (preflight.examine(view), *_journal_refused(observation)))
    intent = observation.journal.intent
    if intent in (Intent.COMPLETED, Intent.ABORTED):
        return Decision(spec.name)
    steps = _ending(view) if intent in ending.NAMES else tuple(_asked(view))
    steps = tuple(_without_old_upkeep(step, observation) for step in steps)
    if intent is Intent.PAUSED:
        steps = tuple(_paused(step) for step in steps)
    return Decision(spec.name, tuple(failing.held_back(spec.name, step, hints, now) for step in steps))


def _journal_refused(observation: Observation) -> Iterator[Step]:
    """Without its memory nothing is done."""
    if observation.journal_refused is not None:
        finding = Finding("journal_refused", *observation.journal_refused)
        yield Step("preflight", None, Gates.MAPPING, findings=(finding,))


def _ending(view: View) -> tuple[Step, ...]:
    """Database by database, then the instance: for the subscriptions' work we may still need what is given back there."""
    steps = tuple(ending.examine(replace(view, pair=pair)) for pair in view.observation.databases)
    whole = view.observation.scope.database is None and all(step.quiet for step in steps)
    return (*steps, ending.of_instance(view)) if whole else steps


def _asked(view: View) -> Iterator[Step]:
    """The steps of the phases that nothing before them gates."""
    gated: dict[str, frozenset[str]] = {}
    for phase in PHASES:
        if not phase.per_database:
            step = _examined(phase, view)
            yield step
            if not step.quiet and step.gates is Gates.MAPPING:
                return
            continue
        for pair in view.observation.databases:
            held = gated.get(pair.name, frozenset())
            may = pair.name not in gated or (held and phase.name in BESIDES_FAILING)
            if not may or not phase.asks(view.spec.copy_method, pair):
                continue
            step = _examined(phase, replace(view, pair=pair, held=held))
            yield step
            if not step.quiet and step.gates is Gates.DATABASE:
                stuck = _stuck(view, step)
                gated[pair.name] = stuck | held if stuck else frozenset()


def _examined(phase: Phase, view: View) -> Step:
    """What the phase says; of a destination that is being taken into use nothing is held up by what it says."""
    step = phase.examine(view)
    return arrival.left_alone(view, step) if view.observation.arrived else step


def _stuck(view: View, step: Step) -> frozenset[str]:
    """The relations a step is about, where all it still has to do for them has failed again and again; empty otherwise."""
    if step.phase != post_data.NAME or not step.actions:
        return frozenset()
    failures = (view.hints.failures.get(failing.key_of(step, action)) for action in step.actions)
    if not all(failure is not None and failure.count >= failing.UNTIL_BLOCKING for failure in failures):
        return frozenset()
    relations = {action.relation for action in step.actions} | {wait.relation for wait in step.waits}
    relations |= {finding.relation for finding in step.findings if finding.blocking}
    return frozenset(name for name in relations if name is not None) if None not in relations else frozenset()


def _without_old_upkeep(step: Step, observation: Observation) -> Step:
    """What upkeep a database needed when it was last looked at is long done: it is asked again when its turn comes."""
    old = step.gates is Gates.NOTHING and step.database in observation.remembered
    return replace(step, actions=()) if old else step


def _paused(step: Step) -> Step:
    """The operator said pause: nothing new is begun. Upkeep goes on, the guard of the source's disk, and what holds a snapshot.

    What is held back is waited for: a pause does not make it done.
    """
    if step.gates is Gates.NOTHING or step.phase == wal_budget.NAME:
        return step
    kept = tuple(each for each in step.actions if isinstance(each.job, KeepSnapshot) and not each.job.makes)
    held = [each.summary for each in step.actions if each not in kept and not each.only_noted]
    waits = (*step.waits, Wait(f"held back by the pause: {some(held)}")) if held else step.waits
    return replace(step, actions=kept, waits=waits)


def gated_findings(spec: MappingSpec, observation: Observation, decision: Decision) -> tuple[Finding, ...]:
    """What preflight says of databases that a step before it gates: `check` is to say everything at once."""
    view = View(spec, observation, Hints(), observation.observed_at)
    servers = observation.source, observation.destination
    if observation.journal is None or not all(isinstance(server, Instance) for server in servers):
        return ()
    if observation.journal.intent in ending.NAMES or view.source.major < preflight.OLDEST_SOURCE:
        return ()
    asked = {step.database for step in decision.steps}
    gated = [pair for pair in observation.databases if pair.name not in asked]
    asking = (identity.examine, without_identity.examine, insert_only.examine)
    steps = (ask(replace(view, pair=pair)) for pair in gated for ask in asking)
    return tuple(finding for step in steps for finding in step.findings)
