"""Whose turn it is to be looked at, among the databases in which the last look found nothing to do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil

from migrator.contents import SubscriptionState
from migrator.model import Instance
from migrator.observation import DatabasePair, Observation
from migrator.records import UNENDED, Journal
from migrator.steps import Decision, Gates

FEW = 8
"""So many databases are looked at in every tick, whatever their state."""

HASTE = 0.75
"""The round is planned to take so much of the time in which every database must have had its turn."""


@dataclass(frozen=True)
class Quiet:
    """The databases of a mapping that were quiet, as they were seen; and when the last look was, whoever was looked at."""

    at: datetime
    pairs: Mapping[str, DatabasePair] = field(default_factory=dict)


def due(seen: Mapping[str, datetime], last_look: datetime, now: datetime, period_seconds: float) -> frozenset[str]:
    """Of databases seen quiet at those times, the ones to look at now, those seen longest ago first.

    As many as bring all of them round in time, however far ticks are apart; and none is left out that was not looked at
    for `period_seconds`. All of them where they are few, or where the clock has gone backwards.
    """
    if len(seen) <= FEW or now < last_look:
        return frozenset(seen)
    share = ceil(len(seen) * (now - last_look).total_seconds() / (HASTE * period_seconds))
    late = sum(1 for at in seen.values() if (now - at).total_seconds() >= period_seconds)
    return frozenset(sorted(seen, key=lambda name: (seen[name], name))[: max(FEW, share, late)])


def may_rest(journal: Journal | None) -> bool:
    """Whether quiet databases may wait for their turn: not once the writers are stopped, nor at the end of a mapping."""
    return journal is not None and journal.barrier is None and journal.intent in UNENDED


def refreshed(
    pair: DatabasePair, states: Mapping[int, SubscriptionState], source: Instance, destination: Instance
) -> DatabasePair | None:
    """What was seen before with its subscriptions as they are now; None where it is not the same database any more.

    The servers' own facts (slots, markers, settings) are read at every look, and `decide` sees those: lag is judged by them.
    """
    if source.database(pair.name) is None or destination.database(pair.target) is None:
        return None
    here = {oid for oid, state in states.items() if state.database == pair.target}
    if here != {subscription.oid for subscription in pair.subscriptions}:
        return None
    now = tuple(
        replace(
            subscription,
            enabled=states[subscription.oid].enabled,
            worker_pid=states[subscription.oid].worker_pid,
            apply_error_count=states[subscription.oid].apply_error_count,
            sync_error_count=states[subscription.oid].sync_error_count,
            conflict_count=states[subscription.oid].conflict_count,
            remote_lsn=states[subscription.oid].remote_lsn,
        )
        for subscription in pair.subscriptions
    )
    return replace(pair, subscriptions=now)


def restless(decision: Decision) -> frozenset[str]:
    """The databases that have something to be done, waited for or told. Upkeep that only has work to do is none of that."""
    return frozenset(
        step.database
        for step in decision.steps
        if step.database is not None
        and (not step.quiet if step.gates is not Gates.NOTHING else bool(step.waits or step.findings))
    )


def quiet_of(observation: Observation, decision: Decision) -> Quiet:
    """What the next look may take from this one: whole databases with a pipe, in which there is nothing to do."""
    noise = restless(decision)
    return Quiet(
        observation.observed_at,
        {
            pair.name: replace(pair, observed_at=pair.observed_at or observation.observed_at)
            for pair in observation.databases
            if pair.name not in noise and pair.ledger.groups and pair.source_schema is not None
            if pair.target_schema is not None and pair.source_error is None and pair.target_error is None
        },
    )
