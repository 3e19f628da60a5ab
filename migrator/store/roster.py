"""Which workers live, by what each has said of itself: worked out from the one hash that all of them write to."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrator.store import blobs

WORKER_SECONDS = 60
"""A worker that has not registered for this long is taken for gone."""


@dataclass(frozen=True)
class Worker:
    """One process: a worker, or beat, which serves no queue."""

    queues: frozenset[str]
    concurrency: int
    since: float
    """When it said for the first time that it lives."""
    at: float
    """When it said so last."""


@dataclass(frozen=True)
class Roster:
    """All of them, as of now. Times are seconds of Redis's clock."""

    workers: Mapping[str, Worker]
    now: float

    @classmethod
    def of(cls, rows: Mapping[bytes | str, bytes | str], now: float) -> "Roster":
        """What the hash holds; an older version of the tool wrote no `since`."""
        documents = ((blobs.text(name), json.loads(row)) for name, row in rows.items())
        return cls(
            {
                name: Worker(frozenset(row["queues"]), row["concurrency"], row.get("since", row["at"]), row["at"])
                for name, row in documents
            },
            now,
        )

    def entry(self, name: str, queues: Iterable[str], concurrency: int) -> str:
        """What one of them writes to say that it lives."""
        known = self.workers.get(name)
        since = known.since if known is not None and self._lives(known) else self.now
        return blobs.dump({"queues": list(queues), "concurrency": concurrency, "since": since, "at": self.now})

    def slots(self, queue: str) -> int:
        """How many tasks of that queue the living ones can run at once."""
        return sum(worker.concurrency for worker in self._living() if queue in worker.queues)

    def is_complete(self) -> bool:
        """Whether whoever lives has had the time to say so. Not for a minute after Redis was emptied: nobody is missing then."""
        return any(worker.since < self.now - WORKER_SECONDS for worker in self._living())

    def serves(self, host: str) -> bool:
        """Whether a worker of that machine lives; its name ends in @host."""
        return any(
            name.endswith(f"@{host}") and worker.queues and self._lives(worker) for name, worker in self.workers.items()
        )

    def long_gone(self) -> list[str]:
        """Names to be forgotten."""
        return [name for name, worker in self.workers.items() if worker.at < self.now - 60 * WORKER_SECONDS]

    def _living(self) -> Iterator[Worker]:
        return (worker for worker in self.workers.values() if self._lives(worker))

    def _lives(self, worker: Worker) -> bool:
        return worker.at >= self.now - WORKER_SECONDS
