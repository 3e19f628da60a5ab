"""What Celery beat sends, and how often: per mapping one reconcile and one lag sample. Pure."""

from migrator.config import Config


def build(config: Config) -> dict[str, dict[str, object]]:
    """The schedule. No message expires: another clock would judge it. Beat sends none while one of its kind waits (workers.beat)."""
    interval = config.replication.reconcile_interval_seconds
    schedule: dict[str, dict[str, object]] = {}
    for mapping in config.mappings:
        for task, queue in (("reconcile", "reconcile"), ("sample_lag", "sampling")):
            schedule[f"{task} {mapping.name}"] = {
                "task": task,
                "schedule": interval,
                "args": (mapping.name,),
                "options": {"queue": queue},
            }
    return schedule
