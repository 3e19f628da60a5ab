"""Work done at once, in this process: for the ends of a mapping from the command line, and for tests. No Redis, no workers."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from migrator.config import MappingSpec
from migrator.errors import MigratorError
from migrator.looks.remembered import SchemaCache
from migrator.memory import Failures, Memory
from migrator.tasks.jobs import carry, copy_parts, keep, try_database
from migrator.tasks.perform import perform
from migrator.work import Work

LOG = structlog.get_logger("migrator")


@dataclass
class Inline:
    """Does the work at once, in this process: the ends of a mapping from the command line, and tests."""

    spec: MappingSpec
    memory: Failures = field(default_factory=Memory)
    schemas: SchemaCache = field(default_factory=SchemaCache)

    def dispatch(self, work: Work) -> None:
        if work.task == "keep_snapshot":
            self._keep(work)
        elif work.task == "copy_part":
            copy_parts(self.spec, work, self.memory, _say_nothing)
        elif work.task == "carry":
            carry(self.spec, work, self.memory, _say_nothing)
        elif work.task == "try_schema":
            try_database(self.spec, work, self.memory, _say_nothing)
        else:
            perform(self.spec, work, self.memory, schemas=self.schemas)

    def _keep(self, work: Work) -> None:
        """By a thread of this process, which goes on when the tick is over. Back when the snapshot is held, or could not be."""
        held = threading.Event()
        told = held.set

        def hold() -> None:
            try:
                keep(self.spec, work, self.memory, _say_nothing, told=told)
            except MigratorError as error:
                LOG.info("snapshot not kept", mapping=self.spec.name, reason=error.message)
            finally:
                told()

        threading.Thread(target=hold, name=work.key, daemon=True).start()
        held.wait()


def _say_nothing(entry: Mapping[str, object]) -> None:
    """Without a dashboard nobody reads the log of actions."""
