"""A day of a mapping's metrics in Redis: every tick of the last hour or so, before that one sample a minute, the worst of it."""

import json
from collections.abc import Mapping, Sequence

from migrator.model import Lsn
from migrator.store import Store, blobs, translated
from migrator.store.blobs import Document

FINE_LENGTH = 720
"""An hour, at a tick every five seconds."""
COARSE_LENGTH = 1_440
"""A day of minutes."""

_PEAKS = ("lag_bytes", "lag_seconds", "retained_bytes")
"""What a minute keeps the highest of: a peak must not vanish because somebody looks at it later."""


class History:
    """One mapping's samples. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, store: Store, mapping: str) -> None:
        self._redis = store.client
        self._fine = blobs.key(mapping, "history")
        self._coarse = blobs.key(mapping, "history", "minutes")

    def append(self, sample: Mapping[str, object]) -> None:
        """One sample with the time `at` (ISO, UTC); the oldest give way."""
        with translated():
            newest = blobs.document(self._redis.lindex(self._coarse, -1))
            pipeline = self._redis.pipeline()
            pipeline.rpush(self._fine, blobs.dump(sample))
            pipeline.ltrim(self._fine, -FINE_LENGTH, -1)
            if newest is not None and _minute(newest) == _minute(sample):
                pipeline.rpop(self._coarse)
                sample = merged(newest, sample)
            pipeline.rpush(self._coarse, blobs.dump(sample))
            pipeline.ltrim(self._coarse, -COARSE_LENGTH, -1)
            pipeline.execute()

    def samples(self, points: int | None = None) -> list[Document]:
        """Oldest first: minutes, then ticks; all of them, or about `points` spread evenly, with the newest."""
        with translated():
            pipeline = self._redis.pipeline()
            pipeline.lrange(self._coarse, 0, -1)
            pipeline.lrange(self._fine, 0, -1)
            coarse, fine = (blobs.documents(rows) for rows in pipeline.execute())
        return thinned([*(sample for sample in coarse if fine and _minute(sample) < _minute(fine[0])), *fine], points)

    def newest(self, count: int) -> list[Document]:
        """The last samples, oldest first."""
        with translated():
            return [dict(json.loads(row)) for row in self._redis.lrange(self._fine, -count, -1)]


def merged(one: Mapping[str, object], later: Mapping[str, object]) -> Document:
    """Two samples of one minute as one: the later, at the earlier's time, with the higher of what has peaks."""
    peaks = {key: _higher(one.get(key), later.get(key)) for key in _PEAKS if key in one or key in later}
    return {**later, **peaks, "at": one["at"]}


def thinned(samples: Sequence[Document], points: int | None) -> list[Document]:
    """About so many of them, spread evenly, with the newest. What peaked in between is in the next that is kept."""
    step = 1 if points is None else max(1, -(-len(samples) // points))
    kept: list[Document] = []
    for end in range(len(samples), 0, -step):
        sample = samples[end - 1]
        for other in samples[max(0, end - step) : end - 1]:
            sample = {**merged(other, sample), "at": sample["at"]}
        kept.append(sample)
    return kept[::-1]


def _higher(one: object, other: object) -> object:
    """None, where nothing was known, is lower than any number."""
    numbers = [value for value in (one, other) if isinstance(value, int | float)]
    return max(numbers, default=None)


def _minute(sample: Mapping[str, object]) -> str:
    return str(sample["at"])[:16]


class Markers:
    """The newest WAL marker that each mapping's journal has: a later sample finds there whether the destination still does."""

    def __init__(self, store: Store) -> None:
        self._redis = store.client

    def remember_marker(self, name: str, lsn: Lsn) -> None:
        with translated():
            self._redis.set(blobs.key(name, "marker"), str(lsn))

    def newest_marker(self, name: str) -> Lsn | None:
        with translated():
            found = self._redis.get(blobs.key(name, "marker"))
        return None if found is None else Lsn.parse(blobs.text(found))
