"""Are these still the two servers the migration began on? A restore or a failover of either side is noticed here."""

from migrator.model import Instance
from migrator.phases.view import View
from migrator.records import Identity
from migrator.steps import Finding, Gates, Step

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
    return Step(NAME, None, Gates.MAPPING, findings=findings)


def _replaced(view: View, side: str, name: str, before: Identity, now: Instance) -> Finding:
    return Finding(
        "server_replaced",
        f"The {side} {name} is not the server this migration began on: system identifier {now.system_identifier}, timeline "
        f"{now.timeline}; the journal says {before.system_identifier}, timeline {before.timeline}. It was restored, promoted or replaced.",
        "Changes may be lost, so nothing goes on by itself. Point the configuration at the right server; or end this "
        f"migration with: pg-migrator abort {view.spec.name}",
    )
