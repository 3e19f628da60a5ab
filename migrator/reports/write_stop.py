"""How the writers of the source are stopped, and let in again: SQL made from its roles, sessions and subscriptions as they are now."""

from migrator.config import MappingSpec
from migrator.model import HeldSubscription, Instance, Role
from migrator.observation import DatabasePair, Observation
from migrator.phases.wording import some
from migrator.quote import comment, identifier, literal

UNDO = "-- to undo:"

_DOUBTFUL = (
    "NOLOGIN here, while the destination had them before and lets them in; let in only whom this cutover locked out"
)


def sessions(observation: Observation, source: Instance) -> int:
    """Client sessions other than ours in the databases of the mapping."""
    return sum(source.clients.get(pair.name, 0) for pair in observation.databases)


def explained(spec: MappingSpec, observation: Observation, source: Instance) -> str:
    """Who is to be stopped by hand, too."""
    kept = [role.name for role in _logins(spec, source) if _repairs(role)]
    by_hand = f" These by hand, whom NOLOGIN would lock out of the repair: {some(kept)}." if kept else ""
    return (
        f"All of them: applications, cron jobs, poolers.{by_hand} Sessions still open in these databases: "
        f"{sessions(observation, source)}. The last lines undo it."
    )


def of_roles(spec: MappingSpec, observation: Observation, source: Instance) -> str:
    """Nobody logs in any more, and whoever is in is out; not ours, whoever runs it."""
    roles = [role.name for role in _logins(spec, source) if not _repairs(role)]
    names = ", ".join(literal(pair.name) for pair in observation.databases)
    stop = [f"ALTER ROLE {identifier(role)} NOLOGIN;" for role in roles]
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        f" AND datname IN ({names}) AND usename <> current_user AND pid <> pg_backend_pid()"
        " AND application_name NOT LIKE 'pg-migrator %';"
    )
    fenced, made = _fenced(observation, source), _made_by_us(observation)
    ours = [role for role in fenced if role in made]
    undo = [comment(f"ALTER ROLE {identifier(role)} LOGIN;", 3) for role in (*roles, *ours)]
    if doubtful := [identifier(role) for role in fenced if role not in made]:
        undo.append(comment(f"{_DOUBTFUL}: {', '.join(doubtful)}"))
    return "\n".join((*stop, terminate, UNDO, *undo))


def held(pair: DatabasePair, source: Instance) -> tuple[HeldSubscription, ...]:
    """The subscriptions whose rows arrive in a database of the source."""
    return tuple(each for each in source.held if each.database == pair.name)


def of_subscriptions(found: tuple[HeldSubscription, ...]) -> str:
    """No row arrives any more. What is to undo survives the doing."""
    stop = [f"ALTER SUBSCRIPTION {identifier(each.name)} DISABLE;" for each in found if each.enabled]
    undo = [comment(f"ALTER SUBSCRIPTION {identifier(each.name)} ENABLE;", 3) for each in found]
    return "\n".join((*stop, UNDO, *undo))


def _logins(spec: MappingSpec, source: Instance) -> list[Role]:
    ours = {source.user.name, spec.source.username}
    return [role for role in source.roles if role.login and role.name not in ours]


def _repairs(role: Role) -> bool:
    """Who can let the others in again; on a managed service that is no superuser, but a role with CREATEROLE."""
    return role.superuser or role.createrole


def _made_by_us(observation: Observation) -> frozenset[str]:
    """Roles of the destination that have LOGIN there because they had it here: others may have been there before, by the same name."""
    roles = observation.journal.roles if observation.journal else ()
    return frozenset(each.role for each in roles if each.created and each.mapping == observation.mapping)


def _fenced(observation: Observation, source: Instance) -> tuple[str, ...]:
    """Roles kept from logging in on the source alone, as this cutover does it: what is to undo survives the doing."""
    destination = observation.destination
    free = {role.name for role in destination.roles if role.login} if isinstance(destination, Instance) else set()
    return tuple(role.name for role in source.roles if not role.login and not role.superuser and role.name in free)
