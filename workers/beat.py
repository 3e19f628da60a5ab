"""Beat's scheduler: sends a task of a mapping only where none waits in its queue, so that all mappings have their turn."""

import socket

import structlog
from celery import beat
from kombu import Producer

from migrator.errors import StoreUnavailableError
from migrator.store.waiting import Waiting
from workers.app import store

LOG = structlog.get_logger("workers")

MOST_WAITING, MOST_OF_EACH = 100, 4
"""Messages in a queue to which nothing is added, or so many for each entry: where no worker serves it, marks expire, not messages."""


class Scheduler(beat.Scheduler):
    """In memory: Celery's own keeps a pickle in a file, which whoever else may write it there makes beat run."""

    def apply_entry(self, entry: beat.ScheduleEntry, producer: Producer | None = None) -> None:
        try:
            wanted = self._is_wanted(entry)
        except StoreUnavailableError as error:
            LOG.warning("not sent", task=entry.name, error=error.message)
            return
        if wanted:
            super().apply_entry(entry, producer)

    def _is_wanted(self, entry: beat.ScheduleEntry) -> bool:
        """Beat lives also where nothing is to be sent: a health check asks when it was last here."""
        assert entry.task and entry.args and entry.options, "what beat_schedule.build gives to each"
        store().register_worker(f"beat@{socket.gethostname()}", (), 0)
        most = max(MOST_WAITING, MOST_OF_EACH * len(self.schedule))
        return store().queued(entry.options["queue"]) < most and Waiting(store(), entry.args[0]).join(entry.task)
