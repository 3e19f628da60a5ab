"""What logical replication does not carry, and we carry in one piece: large objects, rows of unlogged and configuration tables.

Once before the light, so that sizes and errors are known; and again when the operator asks, after the writers have stopped: only
that last time counts. Whether it was carried, and when, the ledger says. So are tables without a replica identity, where
`copy_at_cutover` was chosen for them: these beforehand only where the operator asks for a rehearsal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import groupby

from migrator.contents import ConfigurationTable
from migrator.model import User
from migrator.observation import DatabasePair
from migrator.phases import insert_only
from migrator.phases.view import View
from migrator.phases.ways import at_cutover, carried_as
from migrator.phases.wording import duration, some
from migrator.phases.written_since import LARGE_OBJECT_TABLES, Written, written
from migrator.quote import identifier, qualified
from migrator.records import Barrier, LedgerCarried
from migrator.schema.definition import FIRES
from migrator.steps import Action, Carry, Finding, Gates, Mend, Side, Step

NAME = "carry"

LARGE_OBJECTS = "large objects"
UNLOGGED = "unlogged tables"
SUMMARY = "carry what is not replicated"

STARTING_JOBS = frozenset({"pg_cron"})
"""Extensions that run, by themselves and at once, what their rows say: the source's jobs are not to run on the destination, too."""

_MOST_NAMED = 10


@dataclass(frozen=True)
class Rows:
    """Some rows of a table, by its qualified name: those that `condition` (a WHERE clause, or nothing) picks."""

    relation: str
    condition: str = ""


@dataclass(frozen=True)
class Piece:
    """What is carried at once, under a name that the ledger notes: large objects, or the rows of some tables."""

    what: str
    tables: tuple[Rows, ...] = ()
    sequences: tuple[str, ...] = ()
    apart: bool = False
    """A table of the application's that is not replicated: carried after the write stop, before it only when asked."""
    late: bool = False
    """Carried after the write stop only."""

    @property
    def relations(self) -> tuple[str, ...]:
        """The tables that it stands in."""
        return LARGE_OBJECT_TABLES if self.what == LARGE_OBJECTS else tuple(each.relation for each in self.tables)


def examine(view: View) -> Step:
    """Holds the light until everything was carried once, and nothing else."""
    pair = view.database
    if pair.source_schema is None or view.observation.scope.relations:
        return Step(NAME, pair.name, Gates.RELATION)
    refused = tuple(findings(pair, view.source.user.name))
    missing = never_carried(pair) if not view.observation.arrived else ()  # the rows there may be the applications' own
    action = Action(SUMMARY, (), job=Carry())
    return Step(NAME, pair.name, Gates.RELATION, (action,) if missing and not refused else (), findings=refused)


def never_carried(pair: DatabasePair) -> tuple[Piece, ...]:
    """What the light waits for."""
    return tuple(
        each for each in pieces(pair) if each.what not in pair.ledger.carried and not (each.apart or each.late)
    )


def pieces(pair: DatabasePair) -> tuple[Piece, ...]:
    """Everything of this kind that the source has, or had when it was last carried: what is gone since must go too."""
    return tuple(_pieces(pair))


def overdue(pair: DatabasePair, barrier: Barrier | None) -> tuple[Piece, ...]:
    """What was not carried since the barrier, or was written to on the source since; without a barrier, everything.

    Once everything had arrived, a later barrier makes nothing due by itself: only what was written to since.
    """
    return tuple(piece for piece in pieces(pair) if barrier is None or _is_due(pair, piece, barrier))


def _is_due(pair: DatabasePair, piece: Piece, barrier: Barrier) -> bool:
    last, since = pair.ledger.carried.get(piece.what), written_to(pair, piece)
    if last is None or since in (Written.SOMETHING, Written.UNCOUNTED):
        return True
    return not _is_after(last, barrier) and (barrier.arrived_at is None or since is not Written.NOTHING)


def written_to(pair: DatabasePair, piece: Piece) -> Written:
    """What has come to a piece on the source since it was last carried."""
    last = pair.ledger.carried.get(piece.what)
    return written(pair.facts.counted, piece.relations, last) if last is not None else Written.UNASKED


def is_precious(pair: DatabasePair, piece: Piece, barrier: Barrier) -> bool:
    """Whether the destination's rows may be the last of their kind: the applications', or what the source has lost in a crash."""
    lost = written_to(pair, piece) is Written.UNCOUNTED and counts_still(pair, piece, barrier)
    return barrier.arrived_at is not None or lost


def counts_still(pair: DatabasePair, piece: Piece, barrier: Barrier) -> bool:
    """Whether it was carried for good, but for what came since: under this barrier, or under that by which everything had arrived."""
    last = pair.ledger.carried.get(piece.what)
    return last is not None and (barrier.arrived_at is not None or _is_after(last, barrier))


def keep_or_overwrite(mapping: str) -> str:
    """For the operator, who alone knows whose rows are to stay."""
    command = f"pg-migrator carry {mapping}"
    return (
        "Where what stands on the destination is to stay (applications have written there, or the source has lost unlogged rows in a "
        f"crash), bring over by hand what is missing, then: {command} --keep. Only where the source's rows are to replace it: "
        f"{command} --overwrite"
    )


def unsettled(pair: DatabasePair, clients: int) -> bool:
    """Whether sessions that are open on the source may still tell of something written since it was carried."""
    if not clients or pair.observed_at is None:
        return False
    carried = (pair.ledger.carried[each.what].carried_at for each in pieces(pair) if each.what in pair.ledger.carried)
    return any(0 <= (pair.observed_at - at).total_seconds() < insert_only.LATE_SECONDS for at in carried)


def _is_after(last: LedgerCarried, barrier: Barrier) -> bool:
    """By the barrier itself: clocks may be put back. An older version noted none."""
    return last.barrier == barrier.lsn if last.barrier is not None else last.carried_at > barrier.taken_at


def _pieces(pair: DatabasePair) -> Iterator[Piece]:
    carried = pair.ledger.carried
    if pair.facts.large_objects.count or LARGE_OBJECTS in carried:
        yield Piece(LARGE_OBJECTS)
    if loose := unlogged(pair):
        yield Piece(UNLOGGED, tuple(map(Rows, loose)))
    for relation in at_cutover(pair):
        yield Piece(carried_as(relation), (Rows(relation),), apart=True)
    for extension, group in groupby(pair.facts.configuration, key=lambda each: each.extension):
        found = list(group)
        what = f"extension {identifier(extension)}"
        if what in carried or any(each.filled for each in found):
            tables = tuple(Rows(_name(each), each.condition) for each in found if not each.is_sequence)
            sequences = tuple(_name(each) for each in found if each.is_sequence)
            yield Piece(what, tables, sequences, late=extension in STARTING_JOBS)


def _name(table: ConfigurationTable) -> str:
    return qualified(table.namespace, table.name)


def unlogged(pair: DatabasePair) -> tuple[str, ...]:
    """The source's unlogged tables, without those of extensions; what a foreign key refers to comes first."""
    schema = pair.source_schema
    names = sorted(table.qualified for table in schema.tables if table.unlogged) if schema is not None else []
    needs: dict[str, set[str]] = {name: set() for name in names}
    for each in schema.constraints if schema is not None else ():
        if each.referenced is not None and each.relation in needs:
            needs[each.relation] |= {each.referenced[0]} & (needs.keys() - {each.relation})
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError:  # where our role may act as a replica, no key is checked
        return tuple(names)


def findings(pair: DatabasePair, user: str) -> Iterator[Finding]:
    """Why it cannot be carried; `user` is ours on the source."""
    found, strange = pair.facts.large_objects, pair.strange_large_objects
    if found.unreadable:
        yield Finding(
            "large_object_unreadable",
            f"Our user may not read large objects of {pair.name}: {_first(found.unreadable)}.",
            f"In database {pair.name} of the source: {_grant(found.unreadable, user)}",
            database=pair.name,
        )
    if found.count and strange and LARGE_OBJECTS not in pair.ledger.carried:
        yield Finding(
            "large_object_not_ours",
            f"Database {pair.target} on the destination has large objects that this migration did not make: {_first(strange)}.",
            "Nothing is copied over them, and the source's keep their oids. If they are not needed, in database "
            f"{pair.target} on the destination: SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid IN (...);",
            database=pair.name,
        )
    fresh = (each for each in pieces(pair) if each.what == UNLOGGED or each.apart)
    for piece in (each for each in fresh if each.what not in pair.ledger.carried):
        for relation in sorted(pair.filled & {each.relation for each in piece.tables}):
            yield Finding(
                "destination_not_empty",
                f"{relation} in {pair.target} on the destination holds rows that this migration did not write.",
                f"Nothing is copied over them. If they are not needed, in database {pair.target} on the destination: TRUNCATE {relation};",
                database=pair.name,
                relation=relation,
            )


def note(pair: DatabasePair, mapping: str) -> Iterator[Finding]:
    """What it is, and when it is carried: told from the beginning on."""
    found = [piece for piece in pieces(pair) if not piece.apart]
    if found:
        late = [piece.what for piece in found if piece.late]
        but = f", but for {some(late)}, whose jobs would run on the destination from then on" if late else ""
        yield Finding(
            "not_replicated",
            f"Not replicated but carried in one piece, of {pair.name}: {'; '.join(map(named, found))}.",
            f"It is carried once before the light{but}. What changes after that is carried when you say so, once the writers are "
            f"stopped and the barrier is taken: pg-migrator carry {mapping}",
            blocking=False,
            database=pair.name,
        )


def trigger_right(pair: DatabasePair, user: User) -> Iterator[Finding]:
    """A trigger that fires for rows carried in one piece would write again what it wrote on the source: these are refused then.

    `user` is ours on the destination.
    """
    tables = {rows.relation for piece in pieces(pair) for rows in piece.tables}
    definitions = pair.source_schema.definitions if pair.source_schema is not None else ()
    triggers = [each for each in definitions if each.kind.startswith("trigger") and each.relation in tables]
    fire = [each.name for each in triggers if each.state == FIRES]
    if fire and not user.acts_as_replica:
        grant = f"GRANT SET ON PARAMETER session_replication_role TO {identifier(user.name)};"
        yield Finding(
            "destination_trigger_right",
            f"{user.name} on the destination may not carry tables of {pair.name} while triggers fire for their rows: {some(fire)}.",
            f"On the destination: {grant}",
            blocking=False,
            database=pair.name,
            mends=(Mend(Side.DESTINATION, grant),),
        )


def named(piece: Piece) -> str:
    """With its tables, the first of them."""
    return f"{piece.what} ({some([each.relation for each in piece.tables])})" if piece.tables else piece.what


def described(piece: Piece, pair: DatabasePair) -> str:
    """For the cutover: how much it is of a table carried by itself, and how long it took when it was last carried."""
    if not piece.apart:
        return f"{piece.what} of {pair.name}"
    size = sum(pair.sizes[each.relation].bytes for each in piece.tables if each.relation in pair.sizes) / 1024**2
    before = pair.ledger.carried.get(piece.what)
    took = (
        f"{duration(before.seconds)} when last carried" if before and before.seconds is not None else "never rehearsed"
    )
    return f"{piece.what} of {pair.name} ({size:.0f} MB; {took})"


def _first(oids: tuple[int, ...]) -> str:
    more = ", ..." if len(oids) > _MOST_NAMED else ""
    return ", ".join(map(str, oids[:_MOST_NAMED])) + more


def _grant(oids: tuple[int, ...], user: str) -> str:
    """The statement itself for a few, and one that writes it for more (psql runs it by \\gexec)."""
    if len(oids) <= _MOST_NAMED:
        return f"GRANT SELECT ON LARGE OBJECT {', '.join(map(str, oids))} TO {identifier(user)};"
    return (
        f"SELECT format('GRANT SELECT ON LARGE OBJECT %s TO %I', oid, '{user.replace(chr(39), chr(39) * 2)}') "
        "FROM pg_largeobject_metadata \\gexec"
    )
