"""Are these still the two servers the migration began on? A restore or a failover of either side is noticed here."""

from collections.abc import Iterator

from migrator.model import Instance
from migrator.phases.view import View
from migrator.phases.wording import begin_anew
from migrator.records import Identity
from migrator.steps import Finding, Gates, Side, Step

NAME = "preflight"


def examine(view: View) -> Step:
    """Compare both identities with the journal's; nothing to say before the first act."""
    observation, journal = view.observation, view.journal
    pairs = (
        ("source", view.spec.source.name, observation.source, journal.source),
        ("destination", view.spec.destination.name, observation.destination, journal.destination),
    )
    findings = tuple(
        _replaced(view, side, name, before, now)
        for side, name, now, before in pairs
        if isinstance(now, Instance) and before is not None and before != Identity(now.system_identifier, now.timeline)
    )
    return Step(NAME, None, Gates.MAPPING, findings=(*findings, *_put_back(view)))


def _put_back(view: View) -> Iterator[Finding]:
    """On the same timeline, by a copy of its files: no identifier tells, only that positions which it had known are unknown."""
    lost: dict[str, str] = {
        Side.SOURCE: "The destination may hold rows that the source does not have any more, and passes over what the source "
        "writes until its WAL has come as far again",
        Side.DESTINATION: "Changes that it had confirmed by then were not sent again",
    }
    for side, at in view.journal.put_back.items():
        instance = view.spec.source if side == Side.SOURCE else view.spec.destination
        yield Finding(
            "server_put_back",
            f"The {side} {instance.name} was put back to an earlier state of itself (a snapshot of its disk or machine, a copy of "
            f"its files), as was seen {at:%Y-%m-%d %H:%M:%S %Z}. {lost[side]}, without a sign in PostgreSQL.",
            f"Nothing goes on by itself. Begin anew: {begin_anew(view.spec.name, 'the target databases')}",
        )


def _replaced(view: View, side: str, name: str, before: Identity, now: Instance) -> Finding:
    """An end waits for the very server that our slots are on, unless it is told that there is none."""
    elsewhere = side == Side.SOURCE and before.system_identifier != now.system_identifier
    return Finding(
        "server_replaced",
        f"The {side} {name} is not the server this migration began on: system identifier {now.system_identifier}, timeline "
        f"{now.timeline}; the journal says {before.system_identifier}, timeline {before.timeline}. It was restored, promoted or replaced.",
        "Changes may be lost, so nothing goes on by itself. Point the configuration at the right server; or begin anew: "
        f"{begin_anew(view.spec.name, 'the target databases', source_gone=elsewhere)}",
    )
