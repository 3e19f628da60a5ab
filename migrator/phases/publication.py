"""Is the group's publication there? Made empty, recorded in the ledger by oid and xmin, never made a second time."""

from migrator.catalog import ledger_tables
from migrator.model import Identity, LedgerGroup
from migrator.phases import groups
from migrator.phases.source_statements import create_publication
from migrator.phases.view import View
from migrator.quote import literal
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "publication"


def examine(view: View) -> Step:
    """One group per database. A publication that is missing or different after it was recorded is `replication_broken`."""
    name = groups.name_of(view)
    group = groups.ledger_group(view)
    publication = view.database.publication(name)
    if group is None:
        if _leftovers(view, name):
            return _step(view, findings=(_leftover_finding(view, name),))
        return _step(view, actions=(_create(view, name, known=False),))
    if finding := groups.replaced(view, group):
        return _step(view, findings=(finding,))
    if group.publication_oid is None:
        return _step(view, actions=(_create(view, name, known=publication is not None),))
    return _step(view, findings=_trouble(view, group))


def _step(view: View, actions: tuple[Action, ...] = (), findings: tuple[Finding, ...] = ()) -> Step:
    return Step(NAME, view.database.name, Gates.DATABASE, actions, findings=findings)


def _trouble(view: View, group: LedgerGroup) -> tuple[Finding, ...]:
    publication = view.database.publication(group.name)
    if publication is None:
        return (groups.broken(view, f"publication {group.name} was dropped on the source"),)
    if publication.oid != group.publication_oid:
        return (groups.broken(view, f"publication {group.name} was dropped and made anew on the source"),)
    if publication.xmin != group.publication_xmin:
        return (groups.broken(view, f"publication {group.name} was altered on the source"),)
    return ()


def _leftovers(view: View, name: str) -> bool:
    return bool(view.database.publication(name) or view.database.subscription(name) or view.source.slot(name))


def _leftover_finding(view: View, name: str) -> Finding:
    return Finding(
        "replication_leftover",
        f"Database {view.database.name}: {name} exists (publication, slot or subscription), but the destination's ledger "
        "knows nothing of it: the destination database was replaced, or an earlier migration was not ended.",
        f"Remove it with: pg-migrator abort {view.spec.name}; then pg-migrator forget {view.spec.name} and start again.",
        database=view.database.name,
    )


def _create(view: View, name: str, *, known: bool) -> Action:
    target = view.database.target
    create = Statement(
        Side.SOURCE,
        view.database.name,
        create_publication(name),
    )
    return Action(
        f"{'record' if known else 'create'} publication {name}",
        (
            Statement(Side.DESTINATION, target, ledger_tables()),
            Statement(Side.DESTINATION, target, _insert_group(view, name)),
            *(() if known else (create,)),
            Statement(
                Side.SOURCE,
                view.database.name,
                "SELECT oid::text AS publication_oid, xmin::text AS publication_xmin"
                f" FROM pg_publication WHERE pubname = {literal(name)}",
                keeps=("publication_oid", "publication_xmin"),
            ),
            groups.update_group(
                view,
                "publication_oid = %(publication_oid)s::oid, publication_xmin = %(publication_xmin)s",
                uses=("publication_oid", "publication_xmin"),
            ),
        ),
    )


def _insert_group(view: View, name: str) -> str:
    source, destination = groups.identities(view)
    values = ", ".join(
        (
            literal(view.spec.name),
            literal(view.database.name),
            str(groups.FIRST_GROUP),
            literal(name),
            _identity(source),
            _identity(destination),
        )
    )
    return (
        "INSERT INTO migrator.groups (mapping, database, number, name, source_system_identifier, source_timeline,"
        f" destination_system_identifier, destination_timeline) VALUES ({values}) ON CONFLICT DO NOTHING"
    )


def _identity(identity: Identity) -> str:
    return f"{literal(identity.system_identifier)}, {identity.timeline}"
