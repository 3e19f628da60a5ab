"""What a process remembers of databases between two looks, so that a look need not read everything. Losing it costs time."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, Self, TypeVar

from migrator.contents import DatabaseFacts, RelationSize, Sequences
from migrator.looks.sessions import Sessions
from migrator.schema import Schema
from migrator.turns import Quiet

T = TypeVar("T")

Key = tuple[str, str, str]
"""Instance, its address, database."""

SHARE = 0.02
"""Sizes and sequences may take so much of the time: what is read in 4 ms at every look, what takes 200 ms every 10 s."""

EARLIEST = 0.75
"""Schemas that were read together, at a process's first look, are not to be read together again: each after its own part of
`max_age_seconds`, this or more of it."""

GARBAGE_THRESHOLDS = (100_000, 50, 100)
"""For gc.set_threshold: a tick makes hundreds of thousands of values, none of them in cycles. To search them all takes as
long as deciding."""

DEAR_SECONDS = 0.5
"""A schema that takes less is read whenever it has moved: a tick that works by an old one asks for what is done already, and
nothing would ask for the next."""

DEAR_SCHEMA = 3.0
"""A dear one of a destination, which our own work changes all the time, is read again by ticks after so many times as long as it
took. A task never relies on that: it would do again what has just been done."""


@dataclass(frozen=True)
class Read(Generic[T]):
    """Something read: when, by the process's clock, and how many seconds it took."""

    value: T
    at: float
    seconds: float


def timed(read: Callable[[], T]) -> Read[T]:
    """What `read` returns, with what it cost."""
    begun = monotonic()
    value = read()
    return Read(value, monotonic(), monotonic() - begun)


@dataclass
class Remembered:
    """One database of one server."""

    fingerprint: str = ""
    schema: Read[Schema] | None = None
    relations: frozenset[int] = frozenset()
    """What was there when the schema was read (oids)."""
    sizes: Read[Mapping[str, RelationSize]] | None = None
    sequences: Read[Sequences] | None = None
    facts: Read[DatabaseFacts] | None = None
    without: frozenset[int] = frozenset()
    """Tables (oids) that were locked when the schema was read, and of which it says what was known before."""
    part: float = field(default_factory=lambda: random.uniform(EARLIEST, 1.0))  # noqa: S311 - no secret
    """Of the age at which its schema is read again."""


@dataclass
class SchemaCache:
    """Schemas, sizes and sequences read before, and the sessions they were read by: a `with` closes these at its end."""

    max_age_seconds: float = 300.0
    """The most that a schema is relied on while its fingerprint does not move; each database has its own part of it."""
    databases: dict[Key, Remembered] = field(default_factory=dict)
    sessions: Sessions = field(default_factory=Sessions)
    quiet: dict[str, Quiet] = field(default_factory=dict)
    """By mapping: the databases in which the last tick of this process found nothing to do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sessions.close()

    def of(self, key: Key) -> Remembered:
        """What is remembered of this database; empty where it was never looked at."""
        return self.databases.setdefault(key, Remembered())

    def schema(self, known: Remembered, fingerprint: str, *, patient: bool) -> Schema | None:
        """The schema while it can be relied on: its fingerprint has not moved, or only just (`patient`), and it is not old."""
        read = known.schema
        if read is None or monotonic() - read.at > self.max_age_seconds * known.part:
            return None
        waits = patient and read.seconds > DEAR_SECONDS and monotonic() - read.at < read.seconds * DEAR_SCHEMA
        return read.value if waits or known.fingerprint == fingerprint else None


def is_fresh(read: Read[T] | None) -> bool:
    """Whether to read this again now would take more than its share of the time."""
    return read is not None and read.seconds > SHARE * (monotonic() - read.at)
