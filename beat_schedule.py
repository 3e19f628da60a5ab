"""What Celery beat sends, and how often: per mapping one reconcile and one lag sample. Pure."""

from migrator.config import Config

LEAST_EXPIRY_SECONDS = 5.0
"""A slow Redis (0.1 s a round trip) takes longer than a short interval to bring a message: none would ever be in time."""


def build(config: Config) -> dict[str, dict[str, object]]:
    """The schedule. A message expires with its interval, or after five seconds: by then the next one is due."""
    interval = config.replication.reconcile_interval_seconds
    schedule: dict[str, dict[str, object]] = {}
    for mapping in config.mappings:
        for task, queue in (("reconcile", "reconcile"), ("sample_lag", "sampling")):
            schedule[f"{task} {mapping.name}"] = {
                "task": task,
                "schedule": interval,
                "args": (mapping.name,),
                "options": {"queue": queue, "expires": max(interval, LEAST_EXPIRY_SECONDS)},
            }
    return schedule
