"""What a few mappings in mid-migration would have put into Redis: for the browser tests and the pictures in the docs."""

import math
from datetime import UTC, datetime, timedelta

from migrator.store import Document, Store
from migrator.store.history import History
from web.summaries import relation_counts

MB = 1_048_576
GB = 1024 * MB
REFRESH_SECONDS = 0.3
STATES = ("ready", "ready", "ready", "copying", "copied", "waiting")
CONDITIONS = ("preflight", "schema", "initial copy", "indexes and constraints", "lag below threshold", "quiet for 60 s")


def now() -> str:
    """This moment, as summaries write it."""
    return datetime.now(UTC).isoformat()


def database(name: str, status: str, total: int, ready: int, size: int, copied: int, lag: int = 0) -> Document:
    """One entry of a summary's databases."""
    rest = total - ready
    counts = {"total": total, "ready": ready, "copying": min(2, rest), "waiting": max(0, rest - 2), "failed": 0}
    return {
        "name": name,
        "target": name,
        "status": status,
        "phase": "initial_copy" if rest else "catchup",
        "relations": counts,
        "lag_bytes": lag,
        "lag_seconds": lag / (4 * MB),
        "bytes_total": size,
        "bytes_copied": copied,
    }


def summary(name: str, status: str = "in_progress", lag: int = 3 * MB, **more: object) -> Document:
    """A mapping's summary, in the shape migrator.reports.snapshot gives it."""
    ready = status in ("cutover_ready", "completed")
    done = ready or status == "synced"
    waits = [] if done else [{"phase": "initial_copy", "database": "shop", "message": "9 relations in tablesync"}]
    copied = 42 * GB if done else 27 * GB
    held = len(CONDITIONS) if ready else 5 if done else 2
    databases = [
        database("shop", status, 48, 48 if done else 31, 30 * GB, 30 * GB if done else 19 * GB, lag),
        database("analytics", status, 12, 12 if done else 7, 12 * GB, 12 * GB if done else 8 * GB, lag // 2),
    ]
    base: Document = {
        "observed_at": now(),
        "name": name,
        "source": f"{name}-pg15",
        "destination": "pg18-prod",
        "status": status,
        "phase": "catchup" if done else "initial_copy",
        "cutover_ready": ready,
        "lag_bytes": lag,
        "lag_seconds": lag / (4 * MB),
        "intent": "migrate",
        "rate_limit_mbps": 80.0,
        "retained_bytes": lag + 96 * MB,
        "row_delta": 0 if done else 18_204_311,
        "light": {
            "quiet_since": now() if ready else None,
            "stable_seconds": 60,
            "conditions": [
                {"name": text, "met": number < held, "detail": "holds" if number < held else "not yet"}
                for number, text in enumerate(CONDITIONS)
            ],
        },
        "progress": {
            "bytes_total": 42 * GB,
            "bytes_copied": copied,
            "rows_copied": 96_000_000,
            "bytes_per_second": None if ready else 74.2 * MB,
            "eta_seconds": None if ready else 207.0,
        },
        "databases": databases,
        "totals": {"relations": relation_counts({"databases": databases})},
        "findings": [],
        "waits": waits,
        "groups": [
            {
                "database": text,
                "number": 1,
                "name": f"migrator_{text}_3f9c21ab_g1",
                "subscription_enabled": True,
                "worker_running": True,
                "slot_active": True,
                "wal_status": "reserved",
                "lag_bytes": lag,
                "retained_bytes": lag + 48 * MB,
            }
            for text in ("shop", "analytics")
        ],
        "completion": {
            "safe": False,
            "reasons": ["No barrier was recorded: confirm first that nobody writes to the source any more."],
        },
        "cutover": cutover(name),
    }
    return {**base, **more}


def cutover(name: str) -> list[Document]:
    """A checklist as migrator.reports.cutover writes it."""
    return [
        step(1, "Wait for the light", "Everything is copied and the lag is small.", holds=True),
        step(
            2,
            "Stop the writers",
            "Whatever is written after the barrier would be lost.",
            side="source",
            database="shop",
            sql="ALTER ROLE shop_app NOLOGIN;\nSELECT pg_terminate_backend(pid)\nFROM pg_stat_activity"
            " WHERE usename = 'shop_app';",
            holds=False,
        ),
        step(
            3,
            "Record the barrier",
            "The tool notes the source's position and waits until every group has passed it.",
            command=f"pg-migrator cutover {name} --writes-stopped",
            holds=False,
        ),
        step(4, "Switch the application", "Point it at the destination."),
    ]


def step(number: int, title: str, why: str, holds: bool | None = None, **more: str) -> Document:
    """One step of the checklist."""
    empty: Document = {"side": None, "database": None, "sql": None, "command": None}
    return {"number": number, "title": title, "why": why, "holds": holds, **empty, **more}


def relations(count: int) -> dict[str, Document]:
    """So many tables, in all states."""
    found: dict[str, Document] = {}
    for number in range(count):
        state = STATES[number % len(STATES)]
        size = (1 + number * 7919 % 997) * 3 * MB
        copied = {"ready": size, "copied": size, "copying": size // 3}.get(state, 0)
        rows = size // 140
        found[f"public.orders_{number:05}"] = {
            "relation": f"public.orders_{number:05}",
            "state": state,
            "bytes": size,
            "rows": rows,
            "copied_bytes": copied,
            "copied_rows": copied // 140,
            "target_rows": copied // 140,
        }
    return found


def public(names: list[str], refresh: float) -> Document:
    """The configuration without secrets."""
    instances = [*(f"{name}-pg15" for name in names), "pg18-prod"]
    return {
        "instances": [
            {"name": name, "server": f"{name}.db.internal", "port": 5432, "maintenance_database": "postgres"}
            for name in instances
        ],
        "mappings": [
            {"name": name, "source": f"{name}-pg15", "destination": "pg18-prod", "copy_method": "subscription"}
            for name in names
        ],
        "replication": {
            "rate_limit_mbps": 80.0,
            "ui_refresh_interval_seconds": refresh,
            "reconcile_interval_seconds": refresh,
            "wal_lag_threshold_mb": 16.0,
            "wal_lag_threshold_minutes": 1.0,
            "stable_seconds": 60.0,
        },
        "flower_url": "http://127.0.0.1:5555",
    }


FINDINGS = [
    {
        "code": "replica_identity_missing",
        "message": "Table public.audit_log has no primary key: UPDATE and DELETE on it cannot be replicated.",
        "remedy": "ALTER TABLE public.audit_log REPLICA IDENTITY FULL;",
        "database": "shop",
        "relation": "public.audit_log",
        "blocking": True,
    },
    {
        "code": "rate_limit_by_admission",
        "message": "A limit of 80 MB/s is set; tablesync itself cannot be throttled, so pacing is by admission only.",
        "remedy": "",
        "database": None,
        "relation": None,
        "blocking": False,
    },
]


def history(samples: int, interval: float = 5.0) -> list[Document]:
    """Lag that comes down in waves while bytes go up."""
    begin = datetime.now(UTC) - timedelta(seconds=samples * interval)
    found: list[Document] = []
    for number in range(samples):
        part = number / samples
        lag = (24 * (1 - part) ** 2 + 2.2 + 1.6 * math.sin(number / 9) + 0.9 * math.sin(number / 2.3)) * MB
        found.append(
            {
                "at": (begin + timedelta(seconds=number * interval)).isoformat(),
                "lag_bytes": max(0.0, lag),
                "lag_seconds": max(0.0, lag / (0.9 * MB)),
                "bytes_copied": 27 * GB * part**0.9,
                "retained_bytes": lag + 96 * MB,
                "status": "in_progress",
            }
        )
    return found


def seed(store: Store, refresh: float = REFRESH_SECONDS) -> None:
    """Five mappings, each in another state; `shop` with all that a page can show."""
    states = {"shop": "in_progress", "billing": "cutover_ready", "crm": "problematic", "reports": "synced"}
    store.publish_public(public([*states, "archive"], refresh))
    for name, status in states.items():
        findings = {"crm": FINDINGS, "shop": FINDINGS[1:]}.get(name, [])
        store.publish_summary(
            name, summary(name, status, lag=MB // 3 if name == "billing" else 3 * MB, findings=findings)
        )
    store.publish_summary("archive", {**summary("archive", "not_started", lag=0), **NOT_STARTED})
    for database_name, count in (("shop", 48), ("analytics", 12)):
        store.publish_relations("shop", database_name, relations(count))
    for sample in history(240):
        History(store, "shop").append(sample)
    log(store)


NOT_STARTED: Document = {
    "phase": "preflight",
    "lag_bytes": None,
    "lag_seconds": None,
    "row_delta": None,
    "progress": {"bytes_total": None, "bytes_copied": None, "rows_copied": None},
    "groups": [],
    "waits": [],
}


def log(store: Store) -> None:
    """A few lines."""
    lines = (
        ("info", "Subscription created", "public.customers", "subscription"),
        ("info", "Relation admitted to the publication", "public.orders_00003", "initial_copy"),
        ("warning", "Lock timeout; the next tick tries again", "public.orders_00004", "post_data"),
        ("info", "Relation is ready", "public.orders_00001", "initial_copy"),
        ("error", "Source refused the connection: too many clients", None, "catchup"),
        ("info", "Sequences brought up to date", None, "sequences"),
    )
    for level, event, relation, phase in lines:
        entry = {"at": now(), "level": level, "event": event, "database": "shop", "relation": relation, "phase": phase}
        store.append_log("shop", entry)
