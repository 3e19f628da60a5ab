"""Settings that decide whether logical replication works, and whether a slot outlives a long copy."""

import re
from collections.abc import Iterator

from migrator.config import CopyMethod
from migrator.model import Instance
from migrator.phases import groups
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.steps import Finding, Mend, Side

SHORT_TIMEOUT_MS = 10_000
"""A walsender that decodes a large transaction may be silent for longer than a shorter wal_sender_timeout."""

MB_PER_GB = 1024
OUTPUT_PLUGIN = "pgoutput"


def findings(view: View) -> Iterator[Finding]:
    """wal_level blocks; what may only cost a slot or a connection later is said, and holds nothing back."""
    yield from _wal_level(view.source)
    yield from _output_plugin(view.source)
    yield from _synchronous_standbys(view.source)
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


def _output_plugin(source: Instance) -> Iterator[Finding]:
    """Since the minor releases of August 2026 a server has a list of the output plugins that a slot may use."""
    allowed = source.settings.get("output_plugin_libraries")
    if allowed is not None and OUTPUT_PLUGIN not in _items(allowed):
        wanted = ", ".join(map(literal, [*_items(allowed), OUTPUT_PLUGIN]))
        alter = f"ALTER SYSTEM SET output_plugin_libraries = {wanted};"
        yield Finding(
            "output_plugin_refused",
            f"output_plugin_libraries on the source is {allowed or 'empty'}; a slot of logical replication needs {OUTPUT_PLUGIN}.",
            f"On the source: {alter} SELECT pg_reload_conf();",
            mends=(Mend(Side.SOURCE, alter),),
        )


def _synchronous_standbys(source: Instance) -> Iterator[Finding]:
    """`*` takes any walsender for a standby, ours too: the applications' COMMIT would then wait for the destination."""
    names = source.settings.get("synchronous_standby_names", "")
    if not re.search(r'(?:^|[\s,("])\*(?:$|[\s,)"])', names):
        return
    standbys = [sender.application for sender in source.senders if sender.database is None and sender.application]
    listed = ", ".join(identifier(name) for name in dict.fromkeys(standbys))
    named = re.sub(r'"?\*"?', listed.replace("\\", r"\\"), names) if standbys else ""
    alter = f"ALTER SYSTEM SET synchronous_standby_names = {literal(named)};"
    yield Finding(
        "synchronous_standby_any",
        f"synchronous_standby_names on the source is {literal(names)}: * takes our walsenders for synchronous standbys, so "
        "that a COMMIT of the applications may wait for the destination, and count as safe by it.",
        f"Name the standbys{'' if standbys else ' (there is none now)'}, on the source: {alter} SELECT pg_reload_conf();",
        mends=(Mend(Side.SOURCE, alter),),
    )


def of_database(view: View) -> Iterator[Finding]:
    """A snapshot older than old_snapshot_threshold shows fewer rows to those that import it, without an error (15 and 16)."""
    minutes = view.source.settings.get("old_snapshot_threshold", "-1")
    pair = view.database
    if minutes == "-1" or groups.method_of(view.spec.copy_method, pair) is not CopyMethod.SNAPSHOT:
        return
    if not pair.ledger.groups or any(groups.is_under_snapshot(group) for group in pair.ledger.groups):
        yield Finding(
            "old_snapshot_threshold",
            f"old_snapshot_threshold is {minutes} min on the source: a copy that imports an older snapshot would miss rows "
            f"without a sign, so database {pair.name} is not copied by copy_method snapshot.",
            "On the source: ALTER SYSTEM SET old_snapshot_threshold = -1; (needs a restart of the source); or use copy_method "
            "subscription for this mapping.",
            database=pair.name,
            mends=(Mend(Side.SOURCE, "ALTER SYSTEM SET old_snapshot_threshold = -1;", restart=True),),
        )


def _items(setting: str) -> list[str]:
    return [item.strip().strip('"') for item in setting.split(",") if item.strip()]


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
