"""What a running Celery worker says of itself, for the dispatch budget."""

_known: tuple[str, list[str], int] | None = None


def consumed_queues(sender: object) -> tuple[str, list[str], int] | None:
    """(hostname, queues, processes) of this worker. Celery's consumer tells once, at worker_ready; heartbeats repeat it."""
    global _known
    hostname = getattr(sender, "hostname", None)
    application = getattr(sender, "app", None)
    if hostname and application is not None and hasattr(sender, "pool"):
        queues = list(application.amqp.queues.consume_from)
        processes = getattr(sender.pool, "num_processes", None) or 1
        _known = (hostname, queues, processes)
    return _known
