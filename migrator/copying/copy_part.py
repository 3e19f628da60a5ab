"""One part of a relation: its rows and its row in the ledger, in one transaction of the destination.

What is held, and in which order (everybody who gives up a group or a part goes the same way):

* destination: the group's place shared (`giving_up`), its ledger row FOR KEY SHARE, the part's FOR UPDATE, the table ROW EXCLUSIVE
  (and, to be emptied, ACCESS EXCLUSIVE)
* source: the table ACCESS SHARE, for this one part's time

Parts of one relation are copied by any number of workers at once: they share all of it but their own rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg
from psycopg.pq.abc import PGresult

from migrator.bucket import Throttle
from migrator.catalog import sql
from migrator.connection import Session
from migrator.copying.errors import RewrittenError, SnapshotGoneError, UnlikeError, YieldError, named
from migrator.copying.format import Column, Format, agree
from migrator.copying.pipe import pump
from migrator.copying.wire import Stop, Wire
from migrator.errors import MigratorError
from migrator.parts import Part
from migrator.phases import giving_up
from migrator.phases.source_statements import lock_to_read
from migrator.quote import literal

FREEZE_BYTES = 1_048_576
"""Below this a new file for the table costs more than freezing its rows saves."""


@dataclass(frozen=True)
class PartCopy:
    """A part to be copied, and under which snapshot. The oids and the `filenode` are the relation's as the ledger knows them."""

    mapping: str
    group: int
    part: Part
    source_oid: int
    target_oid: int
    filenode: int
    snapshot: str


@dataclass(frozen=True)
class Copied:
    """What a part brought: rows, and bytes as COPY sent them."""

    rows: int
    bytes: int


def copy_part(source: Session, destination: Session, job: PartCopy, throttle: Throttle, stop: Stop) -> Copied | None:
    """Copy one part. None: there was nothing to do, since it is copied already, or given up with its group.

    The sessions are those of `lines`, with no transaction open; several parts may follow on one pair. Raises the errors of
    `copying.errors`, UnreachableError of a server that went away, and what the throttle raises: with nothing changed, no transaction
    left open, and a session that was in mid-copy closed.
    """
    reader, writer = Wire(source, stop), Wire(destination, stop)
    try:
        if not _claim(writer, job) or not _is_the_same_there(writer, job):
            writer.ask("ROLLBACK")
            return None
        with importing(reader, job.snapshot):
            return _copy(reader, writer, job, throttle)
    except BaseException as error:
        reader.abandon()
        writer.abandon()
        if isinstance(error, psycopg.Error):
            raise named(error, job.part.relation) from None
        raise


def _copy(reader: Wire, writer: Wire, job: PartCopy, throttle: Throttle) -> Copied:
    relation = job.part.relation
    _lock(reader, job)
    large = _check(reader, job) >= FREEZE_BYTES
    _refuse_altered(reader, relation)
    form = agreed(reader, writer, relation)
    refuse_triggers(writer, relation)
    freeze = job.part.whole and large and _emptied(writer, relation)
    reader.ask(f"COPY {_selected(job.part, form)} TO STDOUT {form.options()}")
    writer.ask(f"COPY {relation}{form.list()} FROM STDIN {form.options(*(['FREEZE'] if freeze else []))}")
    copied = pass_on(reader, writer, relation, throttle)
    _check(reader, job)
    writer.ask(
        f"UPDATE migrator.parts SET rows = {copied.rows}, bytes = {copied.bytes}, copied_at = clock_timestamp()"
        f" WHERE {_of_ledger(job)}; COMMIT"
    )
    return copied


def pass_on(reader: Wire, writer: Wire, relation: str, throttle: Throttle) -> Copied:
    """The rows of a COPY that has begun on both sides, to its end on both. Raises MigratorError where some were dropped."""
    moved = pump(reader, writer, throttle)
    read = _count(reader.results())
    writer.connection.put_copy_end()
    written = _count(writer.results())
    if read != written:
        raise MigratorError(
            f"{relation}: {read} rows were read, and {written} written.",
            "Something on the destination drops rows; look for triggers on this table.",
        )
    return Copied(read, moved)


def agreed(reader: Wire, writer: Wire, relation: str) -> Format:
    """How the relation's rows travel, by what both sessions see of it. Raises UnlikeError."""
    return agree(relation, _columns(reader, relation), _columns(writer, relation), _encoding(reader), _encoding(writer))


@contextmanager
def importing(wire: Wire, snapshot: str) -> Iterator[None]:
    """A read-only transaction that sees what an exported snapshot sees. Raises SnapshotGoneError where nobody exports it any more."""
    try:
        wire.ask(f"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT {literal(snapshot)}")
    except (pg.InvalidParameterValue, pg.UndefinedObject) as error:
        wire.ask("ROLLBACK")
        raise SnapshotGoneError(
            f"Snapshot {snapshot} cannot be imported: {error.diag.message_primary}.", "Another keeper's may still do."
        ) from None
    yield
    wire.ask("COMMIT")


def _claim(writer: Wire, job: PartCopy) -> bool:
    """Whether the part is ours to copy; nobody else can begin it, or give it up, until this transaction ends.

    A copier that died may have left a transaction which is still being committed: its lock on the part is waited for.
    """
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"
    *_, free = writer.ask(f"{begin}; {giving_up.step_in(job.mapping, job.group)}")
    if _text(free, 0, 0) != "t":
        raise YieldError(f"{job.part.relation}: a relation is about to leave its group.", "It is tried again.")
    group, part = writer.ask(
        f"SELECT 1 FROM migrator.groups WHERE mapping = {literal(job.mapping)} AND number = {job.group}"
        " AND retired_at IS NULL AND slot_dropped_at IS NULL FOR KEY SHARE;"
        f" SELECT 1 FROM migrator.parts WHERE {_of_ledger(job)} AND copied_at IS NULL FOR UPDATE"
    )
    return group.ntuples == 1 and part.ntuples == 1


def _is_the_same_there(writer: Wire, job: PartCopy) -> bool:
    """Whether the destination's table still is the one that the relation's other parts are in; from here on it stays it.

    One that was dropped and made again lacks those parts: the relation has to leave its group, which the next tick sees.
    """
    relation = job.part.relation
    try:
        *_, there = writer.ask(
            f"LOCK TABLE ONLY {relation} IN ROW EXCLUSIVE MODE; SELECT to_regclass({literal(relation)})::oid"
        )
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return False
    return _number(there, 0, 0) == job.target_oid


def _of_ledger(job: PartCopy) -> str:
    return (
        f"mapping = {literal(job.mapping)} AND group_number = {job.group}"
        f" AND relation = {literal(job.part.relation)} AND number = {job.part.number}"
    )


def _lock(reader: Wire, job: PartCopy) -> None:
    try:
        reader.ask(lock_to_read([job.part.relation]))
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        raise RewrittenError(f"{job.part.relation} is not there any more on the source.") from None


def _check(reader: Wire, job: PartCopy) -> int:
    """The relation's size in bytes, without TOAST. Raises RewrittenError where it is not stored as the snapshot saw it.

    The row of pg_class is the snapshot's, pg_relation_filenode() and to_regclass() tell what holds now.
    """
    oid = job.source_oid
    (answer,) = reader.ask(
        f"SELECT relfilenode, pg_relation_filenode({oid}), to_regclass({literal(job.part.relation)})::oid,"
        f" pg_relation_size({oid}) FROM pg_class WHERE oid = {oid}"
    )
    seen = [_number(answer, 0, column) for column in range(4)] if answer.ntuples else [0, 0, 0, 0]
    if seen[:3] != [job.filenode, job.filenode, oid]:
        raise RewrittenError(
            f"{job.part.relation} was rewritten, truncated or replaced on the source after the snapshot was taken"
            f" (file {job.filenode} then, {seen[1]} now).",
            "Its parts are discarded; it is copied anew under a new snapshot.",
        )
    return seen[3]


def _refuse_altered(reader: Wire, relation: str) -> None:
    """Raises RewrittenError where the relation's columns are no longer those that the snapshot sees.

    Old rows have the default of a column that was added since, or nothing of one that was dropped and made anew: no change that
    is replicated says so. COPY, and what it describes, go by the columns of now; the catalogs are read as the snapshot sees them.
    """
    then, now = reader.ask(f"{_columns_query(relation)}; SELECT * FROM ONLY {relation} LIMIT 0")
    seen = [(_number(then, row, 4), _text(then, row, 0)) for row in range(then.ntuples)]
    if seen != [(now.ftablecol(column), (now.fname(column) or b"").decode()) for column in range(now.nfields)]:
        raise RewrittenError(
            f"{relation}: its columns have changed since the snapshot was taken.",
            "Its parts are discarded; it is copied anew under a new snapshot.",
        )


def _columns_query(relation: str) -> str:
    return sql("copy_columns", 0).replace("{relation}", literal(relation))


def _columns(wire: Wire, relation: str) -> list[Column]:
    (answer,) = wire.ask(_columns_query(relation))
    return [
        Column(_text(answer, row, 0), _text(answer, row, 1) == "t", _text(answer, row, 2), _text(answer, row, 3) == "t")
        for row in range(answer.ntuples)
    ]


def refuse_triggers(writer: Wire, relation: str) -> None:
    """Triggers that fire for us would write twice what they wrote on the source. Foreign keys' own are none of them."""
    (answer,) = writer.ask(
        "SELECT string_agg(quote_ident(tgname), ', ' ORDER BY tgname) FROM pg_trigger"
        f" WHERE tgrelid = to_regclass({literal(relation)}) AND NOT tgisinternal AND tgenabled::text = ANY"
        " (CASE current_setting('session_replication_role') WHEN 'replica' THEN '{A,R}' ELSE '{A,O}' END::text[])"
    )
    if answer.get_value(0, 0) is not None:
        raise UnlikeError(
            f"{relation}: triggers on the destination would fire for every copied row: {_text(answer, 0, 0)}.",
            f"There: ALTER TABLE {relation} DISABLE TRIGGER ...; or GRANT SET ON PARAMETER session_replication_role to our role.",
        )


def _emptied(writer: Wire, relation: str) -> bool:
    """Truncate a table that is empty, so that its rows can be written frozen; False where that cannot be, and nothing was done."""
    (allowed,) = writer.ask(
        f"SELECT has_table_privilege(to_regclass({literal(relation)}), 'TRUNCATE') AND NOT EXISTS"
        f" (SELECT FROM pg_constraint WHERE confrelid = to_regclass({literal(relation)}))"
    )
    if _text(allowed, 0, 0) != "t":
        return False
    *_, held = writer.ask(
        f"LOCK TABLE ONLY {relation} IN ACCESS EXCLUSIVE MODE; SELECT EXISTS (SELECT FROM ONLY {relation})"
    )
    if _text(held, 0, 0) == "t":
        return False
    writer.ask(f"TRUNCATE ONLY {relation}")
    return True


def _selected(part: Part, form: Format) -> str:
    if part.whole:
        return part.relation + form.list()
    columns = form.list()[2:-1]
    below = "" if part.last_block is None else f" AND ctid < '({part.last_block},0)'"
    return f"(SELECT {columns} FROM ONLY {part.relation} WHERE ctid >= '({part.first_block},0)'{below})"


def _encoding(wire: Wire) -> str:
    return (wire.connection.parameter_status(b"server_encoding") or b"").decode()


def _count(answers: list[PGresult]) -> int:
    return answers[-1].command_tuples or 0


def _number(answer: PGresult, row: int, column: int) -> int:
    return int(answer.get_value(row, column) or 0)


def _text(answer: PGresult, row: int, column: int) -> str:
    return (answer.get_value(row, column) or b"").decode()
