"""What our own schema on the destination says, as frozen values: the journal of a mapping and the ledgers of its databases. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from migrator.model import Lsn


class Intent(StrEnum):
    """What the operator wants of a mapping; set by commands, written before the first act of it."""

    MIGRATE = "migrate"
    PAUSED = "paused"
    ABORTING = "aborting"
    ABORTED = "aborted"
    COMPLETING = "completing"
    COMPLETED = "completed"


UNENDED = (Intent.MIGRATE, Intent.PAUSED)  # at work: neither end was asked for


@dataclass(frozen=True)
class Identity:
    """Which server this is: changes with a restore (system identifier) or a failover (timeline)."""

    system_identifier: str
    timeline: int


@dataclass(frozen=True)
class Marker:
    """A logical message in the source's WAL: our honest clock. `emitted_at` and `confirmed_at` by the destination's clock."""

    lsn: Lsn
    emitted_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True)
class Barrier:
    """A source position taken after the operator confirmed that no one writes any more."""

    lsn: Lsn
    taken_at: datetime
    arrived_at: datetime | None = None
    """When everything was seen to have arrived, under this barrier or an earlier one: the destination is the operator's since."""


@dataclass(frozen=True)
class Claim:
    """A destination database's name, taken by a mapping before it makes or fills anything there. One claim per name."""

    mapping: str
    source: str
    """How that mapping's configuration calls its source, with the address."""
    database: str
    target: str
    created: bool
    """Whether the mapping made the database; it may have been there before."""


@dataclass(frozen=True)
class CarriedRole:
    """A role that a mapping is done with: made by it, or merged into one that was there."""

    mapping: str
    source: str
    role: str
    created: bool


class Refusal(StrEnum):
    """Why an object could not be made in a trial."""

    FAILED = "failed"
    RIGHT = "right"
    """Only for want of a right: somebody else can make it."""
    BODY = "body"
    """It can be made; its body would fail when it is called."""
    BROKEN_OFF = "broken_off"
    """No object's fault: the trial itself could not be made, or not be ended."""


@dataclass(frozen=True)
class TrialFailure:
    """An object that the destination does not take, with the server's own words."""

    refusal: Refusal
    object: str
    message: str
    relation: str | None = None


@dataclass(frozen=True)
class SchemaTrial:
    """What came of the last trial of a source database's schema. `digest`: of what was tried; `tried_at`: the destination's clock."""

    database: str
    digest: str
    tried_at: datetime
    seconds: float
    failures: tuple[TrialFailure, ...] = ()
    untried: tuple[str, ...] = ()
    """Objects that need what failed."""


@dataclass(frozen=True)
class WorkerSetting:
    """A setting that our role was given in a database of the destination, for its workers; `before`: what it had there itself."""

    database: str
    setting: str
    before: str | None


@dataclass(frozen=True)
class IdentityBefore:
    """A source table that was given REPLICA IDENTITY FULL. `before`: its pg_class.relreplident, d or n."""

    database: str
    oid: int
    relation: str
    before: str


@dataclass(frozen=True)
class Brake:
    """How fast copying may be while the source suffers, in MB/s, and from what it suffered last."""

    mbps: float
    reason: str


@dataclass(frozen=True)
class Journal:
    """What the journal says of one mapping. Lives in the destination's maintenance database."""

    intent: Intent
    source: Identity | None
    destination: Identity | None
    rate_limit_mbps: float | None
    """The live limit; None: the configuration's."""
    quiet_since: datetime | None
    barrier: Barrier | None
    source_gone: bool
    """Completion or abort was asked for with --source-gone: the source is not touched, and not checked."""
    markers: tuple[Marker, ...]
    """Oldest first; confirmed ones are pruned but for the newest."""
    claims: tuple[Claim, ...] = ()  # of every mapping into this instance, as the roles
    roles: tuple[CarriedRole, ...] = ()
    source_rate_limit_mbps: float | None = None  # the live limit of the whole source; None: the configuration's
    put_back: Mapping[str, datetime] = field(default_factory=dict)
    """When which side (source, destination) was first seen in an earlier state than it had been in, on the same timeline."""
    stable_at: datetime | None = None  # when every database had been seen quiet stable_seconds after `quiet_since`
    parameters: tuple[str, ...] = ()  # settings whose rights were given once
    self_memberships: tuple[str, ...] = ()  # roles on the destination that our user made itself a member of
    trials: tuple[SchemaTrial, ...] = ()
    brake: Brake | None = None
    worker_settings: tuple[WorkerSetting, ...] = ()
    identities: tuple[IdentityBefore, ...] = ()


@dataclass(frozen=True)
class LedgerGroup:
    """What a group was when it was made. Missing or different later is `replication_broken`."""

    number: int
    name: str
    publication_oid: int | None
    publication_xmin: str | None
    slot_created: bool
    subscription_oid: int | None
    source: Identity
    destination: Identity
    slot_dropped_at: datetime | None = None
    """We gave its slots up, since they kept more WAL than was allowed."""
    slot_lost_at: datetime | None = None
    """Its slot was seen gone from the source, or lost: whatever stands there by its name later is another."""
    method: str = "subscription"
    """The copy method it was made by (config.CopyMethod); a configuration changed later does not change it."""
    snapshot_lsn: Lsn | None = None
    """Where the slot that it was copied under begins: until a subscription follows it, it stands there."""
    inserts_oid: int | None = None
    """Of its second publication, which publishes no UPDATE and DELETE: made before the slot, or never."""
    inserts_xmin: str | None = None
    retired: bool = False
    """Its snapshot is lost: nothing more is copied under it. What was finished by then stays in the group."""


@dataclass(frozen=True)
class PartCount:
    """The parts of one relation; `bytes` (as COPY sent them) and `rows` of the copied ones, added up."""

    parts: int = 0
    copied: int = 0
    bytes: int = 0
    rows: int = 0

    @property
    def finished(self) -> bool:
        """Cut, and every part is in."""
        return 0 < self.parts == self.copied


@dataclass(frozen=True)
class LedgerRelation:
    """A relation that has begun: admitted to its group's publication. `publication_rel_oid` None: not yet recorded.

    `count` is all zeros under the method `subscription`, which knows no parts.
    """

    relation: str
    group: int
    source_oid: int
    publication_rel_oid: int | None
    target_oid: int | None = None
    """Of the destination's table that was filled: only that one may ever be dropped."""
    attached_lsn: Lsn | None = None
    """A position in the source's WAL noted after it was seen attached there: all written before lies before it."""
    gone_lsn: Lsn | None = None
    """A position in the source's WAL by which it was gone there: no change of it lies behind."""
    was_partition: bool = False
    """It was one when it was admitted, or later."""
    count: PartCount = PartCount()
    analyzed: bool = False
    layout: str | None = None
    """`schema.layout.known_text` of when both sides held the same rows; None: never noted."""
    altered_layout: str | None = None
    altered_lsn: Lsn | None = None
    """A position in the source's WAL noted after its table was seen as `altered_layout`: what was written before lies before it."""
    insert_only: bool = False  # it stands in its group's second publication
    changes: int | None = None
    """UPDATEs and DELETEs that the source had counted on it before its copy began, by counters of `counted_since`; None: not begun."""
    counted_since: str | None = None
    structure: str | None = None
    """`phases.appeared.structure` of when it began, or of when `structure_lsn` was noted; None: never noted."""
    structure_lsn: Lsn | None = None
    """A position in the source's WAL noted after `structure` was seen; None: what was written without it is not on its way."""


@dataclass(frozen=True)
class OpenPart:
    """A part that is not copied yet."""

    group: int
    relation: str
    number: int


@dataclass(frozen=True)
class Backend:
    """A session of a server: its pid alone may be another's by now."""

    pid: int
    started: datetime


@dataclass(frozen=True)
class LedgerKeeper:
    """A session on the source that holds a group's snapshot, by its own word; whether it lives, the source says."""

    group: int
    keeper: str
    snapshot: str
    backend: Backend


@dataclass(frozen=True)
class LedgerCarried:
    """What was last carried in one piece, by the destination's clock: nothing of it was read on the source before `carried_at`."""

    carried_at: datetime
    rows: int
    bytes: int
    seconds: float | None = None  # it took; None for pieces that do not say
    barrier: Lsn | None = None  # that was in force, 0 where none was; None: an older version did not note it
    counted: str | None = None  # `contents.Counted.of` its tables before the first row was read; None as above
    counted_since: str | None = None


@dataclass(frozen=True)
class Ledger:
    """Our rows in one destination database; empty where the ledger does not exist yet, or cannot be read."""

    exists: bool = False
    groups: tuple[LedgerGroup, ...] = ()
    relations: Mapping[str, LedgerRelation] = field(default_factory=dict)
    left: Mapping[str, LedgerRelation] = field(default_factory=dict)
    """Relations that left their group, and are in none yet; `group` is none's."""
    given: frozenset[str] | None = None  # `Privilege.address` of what was settled; None: no such table
    outdated: bool = False
    """An older version made it: it is brought up to date before it is read."""
    parts: tuple[OpenPart, ...] = ()
    """What is not copied yet; of a relation in many parts the first of those only, more than can be handed out at once."""
    keepers: tuple[LedgerKeeper, ...] = ()
    carried: Mapping[str, LedgerCarried] = field(default_factory=dict)
    """By `phases.carry.Piece.what`."""
