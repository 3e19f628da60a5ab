"""Ticks and samples that wait in a queue: at most one of each to a mapping, whoever asks for it, by a mark in Redis.

So beat may send without a time at which a message expires, which another machine's clock would judge, and by which those
at the end of a long queue would never be served. A mark that is lost lets one message more wait.
"""

from migrator.store import Store, blobs, translated

WAITING_SECONDS = 30
"""How long a mark holds whose message was lost: as long as a killed worker's work may lie idle."""


class Waiting:
    """Of one mapping. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, store: Store, mapping: str) -> None:
        self._redis, self._mapping = store.client, mapping

    def join(self, task: str) -> bool:
        """Whether the task is to be sent: none of it waits. From now on one does."""
        with translated():
            return bool(self._redis.set(self._mark(task), "1", nx=True, ex=WAITING_SECONDS))

    def leave(self, task: str) -> None:
        """It waits no longer: what happens from now on is for the next to see."""
        with translated():
            self._redis.delete(self._mark(task))

    def _mark(self, task: str) -> str:
        return blobs.key(self._mapping, "waiting", task)
