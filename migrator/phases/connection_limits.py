"""CONNECTION LIMIT of our own roles and of the databases: is there room for as many sessions as we may have?

A superuser is let in whatever they say. Of us only sessions count: neither the workers of a subscription, nor walsenders, but
that older minor releases count these. A limit that would not do for the least configuration holds up what has not begun yet; later
it is only told, for closing a database to new sessions is a way of stopping its writers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.config import LEAST_CONNECTIONS, InstanceSpec
from migrator.model import Instance, Role
from migrator.phases import headroom
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.steps import Finding, Mend, Side

WALSENDERS_FREE_FROM = {15: 15_00_11, 16: 16_00_07, 17: 17_00_03}
"""Before these releases of February 2025 walsenders count, and are refused."""


@dataclass(frozen=True)
class _Limit:
    """`limit` connections to `what`; `raising` is the statement for another number."""

    side: Side
    what: str
    raising: str
    limit: int
    others: int
    walsenders: int
    database: str | None = None
    to_come: bool = False
    """It is that of a database which is not there yet."""

    def room_for(self, sessions: int) -> bool:
        return self.others + sessions + self.walsenders <= self.limit

    @property
    def hopeless(self) -> bool:
        """Whatever others leave, and whatever is configured."""
        return LEAST_CONNECTIONS + self.walsenders > self.limit


def of_roles(view: View) -> Iterator[Finding]:
    """Of who logs in on either side."""
    begun = any(pair.ledger.groups for pair in view.observation.databases)
    walsenders = headroom.need_of(view).total if _counts_walsenders(view.source) else 0
    for side, spec, instance, counted in _sides(view, walsenders):
        role = _login(instance)
        if role is not None and not role.superuser and role.connection_limit >= 0:
            raising = f"ALTER ROLE {identifier(role.name)} CONNECTION LIMIT"
            limit = _Limit(
                side, f"role {role.name}", raising, role.connection_limit, instance.clients_of_login, counted
            )
            yield from _short(limit, spec, begun)


def of_database(view: View) -> Iterator[Finding]:
    """Of the view's database on either side. The destination's, where it is not there yet, will have the source's limit."""
    pair = view.database
    walsenders = headroom.most_walsenders(view, pair) if _counts_walsenders(view.source) else 0
    carried = view.source.database(pair.name)
    for side, spec, instance, counted in _sides(view, walsenders):
        name = pair.name if side is Side.SOURCE else pair.target
        seen = instance.database(name)
        there = seen or carried
        login = _login(instance)
        let_in = login is not None and login.superuser
        if there is not None and there.connection_limit >= 0 and not let_in:
            raising = f"ALTER DATABASE {identifier(name)} CONNECTION LIMIT"
            limit = _Limit(
                side,
                f"database {name}",
                raising,
                there.connection_limit,
                instance.clients.get(name, 0),
                counted,
                pair.name,
                seen is None,
            )
            yield from _short(limit, spec, bool(pair.ledger.groups))


def _sides(view: View, walsenders: int) -> tuple[tuple[Side, InstanceSpec, Instance, int], ...]:
    """Walsenders are the source's."""
    return (
        (Side.SOURCE, view.spec.source, view.source, walsenders),
        (Side.DESTINATION, view.spec.destination, view.destination, 0),
    )


def _login(instance: Instance) -> Role | None:
    return next((role for role in instance.roles if role.name == instance.user.session_user), None)


def _counts_walsenders(source: Instance) -> bool:
    return source.version < WALSENDERS_FREE_FROM.get(source.major, 0)


def _short(limit: _Limit, spec: InstanceSpec, begun: bool) -> Iterator[Finding]:
    if limit.room_for(spec.max_connections):
        return
    wanted = limit.others + spec.max_connections + limit.walsenders
    statement = f"{limit.raising} {wanted};"
    left = limit.limit - limit.others - limit.walsenders
    fewer = f" Or set instances.{spec.name}.max_connections to {left}." if left >= LEAST_CONNECTIONS else ""
    besides = f", and {limit.walsenders} walsenders count here too" if limit.walsenders else ""
    allows = "will be given the source's limit of" if limit.to_come else "allows"
    when = ", as soon as it is there" if limit.to_come else ""
    yield Finding(
        "connection_limit_short",
        f"On the {limit.side}, {limit.what} {allows} {limit.limit} connections (CONNECTION LIMIT); others have {limit.others} of them, "
        f"and we may take {spec.max_connections}{besides}.",
        f"On the {limit.side}{when}: {statement}{fewer}",
        blocking=limit.hopeless and not begun and not limit.to_come,
        database=limit.database,
        mends=() if limit.to_come else (Mend(limit.side, statement),),
    )
