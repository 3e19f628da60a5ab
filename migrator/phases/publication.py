"""Is the group's publication there? Made empty, recorded in the ledger by oid and xmin, never made a second time."""

from collections.abc import Iterable

from migrator.catalog import ledger_tables
from migrator.names import inserts_name
from migrator.phases import groups, insert_only
from migrator.phases.source_statements import create_publication
from migrator.phases.view import View
from migrator.phases.wording import begin_anew
from migrator.quote import literal
from migrator.records import LedgerGroup
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "publication"


def examine(view: View) -> Step:
    """One group per database. A publication that is missing or different after it was recorded is `replication_broken`."""
    name = groups.name_of(view)
    group = groups.ledger_group(view)
    publication = view.database.publication(name)
    if group is None:
        if has_leftovers(view, name):
            return _step(view, findings=(leftover(view, name),))
        return _step(view, actions=(_create(view, name, known=False),))
    if finding := groups.replaced(view, group):
        return _step(view, findings=(finding,))
    if group.publication_oid is None:
        return _step(view, actions=(_create(view, name, known=publication is not None),))
    if insert_only.lacks_publication(view, group):
        return _step(view, actions=(insert_only.create_publication(view, group),))
    return _step(view, findings=trouble(view, group))


def _step(view: View, actions: tuple[Action, ...] = (), findings: tuple[Finding, ...] = ()) -> Step:
    return Step(NAME, view.database.name, Gates.DATABASE, actions, findings=findings)


def trouble(view: View, group: LedgerGroup) -> tuple[Finding, ...]:
    """Whether a publication of the group is no longer the one that was recorded. Altered, one may publish what makes UPDATEs fail."""
    recorded = {group.name: (group.publication_oid, group.publication_xmin)}
    if group.inserts_oid is not None:
        recorded[inserts_name(group.name)] = (group.inserts_oid, group.inserts_xmin)
    for name, (oid, xmin) in recorded.items():
        publication = view.database.publication(name)
        if publication is None:
            return (groups.broken(view, f"publication {name} was dropped on the source"),)
        if publication.oid != oid:
            return (groups.broken(view, f"publication {name} was dropped and made anew on the source"),)
        if publication.xmin != xmin:
            return (groups.broken(view, f"publication {name} was altered on the source"),)
    return ()


def has_leftovers(view: View, name: str) -> bool:
    """Whether something stands under the name of a group that the ledger does not know."""
    standing = view.database.publication(name) or view.database.publication(inserts_name(name))
    return bool(standing or view.database.subscription(name) or view.source.slot(name))


def leftover(view: View, name: str) -> Finding:
    """What is to be done about it."""
    return Finding(
        "replication_leftover",
        f"Database {view.database.name}: {name} exists (publication, slot or subscription), but the destination's ledger "
        "knows nothing of it: the destination database was replaced, or an earlier migration was not ended.",
        f"Remove it, and begin anew: {begin_anew(view.spec.name)}",
        database=view.database.name,
    )


def _create(view: View, name: str, *, known: bool) -> Action:
    target = view.database.target
    made = (
        Statement(Side.DESTINATION, target, ledger_tables()),
        Statement(Side.DESTINATION, target, insert_groups(view, (groups.FIRST_GROUP,))),
        *(() if known else (Statement(Side.SOURCE, view.database.name, create_publication(name)),)),
    )
    return Action(f"{'record' if known else 'create'} publication {name}", (*made, *record(view, groups.FIRST_GROUP)))


def record(view: View, number: int) -> tuple[Statement, Statement]:
    """Note in the ledger which publication a group has."""
    name = literal(groups.name_of(view, number))
    read = f"SELECT oid::text AS publication_oid, xmin::text AS publication_xmin FROM pg_publication WHERE pubname = {name}"
    found = ("publication_oid", "publication_xmin")
    assignment = "publication_oid = %(publication_oid)s::oid, publication_xmin = %(publication_xmin)s"
    return (
        Statement(Side.SOURCE, view.database.name, read, keeps=found),
        groups.update_group(view, assignment, found, number),
    )


def insert_groups(view: View, numbers: Iterable[int]) -> str:
    """The ledger's rows of groups that are begun; the method they are begun by stays theirs."""
    ends = ", ".join(f"{literal(each.system_identifier)}, {each.timeline}" for each in groups.identities(view))
    own = f"{literal(view.spec.name)}, {literal(view.database.name)}"
    method = literal(groups.method_of(view.spec.copy_method, view.database).value)
    rows = ", ".join(
        f"({own}, {number}, {literal(groups.name_of(view, number))}, {method}, {ends})" for number in numbers
    )
    return (
        "INSERT INTO migrator.groups (mapping, database, number, name, method, source_system_identifier, source_timeline,"
        f" destination_system_identifier, destination_timeline) VALUES {rows} ON CONFLICT DO NOTHING"
    )
