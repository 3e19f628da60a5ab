"""What a destination will hold of us and by us, in words: its statements are decided as they come, and `plan --sql` shows the next.

Told above all is what takes something away there, or alters what stood there before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrator.config import CopyMethod, MappingSpec, WalBudgetAction
from migrator.model import Instance
from migrator.names import SCHEMA
from migrator.observation import Hints, Observation
from migrator.phases import carry, groups
from migrator.phases.foresight import groups_of, when_carried
from migrator.phases.relations import bytes_of, wanted
from migrator.phases.view import View
from migrator.phases.wording import counted
from migrator.quote import identifier

MB = 1024 * 1024


@dataclass(frozen=True)
class Foretold:
    """One thing that is done on the destination; `database` None: on the server."""

    database: str | None
    when: str
    what: str


AT_THE_END = "dropped at completion or abort"


def foretell(spec: MappingSpec, observation: Observation) -> tuple[Foretold, ...]:
    """The server first, then database by database; empty while a server does not answer."""
    if not all(isinstance(server, Instance) for server in (observation.source, observation.destination)):
        return ()
    view = View(spec, observation, Hints(), observation.observed_at)
    pairs = (replace(view, pair=pair) for pair in observation.databases)
    return (*_of_server(view), *(told for each in pairs for told in _of_database(each)))


def _of_server(view: View) -> Iterator[Foretold]:
    maintenance, user = view.spec.destination.maintenance_database, identifier(view.destination.user.name)
    yield Foretold(
        maintenance,
        f"first of all; {AT_THE_END} but for one row, which pg-migrator forget removes",
        f"schema {SCHEMA}: the journal",
    )
    yield Foretold(
        None,
        "before the databases; they stay",
        "roles, memberships, settings of roles, rights on settings, as far as they are missing",
    )
    if not view.destination.user.superuser:
        yield Foretold(
            None, "until completion or abort", f"GRANT of roles that own something to {user}, to act for them"
        )


def _of_database(view: View) -> Iterator[Foretold]:
    pair, there = view.database, view.destination.database(view.database.target)
    if there is None:
        yield Foretold(pair.target, "before its schema; it stays", f"CREATE DATABASE {identifier(pair.target)}")
    yield Foretold(pair.target, AT_THE_END, f"schema {SCHEMA}: the ledger")
    yield Foretold(
        pair.target,
        "what a copy needs before it, the rest after it; it stays",
        "every object of the source's schema that is missing, with its privileges; triggers that act on replicated rows disabled",
    )
    yield from _rows(view)
    yield from _pieces(view)
    user = identifier(view.destination.user.name)
    yield Foretold(
        pair.target,
        "where another setting would have rows read otherwise; given back at completion or abort",
        f"ALTER ROLE {user} IN DATABASE {identifier(pair.target)} SET client_encoding, lock_timeout and the like",
    )
    yield Foretold(pair.target, "as the source's move, until the write stop", "setval() of its sequences, forward only")
    yield Foretold(pair.target, "before the light", "VACUUM, ANALYZE, REFRESH MATERIALIZED VIEW")


def _rows(view: View) -> Iterator[Foretold]:
    pair, names = view.database, wanted(view)
    for number in groups_of(view):
        yield Foretold(pair.target, AT_THE_END, f"subscription {groups.name_of(view, number)}")
    yield Foretold(
        pair.target,
        "once; then the source's changes",
        f"the rows of {counted(len(names), 'table')} ({_megabytes(view, names)})",
    )
    if groups.method_of(view.spec.copy_method, pair) is CopyMethod.SNAPSHOT:
        yield Foretold(
            pair.target,
            "where it is made again or cannot be copied, or its snapshot is lost, before the subscription: it is copied anew",
            "TRUNCATE ONLY of a table that we fill",
        )
    if view.spec.replication.wal_budget_action is WalBudgetAction.DROP_SLOT:
        yield Foretold(
            pair.target, "when its slot is to be dropped for the WAL budget", "ALTER SUBSCRIPTION ... DISABLE"
        )


def _pieces(view: View) -> Iterator[Foretold]:
    """Each time it is carried, what stands there of it gives way."""
    pair = view.database
    for piece in carry.pieces(pair):
        what = carry.named(piece)
        if piece.what == carry.LARGE_OBJECTS:
            how = "made under their oids; again: lo_unlink of those made before"
        elif piece.what == carry.UNLOGGED or piece.apart:
            how = "TRUNCATE, then the source's rows"
        else:
            how = "DELETE of the rows that the extension has dumped, then the source's"
        yield Foretold(pair.target, when_carried(piece), f"{what}: {how}")


def _megabytes(view: View, names: tuple[str, ...]) -> str:
    return f"{sum(bytes_of(view, name) for name in names) / MB:.0f} MB"
