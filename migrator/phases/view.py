"""What a phase is asked about: one mapping, or one database of it, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from migrator.config import MappingSpec
from migrator.model import Failure, Instance
from migrator.observation import DatabasePair, Hints, Observation
from migrator.records import Journal


@dataclass(frozen=True)
class View:
    """The arguments of every phase's `examine`. `pair` is None for phases that ask about the whole mapping."""

    spec: MappingSpec
    observation: Observation
    hints: Hints
    now: datetime
    pair: DatabasePair | None = None
    held: frozenset[str] = frozenset()
    """Relations of the database on which an earlier phase keeps failing: what comes after it leaves them alone."""

    @property
    def source(self) -> Instance:
        """The source instance; phases after preflight run only while it answers."""
        assert isinstance(self.observation.source, Instance)
        return self.observation.source

    @property
    def destination(self) -> Instance:
        """The destination instance; phases after preflight run only while it answers."""
        assert isinstance(self.observation.destination, Instance)
        return self.observation.destination

    @property
    def journal(self) -> Journal:
        """The journal's row of this mapping; reconcile makes it before the first decide that may act."""
        assert self.observation.journal is not None
        return self.observation.journal

    @property
    def database(self) -> DatabasePair:
        """The database asked about."""
        assert self.pair is not None
        return self.pair

    def tries(self, phase: str, of: str) -> int:
        """How often a piece of work in this database failed, one time after another. `of`: see `failure_key`."""
        failure = self._failure(phase, of)
        return failure.count if failure is not None else 0

    def refused(self, phase: str, of: str) -> int:
        """As `tries`, of what is itself at fault: 0 where the last one found a disk full."""
        failure = self._failure(phase, of)
        return failure.count if failure is not None and not failure.disk_full else 0

    def _failure(self, phase: str, of: str) -> Failure | None:
        return self.hints.failures.get(failure_key(phase, self.database.name, of))

    def failing(self, phase: str) -> Mapping[str, Failure]:
        """What keeps failing of a phase in this database, by what it is `of`."""
        prefix = failure_key(phase, self.database.name, "")
        found = self.hints.failures.items()
        return {key.removeprefix(prefix): failure for key, failure in found if key.startswith(prefix)}


def failure_key(phase: str, database: str | None, of: str) -> str:
    """The name under which failures are remembered. `of`: the relation of the work, or where it has none the action's summary."""
    return f"{phase}:{database or ''}:{of}"
