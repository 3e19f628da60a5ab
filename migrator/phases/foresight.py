"""Every statement the source will see from the beginning to completion or abort, but those that only read catalogs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from migrator.config import CopyMethod, MappingSpec, WalBudgetAction, WithoutIdentity
from migrator.model import Instance
from migrator.names import COPIES, application_name, inserts_name
from migrator.observation import Hints, Observation
from migrator.phases import carry, full_identity, groups, insert_only, membership, ways
from migrator.phases import source_statements as text
from migrator.phases.relations import wanted
from migrator.phases.view import View
from migrator.quote import identifier, literal


@dataclass(frozen=True)
class Foreseen:
    """A statement, or a command of the replication protocol, in one database of the source. `by`: us or the destination."""

    database: str
    by: str
    when: str
    sql: str


US, DESTINATION = "pg-migrator", "the destination"
TABLE = "<table>"
"""One that nobody can name yet: it comes later, or is copied a second time."""
LEAVING = "before the subscription, if it was made again on either side, cannot be copied, or its snapshot is lost; several at once"
LATER = "for a table that comes later or is copied anew, into a group that is replicated already"
BEGUN = "for tables that come later or left their group, in a group of their own"
OTHERWISE = (
    "if it is copied anew, and is to stand in the group's other publication since its replica identity has changed"
)
_OPEN = "SELECT lo_open(oid, ...), lo_lseek64(...), lo_close(...) FROM pg_largeobject_metadata WHERE oid = ANY (<oids>)"


def foresee(spec: MappingSpec, observation: Observation) -> tuple[Foreseen, ...]:
    """In the order of a migration, database by database; empty while a server does not answer."""
    if not all(isinstance(server, Instance) for server in (observation.source, observation.destination)):
        return ()
    view = View(spec, observation, Hints(), observation.observed_at)
    marker = text.MARKER.replace("%s", literal(spec.name))
    instance = spec.source.maintenance_database
    return (
        *(seen for pair in observation.databases for seen in _of_database(replace(view, pair=pair))),
        Foreseen(instance, US, "every interval, while the replication runs", marker),
        *_guard(view),
    )


def _guard(view: View) -> Iterator[Foreseen]:
    """What an exceeded WAL budget does, where it may do more than wait."""
    settings = view.spec.replication
    if settings.wal_budget_action is WalBudgetAction.DROP_SLOT:
        when = f"when it keeps more than {settings.wal_budget_gb:g} GB of WAL (wal_budget_action: drop_slot)"
        for one in (replace(view, pair=pair) for pair in view.observation.databases):
            for name in (*(groups.name_of(one, number) for number in groups_of(one)), _sync_slot(one)):
                yield Foreseen(view.spec.source.maintenance_database, US, when, text.drop_slot(name))


def _of_database(view: View) -> Iterator[Foreseen]:
    schema, full = view.database.source_schema, ways.to_full(view.database)
    for trouble in full:
        alter = text.set_identity(trouble.relation, "f")
        yield Foreseen(view.database.name, US, "once, before it is published (replica_identity_full)", alter)
    yield from _by_snapshot(view) if _is_by_snapshot(view) else _by_subscription(view)
    yield from _carried(view)
    for table in (schema.table(trouble.relation) for trouble in full) if schema else ():
        back = text.set_identity(table.qualified, full_identity.before(table))
        yield Foreseen(view.database.name, US, "at completion or abort", back)


def _is_by_snapshot(view: View) -> bool:
    return groups.method_of(view.spec.copy_method, view.database) is CopyMethod.SNAPSHOT


def groups_of(view: View) -> Mapping[int, tuple[str, ...]]:
    """The relations of each group: as the ledger has them, else as they would be assigned now."""
    known, relations = view.database.ledger.relations, _relations(view)
    if not _is_by_snapshot(view):
        return {groups.FIRST_GROUP: relations}
    of = {name: known[name].group for name in relations if name in known}
    new = [name for name in relations if name not in known and not membership.joins(view, name)]
    begun = membership.to_begin(view, new) if new or not view.database.ledger.groups else {}
    of |= {name: number for number, names in begun.items() for name in names}
    numbers = sorted({*begun, *(group.number for group in groups.at_work(view))})
    return {number: tuple(name for name in relations if of.get(name) == number) for number in numbers}


def _relations(view: View) -> tuple[str, ...]:
    """Those that can be replicated now, and those that will be."""
    return (*wanted(view), *(trouble.relation for trouble in ways.to_full(view.database)))


def _by_subscription(view: View) -> Iterator[Foreseen]:
    name, database, relations = groups.name_of(view), view.database.name, _relations(view)
    yield from _publications(view, groups.FIRST_GROUP)
    yield Foreseen(database, US, "once", text.create_slot(name))
    yield from _members(view, groups.FIRST_GROUP, relations)
    yield _follow(view, groups.FIRST_GROUP)
    if relations:
        yield from _tablesync(view, "once per table", relations)
    yield from _later(view, groups.FIRST_GROUP)
    yield from _tablesync(view, LATER, (TABLE,))
    yield _sync_end(view)
    yield from _end(view, groups.FIRST_GROUP, "at completion or abort")


def _by_snapshot(view: View) -> Iterator[Foreseen]:
    planned = groups_of(view)
    for number, relations in planned.items():
        yield from _copied(view, number, relations)
        yield from _later(view, number)
    yield from _tablesync(view, LATER, (TABLE,))
    way = text.make_way(application_name(view.spec.name, COPIES))
    when = "every second while rows are copied: ends those of ours in somebody's way"
    yield Foreseen(view.database.name, US, when, way)
    yield from _another(view)
    yield _sync_end(view)
    for number in planned:
        yield from _end(view, number, "at completion or abort, or once its snapshot is lost and no table is left in it")


def _copied(view: View, number: int, relations: tuple[str, ...]) -> Iterator[Foreseen]:
    """All of one group."""
    name, database = groups.name_of(view, number), view.database.name
    yield from _publications(view, number)
    yield from _members(view, number, relations)
    yield Foreseen(database, US, "once, in the replication protocol", text.create_slot_with_snapshot(name))
    keep = "SET TRANSACTION SNAPSHOT ...; SELECT pg_export_snapshot()"
    yield Foreseen(database, US, "by each keeper, in a transaction that only reads and lasts as long as the copy", keep)
    for relation in relations:
        yield Foreseen(database, US, "once per part, until the part is copied", text.lock_to_read((relation,)))
        copy = f"COPY {relation} (<columns>) TO STDOUT"
        yield Foreseen(database, US, "once per part; of a table in many parts, a SELECT from it by ctid", copy)
    for relation in relations:
        for home in _homes(view, number, relation):
            yield Foreseen(database, US, LEAVING, text.drop_tables(home, (relation,)))
    yield _follow(view, number)


def _another(view: View) -> Iterator[Foreseen]:
    """A group that is begun later, under the number that is free then."""
    none = groups.name_of(view, 0)
    shown = f"{none.removesuffix('0')}<number>"
    for seen in (*_copied(view, 0, (TABLE,)), *_end(view, 0, "at completion or abort, or once no table is left in it")):
        yield replace(seen, when=f"{BEGUN}: {seen.when}", sql=seen.sql.replace(none, shown))


def _publications(view: View, number: int) -> Iterator[Foreseen]:
    first, *second = _names(view, number)
    yield Foreseen(view.database.name, US, "once", text.create_publication(first))
    for name in second:
        create = text.create_inserts_publication(name)
        yield Foreseen(view.database.name, US, "once, for tables without a replica identity (insert_only)", create)


def _names(view: View, number: int) -> tuple[str, ...]:
    """Of a group's publications: a second one where any table may come to need it, but not once replication has begun without."""
    name, group = groups.name_of(view, number), groups.ledger_group(view, number)
    if group is not None and group.slot_created:
        return insert_only.subscribed(group)
    return (name, inserts_name(name)) if view.spec.may_choose(WithoutIdentity.INSERT_ONLY) else (name,)


def _members(view: View, number: int, relations: tuple[str, ...]) -> Iterator[Foreseen]:
    for relation in relations:
        for home in _homes(view, number, relation):
            yield Foreseen(view.database.name, US, "once; several in one statement", text.add_tables(home, (relation,)))


def _later(view: View, number: int) -> Iterator[Foreseen]:
    """What comes to a group that is replicated, and what it moves from one of its publications to the other."""
    homes = _homes(view, number, TABLE)
    for home in homes:
        yield Foreseen(view.database.name, US, LATER, text.add_tables(home, (TABLE,)))
    for home in homes if len(homes) > 1 else ():
        yield Foreseen(view.database.name, US, OTHERWISE, text.drop_tables(home, (TABLE,)))


def _homes(view: View, number: int, relation: str) -> tuple[str, ...]:
    """The publication that it stands in, or will; of what nobody can name yet, whichever."""
    if relation == TABLE:
        return _names(view, number)
    name, known = groups.name_of(view, number), view.database.ledger.relations
    inserts = known[relation].insert_only if relation in known else insert_only.is_chosen(view.database, relation)
    return (inserts_name(name) if inserts else name,)


def _tablesync(view: View, when: str, relations: tuple[str, ...]) -> Iterator[Foreseen]:
    """PostgreSQL's own copy of a table, by a slot that lasts as long."""
    database, slot = view.database.name, _sync_slot(view)
    snapshot = f"CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput (SNAPSHOT 'use')"
    yield Foreseen(database, DESTINATION, f"{when}, in a transaction that only reads", snapshot)
    for relation in relations:
        yield Foreseen(database, DESTINATION, when, f"COPY {relation} (<columns>) TO STDOUT")
    yield Foreseen(database, DESTINATION, when, f"START_REPLICATION SLOT {slot} LOGICAL ...")
    yield Foreseen(database, DESTINATION, when, f"DROP_REPLICATION_SLOT {slot} WAIT")


def _sync_slot(view: View) -> str:
    return f"pg_<subscription>_sync_<table>_{view.destination.system_identifier}"


def _follow(view: View, number: int) -> Foreseen:
    names = ",".join(map(identifier, _names(view, number)))
    slot = identifier(groups.name_of(view, number))
    start = f"START_REPLICATION SLOT {slot} LOGICAL ... (publication_names {literal(names)}, ...)"
    return Foreseen(view.database.name, DESTINATION, "at every connect of the subscription", start)


def _sync_end(view: View) -> Foreseen:
    when = "at completion or abort, of a table that PostgreSQL is still copying"
    return Foreseen(view.database.name, US, when, text.drop_slot(_sync_slot(view)))


def _end(view: View, number: int, when: str) -> Iterator[Foreseen]:
    drops = (text.drop_slot(groups.name_of(view, number)), *map(text.drop_publication, _names(view, number)))
    for drop in drops:
        yield Foreseen(view.database.name, US, when, drop)


def when_carried(piece: carry.Piece) -> str:
    """Before the light, or only by the operator's word."""
    again = "by each pg-migrator carry" if not piece.late else "by pg-migrator carry after the write stop"
    return again if piece.apart or piece.late else f"once before the light, and {again}"


def _carried(view: View) -> Iterator[Foreseen]:
    """What no publication holds, in transactions that only read."""
    pieces, database = carry.pieces(view.database), view.database.name
    for piece in pieces:
        when = when_carried(piece)
        if piece.what == carry.LARGE_OBJECTS:
            yield Foreseen(database, US, when, _OPEN)
            yield Foreseen(database, US, when, text.copy_large_objects("<oids>", "<offsets>"))
        if piece.tables:
            yield Foreseen(database, US, when, text.lock_to_read([each.relation for each in piece.tables]))
        for each in piece.tables:
            yield Foreseen(database, US, when, text.copy_rows(each.relation, "<columns>", each.condition))
    if pieces:
        way = text.make_way(application_name(view.spec.name, carry.NAME))
        yield Foreseen(database, US, "every two seconds meanwhile: ends those of ours in somebody's way", way)
