"""Every statement the source will see from the beginning to completion or abort, but those that only read catalogs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrator.config import CopyMethod, MappingSpec, WalBudgetAction, WithoutIdentity
from migrator.model import Instance
from migrator.names import COPIES, application_name, inserts_name
from migrator.observation import Hints, Observation
from migrator.phases import full_identity, groups, insert_only, ways
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
LEAVING = "if it was rewritten or cannot be copied, or its snapshot is lost, before the subscription; several in one statement"
LATER = "once per table that comes later and is small, or has left its group"


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
        for pair in view.observation.databases:
            name = groups.name_of(replace(view, pair=pair))
            yield Foreseen(view.spec.source.maintenance_database, US, when, text.drop_slot(name))


def _of_database(view: View) -> Iterator[Foreseen]:
    schema, full = view.database.source_schema, ways.to_full(view.database)
    for trouble in full:
        alter = text.set_identity(trouble.relation, "f")
        yield Foreseen(view.database.name, US, "once, before it is published (replica_identity_full)", alter)
    yield from _of_pipe(view)
    for table in (schema.table(trouble.relation) for trouble in full) if schema else ():
        back = text.set_identity(table.qualified, full_identity.before(table))
        yield Foreseen(view.database.name, US, "at completion or abort", back)


def _of_pipe(view: View) -> Iterator[Foreseen]:
    if groups.method_of(view.spec.copy_method, view.database) is CopyMethod.SNAPSHOT:
        yield from _by_snapshot(view)
        return
    name, database, relations = groups.name_of(view), view.database.name, _relations(view)
    yield from _publications(view)
    yield Foreseen(database, US, "once", text.create_slot(name))
    yield from _members(view, relations)
    yield _follow(view)
    if relations:
        yield from _tablesync(view, "once per table", relations)
    yield from _end(view)


def _publications(view: View) -> Iterator[Foreseen]:
    first, *second = _names(view)
    yield Foreseen(view.database.name, US, "once", text.create_publication(first))
    for name in second:
        create = text.create_inserts_publication(name)
        yield Foreseen(view.database.name, US, "once, for tables without a replica identity (insert_only)", create)


def _names(view: View) -> tuple[str, ...]:
    """Of the publications: a second one where any table may come to need it, but not once replication has begun without."""
    name, group = groups.name_of(view), groups.ledger_group(view)
    if group is not None and group.slot_created:
        return insert_only.subscribed(group)
    return (name, inserts_name(name)) if view.spec.may_choose(WithoutIdentity.INSERT_ONLY) else (name,)


def _members(view: View, relations: tuple[str, ...]) -> Iterator[Foreseen]:
    for relation in relations:
        add = text.add_tables(_home(view, relation), (relation,))
        yield Foreseen(view.database.name, US, "once; several in one statement", add)


def _home(view: View, relation: str) -> str:
    """The publication that it stands in, or will."""
    name, known = groups.name_of(view), view.database.ledger.relations
    inserts = known[relation].insert_only if relation in known else insert_only.is_chosen(view.database, relation)
    return inserts_name(name) if inserts else name


def _tablesync(view: View, when: str, relations: tuple[str, ...]) -> Iterator[Foreseen]:
    """PostgreSQL's own copy of a table, by a slot that lasts as long."""
    database, slot = view.database.name, f"pg_<subscription>_sync_<table>_{view.destination.system_identifier}"
    snapshot = f"CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput (SNAPSHOT 'use')"
    yield Foreseen(database, DESTINATION, f"{when}, in a transaction that only reads", snapshot)
    for relation in relations:
        yield Foreseen(database, DESTINATION, when, f"COPY {relation} (<columns>) TO STDOUT")
    yield Foreseen(database, DESTINATION, when, f"START_REPLICATION SLOT {slot} LOGICAL ...")
    yield Foreseen(database, DESTINATION, when, f"DROP_REPLICATION_SLOT {slot} WAIT")


def _follow(view: View) -> Foreseen:
    names = ",".join(map(identifier, _names(view)))
    slot = identifier(groups.name_of(view))
    start = f"START_REPLICATION SLOT {slot} LOGICAL ... (publication_names {literal(names)}, ...)"
    return Foreseen(view.database.name, DESTINATION, "at every connect of the subscription", start)


def _end(view: View) -> Iterator[Foreseen]:
    drops = (text.drop_slot(groups.name_of(view)), *map(text.drop_publication, _names(view)))
    for drop in drops:
        yield Foreseen(view.database.name, US, "at completion or abort", drop)


def _relations(view: View) -> tuple[str, ...]:
    """Those that can be replicated now, and those that will be."""
    return (*wanted(view), *(trouble.relation for trouble in ways.to_full(view.database)))


def _by_snapshot(view: View) -> Iterator[Foreseen]:
    """One group is shown; of several each has its own publication and slot."""
    name, database, relations = groups.name_of(view), view.database.name, _relations(view)
    yield from _publications(view)
    yield from _members(view, relations)
    yield Foreseen(database, US, "once, in the replication protocol", text.create_slot_with_snapshot(name))
    keep = "SET TRANSACTION SNAPSHOT ...; SELECT pg_export_snapshot()"
    yield Foreseen(database, US, "by each keeper, in a transaction that only reads and lasts as long as the copy", keep)
    for relation in relations:
        lock = f"LOCK TABLE ONLY {relation} IN ACCESS SHARE MODE"
        yield Foreseen(database, US, "once per part, until the part is copied", lock)
        yield Foreseen(database, US, "once per part", f"COPY {relation} (<columns>) TO STDOUT")
    way = text.make_way(application_name(view.spec.name, COPIES))
    yield Foreseen(database, US, "every second while rows are copied: ends those of ours in somebody's way", way)
    for relation in relations:
        yield Foreseen(database, US, LEAVING, text.drop_tables(_home(view, relation), (relation,)))
    yield _follow(view)
    yield from _tablesync(view, LATER, ("<table>",))
    yield from _end(view)
