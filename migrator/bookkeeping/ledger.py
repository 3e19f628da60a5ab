"""The doorway to our schema in each destination database: the ledger of groups, relations, parts and keepers.

Its parts say which block ranges a group copies, and which are copied. How they are given up, `phases.giving_up` says.
"""

from collections.abc import Mapping, Sequence

from psycopg.rows import DictRow

from migrator.bookkeeping.journal_format import LEDGER, refuse_outdated
from migrator.catalog import sql
from migrator.connection import Session
from migrator.model import Lsn
from migrator.parts import Part
from migrator.phases import giving_up
from migrator.records import (
    Backend,
    Identity,
    Ledger,
    LedgerCarried,
    LedgerGroup,
    LedgerKeeper,
    LedgerRelation,
    OpenPart,
    PartCount,
)


def note_parts(session: Session, mapping: str, group: int, parts: Sequence[tuple[int, Part]]) -> None:
    """Write a group's parts, each with its relation's filenode on the source as the group's snapshot sees it.

    Within the transaction that notes the slot as created: a group is cut once. Raises UniqueViolation where it was cut before.
    """
    with session.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO migrator.parts (mapping, group_number, relation, number, first_block, last_block, filenode)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s::bigint::oid)",
            [
                (mapping, group, part.relation, part.number, part.first_block, part.last_block, filenode)
                for filenode, part in parts
            ],
        )


def note_changes(session: Session, key: Mapping[str, object], changes: str, counted_since: str) -> None:
    """Write down what the source had counted (JSON: oid -> UPDATEs and DELETEs) before the group's snapshot. `key`: mapping, group."""
    session.execute(
        "UPDATE migrator.relations r SET changes = counted.value::bigint, counted_since = %(since)s"
        " FROM jsonb_each_text(%(changes)s::jsonb) AS counted"
        " WHERE r.mapping = %(mapping)s AND r.group_number = %(group)s AND r.source_oid = counted.key::oid",
        {**key, "changes": changes, "since": counted_since},
    )


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
            "SELECT *, publication_oid::text AS publication, subscription_oid::text AS subscription, inserts_oid::text AS inserts"
            " FROM migrator.groups WHERE mapping = %s ORDER BY number",
            (mapping,),
        )
        relations = session.execute(sql("ledger_relations", 0), asked)
        parts = session.execute(sql("ledger_parts", 0), asked)
        keepers = session.execute(sql("ledger_keepers", 0), asked)
        given = "SELECT coalesce(array_agg(object), '{}') AS objects FROM migrator.given WHERE mapping = %s"
        settled = session.execute(given, (mapping,))
        carried = session.execute(
            "SELECT what, carried_at, rows, bytes, seconds, barrier, counted, counted_since FROM migrator.carried WHERE mapping = %s",
            (mapping,),
        )
    entries = {row["relation"]: _relation(row) for row in relations}
    return Ledger(
        exists=True,
        groups=tuple(map(_group, groups)),
        relations={name: entry for name, entry in entries.items() if entry.group != giving_up.LEFT},
        left={name: entry for name, entry in entries.items() if entry.group == giving_up.LEFT},
        parts=tuple(OpenPart(**row) for row in parts),
        keepers=tuple(map(_keeper, keepers)),
        given=frozenset(name for row in settled for name in row["objects"]),
        carried={row["what"]: _carried(row) for row in carried},
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
        snapshot_lsn=Lsn.parse(row["snapshot_lsn"]) if row["snapshot_lsn"] else None,
        inserts_oid=_oid(row["inserts"]),
        inserts_xmin=row["inserts_xmin"],
        retired=row["retired_at"] is not None,
        slot_dropped_at=row["slot_dropped_at"],
        slot_lost_at=row["slot_lost_at"],
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
        layout=row["layout"],
        altered_layout=row["altered_layout"],
        altered_lsn=Lsn.parse(row["altered"]) if row["altered"] else None,
        insert_only=row["insert_only"],
        changes=row["changes"],
        counted_since=row["counted_since"],
        structure=row["structure"],
        structure_lsn=Lsn.parse(row["structured"]) if row["structured"] else None,
    )


def _carried(row: DictRow) -> LedgerCarried:
    noted = {name: value for name, value in row.items() if name not in ("what", "barrier")}
    return LedgerCarried(**noted, barrier=Lsn.parse(row["barrier"]) if row["barrier"] else None)


def _keeper(row: DictRow) -> LedgerKeeper:
    return LedgerKeeper(row["group"], row["keeper"], row["snapshot"], Backend(row["pid"], row["started"]))


def _oid(text: str | None) -> int | None:
    return int(text) if text is not None else None
