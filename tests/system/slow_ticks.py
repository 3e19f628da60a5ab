"""The workers' application with ticks that take `TICK_SECONDS` and are counted in Redis: `celery -A tests.system.slow_ticks`."""

import os
import time

import workers.tasks
from workers.app import app, store

__all__ = ["app"]

SECONDS = float(os.environ["TICK_SECONDS"])


class SlowTicks:
    """In place of a Reconciler: no server is asked."""

    def __init__(self, spec: object, *_: object) -> None:
        self.name = spec.name  # type: ignore[attr-defined]

    def tick(self) -> None:
        store().client.hincrby("ticked", self.name, 1)
        time.sleep(SECONDS)


setattr(workers.tasks, "Reconciler", SlowTicks)  # noqa: B010 - a name of its module that is not for others
