"""The doorway to our schema in each destination database: the ledger of groups, relations, parts and keepers.

Its parts say which block ranges a group copies, which are copied, and how a group or a relation's parts are given up.

Whoever copies a part holds its group's row FOR KEY SHARE and its own row FOR UPDATE until the rows are committed. Whoever gives
up a group takes its row FOR UPDATE (a plain UPDATE would not do: it does not wait for KEY SHARE), and deletes the parts before it
empties a table: so it waits for copies that are being committed, and none begins behind its back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import DictRow

from migrator.catalog import sql
from migrator.connection import Session
from migrator.journal_format import LEDGER, refuse_outdated
from migrator.model import (
    Backend,
    Identity,
    Ledger,
    LedgerCarried,
    LedgerGroup,
    LedgerKeeper,
    LedgerRelation,
    Lsn,
    OpenPart,
    PartCount,
)
from migrator.parts import Part


@dataclass(frozen=True)
class LedgerPart:
    """A part as the ledger knows it. `filenode`: the relation's on the source, as the group's snapshot sees it."""

    part: Part
    group: int
    filenode: int
    rows: int | None
    bytes: int | None
    copied_at: datetime | None


def note_parts(session: Session, mapping: str, group: int, filenode: int, parts: Sequence[Part]) -> bool:
    """Write a relation's parts, all or none; False: it is cut already, perhaps otherwise, and that stands."""
    with session.transaction():
        return all(_insert(session, mapping, group, filenode, part) for part in parts)


def _insert(session: Session, mapping: str, group: int, filenode: int, part: Part) -> bool:
    """A relation's first part decides: whoever else cuts it waits for us there, and then has nothing to say."""
    done = session.execute(
        "INSERT INTO migrator.parts (mapping, group_number, relation, number, first_block, last_block, filenode)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s::text::oid) ON CONFLICT DO NOTHING",
        (mapping, group, part.relation, part.number, part.first_block, part.last_block, str(filenode)),
    )
    return done.rowcount == 1


def read_parts(
    session: Session, mapping: str, relations: Sequence[str] | None = None, *, finished: bool = True
) -> tuple[LedgerPart, ...]:
    """The parts of these relations (None: of all), in order; not `finished`: only what is still to be copied."""
    rows = session.execute(
        "SELECT group_number, relation, number, first_block, last_block, filenode::bigint AS filenode, rows, bytes, copied_at"
        " FROM migrator.parts WHERE mapping = %(mapping)s"
        " AND (%(relations)s::text[] IS NULL OR relation = ANY (%(relations)s::text[]))"
        " AND (%(finished)s OR copied_at IS NULL) ORDER BY group_number, relation, number",
        {"mapping": mapping, "relations": None if relations is None else list(relations), "finished": finished},
    )
    return tuple(
        LedgerPart(
            Part(row["relation"], row["number"], row["first_block"], row["last_block"]),
            row["group_number"],
            row["filenode"],
            row["rows"],
            row["bytes"],
            row["copied_at"],
        )
        for row in rows
    )


def discard_parts(session: Session, mapping: str, group: int, relation: str) -> None:
    """Forget a relation's parts and empty its table, which holds nothing but their rows: all of it, or nothing.

    Waits for parts being copied, up to the session's lock_timeout.
    """
    with session.transaction():
        _discard(session, mapping, group, relation)


def retire_group(session: Session, mapping: str, group: int, unfinished: Sequence[str]) -> None:
    """No part of this group is begun any more. The `unfinished` relations lose their parts and rows; the finished stay.

    Waits for parts being copied, up to the session's lock_timeout.
    """
    with session.transaction():
        key = (mapping, group)
        session.execute("SELECT 1 FROM migrator.groups WHERE mapping = %s AND number = %s FOR UPDATE", key)
        session.execute(
            "UPDATE migrator.groups SET retired_at = clock_timestamp() WHERE mapping = %s AND number = %s", key
        )
        for relation in unfinished:
            _discard(session, mapping, group, relation)


def leave_group(session: Session, mapping: str, group: int, relation: str) -> None:
    """Take a relation out of its group, with its parts and rows: it is begun anew in another.

    Waits for parts being copied, up to the session's lock_timeout.
    """
    with session.transaction():
        key = (mapping, group)
        session.execute("SELECT 1 FROM migrator.groups WHERE mapping = %s AND number = %s FOR UPDATE", key)
        _discard(session, mapping, group, relation)
        session.execute(
            "DELETE FROM migrator.relations WHERE mapping = %s AND group_number = %s AND relation = %s",
            (mapping, group, relation),
        )


def _discard(session: Session, mapping: str, group: int, relation: str) -> None:
    """TRUNCATE only where the ledger has parts of ours: what else stands in that table is not ours to remove."""
    gone = session.execute(
        "DELETE FROM migrator.parts WHERE mapping = %s AND group_number = %s AND relation = %s",
        (mapping, group, relation),
    )
    if gone.rowcount:
        session.execute(f"TRUNCATE ONLY {relation}".encode())


def read(session: Session, mapping: str, narrow: tuple[list[str], list[int]] | None = None) -> Ledger:
    """This database's ledger for one mapping; `exists` is False where there is none. `narrow`: relations by name or source oid.

    Raises OutdatedError where an older version made it.
    """
    row = session.execute("SELECT to_regclass('migrator.groups') IS NOT NULL AS present").fetchone()
    if row is None or not row["present"]:
        return Ledger()
    refuse_outdated(session, LEDGER)
    names, oids = narrow or (None, None)
    asked = {"mapping": mapping, "names": names, "oids": oids}
    with session.pipeline():
        groups = session.execute(
            "SELECT *, publication_oid::text AS publication, subscription_oid::text AS subscription"
            " FROM migrator.groups WHERE mapping = %s ORDER BY number",
            (mapping,),
        )
        relations = session.execute(sql("ledger_relations", 0), asked)
        parts = session.execute(sql("ledger_parts", 0), asked)
        keepers = session.execute(sql("ledger_keepers", 0), asked)
        given = "SELECT coalesce(array_agg(object), '{}') AS objects FROM migrator.given WHERE mapping = %s"
        settled = session.execute(given, (mapping,))
        carried = session.execute(
            "SELECT what, carried_at, rows, bytes FROM migrator.carried WHERE mapping = %s", (mapping,)
        )
    return Ledger(
        exists=True,
        groups=tuple(map(_group, groups)),
        relations={row["relation"]: _relation(row) for row in relations},
        parts=tuple(OpenPart(**row) for row in parts),
        keepers=tuple(map(_keeper, keepers)),
        given=frozenset(name for row in settled for name in row["objects"]),
        carried={row["what"]: LedgerCarried(row["carried_at"], row["rows"], row["bytes"]) for row in carried},
    )


def _group(row: DictRow) -> LedgerGroup:
    return LedgerGroup(
        number=row["number"],
        name=row["name"],
        publication_oid=_oid(row["publication"]),
        publication_xmin=row["publication_xmin"],
        slot_created=row["slot_created"],
        subscription_oid=_oid(row["subscription"]),
        source=Identity(row["source_system_identifier"], row["source_timeline"]),
        destination=Identity(row["destination_system_identifier"], row["destination_timeline"]),
        method=row["method"],
        retired=row["retired_at"] is not None,
        slot_dropped_at=row["slot_dropped_at"],
    )


def _relation(row: DictRow) -> LedgerRelation:
    numbers = ("parts", "copied", "bytes", "rows")
    count = PartCount(**{name: row[name] for name in numbers})
    return LedgerRelation(
        relation=row["relation"],
        group=row["group"],
        source_oid=int(row["source_oid"]),
        publication_rel_oid=_oid(row["member"]),
        target_oid=_oid(row["target"]),
        attached_lsn=Lsn.parse(row["attached"]) if row["attached"] else None,
        gone_lsn=Lsn.parse(row["gone"]) if row["gone"] else None,
        was_partition=row["was_partition"],
        count=count,
        analyzed=row["analyzed"],
    )


def _keeper(row: DictRow) -> LedgerKeeper:
    return LedgerKeeper(row["group"], row["keeper"], row["snapshot"], Backend(row["pid"], row["started"]))


def _oid(text: str | None) -> int | None:
    return int(text) if text is not None else None
