"""Asking for a tick between those of beat: in Redis, so that all workers together do not ask too often, and none asks in vain."""

from migrator.store import Store, blobs, translated


class Nudges:
    """Of one mapping. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, store: Store, mapping: str) -> None:
        self._redis = store.client
        self._changes = blobs.key(mapping, "changes")
        self._last, self._later = blobs.key(mapping, "nudge"), blobs.key(mapping, "nudge", "later")

    def note_change(self) -> None:
        """Something was done that a tick is to see."""
        with translated():
            self._redis.incr(self._changes)

    def changes(self) -> int:
        """How many were noted. More at the end of a tick than at its beginning: it may not have seen them all."""
        with translated():
            return int(self._redis.get(self._changes) or 0)

    def seconds(self, apart: float) -> float | None:
        """In how many seconds the next tick is to be asked for: ticks that are asked for begin so far apart.

        None: one that is yet to come has been asked for.
        """
        with translated():
            if self._redis.set(self._last, "1", nx=True, px=max(1, int(apart * 1000))):
                return 0.0
            left = max(1, int(self._redis.pttl(self._last)))
            return left / 1000 if self._redis.set(self._later, "1", nx=True, px=left) else None
