"""One mapping between two real clusters, as far as roles, databases and privileges are concerned."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from migrator.apply import Applier, ApplyError
from migrator.bookkeeping import journal
from migrator.bookkeeping import ledger as ledger_book
from migrator.config import MappingSpec
from migrator.connection import session_of
from migrator.looks.instances import read_instance
from migrator.looks.schema_reading import read_schema
from migrator.machines.cluster import Cluster
from migrator.model import Failure, Instance
from migrator.observation import DatabasePair, Hints, Observation, Scope
from migrator.phases.failing import key_of
from migrator.phases.view import View
from migrator.records import Identity, Ledger
from migrator.schema import Schema
from migrator.steps import Action, Step

Examine = Callable[[View], Step]


@dataclass
class Migration:
    """What the machinery does with one phase: look, examine, apply. `databases`: the source's, by name."""

    source: Cluster
    destination: Cluster
    databases: tuple[str, ...] = ()
    options: dict[str, object] = field(default_factory=dict)
    user: str = "postgres"
    """The user on the destination."""
    source_user: str = "postgres"
    failures: dict[str, Failure] = field(default_factory=dict)
    """What `try_all` saw fail, as the store remembers it."""

    @property
    def spec(self) -> MappingSpec:
        plain = MappingSpec(
            "move",
            self.source.spec("source", username=self.source_user),
            self.destination.spec("destination", username=self.user),
        )
        return replace(plain, **self.options)  # type: ignore[arg-type]

    def begin(self) -> None:
        """The journal's row, as reconcile writes it."""
        with session_of(self.spec.destination, None, "pg-migrator test") as session:
            here = Identity("1", 1)
            journal.begin(session, self.spec.name, here, here)

    def view(self) -> View:
        with (
            session_of(self.spec.source, None, "pg-migrator test") as source,
            session_of(self.spec.destination, None, "pg-migrator test") as destination,
        ):
            source_side, destination_side = read_instance(source), read_instance(destination)
            entry = journal.read_journal(destination, self.spec.name)
        now = datetime.now(UTC)
        pairs = tuple(self._pair(name, source_side, destination_side) for name in self.databases)
        seen = Observation(self.spec.name, Scope(), now, source_side, destination_side, entry, pairs)
        return View(self.spec, seen, Hints(self.failures), now)

    def _pair(self, name: str, source: Instance, destination: Instance) -> DatabasePair:
        target = self.spec.target_name(name)
        target_schema, ledger = None, Ledger()
        if destination.database(target) is not None:
            target_schema = self._schema(self.destination, target, destination.version)
            with session_of(self.spec.destination, target, "pg-migrator test") as session:
                ledger = ledger_book.read(session, self.spec.name)
        return DatabasePair(name, target, self._schema(self.source, name, source.version), target_schema, ledger=ledger)

    def _schema(self, side: Cluster, database: str, version: int) -> Schema:
        with session_of(side.spec("side"), database, "pg-migrator test") as session:
            return read_schema(session, version)

    def examine(self, examine: Examine, database: str | None = None) -> Step:
        view = self.view()
        return examine(view if database is None else replace(view, pair=view.observation.database(database)))

    def apply(self, actions: Iterable[Action]) -> None:
        with Applier(self.spec, "test", 0) as applier:
            for action in actions:
                applier.apply(action)

    def converge(self, examine: Examine, database: str | None = None) -> Step:
        """Apply until nothing is left to do; the last answer."""
        for _ in range(4):
            step = self.examine(examine, database)
            if not step.actions:
                return step
            self.apply(step.actions)
        raise AssertionError(f"does not converge: {step.actions}")

    def try_all(self, examine: Examine, database: str | None = None) -> Step:
        """Look, and apply every action, whatever fails: what failed is remembered. The answer before."""
        step = self.examine(examine, database)
        for action in step.actions:
            key = key_of(step, action)
            try:
                self.apply([action])
            except ApplyError as error:
                self.failures[key] = Failure(key, error.message, 1, datetime.now(UTC))
        return step


def cut_short(action: Action, statements: int) -> Action:
    """The action as far as it gets when it is stopped after so many statements."""
    return replace(action, statements=action.statements[:statements])


def prefixes(action: Action) -> Iterable[Action]:
    """Every way to stop an action between two transactions: those after each statement outside one."""
    for number, statement in enumerate(action.statements):
        if not statement.transactional:
            yield cut_short(action, number)
            yield cut_short(action, number + 1)


def codes(step: Step) -> list[str]:
    """The findings' codes, in order of the alphabet."""
    return sorted(finding.code for finding in step.findings)
