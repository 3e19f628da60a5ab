"""The ledger's parts: which block ranges a group copies, which are copied, and how a group or a relation's parts are given up.

Whoever copies a part holds its group's row FOR KEY SHARE and its own row FOR UPDATE until the rows are committed. Whoever gives
up a group takes its row FOR UPDATE (a plain UPDATE would not do: it does not wait for KEY SHARE), and deletes the parts before it
empties a table: so it waits for copies that are being committed, and none begins behind its back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from migrator.connection import Session
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


def _discard(session: Session, mapping: str, group: int, relation: str) -> None:
    """TRUNCATE only where the ledger has parts of ours: what else stands in that table is not ours to remove."""
    gone = session.execute(
        "DELETE FROM migrator.parts WHERE mapping = %s AND group_number = %s AND relation = %s",
        (mapping, group, relation),
    )
    if gone.rowcount:
        session.execute(f"TRUNCATE ONLY {relation}".encode())
