"""Large objects: data, owner, privileges and comment, under the same oids. Each is made anew whenever they are carried.

Read by lo_get() and the like, which ask for SELECT on each; pg_largeobject itself is a superuser's. A batch is one transaction on
either side. What we made the ledger knows by oid, from the same transaction on: nothing else is ever written over or removed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.bucket import Throttle
from migrator.copying.copy_part import Copied, pass_on
from migrator.copying.entry import Entry
from migrator.copying.wire import Wire
from migrator.errors import MigratorError
from migrator.phases.carry import LARGE_OBJECTS
from migrator.phases.source_statements import LARGE_OBJECT_PIECE, copy_large_objects
from migrator.quote import identifier, literal

AT_ONCE = 200
"""Large objects of a transaction: each is locked several times, and a server has room for some 6400 locks."""

PIECES_AT_ONCE = 256
"""Of one COPY: 64 MB at most wait in a temporary table."""

_INV_READ = 262_144  # libpq/libpq-fs.h

_DESCRIBED = """
WITH opened AS MATERIALIZED (
    SELECT oid, lomowner, lomacl, lo_open(oid, {mode}) AS descriptor
    FROM pg_catalog.pg_largeobject_metadata WHERE oid = ANY ({oids})
), measured AS MATERIALIZED (
    SELECT *, lo_lseek64(descriptor, 0, 2) AS bytes FROM opened
)
SELECT m.oid, m.bytes, pg_get_userbyid(m.lomowner), m.lomacl IS NOT NULL, coalesce(
       (SELECT json_agg(json_build_array(coalesce(r.rolname, ''), a.privilege_type, a.is_grantable))
        FROM aclexplode(m.lomacl) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE a.grantee = 0 OR r.oid IS NOT NULL), '[]')::text,
       obj_description(m.oid, 'pg_largeobject'), lo_close(m.descriptor)
FROM measured m ORDER BY m.oid
"""


@dataclass(frozen=True)
class _LargeObject:
    oid: int
    bytes: int
    owner: str
    granted: bool
    """Its privileges are not the built-in ones."""
    acl: tuple[tuple[str, str, bool], ...]
    """Grantee ("" is PUBLIC), privilege, whether it may be granted on. The owner is taken for the grantor of all."""
    comment: str | None

    def properties(self) -> Iterator[str]:
        """The statements that give it what CREATE did not."""
        it, owner = f"LARGE OBJECT {self.oid}", identifier(self.owner)
        yield f"ALTER {it} OWNER TO {owner}"
        if self.comment is not None:
            yield f"COMMENT ON {it} IS {literal(self.comment)}"
        if self.granted:
            yield f"REVOKE ALL ON {it} FROM {owner}"
        for grantee, privilege, grantable in self.acl:
            option = " WITH GRANT OPTION" if grantable and grantee != self.owner else ""
            yield f"GRANT {privilege} ON {it} TO {identifier(grantee) if grantee else 'PUBLIC'}{option}"


def carry_large_objects(reader: Wire, writer: Wire, entry: Entry, throttle: Throttle) -> Copied:
    """All of a database's, and away with those of ours that the source has no more. Raises MigratorError and psycopg's errors."""
    (begun,) = writer.ask("SELECT clock_timestamp()")
    moment, mapping = (begun.get_value(0, 0) or b"").decode(), entry.mapping
    wanted = _oids(reader, "SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid")
    count = bytes_ = 0
    for start in range(0, len(wanted), AT_ONCE):
        copied = _batch(reader, writer, mapping, wanted[start : start + AT_ONCE], throttle)
        count, bytes_ = count + copied.rows, bytes_ + copied.bytes
    ours = _oids(writer, f"SELECT large_object FROM migrator.large_objects WHERE mapping = {literal(mapping)}")
    gone = sorted(set(ours) - set(wanted))
    for start in range(0, len(gone), AT_ONCE):
        oids = _array(gone[start : start + AT_ONCE])
        writer.ask(
            f"BEGIN; {_unlink(oids)}; DELETE FROM migrator.large_objects WHERE large_object = ANY ({oids}); COMMIT"
        )
    writer.ask(entry.carried(literal(moment), Copied(count, bytes_)))
    return Copied(count, bytes_)


def _batch(reader: Wire, writer: Wire, mapping: str, wanted: Sequence[int], throttle: Throttle) -> Copied:
    reader.ask("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    found = _described(reader, wanted)
    oids = _array([each.oid for each in found])
    writer.ask("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")
    _refuse_others(writer, mapping, oids)
    writer.ask(f"{_unlink(oids)}; SELECT lo_create(oid) FROM unnest({oids}) AS oid")
    writer.ask(
        "INSERT INTO migrator.large_objects (mapping, large_object)"
        f" SELECT {literal(mapping)}, oid FROM unnest({oids}) AS oid ON CONFLICT DO NOTHING;"
        " CREATE TEMPORARY TABLE migrator_pieces (oid oid, at bigint, data bytea) ON COMMIT DROP"
    )
    pieces = [(each.oid, at) for each in found for at in range(0, each.bytes, LARGE_OBJECT_PIECE)]
    moved = sum(
        _fill(reader, writer, pieces[start : start + PIECES_AT_ONCE], throttle)
        for start in range(0, len(pieces), PIECES_AT_ONCE)
    )
    statements = [statement for each in found for statement in each.properties()]
    writer.ask("; ".join((*statements, "COMMIT")))
    reader.ask("COMMIT")
    return Copied(len(found), moved)


def _described(reader: Wire, wanted: Sequence[int]) -> list[_LargeObject]:
    (answer,) = reader.ask(_DESCRIBED.format(mode=_INV_READ, oids=_array(wanted)))
    found = []
    for row in range(answer.ntuples):
        oid, size, owner, granted, acl, comment = (answer.get_value(row, column) for column in range(6))
        grants = tuple((grantee, privilege, grantable) for grantee, privilege, grantable in json.loads(acl or b"[]"))
        told = comment.decode() if comment is not None else None
        found.append(
            _LargeObject(int(oid or 0), int(size or 0), (owner or b"").decode(), granted == b"t", grants, told)
        )
    return found


def _refuse_others(writer: Wire, mapping: str, oids: str) -> None:
    strange = _oids(
        writer,
        f"SELECT oid FROM pg_catalog.pg_largeobject_metadata WHERE oid = ANY ({oids})"
        f" AND oid NOT IN (SELECT large_object FROM migrator.large_objects WHERE mapping = {literal(mapping)}) ORDER BY oid",
    )
    if strange:
        raise MigratorError(
            f"The destination has large objects of these oids that this migration did not make: {', '.join(map(str, strange[:10]))}.",
            "Nothing is copied over them. If they are not needed: SELECT lo_unlink(...) there.",
        )


def _fill(reader: Wire, writer: Wire, pieces: Sequence[tuple[int, int]], throttle: Throttle) -> int:
    """The bytes passed on for these pieces, by object and offset. A hole arrives as the zeros that it reads as."""
    oids, offsets = _array([oid for oid, _ in pieces]), _array([at for _, at in pieces], "bigint")
    reader.ask(f"{copy_large_objects(oids, offsets)} (FORMAT binary)")
    writer.ask("COPY migrator_pieces FROM STDIN (FORMAT binary)")
    copied = pass_on(reader, writer, LARGE_OBJECTS, throttle)
    # count(): the answer is one row, not one for each piece
    writer.ask("SELECT count(lo_put(oid, at, data)) FROM migrator_pieces; TRUNCATE migrator_pieces")
    return copied.bytes


def _unlink(oids: str) -> str:
    return f"SELECT count(lo_unlink(oid)) FROM pg_catalog.pg_largeobject_metadata WHERE oid = ANY ({oids})"


def _oids(wire: Wire, query: str) -> list[int]:
    (answer,) = wire.ask(query)
    return [int(answer.get_value(row, 0) or 0) for row in range(answer.ntuples)]


def _array(numbers: Sequence[int], kind: str = "oid") -> str:
    return f"'{{{','.join(map(str, numbers))}}}'::{kind}[]"
