"""The answer of a phase: actions, waits and findings. Plain values, so that a decision can be printed, compared, tested."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum


class Side(StrEnum):
    """One of the two ends of a mapping."""

    SOURCE = "source"
    DESTINATION = "destination"


class Gates(IntEnum):
    """What a step that is not quiet holds back, from least to most."""

    NOTHING = 0
    RELATION = 1
    DATABASE = 2
    MAPPING = 3


@dataclass(frozen=True)
class Statement:
    """One SQL statement for one database of one side.

    `database` is the name on that side, None the maintenance database. Consecutive transactional statements of an
    action for the same side and database run in one transaction. `keeps` names columns of the (single) result row
    that later statements of the same action may use as `%(name)s` by naming them in `uses`; a statement that keeps
    and gets no row fails the action. `holes` are secrets: `{source_conninfo}`, `{password:ROLE}`,
    `{user_mapping:OID:OPTION}` in `sql`, filled by apply, last, and never printed. `patient` statements wait for locks
    without a timeout: nobody waits behind them.
    """

    side: Side
    database: str | None
    sql: str
    transactional: bool = True
    keeps: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    patient: bool = False


class Lock(IntEnum):
    """Modes of LOCK TABLE, each of which keeps out all that the ones before it keep out."""

    SHARE_UPDATE_EXCLUSIVE = 1
    SHARE_ROW_EXCLUSIVE = 2
    ACCESS_EXCLUSIVE = 3

    @property
    def mode(self) -> str:
        return self.name.replace("_", " ")


@dataclass(frozen=True)
class Quick:
    """The work of an action on the destination as it is done where it takes but a moment: in one transaction with that of others.

    `locks` are all that the statements take on tables, so that a transaction which holds some never waits for another.
    """

    statements: tuple[str, ...]
    locks: tuple[tuple[str, Lock], ...]


@dataclass(frozen=True)
class KeepSnapshot:
    """Hold a group's snapshot in a session on the source. `makes`: it does not exist yet; its slot is made with it."""

    group: int
    keeper: str
    makes: bool = False


@dataclass(frozen=True)
class CopyPart:
    """Copy one part of a relation under its group's snapshot."""

    group: int
    number: int


@dataclass(frozen=True)
class Carry:
    """Carry in one piece what logical replication does not: whatever of a database was never carried."""


@dataclass(frozen=True)
class TrySchema:
    """Try a database's schema on the destination, in a database that is dropped again."""


@dataclass(frozen=True)
class Action:
    """A change worth one line in the log: `summary` in the imperative ("create role app"), and its statements in order.

    `relation` (a quoted, qualified name) gives the action a task of its own. `cost_bytes` orders (largest first) and,
    where `admits` is set, is drawn from the source's token bucket before the action starts. A `job` takes the place of
    statements, and has a task of its own. `quick` leads to the same end as the statements, and is tried first. Once the `last`
    ones are done, there is nothing more for the same message to do.
    """

    summary: str
    statements: tuple[Statement, ...]
    relation: str | None = None
    cost_bytes: int = 0
    admits: bool = False
    job: KeepSnapshot | CopyPart | Carry | TrySchema | None = None
    quick: Quick | None = None
    last: bool = False
    only_noted: bool = False
    """It writes into our ledger what was seen, and changes nothing else: the end, which takes the ledger away, does not wait for it."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do, yet not over: "9 relations in tablesync"."""

    message: str
    relation: str | None = None


@dataclass(frozen=True)
class Mend:
    """A statement that removes a finding's cause, for a person with the rights for it: we never run it.

    `database` is the name on that side; None: any, since it concerns the whole instance. An ALTER SYSTEM takes effect by
    a reload, or, with `restart`, by a restart of the server.
    """

    side: Side
    sql: str
    database: str | None = None
    restart: bool = False


@dataclass(frozen=True)
class Finding:
    """Something the operator must know (or, when `blocking`, do): a stable code, one sentence, and the remedy.

    `mends` are the remedy's statements where no choice is left to make: `check` writes its script of them.
    """

    code: str
    message: str
    remedy: str = ""
    blocking: bool = True
    database: str | None = None
    relation: str | None = None
    mends: tuple[Mend, ...] = ()

    def document(self) -> dict[str, object]:
        """What is shown of it: all but the mends, which stand in the remedy."""
        return {key: value for key, value in asdict(self).items() if key != "mends"}


@dataclass(frozen=True)
class Step:
    """A phase's answer for one database (None: for the whole mapping) at this tick."""

    phase: str
    database: str | None = None
    gates: Gates = Gates.DATABASE
    actions: tuple[Action, ...] = ()
    waits: tuple[Wait, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def blocked(self) -> bool:
        return any(finding.blocking for finding in self.findings)

    @property
    def quiet(self) -> bool:
        """No action, no wait, no blocking finding."""
        return not self.actions and not self.waits and not self.blocked


class Status(StrEnum):
    """A mapping's or database's state as shown to people; derived by `status.status_of`, stored nowhere."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    SYNCED = "synced"
    CUTOVER_READY = "cutover_ready"
    PROBLEMATIC = "problematic"
    PAUSED = "paused"
    COMPLETING = "completing"
    COMPLETED = "completed"
    ABORTING = "aborting"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Decision:
    """Every step of one tick, in the order of the phases."""

    mapping: str
    steps: tuple[Step, ...] = field(default=())

    @property
    def actions(self) -> Iterator[tuple[Step, Action]]:
        return ((step, action) for step in self.steps for action in step.actions)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for step in self.steps for finding in step.findings)

    @property
    def gating(self) -> tuple[Step, ...]:
        """The steps the light waits for."""
        return tuple(step for step in self.steps if step.gates is not Gates.NOTHING)

    @property
    def quiet(self) -> bool:
        """Every gating step is quiet."""
        return bool(self.gating) and all(step.quiet for step in self.gating)

    def of(self, database: str | None) -> tuple[Step, ...]:
        """The steps of one database, in order."""
        return tuple(step for step in self.steps if step.database == database)
