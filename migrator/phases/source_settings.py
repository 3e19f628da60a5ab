"""Settings that decide whether logical replication works, and whether a slot outlives a long copy."""

from collections.abc import Iterator

from migrator.model import Instance
from migrator.phases.view import View
from migrator.steps import Finding, Mend, Side

SHORT_TIMEOUT_MS = 10_000
"""A walsender that decodes a large transaction may be silent for longer than a shorter wal_sender_timeout."""

MB_PER_GB = 1024


def findings(view: View) -> Iterator[Finding]:
    """wal_level blocks; what may only cost a slot or a connection later is said, and holds nothing back."""
    yield from _wal_level(view.source)
    yield from _slot_limits(view)
    yield from _timeouts(view)


def _wal_level(source: Instance) -> Iterator[Finding]:
    level = source.settings.get("wal_level")
    if level != "logical":
        yield Finding(
            "wal_level",
            f"wal_level is {level} on the source; logical replication needs logical.",
            "On the source: ALTER SYSTEM SET wal_level = 'logical'; (needs a restart of the source).",
            mends=(Mend(Side.SOURCE, "ALTER SYSTEM SET wal_level = 'logical';", restart=True),),
        )


def _slot_limits(view: View) -> Iterator[Finding]:
    idle_seconds = view.source.setting("idle_replication_slot_timeout")
    if idle_seconds > 0:
        yield Finding(
            "idle_replication_slot_timeout",
            f"The source invalidates replication slots that are idle for {idle_seconds} s; tablesync's slots are idle "
            "for as long as a table's copy takes.",
            "On the source: ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();",
            blocking=False,
            mends=(Mend(Side.SOURCE, "ALTER SYSTEM SET idle_replication_slot_timeout = 0;"),),
        )
    keep_mb, budget_gb = view.source.setting("max_slot_wal_keep_size"), view.spec.replication.wal_budget_gb
    if "max_slot_wal_keep_size" in view.source.settings and 0 <= keep_mb < budget_gb * MB_PER_GB:
        yield Finding(
            "max_slot_wal_keep_size",
            f"The source drops a slot's WAL beyond {keep_mb} MB (max_slot_wal_keep_size), before our alarm at "
            f"wal_budget_gb = {budget_gb:g}: a slot lost so means copying anew.",
            f"Set replication.wal_budget_gb below {keep_mb / MB_PER_GB:g}, or on the source, where its disk allows it: "
            f"ALTER SYSTEM SET max_slot_wal_keep_size = '{budget_gb:g}GB'; SELECT pg_reload_conf();",
            blocking=False,
        )


def _timeouts(view: View) -> Iterator[Finding]:
    for side, instance, name in (
        (Side.SOURCE, view.source, "wal_sender_timeout"),
        (Side.DESTINATION, view.destination, "wal_receiver_timeout"),
    ):
        milliseconds = instance.setting(name)
        if 0 < milliseconds < SHORT_TIMEOUT_MS:
            yield Finding(
                "replication_timeout_short",
                f"{name} is {milliseconds} ms on the {side}: replication may be cut off while it decodes a large transaction.",
                f"On the {side}: ALTER SYSTEM SET {name} = '60s'; SELECT pg_reload_conf();",
                blocking=False,
                mends=(Mend(side, f"ALTER SYSTEM SET {name} = '60s';"),),
            )
