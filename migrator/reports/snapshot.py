"""The view of one mapping for people and machines: `status --json`, the dashboard, the HTTP API. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from migrator.config import MappingSpec
from migrator.model import Instance
from migrator.observation import DatabasePair, Observation
from migrator.phases import groups, lag, wal_budget
from migrator.phases.pacing import rate_limit
from migrator.records import Journal
from migrator.reports.completion import reasons_against
from migrator.reports.conditions import conditions
from migrator.reports.cutover import instructions
from migrator.reports.movement import moved_at, stalled_since
from migrator.reports.progress import copied_bytes, state_of
from migrator.status import database_status, is_stable, phase_of, status_of
from migrator.steps import Decision, Status

SCHEMA_VERSION = 1
RELATION_COUNTS = ("total", "ready", "copying", "waiting", "failed")

MOST_SLOTS = 20
"""Those nearest to their limit."""

Document = dict[str, object]


def summary(
    spec: MappingSpec,
    observation: Observation,
    decision: Decision,
    now: datetime,
    previous: Mapping[str, object] | None = None,
) -> Document:
    """Everything the mapping's page shows but its relations. `previous` (the last summary) gives rates."""
    status = status_of(spec, observation, decision, now)
    journal = observation.journal
    reasons = reasons_against(spec, observation, decision)
    databases = [_database(pair, observation, decision, status, now) for pair in observation.databases]
    document: Document = {
        "schema_version": SCHEMA_VERSION,
        "observed_at": now.isoformat(),
        "name": spec.name,
        "source": spec.source.name,
        "destination": spec.destination.name,
        "copy_method": spec.copy_method.value,
        "status": status.value,
        "phase": phase_of(decision),
        "cutover_ready": status is Status.CUTOVER_READY,
        "lag_bytes": _worst([database["lag_bytes"] for database in databases]),
        "lag_seconds": _worst([database["lag_seconds"] for database in databases]),
        "intent": journal.intent.value if journal else None,
        "rate_limit_mbps": rate_limit(spec, observation.journal),
        "retained_bytes": wal_budget.retained_bytes(observation),
        "wal": _wal(spec, observation),
        "row_delta": _row_delta(observation),
        "light": _light(spec, observation, decision, now),
        "progress": _progress(observation, now, previous),
        "databases": databases,
        "totals": _totals(databases, decision),
        "findings": _findings(decision, now, previous),
        "waits": [
            {"phase": step.phase, "database": step.database, "message": wait.message}
            for step in decision.steps
            for wait in step.waits
        ],
        "groups": _groups(observation),
        "barrier": _barrier(journal),
        "completion": {"safe": not reasons, "reasons": list(reasons)},
        "cutover": [
            {"number": number, **asdict(instruction)}
            for number, instruction in enumerate(
                instructions(spec, observation, decision, ready=status is Status.CUTOVER_READY), start=1
            )
        ],
    }
    document["moved_at"] = moved_at(document, previous)
    return {**document, "stalled_since": stalled_since(document, spec.replication.stalled_minutes)}


def _barrier(journal: Journal | None) -> Document | None:
    """Where the write stop was confirmed, and whether everything has arrived since; None: it is not confirmed."""
    if journal is None or journal.barrier is None:
        return None
    barrier, arrived = journal.barrier, journal.barrier.arrived_at
    return {
        "lsn": str(barrier.lsn),
        "taken_at": barrier.taken_at.isoformat(),
        "arrived_at": arrived.isoformat() if arrived else None,
    }


def _findings(decision: Decision, now: datetime, previous: Mapping[str, object] | None) -> list[Document]:
    """Each with the time since when it is told, as far back as summaries go; None without an earlier one."""
    known = (previous or {}).get("findings")
    earlier = previous["observed_at"] if previous else None
    since = {_which(entry): entry.get("since") or earlier for entry in known} if isinstance(known, list) else {}
    new = now.isoformat() if previous else None
    documents = [finding.document() for finding in decision.findings]
    return [{**document, "since": since.get(_which(document), new)} for document in documents]


def told_before(document: Document, other: Mapping[str, object] | None) -> Document:
    """With the earlier time of a finding that `other`, a summary of another process meanwhile, tells as well."""
    mine, theirs = document["findings"], (other or {}).get("findings")
    if not isinstance(mine, list) or not isinstance(theirs, list):
        return document
    earlier = {_which(entry): entry["since"] for entry in theirs if entry.get("since")}
    findings = [{**entry, "since": _earlier(entry["since"], earlier.get(_which(entry)))} for entry in mine]
    return {**document, "findings": findings}


def _earlier(mine: str | None, theirs: str | None) -> str | None:
    """Both are times of UTC in one format, so that they sort as text."""
    return min(mine, theirs) if mine and theirs else mine or theirs


def _which(finding: Mapping[str, object]) -> tuple[object, ...]:
    """What makes a finding the same one as before: not its message, which may count."""
    return finding["code"], finding["database"], finding["relation"]


def _database(
    pair: DatabasePair, observation: Observation, decision: Decision, status: Status, now: datetime
) -> Document:
    names = pair.source_schema.leaves() if pair.source_schema else ()
    states = [state_of(pair, name) for name in names]
    failed = {finding.relation for finding in decision.findings if finding.blocking and finding.relation}
    return {
        "name": pair.name,
        "target": pair.target,
        "status": database_status(status, observation, decision, pair.name).value,
        "phase": phase_of(decision, pair.name),
        "relations": {
            "total": len(names),
            "ready": states.count("ready"),
            "copying": states.count("copying") + states.count("copied"),
            "waiting": states.count("waiting"),
            "failed": sum(1 for name in names if name in failed),
        },
        "lag_bytes": lag.lag_bytes(observation, pair),
        "lag_seconds": lag.lag_seconds(observation.journal, lag.confirmed(observation, pair), now),
        "bytes_total": sum(size.bytes for name in names if (size := pair.sizes.get(name))),
        "bytes_copied": sum(copied_bytes(pair, name) for name in names),
    }


def _totals(databases: list[Document], decision: Decision) -> Document:
    """Counts of what the lists hold, which are cut where there is too much to tell."""
    relations = [each for database in databases if isinstance(each := database["relations"], dict)]
    statuses = [str(database["status"]) for database in databases]
    blocking = sum(1 for finding in decision.findings if finding.blocking)
    return {
        "databases": {status: statuses.count(status) for status in sorted(set(statuses))},
        "relations": {key: sum(each[key] for each in relations) for key in RELATION_COUNTS},
        "findings": {"blocking": blocking, "other": len(decision.findings) - blocking},
    }


def _worst(values: list[object]) -> float | int | None:
    numbers = [value for value in values if isinstance(value, int | float)]
    return max(numbers) if numbers and len(numbers) == len(values) else None


def _row_delta(observation: Observation) -> int | None:
    """Source rows less destination rows, by the servers' own estimates."""
    source = sum(max(0, size.rows) for pair in observation.databases for size in pair.sizes.values())
    target = sum(max(0, size.rows) for pair in observation.databases for size in pair.target_sizes.values())
    return source - target if observation.databases else None


def _light(spec: MappingSpec, observation: Observation, decision: Decision, now: datetime) -> Document:
    journal = observation.journal
    since = journal.quiet_since if journal else None
    found = conditions(spec, observation, decision)
    stable = is_stable(spec, observation, now)
    quiet = f"quiet for {(now - since).total_seconds():.0f} s" if since else "not quiet yet"
    found.append({"name": "stable", "met": stable, "detail": f"{quiet}, of {spec.replication.stable_seconds:g} s"})
    return {
        "quiet_since": since.isoformat() if since else None,
        "stable_seconds": spec.replication.stable_seconds,
        "conditions": found,
    }


def _progress(observation: Observation, now: datetime, previous: Mapping[str, object] | None) -> Document:
    replicated = [
        (pair, name) for pair in observation.databases if pair.source_schema for name in pair.source_schema.leaves()
    ]
    total = sum(pair.sizes[name].bytes for pair, name in replicated if name in pair.sizes)
    copied = sum(copied_bytes(pair, name) for pair, name in replicated)
    rows = sum(max(0, size.rows) for pair in observation.databases for size in pair.target_sizes.values())
    rate = _bytes_per_second(copied, now, previous)
    return {
        "bytes_total": total,
        "bytes_copied": copied,
        "rows_copied": rows,
        "bytes_per_second": rate,
        "eta_seconds": (total - copied) / rate if rate else None,
    }


def _bytes_per_second(copied: int, now: datetime, previous: Mapping[str, object] | None) -> float | None:
    if previous is None or not isinstance(before := previous.get("progress"), dict):
        return None
    if not before["bytes_total"]:  # nothing was seen then: a server was away
        return None
    elapsed = (now - datetime.fromisoformat(str(previous["observed_at"]))).total_seconds()
    gained = copied - int(before["bytes_copied"])
    return gained / elapsed if elapsed > 0 and gained > 0 else None


def _wal(spec: MappingSpec, observation: Observation) -> Document:
    """What our slots keep on the source, each with its way to the nearest limit, and how long that is at the present rate."""
    budget = spec.replication.wal_budget_gb
    return {
        "budget_bytes": int(budget * wal_budget.GB),
        "bytes_per_second": wal_budget.bytes_per_second(observation),
        "seconds_left": wal_budget.seconds_left(observation, budget),
        "slots": [
            {
                "name": each.slot.name,
                "database": each.slot.database,
                "active": each.slot.active,
                "wal_status": each.slot.wal_status,
                "retained_bytes": each.bytes,
                "left_bytes": each.left_bytes,
                "limit": each.limit,
            }
            for each in wal_budget.retentions(observation, budget)[:MOST_SLOTS]
        ],
    }


def _groups(observation: Observation) -> list[Document]:
    source = observation.source
    return [
        {
            "database": pair.name,
            "number": group.number,
            "name": group.name,
            "subscription_enabled": subscription.enabled if (subscription := pair.subscription(group.name)) else None,
            "worker_running": bool(subscription and subscription.worker_pid),
            "slot_active": slot.active if slot else None,
            "wal_status": slot.wal_status if slot else None,
            "confirmed_lsn": str(slot.confirmed_flush_lsn) if slot and slot.confirmed_flush_lsn is not None else None,
            "large_transactions": slot.large_transactions if slot else 0,
            "large_bytes": slot.large_bytes if slot else 0,
            "lag_seconds": lag.lag_seconds(
                observation.journal, slot.confirmed_flush_lsn if slot else None, observation.observed_at
            ),
            "lag_bytes": max(0, source.wal_lsn - slot.confirmed_flush_lsn)
            if slot and slot.confirmed_flush_lsn is not None and isinstance(source, Instance)
            else None,
            "retained_bytes": max(0, source.wal_lsn - slot.restart_lsn)
            if slot and slot.restart_lsn is not None and isinstance(source, Instance)
            else None,
        }
        for pair in observation.databases
        for group in groups.in_ledger(pair.ledger)
        for slot in [source.slot(group.name) if isinstance(source, Instance) else None]
    ]
