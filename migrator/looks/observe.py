"""The look: both sides of a mapping, read into an Observation. The only place that runs reading SQL."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

import psycopg

from migrator.bookkeeping import journal
from migrator.config import InstanceSpec, MappingSpec, RoleConflictStrategy
from migrator.connection import Session
from migrator.contents import SubscriptionState
from migrator.errors import MigratorError, SessionLimitError, UnreachableError
from migrator.looks.dial import dial
from migrator.looks.facts import has_user_objects, read_missing_locales, read_role_uses
from migrator.looks.instances import OLD_SECONDS, read_instance
from migrator.looks.pairing import Pairing
from migrator.looks.remembered import SchemaCache
from migrator.looks.sessions import Sessions
from migrator.looks.subscriptions import Origins, read_origins, read_subscription_states
from migrator.model import Instance, RoleUse, Unreachable
from migrator.names import application_name, is_trial_name
from migrator.observation import DatabasePair, Observation, Scope
from migrator.phases.lag import nothing_comes_through
from migrator.records import UNENDED, Journal
from migrator.selection import selected_databases
from migrator.turns import Quiet, due, may_rest, refreshed

AT_ONCE = 4
"""Databases of one mapping read at the same time: twice as many sessions on each side at most."""

_READING = {
    "work_mem": "32MB",  # a schema is sorted in memory, not in temporary files of somebody's production
    "max_parallel_workers_per_gather": "0",  # nor by more than one of its processors
}


Known = Callable[[Journal | None, datetime], Mapping[str, DatabasePair]]
"""By the journal and the destination's clock: the databases that need not be looked at, as they were seen before."""


@dataclass
class Looker:
    """Looks at one mapping again and again; opens its sessions anew at each look and closes them with it."""

    spec: MappingSpec
    task: str = "look"
    schemas: SchemaCache | None = None
    """What the process remembers, and its sessions; without it nothing stays of a look."""
    patient: bool = False
    """A destination's schema may be as it was a moment ago. For ticks, which act through tasks; never for whoever acts."""

    def __post_init__(self) -> None:
        self._sessions = self.schemas.sessions if self.schemas is not None else Sessions()

    def look(self, scope: Scope | None = None) -> Observation:
        """Both sides now, as far as `scope` goes. A side that does not answer is Unreachable, never an exception.

        Raises SessionLimitError where a server has as many of our sessions as it may have.
        """
        return self._look(scope or Scope(), lambda entry, now: {})

    def look_by_turns(self, quiet: Quiet, asked: Collection[str]) -> Observation:
        """As `look`, but databases seen `quiet` are taken as they were seen, until their turn comes or they are `asked` for."""

        def kept(entry: Journal | None, now: datetime) -> Mapping[str, DatabasePair]:
            seen = {name: pair.observed_at for name, pair in quiet.pairs.items() if pair.observed_at is not None}
            turn = due(seen, quiet.at, now, self.spec.replication.quiet_look_interval_seconds)
            rests = may_rest(entry)
            return {name: quiet.pairs[name] for name in seen if rests and name not in turn and name not in asked}

        return self._look(Scope(), kept)

    def look_again(self, seen: Observation, names: Collection[str]) -> Observation:
        """The two servers once more, and of their databases those named, without patience; the others are as in `seen`."""
        others = {pair.name: pair for pair in seen.databases if pair.name not in names}
        again = replace(self, patient=False)._look(Scope(), lambda entry, now: others)
        return replace(again, remembered=again.remembered & seen.remembered)

    def _look(self, scope: Scope, known: Known) -> Observation:
        try:
            return self._looked(scope, known)
        finally:
            if self.schemas is None:
                self._sessions.close()

    def _looked(self, scope: Scope, known: Known) -> Observation:
        # The destination's own sequences and ledger are read before the source's: a source read later is never behind.
        destination, entry, now, refused = self._destination()
        source = self._instance(self.spec.source)
        # After the source's slots: what a slot has confirmed, its origin shows.
        origins, states, locales = self._rest_of_destination(source, destination)
        kept = _as_now(known(entry, now), states, source, destination)
        pairs = () if refused else self._pairs(scope, source, destination, origins, kept, _clock(now), entry)
        undialled = self._dial(source, entry, scope, pairs, now)
        uses = self._role_uses(source)
        return Observation(
            self.spec.name, scope, now, source, destination, entry, pairs, refused, undialled, uses, locales,
            frozenset(pair.name for pair in pairs) & kept.keys(),
        )  # fmt: skip

    def _dial(
        self,
        source: Instance | Unreachable,
        entry: Journal | None,
        scope: Scope,
        pairs: tuple[DatabasePair, ...],
        now: datetime,
    ) -> dict[str, str] | None:
        """Whether the destination reaches the source: before the mapping begins, and wherever nothing comes through."""
        if entry is None or scope.database is not None or not isinstance(source, Instance):
            return {}
        readable = [pair for pair in pairs if pair.source_error is None]
        if entry.source is not None:
            readable = [pair for pair in readable if nothing_comes_through(pair, source, entry, now)]
        return dial(self.spec, source.version, [pair.name for pair in readable])

    @contextmanager
    def _session(self, instance: InstanceSpec, database: str | None) -> Iterator[Session]:
        """Some definitions stand behind an ACCESS EXCLUSIVE lock: a look gives up rather than hang with its tick."""
        timeout = str(int(self.spec.replication.lock_timeout_seconds * 1000))
        settings = {"lock_timeout": timeout, **_READING}
        name = application_name(self.spec.name, self.task)
        with self._sessions.session(instance, database, name, settings) as session:
            yield session

    def _instance(self, instance: InstanceSpec) -> Instance | Unreachable:
        try:
            with self._session(instance, None) as session:
                bound = min(OLD_SECONDS, self.spec.replication.open_transaction_seconds)
                seen = read_instance(session, bound)
        except UnreachableError as error:
            return Unreachable(error.message)
        except psycopg.OperationalError as error:
            return Unreachable(f"{instance.name}: {' '.join(str(error).split())}")
        self._sessions.crowd(instance, seen.connections - sum(seen.clients.values()))
        return seen

    def _role_uses(self, source: Instance | Unreachable) -> tuple[RoleUse, ...]:
        if isinstance(source, Unreachable) or self.spec.role_conflict_strategy is not RoleConflictStrategy.FAIL:
            return ()
        with self._session(self.spec.source, None) as session:
            return read_role_uses(session)

    def _destination(self) -> tuple[Instance | Unreachable, Journal | None, datetime, tuple[str, str] | None]:
        """The destination, the mapping's journal, the destination's clock, and why the journal cannot be used."""
        destination = self._instance(self.spec.destination)
        if isinstance(destination, Unreachable):
            return destination, None, datetime.now(UTC), None
        try:
            with self._session(self.spec.destination, None) as session:
                entry, now = journal.read_journal_and_clock(session, self.spec.name)
        except (SessionLimitError, UnreachableError):
            raise
        except MigratorError as error:
            return destination, None, datetime.now(UTC), (error.message, error.remedy)
        return destination, entry, now, None

    def _rest_of_destination(
        self, source: Instance | Unreachable, destination: Instance | Unreachable
    ) -> tuple[Origins | None, Mapping[int, SubscriptionState], frozenset[str]]:
        """Its replication origins, its subscriptions of all databases, and the source's locales that its machine lacks."""
        if isinstance(destination, Unreachable):
            return None, {}, frozenset()
        with self._session(self.spec.destination, None) as session:
            locales = (
                read_missing_locales(session, source, destination) if isinstance(source, Instance) else frozenset()
            )
            origins = read_origins(session)
            return origins, read_subscription_states(session, origins), locales

    def _pairs(
        self,
        scope: Scope,
        source: Instance | Unreachable,
        destination: Instance | Unreachable,
        origins: Origins | None,
        kept: Mapping[str, DatabasePair],
        clock: Callable[[], datetime],
        entry: Journal | None,
    ) -> tuple[DatabasePair, ...]:
        if not isinstance(destination, Instance) or entry is None:
            return ()
        ended = entry if entry.intent not in UNENDED else None
        # Both sides of a database, and several databases, at the same time: a driver that waits leaves Python to the others.
        with ThreadPoolExecutor(AT_ONCE) as pairs, ThreadPoolExecutor(AT_ONCE) as halves:
            pairing = Pairing(
                self.spec, scope, destination, origins, self._session, self.schemas, halves, clock,
                entry.identities, ended is not None, self.patient, entry.barrier is not None,
            )  # fmt: skip
            try:
                return tuple(self._found(scope, source, destination, pairing, pairs, kept, ended))
            except BaseException:  # told to stop, for one: nobody waits for what the other threads have asked
                pairs.shutdown(wait=False, cancel_futures=True)
                self._sessions.cancel()
                raise

    def _found(
        self,
        scope: Scope,
        source: Instance | Unreachable,
        destination: Instance,
        pairing: Pairing,
        pool: Executor,
        kept: Mapping[str, DatabasePair],
        ended: Journal | None,
    ) -> Iterator[DatabasePair]:
        if isinstance(source, Instance):
            names = selected_databases(self.spec, source, self._has_user_objects)
            wanted = {name: self.spec.target_name(name) for name in names}
            # Of what ends, also what the configuration, or the source, no longer has.
            left = (
                {(claim.database, claim.target) for claim in ended.claims if claim.mapping == self.spec.name}
                if ended
                else set()
            )
            both = (*wanted.items(), *sorted(left - set(wanted.items())))
            asked = [(name, target) for name, target in both if scope.database in (None, name)]
            looked = pool.map(lambda each: pairing.pair(*each), [each for each in asked if each[0] not in kept])
            yield from (kept[name] if name in kept else next(looked) for name, _ in asked)
            return
        targets = (
            each.name
            for each in destination.databases
            if each.may_connect and not each.is_template and not is_trial_name(each.name)
        )
        for pairs in pool.map(pairing.pairs_of_ledger, targets):
            yield from pairs

    def _has_user_objects(self, database: str) -> bool:
        with self._session(self.spec.source, database) as session:
            return has_user_objects(session)


def _as_now(
    known: Mapping[str, DatabasePair],
    states: Mapping[int, SubscriptionState],
    source: Instance | Unreachable,
    destination: Instance | Unreachable,
) -> Mapping[str, DatabasePair]:
    """Those that are still what they were, with what the servers as a whole say of them now."""
    if not isinstance(source, Instance) or not isinstance(destination, Instance):
        return {}
    fresh = ((name, refreshed(pair, states, source, destination)) for name, pair in known.items())
    return {name: pair for name, pair in fresh if pair is not None}


def _clock(now: datetime) -> Callable[[], datetime]:
    """The destination's clock, from its last word on."""
    begun = monotonic()
    return lambda: now + timedelta(seconds=monotonic() - begun)
