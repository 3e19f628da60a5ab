"""Every right the two configured roles need on their instance, superuser or not, with the statement that gives it."""

from collections.abc import Iterator

from migrator.config import CopyMethod
from migrator.model import Role, User
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.steps import Finding, Mend, Side

SUBSCRIPTION_ROLE = "pg_create_subscription"
SUBSCRIPTION_ROLE_FROM = 16
"""Before it, only a superuser may create a subscription."""

MANAGED_REPLICATION_ROLE = "rds_replication"
"""Where the REPLICATION attribute cannot be given, membership in this role stands in for it."""

ACTIVITY_ROLE = "pg_read_all_stats"
"""Without it nobody is told what others' sessions are, nor since when their transactions are open."""


def findings(view: View) -> Iterator[Finding]:
    """Rights on the instances; those on one database are asked for with that database."""
    yield from _source(view)
    yield from _subscription(view)
    yield from _creation(view)


def _source(view: View) -> Iterator[Finding]:
    user = view.source.user
    if MANAGED_REPLICATION_ROLE not in user.member_of:
        may = {user.name: user.superuser or user.replication, user.session_user: user.login_replicates}
        yield from (_replication(name) for name, allowed in may.items() if not allowed)
    if not sees_activity(user):
        yield _activity(user)
    if view.spec.copy_method is CopyMethod.SNAPSHOT and not user.minds_sessions:
        yield _lacking(
            "source_sessions_right",
            f"Our sessions on the source are {user.login}'s, who is told to be {user.name}; as that role they may neither see nor "
            "end each other: whether a snapshot is still held cannot be told.",
            f"GRANT {ACTIVITY_ROLE}, pg_signal_backend TO {identifier(user.name)};",
        )


def sees_activity(user: User) -> bool:
    """Whether the statistics views show what others' sessions and walsenders do (PostgreSQL's manual, 27.2.4)."""
    return user.superuser or ACTIVITY_ROLE in user.member_of


def _activity(user: User) -> Finding:
    """On a managed service its master user may give it: no superuser is needed."""
    return _lacking(
        "source_activity_right",
        f"{user.name} on the source may not see what others' sessions do: a transaction that has written and is still open "
        "would not keep the light out.",
        f"GRANT {ACTIVITY_ROLE} TO {identifier(user.name)};",
    )


def _replication(role: str) -> Finding:
    return _lacking(
        "source_replication_right",
        f"{role} on the source may not replicate: it lacks the REPLICATION attribute.",
        f"ALTER ROLE {identifier(role)} REPLICATION;",
    )


def _lacking(code: str, message: str, statement: str) -> Finding:
    """What one statement on the source gives."""
    return Finding(code, message, f"On the source: {statement}", mends=(Mend(Side.SOURCE, statement),))


def _subscription(view: View) -> Iterator[Finding]:
    user, major = view.destination.user, view.destination.major
    if user.superuser:
        return
    if major < SUBSCRIPTION_ROLE_FROM:
        yield Finding(
            "destination_superuser_right",
            f"On a destination of version {major} only a superuser may create a subscription; {user.name} is none.",
            f"On the destination: ALTER ROLE {identifier(user.name)} SUPERUSER;",
            mends=(Mend(Side.DESTINATION, f"ALTER ROLE {identifier(user.name)} SUPERUSER;"),),
        )
    elif SUBSCRIPTION_ROLE not in user.member_of:
        yield Finding(
            "destination_subscription_right",
            f"{user.name} on the destination may not create subscriptions.",
            f"On the destination: GRANT {SUBSCRIPTION_ROLE} TO {identifier(user.name)};",
            mends=(Mend(Side.DESTINATION, f"GRANT {SUBSCRIPTION_ROLE} TO {identifier(user.name)};"),),
        )
    if not user.reads_origins:
        maintenance = view.spec.destination.maintenance_database
        seen = f"GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status() TO {identifier(user.name)};"
        yield Finding(
            "destination_origin_right",
            f"{user.name} on the destination may not see how far it has come: completion would be refused.",
            f"On the destination, in database {maintenance}: {seen}",
            blocking=False,
            mends=(Mend(Side.DESTINATION, seen, maintenance),),
        )
    if not view.source.has_password:
        yield Finding(
            "subscription_password_needed",
            f"{user.name} on the destination is no superuser, so PostgreSQL wants a password in its subscriptions; "
            "none is known for the source.",
            f"Give one for instances.{view.spec.source.name} (password, password_file, a service or our passfile), and have "
            "the source's pg_hba.conf ask the destination for it (scram-sha-256); or use a superuser on the destination.",
        )


def _creation(view: View) -> Iterator[Finding]:
    user = view.destination.user
    if user.superuser:
        return
    yield from _journal(view)
    missing = [pair.target for pair in view.observation.databases if view.destination.database(pair.target) is None]
    if missing and not user.createdb:
        yield Finding(
            "destination_createdb_right",
            f"{user.name} on the destination may not create databases; missing: {', '.join(missing)}.",
            f"On the destination: ALTER ROLE {identifier(user.name)} CREATEDB;",
            mends=(Mend(Side.DESTINATION, f"ALTER ROLE {identifier(user.name)} CREATEDB;"),),
        )
    roles = _missing_roles(view)
    if roles and not user.createrole:
        yield Finding(
            "destination_createrole_right",
            f"{user.name} on the destination may not create roles; missing: {some([role.name for role in roles])}.",
            f"On the destination: ALTER ROLE {identifier(user.name)} CREATEROLE;",
            mends=(Mend(Side.DESTINATION, f"ALTER ROLE {identifier(user.name)} CREATEROLE;"),),
        )


def _journal(view: View) -> Iterator[Finding]:
    entry, name = view.observation.journal, view.spec.destination.maintenance_database
    database = view.destination.database(name)
    if entry is not None and entry.source is None and database is not None and not database.may_create:
        user = view.destination.user.name
        yield Finding(
            "destination_journal_right",
            f"{user} on the destination may not create a schema in database {name}, where our journal is to stand.",
            f"On the destination: GRANT CREATE ON DATABASE {identifier(name)} TO {identifier(user)};",
            mends=(Mend(Side.DESTINATION, f"GRANT CREATE ON DATABASE {identifier(name)} TO {identifier(user)};"),),
        )


def _missing_roles(view: View) -> list[Role]:
    present = {role.name for role in view.destination.roles}
    return [
        role
        for role in view.source.roles
        if role.name not in present and not role.bootstrap and not role.name.startswith("pg_")
    ]
