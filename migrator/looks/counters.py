"""Reads what moves all the time and is dear to ask for thousands of relations: sizes, and the sequences' values."""

import json
from collections.abc import Iterator, Sequence

import psycopg
from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow, tuple_row

from migrator.catalog import counting, sql
from migrator.connection import Session
from migrator.contents import Counted, RelationSize, Sequences, SequenceValue
from migrator.looks.schema_reading import locked_relations
from migrator.quote import qualified

SEQUENCES_AT_ONCE = 500
"""Each is locked until its statement ends, and a server has room for some thousands of locks."""

Values = dict[str, SequenceValue]


def read_sizes(session: Session, oids: list[int] | None) -> dict[str, RelationSize]:
    """Sizes of all relations that hold rows. One that somebody has locked has the size that the last VACUUM saw."""
    locked = list(locked_relations(session))
    try:
        return _sizes(session, {"relations": oids, "locked": locked, "estimate": False})
    except LockNotAvailable:  # locked a moment ago
        return _sizes(session, {"relations": oids, "locked": [], "estimate": True})


def _sizes(session: Session, parameters: dict[str, object]) -> dict[str, RelationSize]:
    with session.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(sql("sizes", 0), parameters)
        return {qualified(namespace, name): RelationSize(size, count) for namespace, name, size, count in rows}


def read_counted(session: psycopg.Connection[DictRow]) -> Counted:
    """What is counted of the tables that are not replicated; told 10 s late at the most by a session that stays open."""
    row = session.execute(counting("unpublished")).fetchone()
    assert row is not None
    tables = {qualified(namespace, name): state for namespace, name, state in json.loads(row["counted"])}
    return Counted(tables, row["counted_since"])


def read_sequences(session: Session) -> Sequences:
    """Each sequence's row: last_value and is_called, many in one query. What we may not read is named, never left out."""
    rows = session.execute(sql("sequence_oids", 0)).fetchall()
    values: Values = {}
    for some in batches([row["oid"] for row in rows if row["readable"]], SEQUENCES_AT_ONCE):
        values.update(_values(session, some))
    unreadable = sorted(qualified(row["nspname"], row["relname"]) for row in rows if not row["readable"])
    return Sequences(values, tuple(unreadable))


def _values(session: Session, oids: Sequence[int]) -> Values:
    values, silent = {}, {}
    with session.cursor(row_factory=tuple_row) as cursor:
        for namespace, name, increment, last, called in cursor.execute(
            sql("sequences", session.info.server_version), {"sequences": list(oids)}
        ):
            relation = qualified(namespace, name)
            if last is None:
                silent[relation] = increment
            else:
                values[relation] = SequenceValue(relation, last, called, increment)
    return {**values, **_uncalled(session, silent)}


def _uncalled(session: Session, increments: dict[str, int]) -> Values:
    """Those of which the function says nothing, from the sequences themselves."""
    names = list(increments)
    query = " UNION ALL ".join(
        f"SELECT {number} AS number, last_value, is_called FROM {name}" for number, name in enumerate(names)
    )
    if not query:
        return {}
    with session.cursor(row_factory=tuple_row) as cursor:
        return {
            names[number]: SequenceValue(names[number], last, called, increments[names[number]])
            for number, last, called in cursor.execute(query.encode())
        }


def batches(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (items[start : start + size] for start in range(0, len(items), size))
