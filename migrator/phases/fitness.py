"""Can each relation of a database be replicated, by the roles we are? By ownership and row security."""

from collections.abc import Iterator, Sequence

from migrator.contents import Trouble
from migrator.phases import self_memberships
from migrator.phases.role_set import RoleSet
from migrator.phases.view import View
from migrator.phases.ways import at_cutover
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.schema.privilege import DEFAULT
from migrator.steps import Finding, Mend, Side

LISTED = 20
"""So many sequences are named one by one in a statement; more are all those of their schemas."""


def findings(view: View) -> Iterator[Finding]:
    """Rights and row security, each in one for all relations."""
    yield from _ownership(view)
    yield from _giving(view)
    yield from _readable(view)
    yield from _readable_sequences(view)
    yield from _row_security(view)


def _ownership(view: View) -> Iterator[Finding]:
    apart = at_cutover(view.database)  # read, and not published
    troubles = (trouble for trouble in view.database.facts.troubles if trouble.reason is Trouble.NOT_OWNED)
    foreign = [trouble for trouble in troubles if trouble.relation not in apart]
    if foreign:
        user = view.source.user.name
        owners = sorted({trouble.detail for trouble in foreign})
        grants = [f"GRANT {identifier(owner)} TO {identifier(user)};" for owner in owners]
        yield Finding(
            "source_ownership",
            f"Only its owner may publish a table; {user} does not own, in database {view.database.name}: "
            f"{some([trouble.relation for trouble in foreign])}.",
            f"On the source: {' '.join(grants)}",
            database=view.database.name,
            mends=tuple(Mend(Side.SOURCE, grant) for grant in grants),
        )


def _giving(view: View) -> Iterator[Finding]:
    """Objects are given to their owner by who may SET ROLE to it; to roles that we make ourselves, we may."""
    user, schema = view.destination.user, view.database.source_schema
    if user.superuser or schema is None:
        return
    given = (each for each in schema.privileges.values() if not each.follows_table or each.kind == DEFAULT)
    owners = {privilege.owner for privilege in given}
    present = {role.name for role in view.destination.roles if not role.name.startswith("pg_")}
    roles = RoleSet.of(view)
    beyond = (owners & present) - user.can_set - {user.name}
    refused = sorted(owner for owner in beyond if not self_memberships.may_take(roles, owner))
    powerful = [role.name for role in view.destination.roles if role.superuser and role.name in refused]
    caution = f" (Superusers among them: {some(powerful)}; better have other owners on the source.)" if powerful else ""

    def grant(owner: str) -> str:
        return f"GRANT {identifier(owner)} TO {identifier(user.name)} WITH INHERIT TRUE, SET TRUE;"

    if refused:
        yield Finding(
            "destination_ownership_right",
            f"{user.name} on the destination may not make objects of database {view.database.target} belong to "
            f"{some(refused)}: it may not SET ROLE to {'it' if len(refused) == 1 else 'them'}.{caution}",
            "On the destination: " + " ".join(map(grant, refused)),
            database=view.database.name,
            mends=tuple(Mend(Side.DESTINATION, grant(owner)) for owner in refused if owner not in powerful),
        )


def _readable(view: View) -> Iterator[Finding]:
    unreadable = view.database.facts.relations(Trouble.NOT_READABLE)
    if unreadable:
        user = identifier(view.source.user.name)
        schemas = _schemas(unreadable)
        grants = (
            f"GRANT USAGE ON SCHEMA {schemas} TO {user};",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO {user};",
        )
        yield _unreadable(view, "source_select_right", "tables", unreadable, grants)


def _readable_sequences(view: View) -> Iterator[Finding]:
    """Of one that we may not read the destination's would stay at its start, and give the source's numbers out again."""
    unreadable = view.database.unreadable_sequences
    if unreadable:
        grants = sequence_grants(unreadable, "SELECT", view.source.user.name)
        yield _unreadable(view, "source_sequence_right", "sequences", unreadable, grants)


def _unreadable(view: View, code: str, kind: str, names: Sequence[str], grants: Sequence[str]) -> Finding:
    """Of the source: what our user may not read, and what lets it."""
    name = view.database.name
    return Finding(
        code,
        f"{view.source.user.name} may not read {kind} of database {name}: {some(names)}.",
        f"In database {name} of the source: {' '.join(grants)}",
        database=name,
        mends=tuple(Mend(Side.SOURCE, grant, name) for grant in grants),
    )


def relation_schema(relation: str) -> str:
    """The schema of a qualified name, quoted as it is there."""
    if relation.startswith('"'):
        end = relation.replace('""', "xx").index('"', 1)
        return relation[: end + 1]
    return relation.partition(".")[0]


def sequence_grants(sequences: Sequence[str], privileges: str, user: str) -> tuple[str, str]:
    """What lets the user at sequences, the rights on their schemas among it."""
    schemas = _schemas(sequences)
    those = f"SEQUENCE {', '.join(sequences)}" if len(sequences) <= LISTED else f"ALL SEQUENCES IN SCHEMA {schemas}"
    return (
        f"GRANT USAGE ON SCHEMA {schemas} TO {identifier(user)};",
        f"GRANT {privileges} ON {those} TO {identifier(user)};",
    )


def _schemas(relations: Sequence[str]) -> str:
    return ", ".join(sorted({relation_schema(relation) for relation in relations}))


def _row_security(view: View) -> Iterator[Finding]:
    source, destination = view.source.user, view.destination.user
    hidden = view.database.facts.relations(Trouble.ROW_SECURITY_HIDES)
    if hidden:
        yield Finding(
            "row_security_hides_rows",
            f"Row-level security hides rows from {source.name} in database {view.database.name}: {some(hidden)}.",
            f"On the source: ALTER ROLE {identifier(source.name)} BYPASSRLS;",
            database=view.database.name,
            mends=(Mend(Side.SOURCE, f"ALTER ROLE {identifier(source.name)} BYPASSRLS;"),),
        )
    secured = view.database.facts.relations(Trouble.ROW_SECURITY)
    if secured and not (destination.superuser or destination.bypassrls):
        yield Finding(
            "destination_row_security",
            f"{destination.name} may not replicate into tables with row-level security: {some(secured)}.",
            f"On the destination: ALTER ROLE {identifier(destination.name)} BYPASSRLS;",
            database=view.database.name,
            mends=(Mend(Side.DESTINATION, f"ALTER ROLE {identifier(destination.name)} BYPASSRLS;"),),
        )
