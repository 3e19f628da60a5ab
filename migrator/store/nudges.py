"""Asking for a tick between those of beat: in Redis, so that all workers together do not ask too often, and none asks in vain."""

from migrator.store import Store, blobs, translated

LEAST_SECONDS, MOST_SECONDS = 0.1, 2.0
"""How far apart the ticks begin that are asked for, at the least where a worker waits for one."""

SHARE = 0.25
"""Of the time that ticks may take which are waited for, while they are short."""

REMEMBERED_SECONDS = 60
"""How long what the last tick took is held to be what the next one takes."""


class Nudges:
    """Of one mapping. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, store: Store, mapping: str) -> None:
        self._redis = store.client
        self._changes = blobs.key(mapping, "changes")
        self._last, self._later = blobs.key(mapping, "nudge"), blobs.key(mapping, "nudge", "later")
        self._soon = blobs.key(mapping, "nudge", "soon")
        self._took = blobs.key(mapping, "tick", "seconds")

    def note_change(self) -> None:
        """Something was done that a tick is to see."""
        with translated():
            self._redis.incr(self._changes)

    def changes(self) -> int:
        """How many were noted. More at the end of a tick than at its beginning: it may not have seen them all."""
        with translated():
            return int(self._redis.get(self._changes) or 0)

    def took(self, seconds: float) -> None:
        """What a tick has taken. Those that take next to nothing may follow each other quickly."""
        with translated():
            self._redis.set(self._took, str(seconds), ex=REMEMBERED_SECONDS)

    def apart(self, *, waited_for: bool) -> float:
        """How many seconds apart the ticks begin that are asked for; `waited_for`: while a worker has nothing to do."""
        if not waited_for:
            return MOST_SECONDS
        with translated():
            took = self._redis.get(self._took)
        return min(MOST_SECONDS, max(LEAST_SECONDS, float(took or MOST_SECONDS) / SHARE))

    def seconds(self, *, waited_for: bool = False) -> float | None:
        """In how many seconds the next tick is to be asked for.

        None: one that is yet to come has been asked for.
        """
        apart = self.apart(waited_for=waited_for)
        with translated():
            if self._redis.set(self._last, "1", nx=True, px=int(MOST_SECONDS * 1000)):
                return 0.0
            passed = MOST_SECONDS - int(self._redis.pttl(self._last)) / 1000
            left = min(MOST_SECONDS, max(0.001, apart - passed))
            if not self._redis.set(self._soon if waited_for else self._later, "1", nx=True, px=int(left * 1000)):
                return None
            if waited_for:  # else it is asked for at about the time when `_last` ends by itself
                self._redis.set(self._last, "1", px=int((left + MOST_SECONDS) * 1000))
            return left
